"""Choosing one of several ways: operators whose answer names the tasks to go on with."""

from collections.abc import Iterable, Iterator
from typing import Any

from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operator import BaseOperator
from tradewind.sdk.skipping import SkipMixin

Branches = str | Iterable[str] | None


class BranchMixIn(SkipMixin):
    """For operators that choose a way: call ``do_branch`` with the choice from ``execute``."""

    def do_branch(self, context: Any, branches_to_execute: Branches) -> Branches:
        """Follow these tasks or task groups, skip what else is right below; answer the choice.

        Args:
            context: The context of the task that runs.
            branches_to_execute: A task id, a task group's id, several of them, or None for none.

        Raises:
            AirflowException: There is no task or group of such an id.
        """
        self.log.info("Going on with %s", branches_to_execute or "nothing")
        ti = context["ti"]
        chosen = branches_to_execute
        if chosen is not None:
            chosen = list(_with_roots(ti.task, chosen))
        self.skip_all_except(ti, chosen)
        return branches_to_execute


class BaseBranchOperator(BaseOperator, BranchMixIn):
    """The root of operators that choose a way; a subclass implements ``choose_branch``.

    Example:
        >>> from tradewind import DAG, BaseBranchOperator, EmptyOperator
        >>> class Weekday(BaseBranchOperator):
        ...     def choose_branch(self, context):
        ...         return "rest" if context["logical_date"].weekday() > 4 else "work"
        >>> with DAG("week") as dag:
        ...     _ = Weekday(task_id="which") >> [
        ...         EmptyOperator(task_id="work"),
        ...         EmptyOperator(task_id="rest"),
        ...     ]
        >>> dag.get_task("which").inherits_from_skipmixin
        True
    """

    ui_color = "#ffe9b0"

    def choose_branch(self, context: Any) -> Branches:
        """Answer the id of the task or task group to go on with, several, or None for none.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement choose_branch()")

    def execute(self, context: Any) -> Any:
        """Choose, and skip the other ways."""
        return self.do_branch(context, self.choose_branch(context))


def _with_roots(task: Any, chosen: Any) -> Iterator[Any]:
    """Yield the ids, that of a group replaced by those of its first tasks."""
    if not isinstance(chosen, str) and not isinstance(chosen, Iterable):
        raise AirflowException(
            f"Task '{task.task_id}' must choose a task id, several, or None; it chose "
            f"{type(chosen).__name__} ({chosen!r})"
        )
    groups = task.dag.task_group_dict
    for name in [chosen] if isinstance(chosen, str) else chosen:
        is_group = isinstance(name, str) and name in groups and not task.dag.has_task(name)
        if is_group:
            yield from (root.task_id for root in groups[name].get_roots())
        else:
            yield name
