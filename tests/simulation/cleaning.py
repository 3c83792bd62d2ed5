"""Old runs are cleaned at random moments; only what nothing needs may go."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import select

from tests.simulation.holding import hold
from tradewind.core.states import TERMINAL_RUN
from tradewind.scheduler.engine import Engine
from tradewind.store import retention
from tradewind.store.database import Tx
from tradewind.store.retention import Wish
from tradewind.store.tables import run

if TYPE_CHECKING:
    from tests.simulation.shadow import Run, Shadow

_MOST = 8


class Cleaner:
    """Chooses runs in one transaction and removes them in a later one, as cleaning does."""

    def __init__(self) -> None:
        self.removed: set[int] = set()
        """What cleaning removed in this transaction; a person may delete other runs in it."""

    def start(
        self,
        rng: Random,
        now: datetime,
        submit: Callable[[str, Callable[[Engine, Tx, datetime], object]], None],
        after: Callable[[int, Callable[[], None]], None],
    ) -> None:
        """Choose what is old now, and remove it after a while."""
        wish = Wish(before=now - timedelta(seconds=rng.choice((0, 0, 60))))
        limit, pause = rng.randint(1, _MOST), rng.choice((0, 200, 5_000))
        chosen: list[int] = []

        def choose(_engine: Engine, tx: Tx, _now: datetime) -> None:
            found, _ = retention.read_removable(tx, wish, 0, limit)
            chosen[:] = [one.pk for one in found]

        def remove(engine: Engine, tx: Tx, _now: datetime) -> None:
            if chosen:
                engine.remove_old_runs(tx, wish, chosen, None)
                left = tx.execute(select(run.c.id).where(run.c.id.in_(chosen))).scalars()
                self.removed = set(chosen).difference(left)

        submit("choose_old_runs", choose)
        after(pause, lambda: submit("remove_old_runs", remove))


def check_removed(shadow: "Shadow", gone: "Run") -> None:
    """Hold that a run that is removed for its age was needed by nothing."""
    name = f"{gone.dag_id}/{gone.run_id}"
    hold("RET", gone.state in TERMINAL_RUN, f"{name} is removed while it is {gone.state}")
    live = [ti.key for ti in gone.tis.values() if ti.live]
    hold("RET", not live, f"{name} is removed while {live} live")
    others = [one for one in shadow.runs.values() if one.dag_id == gone.dag_id and one is not gone]
    later = [one for one in others if (one.run_after, one.pk) > (gone.run_after, gone.pk)]
    hold("RET", bool(later), f"{name} is removed, the latest of its Dag")
    if gone.run_type != "manual":
        automated = any(one.run_type != "manual" for one in later)
        hold("RET", automated, f"{name} is removed, the latest not made by hand")
    if gone.state == "success":
        hold("RET", any(r.state == "success" for r in later), f"{name} was the latest success")
    if gone.backfill_id is not None:
        _, _, done = shadow.backfills[gone.backfill_id]
        hold("RET", done, f"{name} is removed while its backfill goes on")
    for one in others:
        if one.state not in TERMINAL_RUN:
            needed = shadow.run_before(one) is gone
            hold("RET", not needed, f"{name} is removed, and {one.run_id} comes after it")
