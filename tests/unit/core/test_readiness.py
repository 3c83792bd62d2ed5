"""Trigger rules against the published table, cell by cell."""

from itertools import product

import pytest

from tests.unit.core.plays import F, K, S, U, a_dag, a_task, play
from tradewind.core.readiness import (
    CLASSES,
    FAILED,
    PENDING,
    RULES,
    SKIPPED,
    SUCCESS,
    UPSTREAM_FAILED,
    Verdict,
    gated,
    is_past_ok,
    teardown_verdict,
)
from tradewind.core.states import TaskState

COLUMNS = ("S", "F", "K", "SF", "SK", "FK", "SFK")
TABLE = {
    "all_success": "s u k u k u u",
    "all_failed": "k s k k k k k",
    "all_done": "s s s s s s s",
    "one_success": "s u k s s u s",
    "one_failed": "k s k s k s s",
    "one_done": "s s k s s s s",
    "none_failed": "s u s u s u u",
    "none_skipped": "s s k s k k k",
    "none_failed_min_one_success": "s u k u s u u",
    "all_skipped": "k k s k k k k",
    "all_done_min_one_success": "s u k s k k k",
    "always": "s s s s s s s",
}
CELLS = [
    (rule, column, cell)
    for rule, row in TABLE.items()
    for column, cell in zip(COLUMNS, row.split(), strict=True)
]
ENDS = {"S": S, "F": F, "K": K}
BECOMES = {"s": S, "k": K, "u": U}
EARLY = {"one_success", "one_failed", "one_done", "always"}


def counts(letters: str = "", pending: int = 0) -> list[int]:
    row = [0] * CLASSES
    row[PENDING] = pending
    for letter in letters:
        row[{"S": SUCCESS, "F": FAILED, "K": SKIPPED, "U": UPSTREAM_FAILED}[letter]] += 1
    return row


def test_every_rule_is_in_the_table() -> None:
    assert RULES.keys() == TABLE.keys() | {"all_done_setup_success"}


@pytest.mark.parametrize(("rule", "column", "cell"), CELLS)
def test_a_run_ends_as_the_table_says(rule: str, column: str, cell: str) -> None:
    roots = [a_task(letter) for letter in column]
    spec = a_dag(*roots, a_task("below", *column, trigger_rule=rule, is_empty=True))

    states = play(spec, {letter: ENDS[letter] for letter in column}).states()

    assert states["below"] is BECOMES[cell]


@pytest.mark.parametrize(("rule", "column", "cell"), CELLS)
def test_the_order_in_which_upstreams_end_never_matters(rule: str, column: str, cell: str) -> None:
    roots = [a_task(letter) for letter in reversed(column)]
    spec = a_dag(*roots, a_task("below", *sorted(column), trigger_rule=rule, is_empty=True))

    states = play(spec, {letter: ENDS[letter] for letter in column}).states()

    assert states["below"] is BECOMES[cell]


@pytest.mark.parametrize(("rule", "column", "cell"), CELLS)
def test_upstream_failed_counts_as_a_failure(rule: str, column: str, cell: str) -> None:
    said = RULES[rule](counts(column.replace("F", "U")))

    if rule == "one_done" and "S" not in column:
        # What never ran is not done in the sense of this rule.
        assert said is Verdict.SKIP
    else:
        assert said is {"s": Verdict.RUN, "k": Verdict.SKIP, "u": Verdict.FAIL}[cell]


@pytest.mark.parametrize("rule", TABLE)
def test_a_skip_is_never_said_early_and_nothing_said_early_changes(rule: str) -> None:
    for ended in ("", *COLUMNS):
        early = RULES[rule](counts(ended, pending=1))
        finally_ = {RULES[rule](counts(ended + last)) for last in "SFKU"}
        assert early is not Verdict.SKIP
        if early is not Verdict.WAIT:
            assert finally_ == {early}
        elif len(finally_) == 1 and Verdict.SKIP not in finally_:
            assert rule == "all_done", (rule, ended)


@pytest.mark.parametrize("rule", sorted(EARLY))
def test_rules_of_one_start_before_the_rest_is_done(rule: str) -> None:
    letters = "F" if rule == "one_failed" else "S"

    assert RULES[rule](counts(letters, pending=3)) is Verdict.RUN


@pytest.mark.parametrize(
    ("upstream", "setups", "said"),
    [
        ("SF", "S", Verdict.RUN),
        ("SS", "", Verdict.RUN),
        ("SFS", "SF", Verdict.RUN),
        ("KU", "K", Verdict.SKIP),
        ("FU", "F", Verdict.FAIL),
        ("UU", "U", Verdict.FAIL),
        ("KF", "KF", Verdict.FAIL),
    ],
)
def test_a_teardown_runs_when_a_setup_succeeded(upstream: str, setups: str, said: Verdict) -> None:
    assert teardown_verdict(counts(upstream), counts(setups)) is said
    assert teardown_verdict(counts(upstream, pending=1), counts(setups)) is Verdict.WAIT


@pytest.mark.parametrize(
    ("verdict", "setups", "pending", "said"),
    [
        (Verdict.RUN, "S", 0, Verdict.RUN),
        (Verdict.RUN, "K", 0, Verdict.SKIP),
        (Verdict.RUN, "SF", 0, Verdict.FAIL),
        (Verdict.RUN, "S", 1, Verdict.WAIT),
        (Verdict.WAIT, "U", 1, Verdict.FAIL),
        (Verdict.SKIP, "S", 0, Verdict.SKIP),
        (Verdict.FAIL, "", 1, Verdict.FAIL),
    ],
)
def test_a_task_in_a_setups_scope_is_held_to_it(
    verdict: Verdict, setups: str, pending: int, said: Verdict
) -> None:
    assert gated(verdict, counts(setups, pending)) is said


def test_removed_instances_count_for_nothing() -> None:
    row = counts("S")
    row[5] = 3

    assert RULES["all_success"](row) is Verdict.RUN


@pytest.mark.parametrize(
    ("facts", "ok"),
    [
        ({"has_previous_run": False, "states": []}, True),
        ({"has_previous_run": True, "states": [S, K]}, True),
        ({"has_previous_run": True, "states": [S, F]}, False),
        ({"has_previous_run": True, "states": [S, TaskState.RUNNING]}, False),
        ({"has_previous_run": True, "states": []}, False),
        ({"has_previous_run": True, "states": [], "ignore_first": True}, False),
        (
            {
                "has_previous_run": True,
                "states": [],
                "ignore_first": True,
                "has_earlier_instance": False,
            },
            True,
        ),
        ({"has_previous_run": True, "states": [S], "downstream": [S, K]}, True),
        ({"has_previous_run": True, "states": [S], "downstream": [U]}, False),
    ],
)
def test_the_past_lets_a_task_go_on(facts: dict, ok: bool) -> None:
    assert is_past_ok(**facts) is ok


def test_all_pairs_of_ends_agree_with_the_single_table() -> None:
    for rule, (one, two) in product(TABLE, product("SFK", repeat=2)):
        column = "".join(letter for letter in "SFK" if letter in one + two)
        cell = dict(zip(COLUMNS, TABLE[rule].split(), strict=True))[column]
        said = RULES[rule](counts(one + two))
        assert said is {"s": Verdict.RUN, "k": Verdict.SKIP, "u": Verdict.FAIL}[cell]
