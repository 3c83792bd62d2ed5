"""State that outlives a try (row 8.6): of a task instance, and of an asset."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.runtime.tasks import hosted, returned, run
from tradewind import (
    DAG,
    NEVER_EXPIRE,
    Asset,
    BaseOperator,
    PythonOperator,
    ResumableJobMixin,
    task,
)
from tradewind.protocol.data_questions import SetState
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.state_store import StateStore

ORDERS = Asset("orders", uri="s3://orders")


def store(port: MemoryPort | None = None) -> StateStore:
    return StateStore(port or MemoryPort())


@pytest.mark.parametrize("value", [None, 0, "text", 1.5, True, [1, [2]], {"a": {"b": None}}])
def test_a_value_is_json_and_comes_back(value: Any) -> None:
    one = store()
    one.set("k", value)
    assert one.get("k", "default") == value


def test_what_one_can_do() -> None:
    one = store()
    one.set("a", 1)
    one.set("b", 2)
    one.set("a", 3)
    assert (one.get("a"), one.get("b"), one.get("c"), one.get("c", 0)) == (3, 2, None, 0)
    one.delete("a")
    one.delete("never there")
    assert (one.get("a"), one.get("b")) == (None, 2)
    one.clear()
    assert one.get("b") is None


def test_each_can_be_awaited() -> None:
    one = store()

    async def use() -> list[Any]:
        await one.aset("a", 1, retention=timedelta(hours=1))
        await one.aset("b", 2)
        seen = [await one.aget("a"), await one.aget("x", "none")]
        await one.adelete("a")
        seen.append(await one.aget("a"))
        await one.aclear()
        return [*seen, await one.aget("b")]

    assert asyncio.run(use()) == [1, "none", None, None]


@pytest.mark.parametrize(
    ("retention", "seconds"),
    [
        (None, 30 * 86_400.0),
        (timedelta(hours=1), 3600.0),
        (NEVER_EXPIRE, None),
    ],
)
def test_how_long_it_is_kept(retention: Any, seconds: float | None) -> None:
    asked: list[SetState] = []
    port = MemoryPort()
    port.answers[SetState] = asked.append
    store(port).set("k", 1, retention=retention)
    assert [one.keep_seconds for one in asked] == [seconds]


@pytest.mark.parametrize(
    ("key", "value", "retention", "told"),
    [
        ("k", "x" * 65_534, None, "has 65,536 bytes as JSON; 65,535 are allowed"),
        ("k", {1, 2}, None, "must be JSON"),
        ("k", float("nan"), None, "must be JSON"),
        ("", 1, None, "text of 1 to 512 characters"),
        ("k" * 513, 1, None, "text of 1 to 512 characters"),
        ("k", 1, timedelta(), "longer than nothing"),
    ],
)
def test_what_cannot_be_kept_is_told(key: str, value: Any, retention: Any, told: str) -> None:
    with pytest.raises(AirflowException, match=told):
        store().set(key, value, retention=retention)


def test_the_largest_value_is_kept() -> None:
    one = store()
    one.set("k", "x" * 65_533)
    assert len(one.get("k")) == 65_533


def test_the_next_try_finds_it_and_another_instance_does_not() -> None:
    with DAG("d", schedule=None) as dag:

        @task(retries=1)
        def each(n: int, ti: Any = None, task_state_store: Any = None) -> list[Any]:
            found = task_state_store.get("n")
            task_state_store.set("n", n)
            if ti.try_number == 1:
                raise ValueError("again")
            return [n, found]

        each.expand(n=[1, 2])

    instances = dag.test().get_task_instances()
    assert [one.xcom_pull() for one in instances] == [[1, 1], [2, 2]]


@pytest.mark.parametrize(("setting", "left"), [("false", 1), ("true", None)])
def test_a_success_may_empty_it(
    setting: str, left: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradewind.runtime.data import is_state_cleared_on_success  # noqa: PLC0415 - its cache

    monkeypatch.setenv("AIRFLOW__STATE_STORE__CLEAR_ON_SUCCESS", setting)
    is_state_cleared_on_success.cache_clear()
    try:
        with DAG("d", schedule=None) as dag:

            @task
            def keeps(task_state_store: Any = None) -> None:
                task_state_store.set("n", 1)

            keeps()
        port = dag.test().port
    finally:
        is_state_cleared_on_success.cache_clear()
    assert store(port).get("n") == left


def test_that_of_an_asset_is_shared_by_all_that_name_it() -> None:
    with DAG("d", schedule=None) as dag:

        @task(outlets=[ORDERS])
        def writes(asset_state_store: Any = None) -> None:
            asset_state_store[ORDERS].set("last_id", 7)

        @task(inlets=[ORDERS])
        def reads(asset_state_store: Any = None) -> Any:
            return [asset_state_store[ORDERS].get("last_id"), len(asset_state_store)]

        @task
        def has_none(**context: Any) -> bool:
            return "asset_state_store" in context

        writes() >> [reads(), has_none()]

    made = dag.test()
    assert made.get_task_instance("reads").xcom_pull() == [7, 1]
    assert made.get_task_instance("has_none").xcom_pull() is False


def test_an_asset_that_is_no_inlet_or_outlet_is_refused() -> None:
    def look(asset_state_store: Any = None) -> None:
        asset_state_store[Asset("other")].get("k")

    with DAG("d"):
        one = PythonOperator(task_id="t", python_callable=look, inlets=[ORDERS])
    assert "is neither an inlet nor an outlet of this task" in run(one).error


class Job(ResumableJobMixin, BaseOperator):
    """A job somewhere else; the first try dies while it waits."""

    def __init__(self, status: str = "running", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.status = status
        self.submitted: list[str] = []

    def submit_job(self, context: Any) -> str:
        self.submitted.append(f"job {context['ti'].try_number}")
        return self.submitted[-1]

    def get_job_status(self, external_id: Any, context: Any) -> str:
        return self.status

    def is_job_active(self, status: str) -> bool:
        return status == "running"

    def is_job_succeeded(self, status: str) -> bool:
        return status == "done"

    def poll_until_complete(self, external_id: Any, context: Any) -> None:
        if context["ti"].try_number == 1:
            raise AirflowException("the worker is lost")

    def execute(self, context: Any) -> Any:
        return self.execute_resumable(context)


@pytest.mark.parametrize(
    ("status", "durable", "answer"),
    [
        ("running", True, "job 1"),
        ("done", True, "job 1"),
        ("broken", True, "job 2"),
        ("running", False, "job 2"),
    ],
)
def test_a_job_elsewhere_is_started_once(status: str, durable: bool, answer: str) -> None:
    with DAG("d"):
        job = Job(task_id="job", status=status, retries=1)
    job.durable = durable
    port = MemoryPort()
    assert run(job, port, max_tries=1).outcome == "failed"
    with hosted(port):
        assert store(port).get("external_job_id") == ("job 1" if durable else None)
    assert returned(run(job, port, try_number=2, max_tries=1)) == answer
