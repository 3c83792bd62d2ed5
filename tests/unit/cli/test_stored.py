import asyncio
from pathlib import Path

import pytest

from tradewind.cli.client import open_api
from tradewind.cli.stored import StoredPort
from tradewind.protocol.ports import ConnectionValue, bound_port
from tradewind.sdk.variable import Variable


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoredPort:
    """A port whose home is new, and in which no server runs."""
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    return StoredPort(reads_xcoms=True)


def test_variables_are_those_of_the_store(port: StoredPort) -> None:
    assert port.get_variable("shop/token") is None
    port.set_variable("shop/token", "s3cr3t", "Opens the shop")
    port.set_variable("shop/token", "n3w", None)
    port.set_variable("region", "eu", None)
    assert port.get_variable("shop/token") == "n3w"
    assert port.masker.hide("s3cr3t, n3w, eu") == "***, ***, eu"
    assert port.variable_keys("shop/") == ["shop/token"]
    assert port.delete_variable("shop/token")
    assert not port.delete_variable("shop/token")
    with open_api("variables") as api:
        assert [row["key"] for row in api.pages("/variables", "variables")] == ["region"]


def test_connections_come_in_clear(port: StoredPort) -> None:
    assert port.get_connection("shop") is None
    body = {"connection_id": "shop", "conn_type": "http", "password": "p", "schema": "s"}
    with open_api("connections") as api:
        api.post("/connections", {**body, "extra": '{"token": "t"}', "port": 80})
    assert port.get_connection("shop") == ConnectionValue(
        conn_id="shop",
        conn_type="http",
        password="p",
        schema_="s",
        extra='{"token": "t"}',
        port=80,
    )


def test_code_inside_an_event_loop_may_ask(port: StoredPort) -> None:
    port.set_variable("region", "eu", None)

    async def ask() -> str:
        return str(Variable.get("region"))

    token = bound_port.set(port)
    try:
        assert asyncio.run(ask()) == "eu"
    finally:
        bound_port.reset(token)


def test_what_was_pushed_here_comes_before_what_is_stored(port: StoredPort) -> None:
    port.begin("d", "r", "t", 1)
    port.push_xcom("k", b"1", None)
    assert port.get_xcom("d", "r", "t", "k", 1) == b"1"
    assert port.get_xcom("d", "r", "t", "k", 2) is None
    assert port.get_xcoms("d", "r", "t", "k") == [(1, b"1")]
