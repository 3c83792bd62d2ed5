"""Arguments that existing Dag files still pass: what they mean now, or that they mean nothing.

Accepted, because files that pass them run elsewhere; each leaves a Dag warning that says what to
write instead.
"""

from collections.abc import Mapping
from typing import Any

from tradewind.errors import did_you_mean

DAG_RENAMED: Mapping[str, str] = {
    "schedule_interval": "schedule",
    "timetable": "schedule",
    "concurrency": "max_active_tasks",
    "fail_stop": "fail_fast",
}
"""Argument of DAG: the one that took its place."""

DAG_IGNORED: Mapping[str, str] = {
    "sla_miss_callback": "service level agreements of tasks are gone",
    "default_view": "the UI opens every Dag the same way",
    "orientation": "the graph can be turned in the UI",
    "full_filepath": "the file is known",
}
"""Argument of DAG: why it has no effect any more."""

TASK_RENAMED: Mapping[str, str] = {"task_concurrency": "max_active_tis_per_dag"}
"""Argument of an operator: the one that took its place."""

TASK_IGNORED: Mapping[str, str] = {
    "sla": "service level agreements of tasks are gone",
    "provide_context": "the context is always provided",
    "do_not_use_xcom": "use do_xcom_push",
    "adhoc": "tasks are always part of their Dag's runs",
}
"""Argument of an operator: why it has no effect any more."""


def take_removed(
    given: dict[str, Any], renamed: Mapping[str, str], ignored: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Take the known old arguments out of ``given``; answer the new ones and the warnings.

    Example:
        >>> take_removed({"concurrency": 2}, DAG_RENAMED, DAG_IGNORED)
        ({'max_active_tasks': 2}, ["'concurrency' is now called 'max_active_tasks'"])
    """
    new: dict[str, Any] = {}
    notes: list[str] = []
    for old, name in renamed.items():
        if old in given:
            new[name] = given.pop(old)
            notes.append(f"'{old}' is now called '{name}'")
    for old, reason in ignored.items():
        if old in given:
            given.pop(old)
            notes.append(f"'{old}' has no effect: {reason}")
    return new, notes


def refuse_unknown(what: str, given: Mapping[str, Any], known: set[str]) -> None:
    """Refuse arguments that nobody knows.

    Raises:
        TypeError: There are some; the message names the nearest known one.
    """
    for name in given:
        raise TypeError(f"{what} has no argument '{name}'. {did_you_mean(name, known)}".rstrip())
