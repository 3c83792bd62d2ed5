"""What a task is to its Dag, whether it is one operator or is mapped over many values."""

from collections.abc import Iterator, Sequence
from typing import Any

from tradewind.sdk import scope
from tradewind.sdk.edges import DependencyMixin, EdgeModifier, Links, flatten_links
from tradewind.sdk.enums import TriggerRule
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.log import LoggingMixin
from tradewind.sdk.references import XComArg, iter_references
from tradewind.sdk.sentinels import NOTSET, is_arg_set
from tradewind.sdk.skipping import SkipMixin
from tradewind.sdk.templating import Templater

DEFAULT_OWNER = "airflow"
DEFAULT_POOL_NAME = "default_pool"
DEFAULT_POOL_SLOTS = 1
DEFAULT_PRIORITY_WEIGHT = 1
DEFAULT_QUEUE = "default"
DEFAULT_RETRIES = 0
DEFAULT_RETRY_DELAY_SECONDS = 300
DEFAULT_TRIGGER_RULE = TriggerRule.ALL_SUCCESS


class AbstractOperator(Templater, LoggingMixin, DependencyMixin):
    """A task of a Dag: its id, its neighbours, its output."""

    task_id: str
    upstream_task_ids: set[str]
    downstream_task_ids: set[str]
    is_setup: bool
    is_teardown: bool
    on_failure_fail_dagrun: bool
    task_group: Any | None
    operator_class: Any

    _dag: Any | None = None
    is_mapped: bool = False

    @property
    def dag(self) -> Any:
        """Answer the Dag this task belongs to.

        Raises:
            RuntimeError: It belongs to none.
        """
        if self._dag is None:
            raise RuntimeError(f"Task '{self.task_id}' has not been assigned to a Dag yet")
        return self._dag

    @dag.setter
    def dag(self, dag: Any | None) -> None:
        if dag is None or self._dag is dag:
            self._dag = dag
            return
        if self._dag is not None:
            raise AirflowException(
                f"Task '{self.task_id}' belongs to Dag '{self._dag.dag_id}'; it cannot move to "
                f"'{dag.dag_id}'"
            )
        dag.add_task(self)
        self._dag = dag

    def has_dag(self) -> bool:
        """Say whether this task belongs to a Dag."""
        return self._dag is not None

    def get_dag(self) -> Any | None:
        """Answer the Dag, or None."""
        return self._dag

    @property
    def dag_id(self) -> str:
        """Answer the Dag's id; a task without one gets a made-up id."""
        return self._dag.dag_id if self._dag is not None else f"adhoc_{self.task_id}"

    @property
    def node_id(self) -> str:
        """Answer the task id."""
        return self.task_id

    @property
    def label(self) -> str:
        """Answer the task id without the ids of the groups around it."""
        group = self.task_group
        prefix = group.child_id("") if group is not None else ""
        return self.task_id.removeprefix(prefix) if prefix.endswith(".") else self.task_id

    @property
    def output(self) -> XComArg:
        """Answer what this task will return, to pass to other tasks."""
        return XComArg(self)

    @property
    def roots(self) -> Sequence[DependencyMixin]:
        """Answer the task itself."""
        return [self]

    @property
    def leaves(self) -> Sequence[DependencyMixin]:
        """Answer the task itself."""
        return [self]

    def set_upstream(self, other: Links, edge_modifier: EdgeModifier | None = None) -> None:
        """Make the other side come before this task."""
        self.link(other, upstream=True, edge_modifier=edge_modifier)

    def set_downstream(self, other: Links, edge_modifier: EdgeModifier | None = None) -> None:
        """Make the other side come after this task."""
        self.link(other, upstream=False, edge_modifier=edge_modifier)

    def link(
        self,
        other: Links,
        *,
        upstream: bool,
        edge_modifier: EdgeModifier | None = None,
        tell: bool = True,
    ) -> None:
        """Draw the lines between this task and each of the other side, and tell that side."""
        for link in flatten_links(other):
            if tell:
                link.update_relative(self, upstream=not upstream, edge_modifier=edge_modifier)
            for node in link.leaves if upstream else link.roots:
                if upstream:
                    _draw(node, self, edge_modifier)
                else:
                    _draw(self, node, edge_modifier)

    def as_setup(self) -> "AbstractOperator":
        """Make this a setup: its teardown runs only if it succeeded."""
        self.is_setup = True
        return self

    def as_teardown(
        self, *, setups: Any = NOTSET, on_failure_fail_dagrun: bool = False
    ) -> "AbstractOperator":
        """Make this a teardown: it runs once all before it are done, if its setups succeeded.

        Its failure does not fail the run unless ``on_failure_fail_dagrun``.
        """
        self.is_teardown = True
        self.on_failure_fail_dagrun = on_failure_fail_dagrun
        self.trigger_rule = TriggerRule.ALL_DONE_SETUP_SUCCESS
        if is_arg_set(setups):
            for setup in flatten_links(setups):
                for node in setup.roots:
                    node.as_setup()  # type: ignore[attr-defined]
                self.set_upstream(setup)
        return self

    def __enter__(self) -> Any:
        if not self.is_setup and not self.is_teardown:
            raise AirflowException(
                f"Only setup and teardown tasks can open a `with` block; '{self.task_id}' is "
                "neither. Call as_setup() or as_teardown() first."
            )
        scope.push_work()
        return self

    def __exit__(self, *exc: object) -> None:
        works = [work for work in scope.pop_work() if not (work.is_setup or work.is_teardown)]
        setups = [self] if self.is_setup else [up for up in self._near(True) if up.is_setup]
        teardowns = [self] if self.is_teardown else [d for d in self._near(False) if d.is_teardown]
        for work in works:
            work.set_upstream([task for task in setups if task is not work])
            work.set_downstream(teardowns)

    def _near(self, upstream: bool) -> list[Any]:
        return self.get_direct_relatives(upstream)

    def get_direct_relative_ids(self, upstream: bool = False) -> set[str]:
        """Answer the ids of the tasks right after this one, or right before it."""
        return self.upstream_task_ids if upstream else self.downstream_task_ids

    def get_direct_relatives(self, upstream: bool = False) -> list[Any]:
        """Answer the tasks right after this one, or right before it."""
        return [self.dag.get_task(name) for name in sorted(self.get_direct_relative_ids(upstream))]

    @property
    def upstream_list(self) -> list[Any]:
        """Answer the tasks right before this one."""
        return self.get_direct_relatives(upstream=True)

    @property
    def downstream_list(self) -> list[Any]:
        """Answer the tasks right after this one."""
        return self.get_direct_relatives(upstream=False)

    def get_flat_relative_ids(self, *, upstream: bool = False) -> set[str]:
        """Answer the ids of all tasks after this one, or before it, at any distance."""
        found: set[str] = set()
        waiting = list(self.get_direct_relative_ids(upstream))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.dag.get_task(name).get_direct_relative_ids(upstream))
        return found

    def get_flat_relatives(self, upstream: bool = False) -> list[Any]:
        """Answer all tasks after this one, or before it, at any distance."""
        names = self.get_flat_relative_ids(upstream=upstream)
        return [self.dag.get_task(name) for name in sorted(names)]

    def iter_inputs(self) -> Iterator[tuple[Any, str]]:
        """Yield (task, key) for each output that this task's template fields use."""
        for field in self.template_fields:
            yield from iter_references(getattr(self, field, None))

    @property
    def inherits_from_skipmixin(self) -> bool:
        """Say whether this task may skip tasks below it."""
        return issubclass(self._class, SkipMixin)

    @property
    def _class(self) -> type:
        return self.operator_class if self.is_mapped else type(self)

    @property
    def task_type(self) -> str:
        """Answer the name of the operator's class."""
        return type(self).__name__

    @property
    def operator_name(self) -> str:
        """Answer what people see as the kind of this task."""
        return getattr(self, "custom_operator_name", None) or self.task_type

    def __repr__(self) -> str:
        return f"<Task({self.task_type}): {self.task_id}>"


def _draw(up: Any, down: Any, edge_modifier: EdgeModifier | None) -> None:
    if up._dag is None and down._dag is not None:  # noqa: SLF001 - both are tasks
        up.dag = down.dag
    elif down._dag is None and up._dag is not None:  # noqa: SLF001 - both are tasks
        down.dag = up.dag
    elif up._dag is not down._dag:  # noqa: SLF001 - both are tasks
        raise AirflowException(
            f"Tasks '{up.task_id}' and '{down.task_id}' are in two Dags, '{up.dag_id}' and "
            f"'{down.dag_id}'; dependencies stay inside one Dag"
        )
    up.downstream_task_ids.add(down.task_id)
    down.upstream_task_ids.add(up.task_id)
    if edge_modifier is not None and up._dag is not None:  # noqa: SLF001 - both are tasks
        edge_modifier.add_edge_info(up.dag, up.task_id, down.task_id)
