"""Calling back: the callbacks of one end, in order, each at least once; and e-mail.

What a task's process runs itself and what a worker runs for the server are called the same way.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from typing import Any

from tradewind.core.callbacks import ASSET_EVENT, callback_id
from tradewind.protocol.callbacks import CallbackOrder, Called
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.ports import TaskPort
from tradewind.protocol.timetables import KIND
from tradewind.runtime import listening
from tradewind.runtime.context import TaskContext, build_context
from tradewind.runtime.faults import one_line
from tradewind.runtime.hearing import tell_of_event
from tradewind.runtime.promises import is_mailed
from tradewind.runtime.timetables import answer_of
from tradewind.sdk.calling import run_to_end
from tradewind.sdk.context import set_current_context
from tradewind.sdk.dags import DAG
from tradewind.sdk.exceptions import AirflowException, ParamValidationError
from tradewind.sdk.instants import to_pendulum
from tradewind.sdk.params import ParamsDict

Callback = Callable[[Any], Any]

_RUN_STATES = {"running": "running", "success": "success", "failure": "failed"}
"""What happened to a run, and the state in which its callbacks find it."""

log = logging.getLogger("tradewind.callback")


def callback_id_of(order: TaskOrder, event: str) -> str:
    """Answer what an end of this try is known by; the server says the same of it."""
    run = order.run
    return callback_id(
        run.dag_id, run.run_id, event, order.task_id, order.map_path, order.try_number
    )


def callbacks_of(task: Any, event: str) -> list[Callback]:
    """Answer what is called when a try of a task ends like that: its callbacks, then the e-mail."""
    found = list(getattr(task, f"on_{event}_callback", None) or ())
    return [*found, _mail(task, event)] if is_mailed(task, event) else found


def call_each(
    callbacks: Sequence[Callback],
    context: Any,
    what: str,
    callback_id: str,
    done: Collection[int] = (),
) -> tuple[tuple[int, ...], str]:
    """Call each in order; one that fails is logged and keeps no other from being called.

    Each finds its own ``callback_id`` in the context: the same whenever it is called for this end.

    Args:
        callbacks: What to call.
        context: The context.
        what: What they are, for the log.
        callback_id: What this end is known by.
        done: Places of those that succeeded before: they are passed over.

    Returns:
        The places of those that have succeeded by now, and in one line what the first that failed
        said.
    """
    succeeded = list(done)
    first = ""
    for place, callback in enumerate(callbacks):
        if place in done:
            continue
        context["callback_id"] = f"{callback_id}-{place}"
        try:
            run_to_end(callback(context))
        except (Exception, SystemExit) as error:
            log.exception("%s failed", what)
            first = first or one_line(error)
        else:
            succeeded.append(place)
    return tuple(sorted(succeeded)), first


def run_callback(order: CallbackOrder, dags: Mapping[str, DAG], port: TaskPort) -> Called:
    """Run what the server owes, in this process; whatever user code raises is in the answer.

    ``port`` must be bound already.
    """
    try:
        dag = _dag_of(order, dags)
        if order.kind == KIND:
            return Called(is_done=True, answer=answer_of(dag, order.question))
        if order.kind == "deadline_reference":
            return Called(is_done=True, moment=_ask_reference(order, dag))
        if order.event == ASSET_EVENT:
            tell_of_event(order.reason)
            return Called(is_done=True)
        if order.kind == "listener":
            with _context_of(order, dag, port) as context:
                hook = listening.RUN_EVENTS[order.event]
                listening.tell(hook, dag_run=context["dag_run"], msg=order.reason)
            return Called(is_done=True)
        callbacks = _find(order, dag)
        with _context_of(order, dag, port) as context:
            what = f"on_{order.event}_callback" if order.event else "The deadline's callback"
            done, error = call_each(callbacks, context, what, order.callback_id, order.done)
        return Called(is_done=not error, error=error, done=done)
    except Exception as error:
        log.exception("The callback could not be run")
        return Called(is_done=False, error=one_line(error), done=order.done)


def _dag_of(order: CallbackOrder, dags: Mapping[str, DAG]) -> DAG:
    dag = dags.get(order.run.dag_id)
    if dag is None:
        raise AirflowException(f"{order.file} has no Dag '{order.run.dag_id}' any more")
    return dag


def _find(order: CallbackOrder, dag: DAG) -> list[Callback]:
    if order.kind == "dag":
        return list(getattr(dag, f"on_{order.event}_callback"))
    if order.kind == "task" and order.task is not None:
        return callbacks_of(dag.get_task(order.task.task_id), order.event)
    return list(_alert(order, dag).callbacks)


def _alert(order: CallbackOrder, dag: DAG) -> Any:
    facts = order.deadline
    assert facts is not None  # noqa: S101 - the server sends it with every deadline
    owner: Any = dag
    if facts.scope == "task":
        owner = dag.get_task(facts.owner)
    elif facts.scope == "group":
        owner = next(g for g in dag.task_group.iter_groups() if g.group_id == facts.owner)
    if facts.position >= len(owner.deadline):
        raise AirflowException(
            f"The deadline of '{facts.owner or dag.dag_id}' is gone from its file"
        )
    return owner.deadline[facts.position]


def _ask_reference(order: CallbackOrder, dag: DAG) -> datetime | None:
    run = order.run
    moment = run_to_end(
        _alert(order, dag).reference.evaluate(
            dag_id=run.dag_id,
            run_id=run.run_id,
            logical_date=to_pendulum(run.logical_date),
            run_after=to_pendulum(run.run_after),
            conf=dict(run.conf),
        )
    )
    if moment is not None and not isinstance(moment, datetime):
        raise AirflowException(f"A deadline counts from a datetime, not from {moment!r}")
    if moment is not None and moment.tzinfo is None:
        raise AirflowException(f"A deadline counts from an aware datetime; {moment} has no zone")
    return moment


class Facts(dict[str, Any]):
    """A dict whose keys are attributes too: templates and callbacks write it either way."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@contextmanager
