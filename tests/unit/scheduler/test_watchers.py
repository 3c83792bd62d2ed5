"""Watchers of assets: who runs them, and what becomes of what they say."""

from datetime import timedelta

import pytest

from tests.unit.scheduler.place import NOW, a_dag, empty
from tests.unit.scheduler.test_assets import on
from tradewind.core.spec import AssetSpec, WatcherSpec
from tradewind.protocol.triggers import Fired
from tradewind.sdk.assets import Asset
from tradewind.store import asset_watchers, assets
from tradewind.store.assets import EventFilter

LANDED = WatcherSpec(name="landed", classpath="x.Landed", kwargs='{"path": "/in"}')


def watched(dag_id, *names, watchers=(LANDED,)):
    found = tuple(AssetSpec(name=name, uri=name, watchers=watchers) for name in names)
    return a_dag(dag_id, empty(inlets=found))


class Hosting:
    """A worker that runs watchers."""

    def __init__(self, place):
        self.place = place
        self.worker = place.worker()
        self.held = {}

    def ask(self, *fired):
        """Say what fired, and that the rest is held; answer what is new."""
        for one in fired:
            self.held.pop(one.trigger_id, None)
        said = tuple(fired)
        answer = self.worker.exchange(
            trigger_room=5, triggers_held=(*self.held, *(f.trigger_id for f in said)), fired=said
        )
        self.held |= {order.trigger_id: order for order in answer.triggers}
        return answer

    def events(self):
        found, _ = self.place.read(lambda tx: assets.read_events(tx, EventFilter()))
        return [(one.name, one.extra) for one in found]


@pytest.fixture
def hosting(place):
    return Hosting(place)


def says(order, payload=b'"here"'):
    return Fired(trigger_id=order.trigger_id, epoch=order.epoch, event=payload)


def test_a_watcher_runs_once_for_all_its_assets_and_starts_their_consumers(hosting):
    hosting.place.save(watched("d", "a", "b"), watched("e", "b"), on("follows", Asset("b")))
    [order] = hosting.ask().triggers
    assert (order.classpath, order.kwargs) == ("x.Landed", b'{"path": "/in"}')
    assert order.is_watcher
    assert hosting.ask().triggers == ()

    answer = hosting.ask(says(order))
    assert answer.fired_recorded == ((order.trigger_id, order.epoch),)
    extra = {"from_trigger": True, "payload": "here"}
    assert hosting.events() == [("a", extra), ("b", extra)]
    assert len(hosting.place.runs("follows")) == 1
    [again] = answer.triggers
    assert (again.trigger_id, again.epoch) == (order.trigger_id, order.epoch + 1)
    assert again.pause_seconds == 1


def test_what_is_said_again_counts_once(hosting):
    hosting.place.save(watched("d", "a"))
    [order] = hosting.ask().triggers
    hosting.ask(says(order))
    hosting.ask(says(order))
    assert len(hosting.events()) == 1


def test_one_that_fails_is_tried_again_after_a_pause_that_grows(hosting):
    hosting.place.save(watched("d", "a"))
    [order] = hosting.ask().triggers
    pauses = []
    for _ in range(3):
        failed = Fired(trigger_id=order.trigger_id, epoch=order.epoch, error="no such queue")
        [order] = hosting.ask(failed).triggers
        pauses.append(order.pause_seconds)
    assert pauses == [5, 10, 20]
    assert hosting.events() == []
    [row] = hosting.place.read(lambda tx: asset_watchers.read_watchers(tx, [1])).values()
    assert row.error == "no such queue"


def test_a_watcher_moves_when_its_worker_dies(hosting):
    hosting.place.save(watched("d", "a"))
    [order] = hosting.ask().triggers
    hosting.place.restart()
    hosting.place.tick(seconds=120)
    other = Hosting(hosting.place)
    [moved] = other.ask().triggers
    assert (moved.trigger_id, moved.epoch) == (order.trigger_id, order.epoch + 1)
    assert hosting.place.now == NOW + timedelta(seconds=120)


def test_a_watcher_that_nobody_needs_is_ended(hosting):
    hosting.place.save(watched("d", "a"), watched("e", "a"))
    [order] = hosting.ask().triggers
    hosting.place.save(watched("d", "a", watchers=()))
    assert hosting.ask().trigger_cancels == ()
    hosting.place.save(watched("e", "a", watchers=()))
    [cancel] = hosting.ask().trigger_cancels
    assert (cancel.trigger_id, cancel.is_kill) == (order.trigger_id, False)
