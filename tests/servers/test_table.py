"""The table of servers in docs/servers.md, and those that are talked to."""

from readme import table
from servers import SERVERS


def test_every_server_of_the_table_is_talked_to():
    rows = [name for name, _, _ in table("| server | ")]
    assert len(rows) == 15
    assert set(rows) <= {server.name for server in SERVERS}
