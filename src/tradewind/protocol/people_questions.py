"""What triggers ask about answers of people."""

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from tradewind.protocol.questions import Question


class AnswerView(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered to a question of a task."""

    chosen_options: list[str]
    params_input: dict[str, Any] = {}
    responded_at: datetime
    responded_by: str | None = None
    """Who answered; None where the defaults were taken, or nobody said who it was."""
    timedout: bool = False


class _OfInstance(Question, frozen=True, kw_only=True):
    ANSWER: ClassVar[Any] = AnswerView | None
    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1


class GetAnswer(_OfInstance, frozen=True, kw_only=True, tag="human.answer"):
    """The answer to the last question of a task instance; None as long as there is none."""


class TakeDefaults(_OfInstance, frozen=True, kw_only=True, tag="human.default"):
    """Answer the last question of a task instance by its defaults, as its time is over.

    What a person answered before stands. None where there are no defaults: the question is closed.
    """
