"""The check of histories can fail: it finds each of these faults."""

import pytest
from planted import FAULTS
from readme import table
from world import crash_database, find_fault, world_over

ROUNDS = 50  # the first one or two find it
DISTURBANCES = {"acknowledged_before_it_is_on_the_disk": crash_database}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, plant.__name__) for kind, faults in FAULTS.items() for plant in faults]
)
def test_a_planted_fault_is_found(kind, name, tmp_path, chance):
    with world_over(kind, tmp_path, name) as world:
        histories = (world.play(f"user {n}", chance, DISTURBANCES.get(name)) for n in range(ROUNDS))
        assert any(map(find_fault, histories))


def test_each_is_in_the_documents():
    planted = [[kind, plant.__name__.replace("_", " ")] for kind, faults in FAULTS.items() for plant in faults]
    assert [row[:2] for row in table("| store | planted fault |")] == planted
