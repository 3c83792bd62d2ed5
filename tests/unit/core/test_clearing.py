"""What is cleared along with a task: its setups and their teardowns."""

import pytest

from tests.unit.core.plays import a_dag, a_task
from tradewind.core.clearing import with_setups

SPEC = a_dag(
    a_task("make", is_setup=True),
    a_task("lend", "make", is_setup=True),
    a_task("work", "lend"),
    a_task("more", "work"),
    a_task("give_back", "lend", "more", is_teardown=True),
    a_task("drop", "make", "give_back", is_teardown=True),
    a_task("after", "more"),
    a_task("open", is_setup=True),
    a_task("endless", "open"),
)


@pytest.mark.parametrize(
    ("chosen", "cleared"),
    [
        ("work", "work make lend give_back drop"),
        ("more", "more make lend give_back drop"),
        ("after", "after"),
        ("endless", "endless open"),
        ("open", "open"),
        ("lend", "lend give_back make drop"),
        ("give_back", "give_back make drop"),
        ("", ""),
    ],
)
def test_setups_and_teardowns_go_along(chosen: str, cleared: str) -> None:
    assert with_setups(SPEC, chosen.split()) == set(cleared.split())
