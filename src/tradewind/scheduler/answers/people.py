"""Questions about answers of people."""

from datetime import datetime

from tradewind.protocol.leaving import TIMED_OUT
from tradewind.protocol.people_questions import AnswerView, GetAnswer, TakeDefaults
from tradewind.scheduler.answers.asker import Asker, Handlers
from tradewind.store.database import Tx
from tradewind.store.human_inputs import HumanInput, InputFilter, close_input, list_inputs


def read_answer(tx: Tx, question: GetAnswer, asker: Asker, now: datetime) -> AnswerView | None:
    """Answer what a person answered, or None."""
    return _view(_last(tx, question))


def take_defaults(tx: Tx, question: TakeDefaults, asker: Asker, now: datetime) -> AnswerView | None:
    """Close a question by its defaults, unless somebody has answered it."""
    asked = _last(tx, question)
    if asked is not None and asked.closed_at is None:
        close_input(tx, asked.id, now, chosen=asked.defaults, failure=TIMED_OUT)
    return _view(_last(tx, question))


def _last(tx: Tx, question: GetAnswer | TakeDefaults) -> HumanInput | None:
    wanted = InputFilter(
        dag_id=question.dag_id,
        run_id=question.run_id,
        task_id=question.task_id,
        map_index=question.map_index,
    )
    found, _ = list_inputs(tx, wanted, limit=1)
    return found[0] if found else None


def _view(asked: HumanInput | None) -> AnswerView | None:
    if asked is None or asked.closed_at is None or asked.chosen_options is None:
        return None
    return AnswerView(
        chosen_options=asked.chosen_options,
        params_input=asked.params_input or {},
        responded_at=asked.closed_at,
        responded_by=asked.responded_by,
        timedout=asked.failure == TIMED_OUT,
    )


HANDLERS: Handlers = {GetAnswer: read_answer, TakeDefaults: take_defaults}
