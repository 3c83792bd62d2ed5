"""What user code may ask of its host, as values: one struct a question, tagged ``noun.verb``.

A question travels as its tag and its fields. Each says in ``ANSWER`` what its answer is; the
server's handler (``scheduler.answers``) returns exactly that, and so does a local run's.
"""

from datetime import datetime
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
    fields: dict[str, object] = msgspec.to_builtins(question, builtin_types=BUILTIN_TYPES)
    del fields["verb"]
    return fields


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
    start_date: datetime | None = None
    end_date: datetime | None = None
    logical_date: datetime | None = None


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
    partition_key: str | None = None
    clear_number: int = 0


class GetRun(Question, frozen=True, kw_only=True, tag="run.get"):
    """The run of this id, or None."""

    ANSWER: ClassVar[Any] = RunView | None
    dag_id: str
    run_id: str


class GetPreviousRun(Question, frozen=True, kw_only=True, tag="run.previous"):
    """The run before a given one of its Dag, in ``state`` where one is given; or None.

    Runs with a logical date are in the order of these; one without is placed by ``run_after``.
    """

    ANSWER: ClassVar[Any] = RunView | None
    dag_id: str
    run_id: str
    state: str | None = None
