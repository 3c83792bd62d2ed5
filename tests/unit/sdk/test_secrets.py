"""Variables and connections: from the environment, from a host, or not at all."""

import json

import pytest

from tradewind import BaseHook, Connection, Variable
from tradewind.protocol.ports import bound_port
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException


@pytest.fixture
def host():
    port = MemoryPort({"stored": "1", "both": "host"}, {"db": Connection("db", uri="pg://h/x")})
    token = bound_port.set(port)
    yield port
    bound_port.reset(token)


def test_the_environment_comes_before_the_host(host, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_BOTH", "airflow")
    assert Variable.get("both") == "airflow"
    monkeypatch.setenv("TRADEWIND_VAR_BOTH", "tradewind")
    assert Variable.get("both") == "tradewind"
    assert Variable.get("stored") == "1"


def test_a_missing_variable_says_how_to_set_it_unless_there_is_a_default():
    with pytest.raises(AirflowNotFoundException, match="tradewind variables set region VALUE"):
        Variable.get("region")
    assert Variable.get("region", "eu") == "eu"
    assert Variable.get("region", default=None) is None
    assert Variable.get("region", default_var="older") == "older"


def test_json_variables(host):
    Variable.set("rows", {"a": [1]}, serialize_json=True)

    assert Variable.get("rows", deserialize_json=True) == {"a": [1]}
    Variable.set("broken", "{")
    with pytest.raises(AirflowException, match="'broken' is not JSON"):
        Variable.get("broken", deserialize_json=True)


def test_variables_can_be_listed_and_deleted(host):
    assert Variable.keys() == ["both", "stored"]
    assert Variable.keys(prefix="st") == ["stored"]
    assert Variable.delete("stored") == 1
    assert Variable.delete("stored") == 0


def test_outside_a_host_nothing_can_be_kept():
    with pytest.raises(AirflowException, match="AIRFLOW_VAR_REGION"):
        Variable.set("region", "eu")


@pytest.mark.parametrize("prefix", ["AIRFLOW_CONN_", "TRADEWIND_CONN_"])
def test_a_connection_from_the_environment_is_a_uri_or_json(monkeypatch, prefix):
    monkeypatch.setenv(f"{prefix}SHOP", "postgresql://u:p%40ss@h:5432/db?sslmode=require")
    shop = BaseHook.get_connection("shop")
    assert (shop.conn_type, shop.login, shop.password) == ("postgres", "u", "p@ss")
    assert (shop.host, shop.port, shop.schema) == ("h", 5432, "db")
    assert shop.extra_dejson == {"sslmode": "require"}

    fields = {"conn_type": "http", "host": "https://api", "extra": {"timeout": 5}}
    monkeypatch.setenv(f"{prefix}SHOP", json.dumps(fields))
    shop = Connection.get("shop")
    assert (shop.host, shop.extra_dejson) == ("https://api", {"timeout": 5})


def test_a_connection_of_the_host(host):
    assert Connection.get("db").conn_type == "pg"


def test_a_missing_connection_says_how_to_add_it():
    with pytest.raises(AirflowNotFoundException, match="AIRFLOW_CONN_NOWHERE"):
        Connection.get("nowhere")


@pytest.mark.parametrize(
    "connection",
    [
        Connection("a", "http", host="h"),
        Connection("a", "postgres", host="h", login="u", password="p/@:", schema="s/x", port=1),
        Connection("a", "aws", extra={"region": "eu", "nested": {"a": 1}}),
        Connection("a", "http", host="[::1]", port=80),
        Connection("a", "google_cloud_platform", extra={"project": "x"}),
    ],
)
def test_a_uri_says_the_same_as_the_fields(connection):
    back = Connection("a", uri=connection.get_uri())

    for field in ("conn_type", "host", "login", "password", "schema", "port", "extra_dejson"):
        assert (getattr(back, field) or None) == (getattr(connection, field) or None), field


def test_json_says_the_same_as_the_fields():
    connection = Connection("a", "http", host="h", extra={"x": 1})

    assert Connection.from_json(connection.as_json(), "a").extra_dejson == {"x": 1}


def test_unknown_fields_and_double_descriptions_are_refused():
    with pytest.raises(AirflowException, match=r"unknown fields: \['hots'\]"):
        Connection.from_json('{"hots": "h"}', "a")
    with pytest.raises(AirflowException, match="not from both"):
        Connection("a", host="h", uri="http://h")
