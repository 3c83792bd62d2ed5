"""Mapped groups, nested mapping and mapping over a mapped group's output, run here and now."""

from datetime import timedelta
from typing import Any

import pytest

from tradewind import DAG, TaskGroup, dag, task, task_group
from tradewind.sdk.exceptions import AirflowException, UnsupportedArgument


def pulled(run: Any, task_id: str) -> list[Any]:
    return [ti.xcom_pull() for ti in run.get_task_instances() if ti.task_id == task_id]


def states(run: Any) -> dict[str, str]:
    return {
        ti.task_id + (f"[{ti.map_index}]" if ti.map_index >= 0 else ""): str(ti.state)
        for ti in run.get_task_instances()
    }


def test_a_group_runs_once_for_each_item_and_each_sees_its_own() -> None:
    @dag(schedule=None)
    def shops() -> None:
        @task
        def names() -> list[str]:
            return ["oslo", "rome"]

        @task_group
        def shop(name: str, rate: int) -> Any:
            @task
            def read(name: str) -> str:
                return name.upper()

            @task
            def load(text: str, rate: int) -> str:
                return text * rate

            return load(read(name), rate)

        @task
        def total(loaded: list[str]) -> list[str]:
            return list(loaded)

        total(shop.partial(rate=2).expand(name=names()))

    run = shops().test()

    assert run.state == "success"
    assert pulled(run, "shop.read") == ["OSLO", "ROME"]
    assert pulled(run, "total") == [["OSLOOSLO", "ROMEROME"]]


def test_a_task_is_mapped_inside_a_mapped_group_and_over_its_output() -> None:
    @dag(schedule=None)
    def nested() -> None:
        @task_group
        def region(size: int) -> Any:
            @task
            def files(size: int) -> list[str]:
                return [f"{size}-{n}" for n in range(size)]

            @task
            def read(file: str) -> str:
                return f"<{file}>"

            @task
            def merge(parts: list[str]) -> str:
                return "".join(parts)

            return merge(read.expand(file=files(size)))

        @task
        def publish(text: str) -> int:
            return len(text)

        publish.expand(text=region.expand(size=[1, 3]))

    run = nested().test()

    assert pulled(run, "region.files") == [["1-0"], ["3-0", "3-1", "3-2"]]
    assert pulled(run, "region.read") == ["<1-0>", "<3-0>", "<3-1>", "<3-2>"]
    assert pulled(run, "region.merge") == ["<1-0>", "<3-0><3-1><3-2>"]
    assert pulled(run, "publish") == [5, 15]


def test_groups_are_mapped_inside_mapped_groups() -> None:
    @dag(schedule=None)
    def deep() -> None:
        @task_group
        def outer(a: int) -> Any:
            @task
            def spread(a: int) -> list[int]:
                return [a] * a

            @task_group
            def inner(b: int) -> Any:
                @task
                def double(b: int) -> int:
                    return 2 * b

                @task
                def add(b: int, c: int, a: int) -> int:
                    return a * 100 + b + c

                return add(b, double(b), a)

            return inner.expand(b=spread(a))

        @task
        def collect(found: list[int]) -> list[int]:
            return list(found)

        collect(outer.expand(a=[2, 1]))

    run = deep().test()

    assert run.state == "success"
    assert pulled(run, "collect") == [[206, 206, 103]]


def test_a_group_over_nothing_is_skipped_and_a_failure_stays_in_its_own_index() -> None:
    @dag(schedule=None)
    def some() -> None:
        @task_group
        def part(x: int) -> None:
            @task
            def halve(x: int) -> float:
                return 1 / x

            @task(trigger_rule="all_success")
            def show(y: float) -> None: ...

            show(halve(x))

        part.override(group_id="none").expand(x=[])
        part.override(group_id="two").expand(x=[1, 0])

    run = some().test()

    assert states(run) == {
        "none.halve": "skipped",
        "none.show": "skipped",
        "two.halve[0]": "success",
        "two.halve[1]": "failed",
        "two.show[0]": "success",
        "two.show[1]": "upstream_failed",
    }


def test_outputs_are_zipped_and_put_behind_each_other() -> None:
    @dag(schedule=None)
    def combined() -> None:
        @task
        def one() -> list[int]:
            return [1, 2, 3]

        @task
        def two() -> list[int]:
            return [10, 20]

        @task
        def pair(both: Any) -> list[Any]:
            return list(both)

        @task
        def same(x: int) -> int:
            return x

        first, second = one(), two()
        pair.expand(both=first.zip(second))
        pair.override(task_id="filled").expand(both=first.zip(second, fillvalue=0))
        same.expand(x=first.concat(second).map(lambda x: -x))

    run = combined().test()

    assert pulled(run, "pair") == [[1, 10], [2, 20]]
    assert pulled(run, "filled") == [[1, 10], [2, 20], [3, 0]]
    assert pulled(run, "same") == [-1, -2, -3, -10, -20]


def test_a_group_is_tried_again_as_a_whole() -> None:
    seen: list[str] = []

    @dag(schedule=None)
    def again() -> None:
        @task
        def after() -> None:
            seen.append("after")

        with TaskGroup("load", retries=2, retry_delay=timedelta(seconds=1)) as load:

            @task
            def fetch() -> None:
                seen.append("fetch")

            @task
            def check() -> None:
                seen.append("check")
                if seen.count("check") < 3:
                    raise ValueError("not yet")

            fetch() >> check()
        load >> after()

    run = again().test()

    assert run.state == "success"
    assert seen == ["fetch", "check"] * 3 + ["after"]


def test_a_run_is_tried_again_as_a_whole_and_fails_when_its_tries_are_used_up() -> None:
    seen: list[str] = []

    @dag(schedule=None, run_retries=1)
    def again() -> None:
        @task
        def a() -> None:
            seen.append("a")

        @task
        def b() -> None:
            seen.append("b")
            raise ValueError("never")

        a() >> b()

    run = again().test()

    assert run.state == "failed"
    assert seen == ["a", "b", "a", "b"]


def test_what_cannot_be_is_said_where_the_file_is_read() -> None:
    with DAG("d"):

        @task
        def x(a: Any) -> None: ...

        @task_group
        def group(a: Any) -> None:
            x.expand(a=a)

        with pytest.raises(UnsupportedArgument, match="known only when the group runs"):
            group.expand(a=[[1], [2]])
        with pytest.raises(TypeError, match="has no argument 'b'"):
            group.expand(b=[1])
        with pytest.raises(TypeError, match="needs something to map over"):
            group.expand()


def test_nothing_outside_runs_between_the_tasks_of_a_group_tried_again() -> None:
    with DAG("d") as made:

        @task
        def step() -> None: ...

        with TaskGroup("g", retries=1):
            first, last = step.override(task_id="first")(), step.override(task_id="last")()
        first >> step.override(task_id="between")() >> last

    with pytest.raises(AirflowException, match="'between' does"):
        made.test()
