"""Rows AUT-4, AUT-5, AUT-7 and AUT-11 by examples: outputs, mappings, and what follows."""

from collections.abc import Callable
from typing import Any

import pytest

from tradewind import DAG, EmptyOperator, PythonOperator, task
from tradewind.runtime.local_record import LocalRun
from tradewind.sdk.exceptions import AirflowSkipException


def ran(write: Callable[[], Any]) -> LocalRun:
    with DAG("d", schedule=None) as dag:
        write()
    made = dag.test()
    assert isinstance(made, LocalRun)
    return made


def outputs(made: LocalRun, task_id: str) -> list[Any]:
    return [one.xcom_pull() for one in made.get_task_instances() if one.task_id == task_id]


def states(made: LocalRun, task_id: str) -> list[tuple[int, str]]:
    found = [one for one in made.get_task_instances() if one.task_id == task_id]
    return [(one.map_index, str(one.state)) for one in found]


@task
def numbers() -> list[int]:
    return [1, 2, 3]


@task
def letters() -> list[str]:
    return ["a", "b"]


@task
def table() -> dict[str, int]:
    return {"x": 1, "y": 2}


@task
def same(value: Any) -> Any:
    return value


def even_only(number: int) -> int:
    if number % 2:
        raise AirflowSkipException
    return number * 10


# Row AUT-4: what can be done with an output before a task is mapped over it.
OF_OUTPUTS: list[tuple[str, Callable[[], Any], list[Any]]] = [
    ("as it is", lambda: same.expand(value=numbers()), [1, 2, 3]),
    ("a dict gives pairs", lambda: same.expand(value=table()), [("x", 1), ("y", 2)]),
    ("by key", lambda: same(table()["x"]), [1]),
    ("map", lambda: same.expand(value=numbers().map(lambda n: n * 2)), [2, 4, 6]),
    ("map that skips", lambda: same.expand(value=numbers().map(even_only)), [None, 20, None]),
    ("zip", lambda: same.expand(value=numbers().zip(letters())), [(1, "a"), (2, "b")]),
    (
        "zip with filler",
        lambda: same.expand(value=numbers().zip(letters(), fillvalue="-")),
        [(1, "a"), (2, "b"), (3, "-")],
    ),
    ("concat", lambda: same.expand(value=numbers().concat(letters())), [1, 2, 3, "a", "b"]),
    ("a list written down", lambda: same.expand(value=["p", "q"]), ["p", "q"]),
]


@pytest.mark.parametrize(("name", "write", "expected"), OF_OUTPUTS, ids=lambda v: str(v)[:20])
def test_outputs_are_shaped_before_they_are_mapped_over(
    name: str, write: Callable[[], Any], expected: list[Any]
) -> None:
    assert outputs(ran(write), "same") == expected


def test_an_item_that_map_skips_is_a_skipped_instance() -> None:
    made = ran(lambda: same.expand(value=numbers().map(even_only)))
    assert states(made, "same") == [(0, "skipped"), (1, "success"), (2, "skipped")]


@task
def pair(a: Any, b: Any = 0) -> list[Any]:
    return [a, b]


# Row AUT-5: how many instances there are, and which arguments each has.
OF_MAPPINGS: list[tuple[str, Callable[[], Any], list[Any]]] = [
    (
        "several arguments are crossed, the last one fastest",
        lambda: pair.expand(a=[1, 2], b=["x", "y"]),
        [[1, "x"], [1, "y"], [2, "x"], [2, "y"]],
    ),
    (
        "expand_kwargs takes dicts",
        lambda: pair.expand_kwargs([{"a": 1}, {"a": 2, "b": 3}]),
        [[1, 0], [2, 3]],
    ),
    ("partial is the same for all", lambda: pair.partial(b=9).expand(a=[1, 2]), [[1, 9], [2, 9]]),
]


@pytest.mark.parametrize(("name", "write", "expected"), OF_MAPPINGS, ids=lambda v: str(v)[:20])
def test_instances_are_numbered_in_order(
    name: str, write: Callable[[], Any], expected: list[Any]
) -> None:
    made = ran(write)
    assert outputs(made, "pair") == expected
    assert [index for index, _ in states(made, "pair")] == list(range(len(expected)))


@task
def nothing() -> list[int]:
    return []


@task
def length(values: Any) -> list[Any]:
    # Not a list: each value is fetched when it is looked at.
    return [type(values).__name__ != "list", len(values), list(values), values[-1:]]


def test_over_nothing_there_is_one_skipped_instance() -> None:
    made = ran(lambda: same.expand(value=nothing()) >> EmptyOperator(task_id="after"))
    assert states(made, "same") == [(-1, "skipped")]
    assert states(made, "after") == [(-1, "skipped")]


# Row AUT-7: all instances count as upstreams of what is below.
@task
def ends(how: str) -> str:
    if how == "skip":
        raise AirflowSkipException
    if how == "fail":
        raise ValueError(how)
    return how


BELOW = [
    (["ok", "ok"], "all_success", "success"),
    (["ok", "skip"], "all_success", "skipped"),
    (["ok", "fail"], "all_success", "upstream_failed"),
    (["ok", "skip"], "none_failed", "success"),
    (["ok", "fail"], "one_success", "success"),
    (["skip", "fail"], "one_failed", "success"),
    (["skip", "skip"], "none_failed_min_one_success", "skipped"),
    (["ok", "fail"], "all_done", "success"),
]


@pytest.mark.parametrize(("hows", "rule", "state"), BELOW)
def test_every_instance_is_an_upstream(hows: list[str], rule: str, state: str) -> None:
    made = ran(lambda: ends.expand(how=hows) >> EmptyOperator(task_id="below", trigger_rule=rule))
    assert states(made, "below") == [(-1, state)]


def test_what_a_mapped_task_returned_is_read_as_it_is_looked_at() -> None:
    made = ran(lambda: length(same.expand(value=numbers())))
    assert outputs(made, "length") == [[True, 3, [1, 2, 3], [3]]]


# Row AUT-11: each form of pulling, in the run itself.
def pulls(ti: Any = None) -> list[Any]:
    return [
        ti.xcom_pull("numbers"),
        ti.xcom_pull(task_ids=["numbers", "letters"]),
        ti.xcom_pull(task_ids="numbers", key="other"),
        ti.xcom_pull(task_ids="numbers", key="other", default="none"),
        list(ti.xcom_pull(task_ids="each")),
        ti.xcom_pull(task_ids="each", map_indexes=1),
        list(ti.xcom_pull(task_ids="each", map_indexes=[0, 2])),
        ti.xcom_pull(task_ids="silent"),
    ]


def test_every_form_of_pulling() -> None:
    def write() -> None:
        each = same.override(task_id="each").expand(value=numbers())
        silent = EmptyOperator(task_id="silent")
        [each, letters(), silent] >> PythonOperator(task_id="pulls", python_callable=pulls)

    assert outputs(ran(write), "pulls") == [
        [[1, 2, 3], [[1, 2, 3], ["a", "b"]], None, "none", [1, 2, 3], 2, [1, 3], None]
    ]
