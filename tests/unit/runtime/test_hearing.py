"""What listeners hear of a parse, and of events of assets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.runtime.tasks import DAY
from tradewind import Asset
from tradewind.protocol.data_questions import AssetEventView, AssetView, FindAlias, FindAsset
from tradewind.protocol.orders import BundleRef, ParseOrder
from tradewind.protocol.ports import bound_port
from tradewind.protocol.reports import ParseReport
from tradewind.runtime import listening
from tradewind.runtime.hearing import tell_of_event
from tradewind.runtime.memory import MemoryPort
from tradewind.runtime.parsing import parse_file
from tradewind.sdk.listeners import hookimpl

HEARD: list[tuple[str, Any]] = []
ASKED: list[Any] = []


class Ears:
    @hookimpl
    def on_asset_created(self, asset):
        HEARD.append(("created", asset))

    @hookimpl
    def on_asset_alias_created(self, asset_alias):
        HEARD.append(("alias", asset_alias.name))

    @hookimpl
    def on_asset_changed(self, asset):
        HEARD.append(("changed", asset))

    @hookimpl
    def on_asset_event_emitted(self, asset_event):
        HEARD.append(("event", (asset_event.asset.name, asset_event.extra)))

    @hookimpl
    def on_new_dag_import_error(self, filename, stacktrace):
        HEARD.append(("new error", (filename, stacktrace.splitlines()[-1])))

    @hookimpl
    def on_existing_dag_import_error(self, filename):
        HEARD.append(("old error", filename))


class Server(MemoryPort):
    """Knows one asset, and one alias."""

    def ask(self, question: Any) -> Any:
        ASKED.append(question)
        if isinstance(question, FindAlias):
            return question.name == "known"
        if isinstance(question, FindAsset):
            return AssetView(name="old", uri="s3://old") if question.name == "old" else None
        return super().ask(question)


@pytest.fixture
def ears() -> Iterator[None]:
    HEARD.clear()
    ASKED.clear()
    listening.register(Ears())
    yield
    listening.forget()


def parse(tmp_path: Path, text: str, *, had_fault: bool = False) -> ParseReport:
    (tmp_path / "assets_heard.py").write_text(text)
    order = ParseOrder(
        job_id=1,
        epoch=1,
        bundle=BundleRef(name="b", root=str(tmp_path), dags_folder=str(tmp_path)),
        file="assets_heard.py",
        had_fault=had_fault,
    )
    token = bound_port.set(Server())
    try:
        return parse_file(order)
    finally:
        bound_port.reset(token)


FILE = """
from tradewind import DAG, Asset, AssetAlias, EmptyOperator

new, old = Asset("new", uri="s3://new", extra={"k": 1}), Asset("old", uri="s3://old")
with DAG("d", schedule=[old]):
    EmptyOperator(task_id="a", inlets=[new], outlets=[new, AssetAlias("known")])
    EmptyOperator(task_id="b", outlets=[AssetAlias("fresh")])
"""


def test_assets_and_aliases_nobody_knew_are_told_of_once(ears: None, tmp_path: Path) -> None:
    assert parse(tmp_path, FILE).faults == ()
    assert [("created", Asset("new", uri="s3://new")), ("alias", "fresh")] == HEARD
    assert HEARD[0][1].extra == {"k": 1}


def test_where_nobody_listens_nothing_is_asked(tmp_path: Path) -> None:
    ASKED.clear()
    parse(tmp_path, FILE)
    assert ASKED == []


@pytest.mark.parametrize("had_fault", [False, True])
def test_an_import_error_is_told_of_as_new_or_as_known(
    ears: None, tmp_path: Path, had_fault: bool
) -> None:
    assert parse(tmp_path, "1 / 0\n", had_fault=had_fault).faults
    path = str(tmp_path / "assets_heard.py")
    if had_fault:
        assert [("old error", path)] == HEARD
    else:
        assert [("new error", (path, "ZeroDivisionError: division by zero"))] == HEARD


def test_an_event_tells_of_the_change_and_of_itself(ears: None) -> None:
    event = AssetEventView(id=1, timestamp=DAY, name="new", uri="s3://new", extra={"rows": 3})
    tell_of_event(msgspec.json.encode(event).decode())
    assert [
        ("changed", Asset("new", uri="s3://new")),
        ("event", ("new", {"rows": 3})),
    ] == HEARD


def test_a_dag_says_that_somebody_listens_to_its_events(ears: None) -> None:
    assert "asset_event" in listening.run_events()
    listening.forget()
    assert list(listening.run_events()) == []
