"""README's table of servers, and those that are talked to."""

import re

from readme import TEXT
from servers import SERVERS


def test_every_server_of_the_table_is_talked_to():
    rows = re.findall(r"^\| (.+?) \| `", TEXT[TEXT.index("| server | the line") :], re.MULTILINE)
    assert len(rows) == 14
    assert set(rows) <= {server.name for server in SERVERS}
