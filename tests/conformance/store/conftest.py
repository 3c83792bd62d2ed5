"""The databases the store's suite is run on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tradewind.store.bundles import upsert_bundle
from tradewind.store.database import Database
from tradewind.store.migrations import create_schema, migrate
from tradewind.store.secrets import Vault

NOW = datetime(2026, 4, 20, 8, tzinfo=UTC)


@pytest.fixture(params=["file", "memory"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "file":
        opened = Database(tmp_path / "tradewind.db")
        migrate(opened, default_pool_slots=16)
    else:
        opened = Database(None)
        create_schema(opened, default_pool_slots=16)
    with opened.begin() as tx:
        upsert_bundle(tx, "main", "/srv/project", "/srv/project/dags")
    yield opened
    opened.close()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault("", tmp_path / "secret.key")