def _context_of(order: CallbackOrder, dag: DAG, port: TaskPort) -> Iterator[Any]:
    """Answer the context: of the task instance where there is one, else of the run alone."""
    if order.task is not None:
        context = _task_context(order.task, dag, port)
        context["dag"] = dag
    else:
        context = _run_context(order, dag, port)
    if order.reason:
        context["reason"] = order.reason
    if order.error:
        context["exception"] = AirflowException(order.error)
    context["run_id"] = order.run.run_id
    if order.kind in ("dag", "listener"):
        context["dag_run"].state = _RUN_STATES[order.event]
    if order.deadline is not None:
        facts = order.deadline
        context["deadline"] = Facts(
            id=facts.id,
            deadline_time=to_pendulum(facts.due_at),
            name=facts.name,
            alert_name=facts.name,
            scope=facts.scope,
            owner=facts.owner,
        )
        context["dag_run"] = _run_facts(order)
    with set_current_context(context):
        yield context


def _task_context(order: TaskOrder, dag: DAG, port: TaskPort) -> Any:
    task = dag.get_task(order.task_id)
    try:
        return build_context(order, task, port)
    except ParamValidationError:
        # It is what the task failed of, and no reason to tell nobody.
        return TaskContext(order, task, port)


def _run_context(order: CallbackOrder, dag: DAG, port: TaskPort) -> Any:
    empty = TaskOrder(
        attempt_id=0,
        epoch=0,
        token="",
        ti_id=0,
        task_id="",
        run=order.run,
        bundle=order.bundle,
        file=order.file,
    )
    context = TaskContext(empty, dag, port)
    for key in ("ti", "task_instance", "task", "task_instance_key_str", "inlets", "outlets"):
        del context[key]
    context["dag"] = dag
    context["params"] = _params(dag, order)
    return context


def _params(dag: DAG, order: CallbackOrder) -> dict[str, Any]:
    params = ParamsDict(dag.params)
    try:
        params.deep_merge(order.run.conf)
        return params.validate()
    except ParamValidationError:
        # As above: it is no reason to tell nobody.
        return dict(order.run.conf)


def _run_facts(order: CallbackOrder) -> Facts:
    run = order.run
    return Facts(
        dag_id=run.dag_id,
        dag_run_id=run.run_id,
        run_id=run.run_id,
        run_type=run.run_type,
        run_after=to_pendulum(run.run_after),
        logical_date=to_pendulum(run.logical_date),
        data_interval_start=to_pendulum(run.data_interval_start),
        data_interval_end=to_pendulum(run.data_interval_end),
        start_date=to_pendulum(run.start_date),
        conf=dict(run.conf),
        partition_key=run.partition_key,
    )


def _mail(task: Any, event: str) -> Callback:
    def mail(context: Any) -> None:
        from html import escape  # noqa: PLC0415 - its tables are of no use to other tasks

        # Mail brings TLS with it, and what is here before a task is forked is paid for by each.
        send_email = import_module("tradewind.sdk.mail").send_email
        ti = context["ti"]
        name = f"{ti.dag_id}.{ti.task_id}"
        how = "failed" if event == "failure" else "failed and is tried again"
        rows = {
            "Dag": ti.dag_id,
            "Run": ti.run_id,
            "Task": ti.task_id if ti.map_index < 0 else f"{ti.task_id} [{ti.map_index}]",
            "Try": f"{ti.try_number} of {ti.max_tries + 1}",
            "Error": str(context.get("exception") or ""),
        }
        table = "".join(
            f"<tr><th align='left'>{key}</th><td>{escape(value)}</td></tr>"
            for key, value in rows.items()
        )
        send_email(task.email, f"{name} {how} in {ti.run_id}", f"<table>{table}</table>")

    return mail
