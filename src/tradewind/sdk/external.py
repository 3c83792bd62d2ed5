"""How runs, task groups and tasks of other Dags stand, as far as somebody waits for them."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tradewind.errors import TradewindError
from tradewind.protocol.questions import GetStates, ListRuns, RunView
from tradewind.sdk.host import ask

_NOT_THERE = frozenset({"dag-not-found", "task-group-not-found"})
"""Refusals that mean "not yet": the Dag may be written, or its run made, while one waits."""


class Awaited(NamedTuple):
    """What is waited for: runs, or in each of these runs some tasks or a group."""

    dag_id: str
    task_ids: tuple[str, ...] = ()
    group_id: str | None = None
    logical_dates: tuple[datetime, ...] | None = None
    run_ids: tuple[str, ...] | None = None

    def __str__(self) -> str:
        if self.task_ids:
            names = ", ".join(f"'{name}'" for name in self.task_ids)
            return f"tasks {names} of Dag '{self.dag_id}'"
        if self.group_id:
            return f"task group '{self.group_id}' of Dag '{self.dag_id}'"
        return f"Dag '{self.dag_id}'"


class States(NamedTuple):
    """Which states mean what; all others mean "not yet"."""

    allowed: tuple[str, ...]
    failed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def look(what: Awaited, states: States) -> str | None:
    """Answer ``failed``, ``skipped`` or ``success``; None for not yet.

    One thing that failed, or was skipped, tells; success needs all: each run, and in it each task
    with all instances it was mapped to.
    """
    found = [_of_runs(what)] if not (what.task_ids or what.group_id) else _of_instances(what)
    seen = {state for states_of_one in found for state in states_of_one}
    if seen & set(states.failed):
        return "failed"
    if seen & set(states.skipped):
        return "skipped"
    wanted = what.run_ids if what.run_ids is not None else what.logical_dates or ()
    complete = _counts(what, found) >= len(wanted)
    return "success" if complete and seen and seen <= set(states.allowed) else None


def _counts(what: Awaited, found: Sequence[Sequence[str | None]]) -> int:
    return len(found) if what.task_ids or what.group_id else len(found[0])


def _of_runs(what: Awaited) -> list[str | None]:
    question = ListRuns(
        dag_ids=(what.dag_id,), logical_dates=what.logical_dates, run_ids=what.run_ids
    )
    runs: list[RunView] = ask(question)
    return [run.state for run in runs]


def _of_instances(what: Awaited) -> list[list[str | None]]:
    """Answer the states in each run; a run where a task has none yet is left out."""
    question = GetStates(
        dag_id=what.dag_id,
        task_ids=what.task_ids or None,
        task_group_id=what.group_id,
        logical_dates=what.logical_dates,
        run_ids=what.run_ids,
    )
    try:
        by_run: Mapping[str, Mapping[str, Any]] = ask(question)
    except TradewindError as error:
        if error.code in _NOT_THERE:
            return []
        raise
    return [list(states.values()) for states in by_run.values() if _has_all(what, states)]


def _has_all(what: Awaited, states: Mapping[str, Any]) -> bool:
    if not what.task_ids:
        return bool(states)
    return all(
        name in states or any(re.fullmatch(re.escape(name) + r"_\d+", one) for one in states)
        for name in what.task_ids
    )
