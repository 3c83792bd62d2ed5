"""What user code may ask of its host, as values: one struct a question, tagged ``noun.verb``.

A question travels as its tag and its fields. Each says in ``ANSWER`` what its answer is; the
server's handler (``scheduler.answers``) returns exactly that, and so does a local run's.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

import msgspec

BUILTIN_TYPES = (bytes, datetime)
"""What msgpack carries as it is."""


class Question(msgspec.Struct, frozen=True, kw_only=True, tag_field="verb"):
    """One question. A subclass gives ``tag="noun.verb"`` and ``ANSWER``."""

    ANSWER: ClassVar[Any] = None
    """The type of the answer, as ``msgspec.convert`` takes it."""

    @classmethod
    def verb(cls) -> str:
        """Answer the tag."""
        return str(cls.__struct_config__.tag)


AnyQuestion = TypeVar("AnyQuestion", bound=Question)


def fields_of(question: Question) -> dict[str, object]:
    """Answer the fields of a question as they travel beside its verb."""
    fields: dict[str, object] = msgspec.to_builtins(
        question, builtin_types=BUILTIN_TYPES, enc_hook=_plain
    )
    del fields["verb"]
    return fields


def _plain(value: Any) -> Any:
    """Answer what travels of a value that is none of msgpack's own types.

    User code asks with the dates of its context, which are of a class of their own.

    Raises:
        NotImplementedError: Nothing does.
    """
    if not isinstance(value, datetime):
        raise NotImplementedError(f"{type(value).__name__} does not travel")
    moment = value if value.tzinfo is None else value.astimezone(UTC)
    return datetime.combine(moment.date(), moment.time(), moment.tzinfo and UTC)


def question_of(kind: type[AnyQuestion], fields: dict[str, object]) -> AnyQuestion:
    """Answer the question that travelled as these fields.

    Raises:
        msgspec.ValidationError: The fields are not those of this kind of question.
    """
    return msgspec.convert({"verb": kind.verb(), **fields}, kind, builtin_types=BUILTIN_TYPES)


class InstanceView(msgspec.Struct, frozen=True, kw_only=True):
    """A task instance as another task may learn of it."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    state: str | None = None
    try_number: int = 0
    operator: str = ""
    logical_date: datetime | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None

    @property
    def duration(self) -> float | None:
        """Answer how many seconds its last try took; None where it has not ended."""
        if self.start_date is None or self.end_date is None:
            return None
        return (self.end_date - self.start_date).total_seconds()


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a task may learn of it."""

    dag_id: str
    run_id: str
    run_type: str
    state: str
    run_after: datetime
    logical_date: datetime | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    conf: dict[str, Any] = {}
    note: str | None = None
    partition_key: str | None = None
    triggered_by: str | None = None
    clear_number: int = 0


class DagView(msgspec.Struct, frozen=True, kw_only=True):
    """A Dag as a task may learn of it."""

    dag_id: str
    is_paused: bool
    is_stale: bool = False
    bundle_name: str = ""
    relative_fileloc: str = ""
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class DagParts(msgspec.Struct, frozen=True, kw_only=True):
    """What a Dag is made of, as a task may learn of it."""

    task_ids: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()


class GetDag(Question, frozen=True, kw_only=True, tag="dag.get"):
    """The Dag of this id, or None."""

    ANSWER: ClassVar[Any] = DagView | None
    dag_id: str


class GetDagParts(Question, frozen=True, kw_only=True, tag="dag.parts"):
    """The tasks and task groups of a Dag, as its newest version has them; or None."""

    ANSWER: ClassVar[Any] = DagParts | None
    dag_id: str


class GetRun(Question, frozen=True, kw_only=True, tag="run.get"):
    """The run of this id, or None."""

    ANSWER: ClassVar[Any] = RunView | None
    dag_id: str
    run_id: str


class GetPreviousRun(Question, frozen=True, kw_only=True, tag="run.previous"):
    """The latest run before a given one of its Dag, in ``state`` where one is given; or None.

    Runs with a logical date are in the order of these; one without is placed by ``run_after``.
    """

    ANSWER: ClassVar[Any] = RunView | None
    dag_id: str
    run_id: str
    state: str | None = None
    run_type: str | None = None


class _RunFilter(Question, frozen=True, kw_only=True):
    """What is None does not narrow."""

    dag_ids: tuple[str, ...] | None = None
    run_ids: tuple[str, ...] | None = None
    logical_dates: tuple[datetime, ...] | None = None
    states: tuple[str, ...] | None = None
    run_types: tuple[str, ...] | None = None


class ListRuns(_RunFilter, frozen=True, kw_only=True, tag="run.list"):
    """Runs that pass the filter, the oldest first, 1,000 at most."""

    ANSWER: ClassVar[Any] = list[RunView]


class CountRuns(_RunFilter, frozen=True, kw_only=True, tag="run.count"):
    """How many runs pass the filter."""

    ANSWER: ClassVar[Any] = int


class TriggerRun(Question, frozen=True, kw_only=True, tag="run.trigger"):
    """Make a run of a Dag; with ``reset``, let the one that is in its way start over instead.

    Refused with ``run-exists`` where the Dag has a run of that id or logical date, with
    ``run-is-running`` where that one is to start over but has not ended.
    """

    ANSWER: ClassVar[Any] = RunView
    dag_id: str
    run_id: str | None = None
    logical_date: datetime | None = None
    run_after: datetime | None = None
    conf: dict[str, Any] = {}
    note: str | None = None
    reset: bool = False


class _InstanceFilter(Question, frozen=True, kw_only=True):
    """Task instances of one Dag; what is None does not narrow. A state None is "none yet"."""

    dag_id: str
    task_ids: tuple[str, ...] | None = None
    task_group_id: str | None = None
    map_index: int | None = None
    run_ids: tuple[str, ...] | None = None
    logical_dates: tuple[datetime, ...] | None = None


class CountInstances(_InstanceFilter, frozen=True, kw_only=True, tag="ti.count"):
    """How many task instances pass the filter."""

    ANSWER: ClassVar[Any] = int
    states: tuple[str | None, ...] | None = None


class GetStates(_InstanceFilter, frozen=True, kw_only=True, tag="ti.states"):
    """By run id: states by task id, that of a mapped instance under ``task_index``."""

    ANSWER: ClassVar[Any] = dict[str, dict[str, str | None]]


class GetInstances(Question, frozen=True, kw_only=True, tag="ti.list"):
    """All task instances of a run, in the order they came to be."""

    ANSWER: ClassVar[Any] = list[InstanceView]
    dag_id: str
    run_id: str


class GetPreviousInstance(Question, frozen=True, kw_only=True, tag="ti.previous"):
    """The instance of a task in the latest earlier run that has one in ``state``; or None.

    Earlier than the run, or than the ``logical_date`` where one is given.
    """

    ANSWER: ClassVar[Any] = InstanceView | None
    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    state: str | None = None
    logical_date: datetime | None = None


FACTS: frozenset[type[Question]] = frozenset(
    {
        GetDag,
        GetRun,
        GetPreviousRun,
        ListRuns,
        CountRuns,
        GetInstances,
        CountInstances,
        GetStates,
        GetPreviousInstance,
    }
)
"""Questions that change nothing and tell no secret."""
