"""Pools, variables, connections and backfills."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.conformance.store.conftest import NOW
from tradewind.errors import ConflictError, NotFoundError, RefusedError
from tradewind.protocol.ports import ConnectionValue
from tradewind.store.backfills import (
    BackfillDate,
    BackfillFacts,
    complete_backfill,
    count_backfills,
    insert_backfill,
    insert_backfill_dates,
    list_backfills,
    read_active_backfills_of,
    read_backfill,
    read_backfill_dates,
    read_first_run,
    read_latest_ends,
    read_runs_of_dates,
    set_backfill_limit,
    set_backfill_paused,
)
from tradewind.store.connections import (
    add_connection,
    count_connections,
    delete_connection,
    list_connections,
    read_connection,
    update_connection,
)
from tradewind.store.database import Database
from tradewind.store.pools import (
    Pool,
    count_pools,
    delete_pool,
    ensure_default_pool,
    read_pool,
    read_pools,
    set_pool,
)
from tradewind.store.secrets import Vault
from tradewind.store.tables import connection, variable
from tradewind.store.variables import (
    VariableFacts,
    count_variables,
    delete_variable,
    list_variables,
    read_variable,
    read_variable_keys,
    set_variable,
)


def test_pools(database: Database) -> None:
    with database.begin() as tx:
        ensure_default_pool(tx, 5)
        assert read_pools(tx)["default_pool"].slots == 16
        pool = Pool(name="small", slots=2, description="d", include_deferred=True)
        assert set_pool(tx, pool)
        assert read_pool(tx, "small") == pool
        assert not set_pool(tx, Pool(name="small", slots=-1))
        assert list(read_pools(tx)) == ["default_pool", "small"]
        assert count_pools(tx) == 2
        with pytest.raises(NotFoundError, match="mean 'small'"):
            read_pool(tx, "smal")
        delete_pool(tx, "small")
        with pytest.raises(NotFoundError):
            delete_pool(tx, "small")
        with pytest.raises(RefusedError):
            delete_pool(tx, "default_pool")
        with pytest.raises(RefusedError):
            set_pool(tx, Pool(name="x", slots=-2))
        with pytest.raises(RefusedError):
            set_pool(tx, Pool(name="", slots=2))


def test_variables(database: Database, vault: Vault) -> None:
    with database.begin() as tx:
        assert read_variable(tx, vault, "a") is None
        assert set_variable(tx, vault, VariableFacts(key="a", value="1", description="d"), NOW)
        assert not set_variable(tx, vault, VariableFacts(key="a", value="2"), NOW)
        assert read_variable(tx, vault, "a") == VariableFacts(key="a", value="2", description="d")
        set_variable(tx, vault, VariableFacts(key="a_%", value=""), NOW)
        set_variable(tx, vault, VariableFacts(key="b", value="ü"), NOW)
        assert read_variable_keys(tx) == ["a", "a_%", "b"]
        assert read_variable_keys(tx, "a_") == ["a_%"]
        assert count_variables(tx, "a") == 2
        assert [v.value for v in list_variables(tx, vault, limit=2, offset=1)] == ["", "ü"]
        assert delete_variable(tx, "a", NOW)
        assert not delete_variable(tx, "a", NOW)


def test_connections(database: Database, vault: Vault) -> None:
    value = ConnectionValue(
        conn_id="wh", conn_type="postgres", login="me", password="geheim", port=5432, extra="{}"
    )
    with database.begin() as tx:
        add_connection(tx, vault, value, NOW)
        with pytest.raises(ConflictError):
            add_connection(tx, vault, value, NOW)
        assert read_connection(tx, vault, "wh") == value
        assert list_connections(tx, vault) == [value]
        other = ConnectionValue(conn_id="wh", conn_type="http", schema_="s", description="d")
        update_connection(tx, vault, other, NOW)
        assert read_connection(tx, vault, "wh") == other
        with pytest.raises(NotFoundError, match="mean 'wh'"):
            update_connection(tx, vault, ConnectionValue(conn_id="whs"), NOW)
        assert count_connections(tx) == 1
        delete_connection(tx, "wh", NOW)
        assert read_connection(tx, vault, "wh") is None
        with pytest.raises(NotFoundError):
            delete_connection(tx, "wh", NOW)


def test_no_secret_lies_in_clear(database: Database, vault: Vault) -> None:
    value = ConnectionValue(conn_id="wh", password="geheim", extra='{"key": "geheim"}')
    with database.begin() as tx:
        set_variable(tx, vault, VariableFacts(key="a", value="geheim"), NOW)
        add_connection(tx, vault, value, NOW)
        rows = [*tx.execute(select(variable)), *tx.execute(select(connection))]
    assert "geheim" not in repr(rows)


def backfill(dag_id: str = "sales") -> BackfillFacts:
    return BackfillFacts(
        dag_id=dag_id,
        from_date=NOW,
        to_date=NOW,
        max_active_runs=1,
        reprocess_behavior="none",
        conf={"a": 1},
        created_at=NOW,
    )


def test_a_backfill_and_its_dates(database: Database) -> None:
    dates = [
        BackfillDate(
            position=n, logical_date=NOW, decision="create", run_pk=None if n == 0 else 40 + n
        )
        for n in range(3)
    ]
    with database.begin() as tx:
        key = insert_backfill(tx, backfill())
        insert_backfill_dates(tx, key, dates)
        assert read_backfill_dates(tx, key) == dates
        assert read_first_run(tx, key) == 41
        assert read_runs_of_dates(tx, key) == {}
        assert read_latest_ends(tx, key, 5) == []
        facts = read_backfill(tx, key)
        assert facts is not None
        assert (facts.id, facts.conf, facts.code) == (key, {"a": 1}, "latest")
        assert read_active_backfills_of(tx, "sales") == [facts]
        assert read_active_backfills_of(tx, "other") == []


def test_a_backfill_is_changed_until_it_is_completed(database: Database) -> None:
    later = NOW + timedelta(minutes=1)
    with database.begin() as tx:
        first = insert_backfill(tx, backfill())
        second = insert_backfill(tx, backfill())
        insert_backfill(tx, backfill("other"))
        assert set_backfill_paused(tx, first, True, later)
        assert set_backfill_limit(tx, first, 7, later)
        changed = read_backfill(tx, first)
        assert changed is not None
        assert (changed.is_paused, changed.max_active_runs) == (True, 7)
        assert (changed.updated_at, changed.completed_at) == (later, None)
        assert complete_backfill(tx, first, NOW)
        assert not complete_backfill(tx, first, NOW)
        assert not set_backfill_paused(tx, first, False, NOW)
        assert not set_backfill_limit(tx, first, 9, NOW)
        assert complete_backfill(tx, second, NOW, is_cancelled=True)
        ended = [read_backfill(tx, key) for key in (first, second)]
        assert [one.is_paused for one in ended if one] == [False, True]
        assert [found.id for found in list_backfills(tx, "sales")] == [second, first]
        assert count_backfills(tx) == 3
        assert count_backfills(tx, "sales") == 2
        assert read_backfill(tx, 99) is None
