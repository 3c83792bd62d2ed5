"""Plugins and listeners: what they add takes effect, and a broken one breaks nothing."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tradewind.protocol.orders import BundleRef, ParseOrder
from tradewind.runtime import listening, plugins
from tradewind.runtime.parsing import parse_file
from tradewind.runtime.plugins import load_plugins
from tradewind.sdk import macros
from tradewind.sdk.deadlines import DeadlineReference
from tradewind.sdk.installed import installed
from tradewind.sdk.operator import BaseOperator
from tradewind.sdk.operators.empty import EmptyOperator

PLUGIN = """
from datetime import UTC, datetime
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseDeadlineReference, EmptyOperator
import beside

def shout(text):
    return text.upper()

class Link:
    name = "docs"
    operators = [EmptyOperator]

class Payday(BaseDeadlineReference):
    def evaluate(self, **facts):
        return datetime(2026, 5, 29, tzinfo=UTC)

class Ears:
    heard = []

    @hookimpl
    def on_task_instance_success(self, task_instance):
        self.heard.append(task_instance)

    @hookimpl
    def on_dag_run_failed(self, dag_run, msg):
        raise ValueError("deaf")

class Loud(AirflowPlugin):
    name = "loud"
    macros = [shout]
    operator_extra_links = [Link()]
    deadline_references = [Payday]
    listeners = [Ears()]
    fastapi_apps = [{"name": "page"}]
"""
DAG = """
from tradewind import DAG, EmptyOperator
with DAG("d"):
    EmptyOperator(task_id="t")
"""


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BundleRef]:
    folder = tmp_path / "plugins"
    (folder / "deep").mkdir(parents=True)
    (folder / "loud.py").write_text(PLUGIN)
    (folder / "beside.py").write_text("VALUE = 1\n")
    (folder / "deep" / "broken.py").write_text("# AirflowPlugin\nimport nowhere_at_all\n")
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "d.py").write_text(DAG)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(EmptyOperator, "operator_extra_links", ())
    monkeypatch.setattr(BaseOperator, "operator_extra_links", ())
    known = set(sys.modules)
    yield BundleRef(name="main", root=str(tmp_path), dags_folder=str(tmp_path / "dags"))
    for name in set(sys.modules) - known:
        del sys.modules[name]
    for owner, name in ((macros, "loud"), (DeadlineReference, "Payday")):
        if hasattr(owner, name):
            delattr(owner, name)
    listening.forget()


@pytest.fixture(autouse=True)
def compat() -> Iterator[None]:
    from tradewind.compat.finder import install, uninstall  # noqa: PLC0415 - as parsing does

    install()
    yield
    uninstall()


def test_what_a_plugin_adds_takes_effect(bundle: BundleRef) -> None:
    found = load_plugins(bundle)
    (loud,) = found.plugins
    assert (loud.name, loud.source) == ("loud", "plugins/loud.py")
    assert loud.adds["macros"] == ["shout"]
    assert loud.without_effect == ("fastapi_apps",)
    there: Any = macros
    assert there.loud.shout("hello") == "HELLO"
    assert [link.name for link in EmptyOperator.operator_extra_links] == ["docs"]
    assert DeadlineReference.Payday().evaluate().year == 2026  # type: ignore[attr-defined]
    assert load_plugins(bundle) is found


def test_a_listener_hears_what_it_names_and_may_fail(
    bundle: BundleRef, caplog: pytest.LogCaptureFixture
) -> None:
    load_plugins(bundle)
    assert list(listening.run_events()) == ["failure"]
    ti = SimpleNamespace(task_id="t")
    listening.tell_task("success", ti, None)
    listening.tell_task("skipped", ti, None)
    assert sys.modules["loud"].Ears.heard == [ti]
    listening.tell("on_dag_run_failed", dag_run=None, msg="task_failure")
    assert "A listener failed in on_dag_run_failed" in caplog.text


def test_a_broken_plugin_is_told_of_and_breaks_no_parse(bundle: BundleRef) -> None:
    report = parse_file(ParseOrder(job_id=1, epoch=1, bundle=bundle, file="dags/d.py"))
    (dag,) = report.dags
    assert dag.callbacks == ("listen_failure",)
    (fault,) = report.faults
    assert fault.file == "plugins/deep/broken.py"
    assert "nowhere_at_all" in fault.message
    assert fault.line == 2
    assert {"plugins/loud.py", "plugins/beside.py", fault.file} <= set(report.closure.files)


def test_a_folder_may_be_named_by_the_settings(
    bundle: BundleRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    text = "from airflow.plugins_manager import AirflowPlugin\nclass P(AirflowPlugin):\n    {}\n"
    (other / "quiet.py").write_text(text.format("name = 'quiet'"))
    (other / "unnamed.py").write_text(text.format("pass"))
    monkeypatch.setenv("AIRFLOW__CORE__PLUGINS_FOLDER", str(other))
    found = load_plugins(bundle)
    assert [one.name for one in found.plugins] == ["loud", "quiet"]
    assert [fault.message for fault in found.faults][-1].endswith("The plugin P has no name")


def test_entry_points_are_plugins_too(
    bundle: BundleRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    about = site / "soft-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: soft\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[airflow.plugins]\nsoft = softly:Soft\n")
    plugin = "from airflow.plugins_manager import AirflowPlugin\n"
    (site / "softly.py").write_text(f"{plugin}class Soft(AirflowPlugin):\n    name = 'soft'\n")
    monkeypatch.syspath_prepend(site)
    installed.cache_clear()
    plugins._loaded.clear()
    try:
        found = load_plugins(bundle)
    finally:
        installed.cache_clear()

    assert "soft" in [one.name for one in found.plugins]


def test_the_plugin_that_the_document_shows_is_one(bundle: BundleRef) -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "plugins-and-listeners.md"
    code = page.read_text().split("```python\n")[1].split("```")[0]
    Path(bundle.root, "plugins", "loud.py").write_text(code)
    (loud,) = load_plugins(bundle).plugins
    assert loud.adds == {"macros": ["shout"], "listeners": ["Ears"]}
    assert list(listening.run_events()) == ["success"]
