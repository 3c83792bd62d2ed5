"""What a task instance pushes and pulls."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tradewind.core.mapping import path_order
from tradewind.protocol.data_questions import XComsWithin
from tradewind.protocol.ports import TaskPort
from tradewind.sdk.calling import aside
from tradewind.sdk.references import XCOM_RETURN_KEY
from tradewind.sdk.sentinels import NOTSET, is_arg_set
from tradewind.sdk.serde import length_of
from tradewind.sdk.xcom import backend, find_xcoms


class LazyXComSequence(Sequence[Any]):
    """What the instances of a mapped task pushed, in the order of their map index."""

    __lazy_sequence__ = True

    def __init__(self, raw: list[tuple[int, bytes]]) -> None:
        self._raw = raw
        self._read = backend().from_bytes

    def __len__(self) -> int:
        return len(self._raw)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._read(value) for _, value in self._raw[index]]
        return self._read(self._raw[index][1])

    def __iter__(self) -> Iterator[Any]:
        return (self._read(value) for _, value in self._raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"LazyXComSequence({len(self)} items)"


class XComAccess:
    """Pushing and pulling, for the task instance that runs."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    map_path: str
    task: Any
    _port: TaskPort

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value under a key of this task instance, for other tasks to pull.

        Raises:
            AirflowException: The value cannot be kept; the message says what in it.
        """
        self._port.push_xcom(key, self.kept(key, value), length_of(value))

    async def axcom_push(self, key: str, value: Any) -> None:
        """Do as ``xcom_push``, and let other coroutines run meanwhile."""
        await aside(self.xcom_push, key, value)

    def kept(self, key: str, value: Any) -> bytes:
        """Answer what is kept of a value that this task instance pushes.

        Raises:
            AirflowException: The value cannot be kept.
        """
        return backend().to_bytes(
            value,
            key=key,
            dag_id=self.dag_id,
            task_id=self.task_id,
            run_id=self.run_id,
            map_index=self.map_index,
        )

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str = XCOM_RETURN_KEY,
        include_prior_dates: bool = False,
        session: Any = None,
        *,
        map_indexes: Any = NOTSET,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """Answer what a task pushed; for several task ids, a list; for a mapped task, a sequence.

        Without ``task_ids`` it is this task's own.

        Args:
            task_ids: The task, or several.
            dag_id: Its Dag; this one if it is not given.
            key: The key it pushed under.
            include_prior_dates: Where this run has none, answer that of the newest run before it.
            session: Has no meaning here; older Dag files pass it.
            map_indexes: Of a mapped task, this instance, or these (a list, a range).
            default: What to answer where nothing was pushed.
            run_id: Its run; this one if it is not given.
        """
        pull = _Pull(self, dag_id or self.dag_id, run_id or self.run_id, include_prior_dates)
        if task_ids is None:
            index = map_indexes if is_arg_set(map_indexes) else self.map_index
            return pull.one(self.task_id, key, index, default)
        if isinstance(task_ids, str):
            return pull.one(task_ids, key, map_indexes, default)
        return [pull.one(name, key, map_indexes, default) for name in task_ids]

    def pull_within(self, task_id: str, key: str, path: str, *, is_one: bool) -> Any:
        """Answer what instances of a task in mapped groups pushed, those at or below a path.

        One value where ``is_one``, else a sequence in the order of the paths; NOTSET where there
        is nothing.
        """
        question = XComsWithin(
            dag_id=self.dag_id, run_id=self.run_id, task_id=task_id, key=key, map_path=path
        )
        found = sorted(self._port.ask(question), key=lambda one: path_order(one[0]))
        if is_one:
            return backend().from_bytes(found[0][1], key) if found else NOTSET
        return LazyXComSequence([(place, raw) for place, (_, raw) in enumerate(found)])

    async def axcom_pull(self, *args: Any, **kwargs: Any) -> Any:
        """Do as ``xcom_pull``, and let other coroutines run meanwhile."""
        return await aside(self.xcom_pull, *args, **kwargs)


class _Pull:
    """One reading: of which Dag and run, and whether earlier runs count."""

    def __init__(self, ti: XComAccess, dag_id: str, run_id: str, prior: bool) -> None:
        self.ti = ti
        self.where = {"dag_id": dag_id, "run_id": run_id}
        self.prior = prior

    def one(self, task_id: str, key: str, map_indexes: Any, default: Any) -> Any:
        if isinstance(map_indexes, int):
            return self._value(task_id, key, map_indexes, default)
        if isinstance(map_indexes, Iterable):
            return [self._value(task_id, key, index, default) for index in map_indexes]
        task = self._task(task_id)
        if task is not None and not _is_mapped(task):
            return self._value(task_id, key, -1, default)
        pushed = self._find(task_id, key, None)
        if len(pushed) == 1 and pushed[0][0] == -1:
            return backend().from_bytes(pushed[0][1], key)
        if not pushed and task is None:
            return default
        return LazyXComSequence(pushed)

    def _value(self, task_id: str, key: str, index: int, default: Any) -> Any:
        found = self._find(task_id, key, index)
        return backend().from_bytes(found[0][1], key) if found else default

    def _find(self, task_id: str, key: str, index: int | None) -> list[tuple[int, bytes]]:
        port = self.ti._port  # noqa: SLF001 - the two are one
        return find_xcoms(
            port, key, task_id=task_id, map_index=index, prior=self.prior, **self.where
        )

    def _task(self, task_id: str) -> Any | None:
        dag = self.ti.task.get_dag() if self.ti.task is not None else None
        if dag is None or dag.dag_id != self.where["dag_id"] or not dag.has_task(task_id):
            return None
        return dag.get_task(task_id)


def _is_mapped(task: Any) -> bool:
    """Say whether a task may have more than one instance: itself mapped, or in a mapped group."""
    if task.is_mapped:
        return True
    group = task.task_group
    while group is not None:
        if getattr(group, "map_input", None) is not None:
            return True
        group = group.parent_group
    return False
