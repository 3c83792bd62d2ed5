"""Where Variables and Connections come from, and the hooks that serve them."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind import BaseHook, Connection, Variable
from tradewind.protocol.ports import bound_port
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk import providers
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.installed import installed
from tradewind.sdk.providers import HookInfo, hook_classes
from tradewind.sdk.secrets_backends import BaseSecretsBackend, EnvironmentVariablesBackend

FILES = "tradewind.sdk.secrets_backends.LocalFilesystemBackend"


@pytest.fixture
def port() -> Iterator[MemoryPort]:
    made = MemoryPort({"region": "stored", "only": "here"})
    token = bound_port.set(made)
    yield made
    bound_port.reset(token)


def test_the_backend_is_asked_first_then_the_environment_then_tradewind(
    port: MemoryPort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Variable.get("region") == "stored"
    monkeypatch.setenv("AIRFLOW_VAR_REGION", "environment")
    assert Variable.get("region") == "environment"
    (tmp_path / "variables.yaml").write_text("region: backend\nsize: {a: 1}\n")
    (tmp_path / "connections.json").write_text('{"shop": "http://me:pw@shop:80/"}')
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", FILES)
    kwargs = {
        "variables_file_path": str(tmp_path / "variables.yaml"),
        "connections_file_path": str(tmp_path / "connections.json"),
    }
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(kwargs))

    assert Variable.get("region") == "backend"
    assert Variable.get("size", deserialize_json=True) == {"a": 1}
    assert Variable.get("only") == "here"
    assert Connection.get("shop").host == "shop"
    assert BaseHook.get_connection("shop").password == "pw"


class Failing(BaseSecretsBackend):
    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        raise OSError("away")

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        return "postgres://db:5432/shop" if conn_id == "db" else None


def test_a_backend_that_fails_is_passed_over_and_the_log_says_so(
    port: MemoryPort, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "failing", __import__("sys").modules[__name__])
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "failing.Failing")

    assert Variable.get("region") == "stored"
    assert "Secrets backend Failing failed" in caplog.text
    assert Connection.get("db").conn_type == "postgres"
    whole = Failing().get_connection("db")
    assert whole is not None
    assert whole.port == 5432
    assert Failing().get_connection("none") is None
    assert BaseSecretsBackend.build_path("a", "b") == "a/b"


def test_the_environment_is_a_backend_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_X", "http://x/")
    assert EnvironmentVariablesBackend().get_conn_value("x") == "http://x/"
    assert EnvironmentVariablesBackend().get_variable("no_such") is None


def test_the_twins_can_be_awaited(port: MemoryPort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_X", "http://x/")

    async def use() -> list[Any]:
        await Variable.async_set("k", [1], serialize_json=True)
        return [
            await Variable.async_get("k", deserialize_json=True),
            await Variable.async_get("none", None),
            await Variable.async_keys("k"),
            await Variable.async_delete("k"),
            (await Connection.async_get("x")).host,
            (await BaseHook.aget_connection("x")).host,
        ]

    assert asyncio.run(use()) == [[1], None, ["k"], 1, "x", "x"]


class ShopHook(BaseHook):
    conn_name_attr = "shop_conn_id"

    def __init__(self, shop_conn_id: str, quiet: bool = False) -> None:
        super().__init__()
        self.shop_conn_id = shop_conn_id
        self.quiet = quiet

    def test_connection(self) -> tuple[bool, str]:
        if self.get_connection(self.shop_conn_id).host == "down":
            raise OSError("no route")
        return True, "It answers"


CACHED = (
    installed,
    providers.hook_classes,
    providers.provider_infos,
    providers.config_defaults,
)


def test_the_hook_of_a_connection_comes_from_an_installed_provider(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hook_class = f"{__name__}.ShopHook"
    info = {
        "connection-types": [{"connection-type": "shop", "hook-class-name": hook_class}],
        "config": {"shop": {"options": {"size": {"default": "7"}}}},
    }
    (tmp_path / "shop_info.py").write_text(f"def info():\n    return {info}\n")
    about = tmp_path / "shop-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[apache_airflow_provider]\nshop = shop_info:info\n")
    monkeypatch.syspath_prepend(tmp_path)
    for cached in CACHED:
        cached.cache_clear()
    try:
        monkeypatch.setenv("AIRFLOW_CONN_UP", "shop://up/")
        monkeypatch.setenv("AIRFLOW_CONN_DOWN", "shop://down/")
        hook = BaseHook.get_hook("up", hook_params={"quiet": True})
        assert (type(hook).__name__, hook.shop_conn_id, hook.quiet) == ("ShopHook", "up", True)
        assert Connection.get("up").test_connection() == (True, "It answers")
        assert Connection.get("down").test_connection() == (False, "no route")
        assert hook_classes()["shop"] == HookInfo(hook_class, "shop", connection_type="shop")
        assert providers.config_defaults() == {"shop": {"size": "7"}}
    finally:
        for cached in CACHED:
            cached.cache_clear()
    with pytest.raises(AirflowException, match='Unknown hook type "nobody"'):
        Connection("x", "nobody").get_hook()
