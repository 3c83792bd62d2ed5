"""Choosing what is skipped: how a task tells that tasks below it are not to run.

The choice is part of how the task ended: it is recorded with its success, and holds for tasks
below that are looked at later, or again after a clear.
"""

from collections.abc import Collection, Iterable
from typing import Any

from tradewind.errors import did_you_mean
from tradewind.sdk.edges import DependencyMixin, flatten_links
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.log import LoggingMixin

XCOM_SKIPMIXIN_KEY = "skipmixin_key"
XCOM_SKIPMIXIN_SKIPPED = "skipped"
XCOM_SKIPMIXIN_FOLLOWED = "followed"


class SkipMixin(LoggingMixin):
    """For operators that skip tasks below them; both methods are called from ``execute``."""

    def skip(self, ti: Any, tasks: Iterable[Any]) -> None:
        """Skip these tasks once this one has succeeded.

        Args:
            ti: The task instance that runs, ``context["ti"]``.
            tasks: Tasks, groups or task ids below it.
        """
        names = list(dict.fromkeys(_task_ids(tasks)))
        if not names:
            return
        ti.xcom_push(key=XCOM_SKIPMIXIN_KEY, value={XCOM_SKIPMIXIN_SKIPPED: names})
        _choose(self, ti, names)

    def skip_all_except(self, ti: Any, branch_task_ids: str | Iterable[str] | None) -> None:
        """Skip the tasks right below this one, but those chosen and those that come after them.

        A teardown is never skipped: what was set up is cleaned up whichever way is taken.

        Args:
            ti: The task instance that runs, ``context["ti"]``.
            branch_task_ids: Ids of the tasks to follow; None follows none.

        Raises:
            AirflowException: An id is no string, or the Dag has no such task.
        """
        task = ti.task
        followed = _checked_ids(task, branch_task_ids)
        ti.xcom_push(key=XCOM_SKIPMIXIN_KEY, value={XCOM_SKIPMIXIN_FOLLOWED: followed})
        kept = set(followed)
        for name in followed:
            kept |= task.dag.get_task(name).get_flat_relative_ids(upstream=False)
        below = (one for one in task.downstream_list if not one.is_teardown)
        _choose(self, ti, [one.task_id for one in below if one.task_id not in kept])


def _choose(mixin: SkipMixin, ti: Any, names: Collection[str]) -> None:
    mixin.log.info("Skipping %s", ", ".join(sorted(names)) or "nothing")
    ti.choose_skips(names)


def _task_ids(tasks: Iterable[Any]) -> Iterable[str]:
    for one in tasks:
        if isinstance(one, str):
            yield one
        elif isinstance(one, tuple) and one and isinstance(one[0], str):
            yield one[0]
        elif hasattr(one, "iter_tasks"):
            yield from (task.task_id for task in one.iter_tasks())
        elif isinstance(one, DependencyMixin):
            yield from (task.task_id for link in flatten_links(one) for task in link.roots)  # type: ignore[attr-defined]


def _checked_ids(task: Any, chosen: str | Iterable[str] | None) -> list[str]:
    if chosen is None:
        return []
    if not isinstance(chosen, str) and not isinstance(chosen, Iterable):
        raise AirflowException(
            f"Task '{task.task_id}' must choose a task id, several, or None; it chose "
            f"{type(chosen).__name__} ({chosen!r})"
        )
    names = [chosen] if isinstance(chosen, str) else list(dict.fromkeys(chosen))
    for name in names:
        if not isinstance(name, str):
            raise AirflowException(
                f"Task '{task.task_id}' must choose task ids, which are strings; it chose "
                f"{type(name).__name__} ({name!r})"
            )
        if not task.dag.has_task(name):
            near = did_you_mean(name, task.downstream_task_ids or task.dag.task_dict)
            raise AirflowException(
                f"Task '{task.task_id}' chose '{name}', which is no task of Dag "
                f"'{task.dag_id}'. {near}".rstrip()
            )
    return names


def short_circuit(mixin: SkipMixin, context: Any, *, ignore_rules: bool) -> None:
    """Skip what comes after the running task: all of it, or with the rules heeded what is next.

    Teardowns are left to run.
    """
    task = context["ti"].task
    below = task.get_flat_relatives() if ignore_rules else task.get_direct_relatives()
    mixin.skip(context["ti"], [one for one in below if not one.is_teardown])
