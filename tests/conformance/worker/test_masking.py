"""No log shows what a task read from its environment, or named a secret itself."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.worker.conftest import Bundle, WorkerProcess
from tests.conformance.worker.scripted_server import ScriptedServer
from tradewind.core.states import LegState

pytestmark = pytest.mark.process
Start = Callable[..., WorkerProcess]

DEMO = """
    import logging, os, subprocess, sys
    from airflow.sdk import DAG, BaseHook, Variable, task
    from airflow.sdk.log import mask_secret

    log = logging.getLogger(__name__)
    AT_IMPORT = Variable.get("import_token")

    def show(value):
        # By each way out: the socket, the pipe, and a program's output.
        print("printed", value)
        log.warning("logged %s", value)
        os.write(1, f"written {value}\\n".encode())
        subprocess.run([sys.executable, "-c", f"print('echoed {value}')"], check=True)

    with DAG("demo", schedule=None):
        @task
        def shows(what):
            for value in {
                "connection": lambda: [
                    (found := BaseHook.get_connection("shop")).password,
                    found.extra_dejson["nested"]["api_key"],
                ],
                "variable": lambda: [Variable.get("shop_secret")],
                "json": lambda: [Variable.get("shop", deserialize_json=True)["passwd"]],
                "import": lambda: [AT_IMPORT],
                "backend": lambda: [Variable.get("region_of_backend")],
                "backend_json": lambda: [
                    Variable.get("shop_of_backend", deserialize_json=True)["street"]["name"]
                ],
                "backend_connection": lambda: [
                    (found := BaseHook.get_connection("bank")).password,
                    found.extra_dejson["nested"]["api_key"],
                ],
                "named": lambda: [mask_secret("hush-no-5") or "hush-no-5"],
                "dict": lambda: [mask_secret({"token": "hush-no-6"}) or "hush-no-6"],
            }[what]():
                show(value)
            show("region eu-west")
            raise RuntimeError(f"refused {value}")

        [shows.override(task_id=what)(what) for what in (
            "connection", "variable", "json", "import", "named", "dict",
            "backend", "backend_json", "backend_connection",
        )]
"""
ENVIRONMENT = {
    "AIRFLOW_VAR_IMPORT_TOKEN": "hush-no-1",
    "AIRFLOW_CONN_SHOP": '{"conn_type": "http", "password": "hush-no-2", "extra": '
    '{"region": "eu-west", "nested": {"api_key": "hush-no-22"}}}',
    "TRADEWIND_VAR_SHOP_SECRET": "hush-no-3",
    "AIRFLOW_VAR_SHOP": '{"region": "eu-west", "passwd": "hush-no-4"}',
}


def test_what_the_environment_hides_is_hidden(
    server: ScriptedServer,
    bundle: Bundle,
    start_worker: Start,
    log_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    file = bundle.write("demo.py", DEMO)
    start_worker()
    # Each in its turn: what one task has hidden must not stand in for what the next hides.
    for what in ("connection", "variable", "json", "import", "named", "dict"):
        order = bundle.order(file, what)
        server.give(order)
        finish = server.wait_recorded(order)
        text = (log_root / order.log_path).read_text()
        assert finish.outcome is LegState.FAILED
        assert finish.error == "RuntimeError: refused ***", what
        for way in ("printed", "logged", "written", "echoed"):
            assert f"{way} ***" in text, (what, way)
            assert f"{way} region eu-west" in text, (what, way)
        assert "hush" not in text, what


KEPT = {
    "variables": {
        "region_of_backend": "hush-no-7",
        "shop_of_backend": {"street": {"name": "hush-no-8"}},
    },
    "connections": {
        "bank": {
            "conn_type": "http",
            "password": "hush-no-9",
            "extra": {"nested": {"api_key": "hush-no-10"}},
        }
    },
}


def test_what_a_secrets_backend_keeps_is_hidden_whatever_it_is_named(
    server: ScriptedServer,
    bundle: Bundle,
    start_worker: Start,
    log_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = {}
    for name, held in KEPT.items():
        paths[f"{name}_file_path"] = str(tmp_path / f"{name}.json")
        (tmp_path / f"{name}.json").write_text(json.dumps(held))
    path = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", path)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(paths))
    monkeypatch.setenv("AIRFLOW_VAR_IMPORT_TOKEN", "hush-no-1")
    file = bundle.write("demo.py", DEMO)
    start_worker()
    for what in ("backend", "backend_json", "backend_connection"):
        order = bundle.order(file, what)
        server.give(order)
        finish = server.wait_recorded(order)
        text = (log_root / order.log_path).read_text()
        assert finish.error == "RuntimeError: refused ***", (what, finish.error)
        for way in ("printed", "logged", "written", "echoed"):
            assert f"{way} ***" in text, (what, way)
        assert "hush" not in text, what
