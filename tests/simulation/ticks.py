"""Declared ticks, held against a reference: each has one run, none is missing, none is early."""

from datetime import datetime, timedelta

from tests.simulation.holding import hold
from tests.simulation.shadow import Dag, Run, Shadow
from tradewind.core.timetables import DeltaDataInterval, RunInfo
from tradewind.store.columns import from_micros


class Ticks:
    """What the planner has declared, and has still to declare (I4, I9)."""

    def __init__(self, shadow: Shadow) -> None:
        self._shadow = shadow

    def check_declared(self, dag_id: str, before: RunInfo | None, now: datetime) -> None:
        dag = self._shadow.dags[dag_id]
        last = dag.last
        hold("I4", last is not None, f"{dag_id} forgot its last tick")
        assert last is not None
        assert dag.spec is not None
        hold("I4", last.run_after <= now, f"{dag_id} declared {last.run_after} before its time")
        hold("I4", self._has_run(dag_id, last), f"{dag_id} declared {last.logical_date}, no run")
        period = dag.period
        if period is None:
            return
        if dag.rebased and isinstance(dag.spec.timetable, DeltaDataInterval):
            # The steps of a delta go on from where the last run ended, whatever made that one.
            dag.anchor = (last.logical_date - from_micros(0)) % period
        on_grid = _floor(last.run_after, dag) == last.run_after
        due = last.logical_date + (period if dag.interval else timedelta())
        hold("I4", on_grid and due == last.run_after, f"{dag_id}: {last} is no tick")
        if not dag.spec.catchup:
            latest = _floor(now, dag)
            hold("I4", last.run_after == latest, f"{dag_id} declared {last.run_after} at {now}")
        elif before is not None and not dag.rebased:
            self._check_no_gap(dag_id, before, last, period)
        elif dag.rebased and before is None and dag.spec.start_date is not None:
            tick = dag.spec.start_date + (period if dag.interval else timedelta())
            while tick <= last.run_after:
                date = tick - (period if dag.interval else timedelta())
                hold("I4", (dag_id, date) in self._shadow.dates, f"{dag_id} has no run of {date}")
                tick += period
        dag.rebased = False

    def _check_no_gap(self, dag_id: str, before: RunInfo, last: RunInfo, period: timedelta) -> None:
        date = before.logical_date + period
        hold("I4", date <= last.logical_date, f"{dag_id} declared {last.logical_date} twice")
        while date <= last.logical_date:
            there = (dag_id, date) in self._shadow.dates
            hold("I4", there, f"{dag_id} has no run of its tick {date}")
            date += period

    def _has_run(self, dag_id: str, info: RunInfo) -> bool:
        return (dag_id, info.logical_date) in self._shadow.dates

    def check_new_run(self, run: Run, *, declared: bool) -> None:
        if run.run_type != "scheduled":
            return
        dag = self._shadow.dags[run.dag_id]
        hold("I4", declared, f"{run.run_id} of {run.dag_id} was made without a tick")
        if dag.period is None or run.logical_date is None:
            return
        grid = _floor(run.logical_date, dag) == run.logical_date
        hold("I4", grid, f"{run.run_id} is not on the grid")
        if dag.last is not None and dag.spec is not None and not dag.spec.catchup:
            only = run.logical_date == dag.last.logical_date
            hold("I4", only, f"{run.run_id} was made beside {dag.last.logical_date}")

    def check_planned(self, dag_id: str, dag: Dag, now: datetime, due: datetime) -> None:
        if not dag.planned:
            return
        if dag.next_due_at is not None:
            said = f"{dag_id} is due at {dag.next_due_at}, the next look is at {due}"
            hold("I9", due <= max(dag.next_due_at, now), said)
        if dag.period is None or dag.spec is None or dag.spec.start_date is None:
            return
        if dag.rebased and dag.last is not None:
            return
        latest = _floor(now, dag)
        after = latest + dag.period
        first = dag.spec.start_date + (dag.period if dag.interval else timedelta())
        if latest < first or (dag.last is not None and dag.last.run_after >= latest):
            if dag.last is not None:
                after = max(after, dag.last.run_after + dag.period)
            right = due <= max(after, first) or not self._has_room(dag_id, dag)
            hold("I9", right, f"{dag_id} ticks at {after}, next look {due}")
        elif self._has_room(dag_id, dag):
            hold("I4", due <= now, f"{dag_id} has room, and its tick {latest} was not declared")

    def _has_room(self, dag_id: str, dag: Dag) -> bool:
        return self._shadow.active_runs(dag_id) < self._shadow.runs_limit(dag)


def _floor(moment: datetime, dag: Dag) -> datetime:
    """Answer the last tick at or before a moment."""
    assert dag.period is not None
    return moment - (moment - dag.anchor - from_micros(0)) % dag.period
