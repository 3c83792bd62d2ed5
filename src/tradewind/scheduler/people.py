"""What people answer to the questions of tasks."""

from datetime import datetime
from typing import Any

from tradewind.core.params import find_problem
from tradewind.errors import ConflictError, ForbiddenError, NotFoundError, RefusedError
from tradewind.scheduler.triggers import Triggers
from tradewind.scheduler.wishes import InputAnswer
from tradewind.store import human_inputs
from tradewind.store.database import Tx
from tradewind.store.human_inputs import HumanInput, InputFilter


def answer_question(tx: Tx, triggers: Triggers, wish: InputAnswer, now: datetime) -> HumanInput:
    """Write an answer and let the task go on; a question is answered once.

    Raises:
        NotFoundError: The task asks nothing.
        ConflictError: It is answered already, or nobody waits for an answer any more.
        ForbiddenError: It is for others to answer.
        RefusedError: The answer does not fit the question.
    """
    asked = find_question(tx, wish)
    if asked.closed_at is not None:
        raise ConflictError("already-answered", _why_closed(asked))
    if asked.assigned_users and wish.user_name not in asked.assigned_users:
        raise ForbiddenError(
            "not-yours-to-answer",
            f"'{asked.subject}' is for {', '.join(asked.assigned_users)} to answer, "
            f"not for {wish.user_name or 'somebody without a name'}.",
        )
    _check(asked, wish)
    values = {
        name: one.get("value") if isinstance(one, dict) else one
        for name, one in asked.params.items()
    }
    _check_filled(asked, values | wish.params_input)
    human_inputs.close_input(
        tx,
        asked.id,
        now,
        chosen=wish.chosen_options,
        params=values | wish.params_input,
        user=wish.user_name,
    )
    triggers.answered(tx, asked.run_pk, (asked.task_id, asked.map_path), now)
    return find_question(tx, wish)


def find_question(tx: Tx, wish: InputAnswer) -> HumanInput:
    """Answer the last question of a task instance.

    Raises:
        NotFoundError: It has asked nothing.
    """
    wanted = InputFilter(
        dag_id=wish.dag_id,
        run_id=wish.run_id,
        task_id=wish.task_id,
        map_index=wish.map_index,
        try_number=wish.try_number,
    )
    found, _ = human_inputs.list_inputs(tx, wanted, limit=1)
    if not found:
        raise NotFoundError(
            "no-question",
            f"Human-in-the-loop detail does not exist for the Task Instance with dag_id: "
            f"`{wish.dag_id}`, run_id: `{wish.run_id}`, task_id: `{wish.task_id}` and "
            f"map_index: `{wish.map_index}`",
        )
    return found[0]


def _why_closed(asked: HumanInput) -> str:
    if asked.failure == "timeout":
        return f"The time to answer '{asked.subject}' is over."
    if asked.failure is not None:
        return f"Nobody waits for an answer to '{asked.subject}' any more."
    return f"'{asked.subject}' was answered by {asked.responded_by or 'somebody'} already."


def _check(asked: HumanInput, wish: InputAnswer) -> None:
    strange = [one for one in wish.chosen_options if one not in asked.options]
    if strange or not wish.chosen_options:
        raise RefusedError(
            "bad-answer",
            f"'{', '.join(strange)}' is no option of '{asked.subject}'."
            if strange
            else f"'{asked.subject}' wants an option.",
            f"There are {', '.join(asked.options)}.",
        )
    if len(wish.chosen_options) > 1 and not asked.multiple:
        raise RefusedError("bad-answer", f"'{asked.subject}' wants one option only.")
    unknown = sorted(wish.params_input.keys() - asked.params.keys())
    if unknown:
        raise RefusedError(
            "bad-answer",
            f"'{asked.subject}' asks for no '{unknown[0]}'.",
            f"It asks for {', '.join(asked.params) or 'nothing beside the options'}.",
        )


def _check_filled(asked: HumanInput, values: dict[str, Any]) -> None:
    for name, value in values.items():
        field = asked.params[name]
        schema = field.get("schema") if isinstance(field, dict) else None
        problem = find_problem(value, schema or {})
        if problem:
            raise RefusedError("bad-answer", f"'{name}' of '{asked.subject}': {problem}.")
