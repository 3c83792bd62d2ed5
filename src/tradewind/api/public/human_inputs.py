"""Questions of tasks to people: human in the loop."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import Field

from tradewind.api.public.fields import EVERY, Body, Moment, PagingDep, ServicesDep, Shape
from tradewind.api.public.found import dag_or_every, find_instance, find_run
from tradewind.api.public.instances import InstanceShape, instance_shape
from tradewind.scheduler.people import find_question
from tradewind.scheduler.wishes import InputAnswer
from tradewind.store.database import Tx
from tradewind.store.human_inputs import HumanInput, InputFilter, list_inputs

router = APIRouter(tags=["Task Instance"])

_ONE = "/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/hitlDetails"


class UserShape(Shape):
    """Somebody who may answer, or has."""

    id: str
    name: str


class QuestionShape(Shape):
    """One question, and its answer if there is one."""

    task_instance: InstanceShape
    options: list[str]
    subject: str
    body: str | None
    defaults: list[str] | None
    multiple: bool
    params: dict[str, Any]
    assigned_users: list[UserShape]
    created_at: Moment
    responded_by_user: UserShape | None
    responded_at: Moment | None
    chosen_options: list[str] | None
    params_input: dict[str, Any]
    response_received: bool


class QuestionList(Shape):
    """A page of questions."""

    hitl_details: list[QuestionShape]
    total_entries: int


class AnswerBody(Body):
    """What is chosen, and what is filled in."""

    chosen_options: list[str] = Field(min_length=1)
    params_input: dict[str, Any] = Field(default_factory=dict)


class AnswerShape(Shape):
    """An answer that was taken."""

    responded_by: UserShape
    responded_at: Moment
    chosen_options: list[str]
    params_input: dict[str, Any]


@router.get("/dags/{dag_id}/dagRuns/{dag_run_id}/hitlDetails")
def get_hitl_details(
    dag_id: str,
    dag_run_id: str,
    services: ServicesDep,
    page: PagingDep,
    response_received: Annotated[bool | None, Query()] = None,
    task_id: str | None = None,
) -> QuestionList:
    """List questions, the newest first; of all Dags or runs where they are ``~``."""
    with services.database.read() as tx:
        dag = dag_or_every(tx, dag_id)
        if dag_run_id != EVERY:
            find_run(tx, dag_id, dag_run_id)
        wanted = InputFilter(
            dag_id=dag,
            run_id=None if dag_run_id == EVERY else dag_run_id,
            task_id=task_id,
            is_open=None if response_received is None else not response_received,
        )
        found, total = list_inputs(tx, wanted, limit=page.limit, offset=page.offset)
        return QuestionList(hitl_details=[_shape(tx, one) for one in found], total_entries=total)


@router.get(_ONE)
def get_hitl_detail(
    dag_id: str, dag_run_id: str, task_id: str, map_index: int, services: ServicesDep
) -> QuestionShape:
    """Read the last question of a task instance."""
    return _read(services, _wish(dag_id, dag_run_id, task_id, map_index))


@router.get(_ONE + "/tries/{try_number}")
def get_hitl_detail_try_detail(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    map_index: int,
    try_number: int,
    services: ServicesDep,
) -> QuestionShape:
    """Read the question of one try of a task instance."""
    return _read(services, _wish(dag_id, dag_run_id, task_id, map_index, try_number))


@router.patch(_ONE)
def update_hitl_detail(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    map_index: int,
    body: AnswerBody,
    services: ServicesDep,
    tradewind_user: Annotated[str | None, Header()] = None,
) -> AnswerShape:
    """Answer a question, once; the task goes on with the answer."""
    wish = InputAnswer(
        dag_id=dag_id,
        run_id=dag_run_id,
        task_id=task_id,
        map_index=map_index,
        chosen_options=tuple(body.chosen_options),
        params_input=body.params_input,
        user_name=tradewind_user,
    )
    with services.database.read() as tx:
        find_instance(tx, dag_id, dag_run_id, task_id, map_index)
    said = services.writer.write(
        lambda tx: services.engine.answer_input(tx, wish, services.clock.now())
    )
    return AnswerShape(
        responded_by=_user(said.responded_by or ""),
        responded_at=said.closed_at or services.clock.now(),
        chosen_options=said.chosen_options or [],
        params_input=said.params_input or {},
    )


def _wish(
    dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int | None = None
) -> InputAnswer:
    return InputAnswer(
        dag_id=dag_id,
        run_id=run_id,
        task_id=task_id,
        map_index=map_index,
        try_number=try_number,
        chosen_options=(),
    )


def _read(services: ServicesDep, wish: InputAnswer) -> QuestionShape:
    with services.database.read() as tx:
        find_instance(tx, wish.dag_id, wish.run_id, wish.task_id, wish.map_index)
        return _shape(tx, find_question(tx, wish))


def _user(name: str) -> UserShape:
    return UserShape(id=name, name=name)


def _shape(tx: Tx, one: HumanInput) -> QuestionShape:
    run, row = find_instance(tx, one.dag_id, one.run_id, one.task_id, one.map_index)
    answered = one.chosen_options is not None
    return QuestionShape(
        task_instance=instance_shape(tx, run, row),
        options=one.options,
        subject=one.subject,
        body=one.body or None,
        defaults=one.defaults,
        multiple=one.multiple,
        params=one.params,
        assigned_users=[_user(name) for name in one.assigned_users],
        created_at=one.created_at,
        responded_by_user=None if one.responded_by is None else _user(one.responded_by),
        responded_at=one.closed_at if answered else None,
        chosen_options=one.chosen_options,
        params_input=one.params_input or {},
        response_received=answered,
    )
