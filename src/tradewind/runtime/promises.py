"""What a Dag promises its watchers, as data: who is told of which end, and what is due when."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from tradewind.core import deadlines as core
from tradewind.core.callbacks import LISTEN
from tradewind.core.deadlines import DeadlineSpec
from tradewind.runtime import listening
from tradewind.sdk.dags import DAG
from tradewind.sdk.deadlines import DeadlineAlert, VariableInterval
from tradewind.sdk.exceptions import UnsupportedArgument

_OF_TASKS = (core.Scheduled, core.Started)


def dag_events(dag: DAG) -> tuple[str, ...]:
    """Answer what of its runs a Dag's callbacks, or listeners (``listen_...``), are told of."""
    heard = (f"{LISTEN}{event}" for event in listening.run_events())
    return (*_events(dag, ("failure", "success")), *heard)


def task_events(task: Any) -> tuple[str, ...]:
    """Answer the ends of its tries that somebody is told of, by a callback or by e-mail."""
    mailed = [event for event in ("failure", "retry") if is_mailed(task, event)]
    return tuple(sorted({*_events(task, ("failure", "retry", "success")), *mailed}))


def is_mailed(task: Any, event: str) -> bool:
    """Tell whether somebody gets an e-mail when a try ends like that."""
    return bool(task.email) and bool(getattr(task, f"email_on_{event}", False))


def deadline_specs(
    alerts: Iterable[DeadlineAlert], *, of_task: bool = False
) -> tuple[DeadlineSpec, ...]:
    """Answer deadlines as data.

    Raises:
        UnsupportedArgument: One of a Dag counts from a moment that only tasks have.
    """
    specs = []
    for alert in alerts:
        reference = alert.reference.to_core()
        if not of_task and isinstance(reference, _OF_TASKS):
            raise UnsupportedArgument(
                f"A deadline of a Dag cannot count from {core.describe(reference)}: only tasks and "
                "task groups have that moment. Use DeadlineReference.DAGRUN_QUEUED_AT, or put the "
                "deadline on a task."
            )
        interval = alert.interval
        specs.append(
            DeadlineSpec(
                reference=reference,
                interval_seconds=_seconds(interval),
                interval_variable=interval.key if isinstance(interval, VariableInterval) else "",
                name=alert.name or "",
                fails_run=alert.fails_run,
                has_callback=bool(alert.callbacks),
            )
        )
    return tuple(specs)


def _events(owner: Any, events: Iterable[str]) -> tuple[str, ...]:
    return tuple(event for event in events if getattr(owner, f"on_{event}_callback"))


def _seconds(interval: timedelta | VariableInterval) -> float:
    return 0.0 if isinstance(interval, VariableInterval) else interval.total_seconds()
