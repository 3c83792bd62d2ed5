"""Kept bytes are let go when no run can need them, and not before."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.unit.scheduler.place import Place
from tradewind.codestore.trees import Trees
from tradewind.core.manifest import Manifest
from tradewind.protocol.clock import SystemClock
from tradewind.server.collector import Collector
from tradewind.store.bundles import Tree, keep_tree, upsert_bundle
from tradewind.store.database import Tx
from tradewind.store.files import apply_discovery


class PlacesClock(SystemClock):
    """Says what time it is in the place."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def now(self) -> datetime:
        return self._place.now


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


def hold(place: Place, trees: Trees, digest: str) -> Path:
    """Have the bundle in a state of its own."""

    def fill(into: Path) -> None:
        (into / "d.py").write_text(digest)
        (into / "same.sql").write_text("select 1")

    root = trees.build("main", digest, fill)
    path = str(root)
    tree = Tree(bundle="main", digest=digest, root=path, dags_folder=path, created_at=place.now)
    with place.database.begin() as tx:
        keep_tree(tx, tree)
        upsert_bundle(tx, "main", path, path, is_pinned=True)
        apply_discovery(tx, "main", Manifest(digest=digest), place.now)
    return root


def test_what_nothing_needs_goes_after_an_hour(place: Place, tmp_path: Path) -> None:
    def write(unit: Callable[[Tx], None]) -> None:
        with place.database.begin() as tx:
            unit(tx)

    trees = Trees(tmp_path / "code")
    collector = Collector(trees, place.database, write, PlacesClock(place))
    old, now = hold(place, trees, "old"), hold(place, trees, "new")
    collector.collect()
    assert old.is_dir()

    place.now += timedelta(hours=2)
    collector.collect()
    assert not old.exists()
    assert (now / "same.sql").read_text() == "select 1"
    kept = {path.read_text() for path in (tmp_path / "code/objects").rglob("*") if path.is_file()}
    assert kept == {"new", "select 1"}
    assert sorted(path.name for path in (tmp_path / "code/trees/main").iterdir()) == ["new"]

    # The same state may come again.
    hold(place, trees, "old")
    collector.collect()
    assert old.is_dir()


def test_sources_of_versions_are_kept(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "code")
    names = {}
    for text in (b"one", b"two"):
        names[text] = hashlib.sha256(text).hexdigest()
        trees.keep_source(names[text], partial(bytes, text))
    trees.keep_source(hashlib.sha256(b"three").hexdigest(), lambda: b"changed meanwhile")

    trees.sweep({names[b"one"]}, before=0)
    assert [trees.read_source(name) for name in names.values()] == [b"one", b"two"]
    trees.sweep({names[b"one"]}, before=float("inf"))
    assert [trees.read_source(name) for name in names.values()] == [b"one", None]
    assert trees.read_source(hashlib.sha256(b"three").hexdigest()) is None
    assert trees.read_source("") is None
