"""Whatever happens to servers, connections and stores, some order explains all that their clients were told."""

import os
import time

import pytest
from world import DISTURBANCES, find_fault, world_over

SECONDS = float(os.environ.get("HISTORY_SECONDS", "40"))  # for each store, and until everything has happened once


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_some_order_explains_all_that_clients_were_told(kind, tmp_path, chance):
    end, round = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        round += 1
        folder = tmp_path / str(round)
        folder.mkdir()
        with world_over(kind, folder) as world:
            for disturb in DISTURBANCES[kind]:
                history = world.play(disturb.__name__, chance, disturb)
                print(f"{disturb.__name__}: {history}")
                assert find_fault(history) == ""
