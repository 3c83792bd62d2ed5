"""Assets as authors write them, and what running tasks say and learn of them."""

import datetime as dt
from typing import Any

import pytest

from tradewind import (
    DAG,
    Asset,
    AssetAccessControl,
    AssetAlias,
    AssetAll,
    AssetAny,
    AssetWatcher,
    Metadata,
    asset,
    task,
)
from tradewind.runtime.local import run_dag_in
from tradewind.runtime.memory import MemoryPort
from tradewind.runtime.serialize import serialize_dag
from tradewind.sdk.assets import AssetRef, condition_of
from tradewind.sdk.exceptions import UnsupportedArgument
from tradewind.sdk.partition_timetables import AssetOrTimeSchedule, CronPartitionTimetable
from tradewind.sdk.serde import decode, encode

DAY = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("S3://lake/sales/", "s3://lake/sales"),
        ("postgres://me:secret@db/shop/sales", "postgres://db/shop/sales"),
        ("s3://lake/x?b=2&a=1#part", "s3://lake/x?a=1&b=2"),
        ("just-a-name", "just-a-name"),
        ("a/b/", "a/b/"),
    ],
)
def test_a_uri_has_one_form(given: str, kept: str) -> None:
    assert Asset(uri=given).uri == kept
    assert Asset("name", given).uri == kept


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "cannot be empty"),
        ("  ", "cannot be empty"),
        ("ünicode", "ASCII"),
        ("x" * 1501, "1500"),
        ("airflow://x", "reserved"),
    ],
)
def test_a_name_or_uri_that_cannot_be_is_refused(given: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Asset(given)


def test_a_name_or_a_uri_is_enough() -> None:
    assert (Asset("n").uri, Asset(uri="s3://x/y").name) == ("n", "s3://x/y")
    with pytest.raises(TypeError):
        Asset()


def test_conditions_are_flat_and_shown_as_the_api_shows_them() -> None:
    a, b, c = Asset("a"), Asset("b"), AssetAlias("c")

    assert (a & b & c) == AssetAll(a, b, c)
    assert (a | (b | c)) == AssetAny(a, b, c)
    assert condition_of([a, b]) == AssetAll(a, b)
    assert (a & (b | c)).as_expression() == {
        "all": [
            {"asset": {"uri": "a", "name": "a", "group": "asset"}},
            {
                "any": [
                    {"asset": {"uri": "b", "name": "b", "group": "asset"}},
                    {"alias": {"name": "c", "group": "asset"}},
                ]
            },
        ]
    }
    assert [key.name for key, _ in (a & (b | c)).iter_assets()] == ["a", "b"]
    with pytest.raises(TypeError, match="expect asset expressions"):
        AssetAll(a, "b")


def test_an_asset_travels_as_an_xcom() -> None:
    sales = Asset("sales", "s3://lake/sales", extra={"rows": 3})

    back = decode(encode(sales))
    assert (back, back.extra) == (sales, {"rows": 3})


def test_a_dag_on_assets_is_described_with_honest_warnings() -> None:
    with DAG("follows", schedule=Asset("a") | Asset("b"), start_date=DAY) as dag:

        @task(outlets=[Asset("c", watchers=[AssetWatcher("w", trigger=object())])], inlets=["x"])
        def work() -> None: ...

        work()
    spec = serialize_dag(dag, "follows.py")

    assert [one.name for one in spec.assets] == ["a", "b"]
    assert spec.schedule_text == "Asset"
    assert spec.tasks[0].outlets[0].name == "c"
    warnings = "\n".join(spec.warnings)
    assert "watcher 'w' of an asset is not run: its trigger is a object" in warnings
    assert "'inlets' holds a str" in warnings


def test_access_control_is_refused_where_it_would_keep_somebody_out() -> None:
    AssetAccessControl()
    guarded = Asset("b", access_control=AssetAccessControl(producer_teams=["x"]))
    with pytest.raises(UnsupportedArgument, match="there are no teams here"):
        serialize_dag(DAG("follows", schedule=guarded, start_date=DAY), "follows.py")


def test_times_beside_assets_start_runs_and_partitions_are_arithmetic() -> None:
    both = DAG("both", schedule=AssetOrTimeSchedule(timetable="@daily", assets=Asset("a")))
    assert both.timetable.can_be_scheduled
    assert both.timetable.summary == "Asset or 0 0 * * *"

    table = CronPartitionTimetable("0 0 * * *", timezone="Europe/Berlin", run_offset=-1)
    tick = dt.datetime(2026, 4, 19, 22, tzinfo=dt.UTC)
    assert table.partition_of(tick).partition_key == "2026-04-19T00:00:00"


def run(dag: DAG) -> tuple[Any, MemoryPort]:
    port = MemoryPort()
    return run_dag_in(port, dag, logical_date=DAY), port


def test_success_makes_events_with_what_the_task_said_of_its_outlets() -> None:
    sales, files, found = Asset("sales"), Asset("files"), AssetAlias("found")
    seen: list[Any] = []
    with DAG("makes", start_date=DAY) as dag:

        @task(outlets=[sales, found])
        def make(*, outlet_events: Any = None) -> int:
            outlet_events[sales].extra = {"rows": 3}
            outlet_events[found].add(files, extra={"via": "alias"})
            return 1

        @task(outlets=[sales])
        def tell() -> Any:
            yield Metadata(sales, {"rows": 4})
            return 7

        @task(inlets=[sales, found])
        def read(_: Any, *, inlet_events: Any = None) -> None:
            seen.append([event.extra["rows"] for event in inlet_events[sales]])
            seen.append(inlet_events[0].ascending(False).limit(1)[0].extra)
            seen.append(inlet_events[sales].extra("rows", 3)[0].source_task_id)  # noqa: S610 - no Django
            seen.append([event.name for event in inlet_events[found]])
            seen.append(len(inlet_events[sales].after(dt.datetime(2200, 1, 1, tzinfo=dt.UTC))))

        first, second = make(), tell()
        first >> second
        read(second)
    done, port = run(dag)

    assert done.state == "success"
    assert seen == [[3, 4], {"rows": 4}, "make", ["files"], 0]
    assert done.get_task_instance("tell").xcom_pull() == 7
    assert [event.source_dag_id for event in port.data.events] == ["makes"] * 3


def test_a_task_that_fails_makes_no_event_and_partitions_make_one_each() -> None:
    with DAG("parts", start_date=DAY) as dag:

        @task(outlets=[Asset("p")])
        def parts(*, outlet_events: Any = None) -> None:
            outlet_events[Asset("p")].add_partitions(["eu", "us"])

        @task(outlets=[Asset("q")])
        def breaks() -> None:
            raise ValueError("no")

        parts()
        breaks()
    _, port = run(dag)

    assert [(event.name, event.partition_key) for event in port.data.events] == [
        ("p", "eu"),
        ("p", "us"),
    ]


def test_a_function_that_makes_an_asset_is_a_dag() -> None:
    seen: dict[str, Any] = {}

    @asset(schedule=None, uri="s3://lake/raw", start_date=DAY)
    def raw(self: Any, context: Any) -> int:
        """Fetch."""
        seen["raw"] = (self.uri, context["dag"].dag_id)
        return 1

    @asset(schedule=raw, start_date=DAY)
    def clean(raw: Any) -> None:
        seen["clean"] = raw.name

    @asset.multi(schedule=None, outlets=[Asset("x"), Asset("y")], start_date=DAY)
    def both(self_: Any = None) -> None: ...

    assert decode(encode(raw)) == Asset("raw", "s3://lake/raw")
    assert raw.dag.description == "Fetch."
    assert clean.dag.tasks[0].inlets == [AssetRef(name="raw")]
    assert clean.dag.timetable.condition is not None
    for made in (raw, clean, both):
        done, port = run(made.dag)
        assert done.state == "success"
    assert seen == {"raw": ("s3://lake/raw", "raw"), "clean": "raw"}
    assert [event.name for event in port.data.events] == ["x", "y"]
