"""Task groups: tasks that are named, folded and ordered together."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from tradewind.sdk import scope
from tradewind.sdk.arguments import as_span
from tradewind.sdk.deadlines import as_alerts
from tradewind.sdk.edges import DependencyMixin, EdgeModifier, Links, flatten_links
from tradewind.sdk.exceptions import AirflowException, DuplicateTaskIdFound
from tradewind.sdk.naming import check_group_key


class TaskGroup(DependencyMixin):
    """Tasks under one name; ``group >> task`` means every last task of the group comes first.

    With ``retries``, a group that failed is tried again as a whole: once all its tasks have ended
    and a last one of them failed, all of them start over after ``retry_delay``. Tasks outside see
    how its tasks ended only when no other try follows.

    Example:
        >>> from tradewind import DAG, EmptyOperator, TaskGroup
        >>> with DAG("grouped") as dag, TaskGroup("load") as load:
        ...     a = EmptyOperator(task_id="orders")
        >>> a.task_id
        'load.orders'
    """

    def __init__(
        self,
        group_id: str | None,
        prefix_group_id: bool = True,
        parent_group: "TaskGroup | None" = None,
        dag: Any | None = None,
        default_args: dict[str, Any] | None = None,
        tooltip: str = "",
        ui_color: str = "CornflowerBlue",
        ui_fgcolor: str = "#000",
        add_suffix_on_collision: bool = False,
        group_display_name: str = "",
        doc_md: str | None = None,
        deadline: Any = None,
        retries: int = 0,
        retry_delay: timedelta | float = timedelta(minutes=5),
        map_input: Any | None = None,
    ) -> None:
        self.prefix_group_id = prefix_group_id
        self.tooltip = tooltip
        self.ui_color = ui_color
        self.ui_fgcolor = ui_fgcolor
        self.group_display_name = group_display_name
        self.doc_md = doc_md
        self.deadline = as_alerts(deadline)
        self.retries = retries
        self.retry_delay = as_span("retry_delay", retry_delay)
        self.map_input = map_input
        self.children: dict[str, Any] = {}
        self._group_id = group_id
        self.dag = dag if dag is not None else self._dag_around(parent_group)
        if group_id is None:
            self.parent_group = None
            self.used_ids: set[str] = set()
            self.default_args = dict(default_args or {})
            return
        if self.dag is None:
            raise AirflowException(
                f"Task group '{group_id}' is in no Dag; open one with `with DAG`"
            )
        self.parent_group = parent_group or scope.current_group(self.dag)
        assert self.parent_group is not None  # noqa: S101 - a Dag has a root group
        self.used_ids = self.parent_group.used_ids
        self.default_args = {**self.parent_group.default_args, **(default_args or {})}
        self._take_id(check_group_key("group_id", group_id), add_suffix_on_collision)
        self.parent_group.children[self.group_id] = self

    @staticmethod
    def _dag_around(parent: "TaskGroup | None") -> Any | None:
        return parent.dag if parent is not None else scope.current_dag()

    def _take_id(self, wanted: str, add_suffix: bool) -> None:
        number = 0
        while self.group_id in self.used_ids:
            if not add_suffix:
                where = f"Dag '{self.dag.dag_id}'" if self.dag is not None else "This group"
                raise DuplicateTaskIdFound(f"{where} has a task or group '{self.group_id}' already")
            number += 1
            self._group_id = f"{wanted}__{number}"
        self.used_ids.add(self.group_id)

    @property
    def is_root(self) -> bool:
        """Say whether this is the group that a Dag itself is."""
        return self._group_id is None

    @property
    def label(self) -> str:
        """Answer the name people see."""
        return self.group_display_name or self._group_id or ""

    @property
    def group_id(self) -> str:
        """Answer the full id, with the ids of the groups around it; of the root, ''."""
        if self._group_id is None:
            return ""
        return self.parent_group.child_id(self._group_id) if self.parent_group else self._group_id

    @property
    def node_id(self) -> str:
        """Answer the full id."""
        return self.group_id

    @property
    def task_group(self) -> "TaskGroup | None":
        """Answer the group this one is in."""
        return self.parent_group

    def child_id(self, label: str) -> str:
        """Answer the id a task or group of that name gets in here."""
        prefix = self.prefix
        return f"{prefix}.{label}" if prefix else label

    @property
    def prefix(self) -> str:
        """Answer what stands before the ids of the tasks in here."""
        if self.is_root:
            return ""
        if self.prefix_group_id:
            return self.group_id
        return self.parent_group.prefix if self.parent_group else ""

    def add(self, node: Any) -> None:
        """Take in a task whose id is free.

        Raises:
            DuplicateTaskIdFound: The Dag has a task or group of that id already.
        """
        if node.node_id in self.used_ids:
            where = f"Dag '{self.dag.dag_id}'" if self.dag is not None else "This group"
            raise DuplicateTaskIdFound(f"{where} has a task or group '{node.node_id}' already")
        self.used_ids.add(node.node_id)
        self.children[node.node_id] = node

    def __enter__(self) -> "TaskGroup":
        scope.push_group(self)
        return self

    def __exit__(self, *exc: object) -> None:
        scope.pop_group()

    def __iter__(self) -> Iterator[Any]:
        return self.iter_tasks()

    def iter_tasks(self) -> Iterator[Any]:
        """Yield every task in here and in the groups below, in the order they were made."""
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                yield from child.iter_tasks()
            else:
                yield child

    def iter_groups(self) -> Iterator["TaskGroup"]:
        """Yield this group and those below."""
        yield self
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                yield from child.iter_groups()

    def has_task(self, task: Any) -> bool:
        """Say whether the task is in here or in a group below."""
        return any(own is task for own in self.iter_tasks())

    def get_child_by_label(self, label: str) -> Any:
        """Answer the task or group of that name in here.

        Raises:
            KeyError: There is none.
        """
        return self.children[self.child_id(label)]

    def get_task_group_dict(self) -> dict[str | None, "TaskGroup"]:
        """Answer this group and those below by id; the root's is None."""
        return {group.group_id or None: group for group in self.iter_groups()}

    def get_roots(self) -> Iterator[Any]:
        """Yield the tasks in here that no other in here comes before."""
        inside = {task.task_id for task in self.iter_tasks()}
        for task in self.iter_tasks():
            if not task.upstream_task_ids & inside:
                yield task

    def get_leaves(self) -> Iterator[Any]:
        """Yield the tasks in here that no other in here comes after; teardowns do not count."""
        teardowns = {task.task_id for task in self.iter_tasks() if task.is_teardown}
        inside = {task.task_id for task in self.iter_tasks()} - teardowns
        for task in self.iter_tasks():
            if task.task_id in inside and not task.downstream_task_ids & inside:
                yield task

    @property
    def roots(self) -> Sequence[DependencyMixin]:
        """Answer the tasks in here that no other in here comes before."""
        return list(self.get_roots())

    @property
    def leaves(self) -> Sequence[DependencyMixin]:
        """Answer the tasks in here that no other in here comes after."""
        return list(self.get_leaves())

    def set_upstream(self, other: Links, edge_modifier: EdgeModifier | None = None) -> None:
        """Make the other side come before every first task of the group."""
        for link in flatten_links(other):
            link.update_relative(self, upstream=False, edge_modifier=edge_modifier)
        for root in self.get_roots():
            root.link(other, upstream=True, edge_modifier=edge_modifier, tell=False)

    def set_downstream(self, other: Links, edge_modifier: EdgeModifier | None = None) -> None:
        """Make the other side come after every last task of the group."""
        for link in flatten_links(other):
            link.update_relative(self, upstream=True, edge_modifier=edge_modifier)
        for leaf in self.get_leaves():
            leaf.link(other, upstream=False, edge_modifier=edge_modifier, tell=False)

    def as_setup(self) -> "TaskGroup":
        """Make every task in here a setup."""
        for task in self.iter_tasks():
            task.as_setup()
        return self

    def as_teardown(self, **kwargs: Any) -> "TaskGroup":
        """Make every task in here a teardown."""
        for task in self.iter_tasks():
            task.as_teardown(**kwargs)
        return self

    def __repr__(self) -> str:
        return f"<TaskGroup: {self.group_id or 'root'}>"
