"""A command without a server: the same application, in the command's own thread."""

from pathlib import Path

import pytest

from tests.conformance.api.conftest import NOW, TOKEN, StandingClock
from tradewind.api.app import build_app
from tradewind.api.bell import Bell
from tradewind.api.inprocess import call_app
from tradewind.api.services import InlineWriter, Services
from tradewind.config import read_settings
from tradewind.errors import RefusedError
from tradewind.scheduler.engine import Engine
from tradewind.store.database import Database, Tx
from tradewind.store.migrations import migrate
from tradewind.store.pools import Pool, read_pools, set_pool
from tradewind.store.secrets import Vault


def test_it_reads_and_writes_without_any_thread_of_the_server(tmp_path: Path) -> None:
    settings = read_settings({"TRADEWIND_HOME": str(tmp_path)}, tmp_path)
    database = Database(settings.database_path)
    migrate(database)
    vault = Vault("", tmp_path / "secret.key")
    engine = Engine(vault)
    writer = InlineWriter(database, on_undo=engine.forget)
    writer.write(lambda tx: engine.open(tx, NOW))
    services = Services(
        database=database,
        writer=writer,
        engine=engine,
        clock=StandingClock(),
        settings=settings,
        vault=vault,
        token=TOKEN,
        bell=Bell(),
    )
    app = build_app(services, frozenset({"pools"}))
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    body = b'{"name":"p","slots":1}'
    assert call_app(app, "POST", "/api/v2/pools", headers=headers, body=body).status == 201
    assert call_app(app, "GET", "/api/v2/pools/p", headers=headers).json()["slots"] == 1
    assert call_app(app, "GET", "/api/v2/dags", headers=headers).status == 404
    assert call_app(app, "POST", "/work/exchange", headers=headers).status == 404
    database.close()


def test_a_unit_that_fails_leaves_nothing_and_is_told_of(tmp_path: Path) -> None:
    database = Database(tmp_path / "db")
    migrate(database)
    undone: list[str] = []
    done: list[str] = []
    writer = InlineWriter(
        database, on_undo=lambda: undone.append("x"), on_commit=lambda: done.append("x")
    )

    def fail(tx: Tx) -> None:
        set_pool(tx, Pool(name="p", slots=1))
        raise RefusedError("no", "No.")

    with pytest.raises(RefusedError):
        writer.write(fail)
    assert isinstance(writer.submit(fail).exception(), RefusedError)
    assert (len(undone), len(done)) == (2, 0)
    assert (
        "p"
        in writer.submit(
            lambda tx: (set_pool(tx, Pool(name="p", slots=1)), read_pools(tx))[1]
        ).result()
    )
    assert len(done) == 1
    database.close()
