"""Runs that tasks ask for: made by the server, and waited for where that is wished."""

import logging
import time
from collections.abc import Mapping
from typing import Any, cast

from tradewind.errors import TradewindError
from tradewind.protocol.questions import GetRun, RunView, TriggerRun
from tradewind.sdk.deferring import Described
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowSkipException,
    DagRunAlreadyExists,
    DagRunTriggerException,
    TaskDeferred,
)
from tradewind.sdk.host import ask

XCOM_RUN_ID = "trigger_run_id"

_WAITS_FOR_RUN = "airflow.providers.standard.triggers.external_task.DagStateTrigger"

log = logging.getLogger("tradewind.task")


def make_run(wish: DagRunTriggerException, context: Mapping[str, Any]) -> None:
    """Make the run that a task asks for; wait for it if the task wishes so.

    Its id is pushed as the XCom ``trigger_run_id``.

    Raises:
        AirflowSkipException: There is such a run already, and the task is to be skipped then.
        DagRunAlreadyExists: There is such a run already.
        TaskDeferred: The task waits at a trigger.
        AirflowException: The run ended in a state that fails the task.
        TradewindError: There is no such Dag, or it refuses the run.
    """
    run = _made(wish)
    context["ti"].xcom_push(key=XCOM_RUN_ID, value=run.run_id)
    log.info("Made run '%s' of Dag '%s'", run.run_id, run.dag_id)
    if not wish.wait_for_completion:
        return
    if wish.deferrable:
        facts = {
            "dag_id": run.dag_id,
            "states": [*wish.allowed_states, *wish.failed_states],
            "run_ids": [run.run_id],
            "poll_interval": wish.poke_interval,
        }
        raise TaskDeferred(trigger=Described(_WAITS_FOR_RUN, facts), method_name="execute_complete")
    _wait(wish, run)


def _made(wish: DagRunTriggerException) -> RunView:
    question = TriggerRun(
        dag_id=wish.trigger_dag_id,
        run_id=wish.dag_run_id,
        logical_date=wish.logical_date,
        run_after=wish.run_after,
        conf=wish.conf or {},
        note=wish.note,
        reset=wish.reset_dag_run,
    )
    try:
        return cast(RunView, ask(question))
    except TradewindError as error:
        if error.code != "run-exists":
            raise
        if wish.skip_when_already_exists:
            raise AirflowSkipException(str(error)) from None
        raise DagRunAlreadyExists(str(error)) from None


def _wait(wish: DagRunTriggerException, run: RunView) -> None:
    while True:
        found = cast(RunView | None, ask(GetRun(dag_id=run.dag_id, run_id=run.run_id)))
        if found is None:
            raise AirflowException(f"Run '{run.run_id}' of Dag '{run.dag_id}' was deleted")
        if found.state in wish.failed_states:
            raise AirflowException(
                f"Run '{run.run_id}' of Dag '{run.dag_id}' ended in state '{found.state}'"
            )
        if found.state in wish.allowed_states:
            log.info("Run '%s' of Dag '%s' is in state '%s'", run.run_id, run.dag_id, found.state)
            return
        time.sleep(wish.poke_interval)
