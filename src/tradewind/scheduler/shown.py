"""Keeping what tries leave for people to look at, for as many runs as people look at."""

from collections.abc import Sequence

from tradewind.protocol.reports import Finish
from tradewind.scheduler.runs import Runs
from tradewind.store.attempts import Attempt
from tradewind.store.database import Tx
from tradewind.store.rendered import Rendered, apply_rendered, forget_rendered


class Shown:
    """Writes template fields and links, and forgets those of old runs once for each new run."""

    def __init__(self, runs: Runs) -> None:
        """Bind the live runs."""
        self._runs = runs
        self._latest: dict[str, int] = {}

    def keep(self, tx: Tx, finishes: Sequence[tuple[Attempt, Finish]]) -> None:
        """Write what these ends of legs left, if anything."""
        found = [
            Rendered(
                ti_id=one.ti_id,
                try_number=one.try_number,
                dag_id=self._runs.load(tx, one.run_pk).rows[one.task_id, one.map_path].dag_id,
                run_pk=one.run_pk,
                fields=finish.rendered,
                links=finish.links,
            )
            for one, finish in finishes
            if finish.rendered or finish.links
        ]
        if found:
            again = [one.ti_id for one, _ in finishes if one.leg > 1]
            apply_rendered(tx, found, again)
            for dag_id, run_pk in {one.dag_id: one.run_pk for one in found}.items():
                if self._latest.get(dag_id, 0) < run_pk:
                    self._latest[dag_id] = run_pk
                    forget_rendered(tx, dag_id)
