"""Dags whose runs fail again and again: they are paused, so that somebody looks."""

import logging

from tradewind.core.states import RunState
from tradewind.scheduler.live import LiveRun
from tradewind.scheduler.policy import RunPolicy
from tradewind.store import dags, runs
from tradewind.store.database import Tx

_log = logging.getLogger(__name__)


def fails_again_and_again(tx: Tx, live: LiveRun, rules: RunPolicy) -> str:
    """Answer why the Dag of a run that has ended is to be paused; empty when it is not.

    What counts are the latest runs by ``run_after`` that began and have ended. Asked of a run that
    did not fail, or of a Dag without such a limit, it costs nothing.
    """
    if live.state is not RunState.FAILED or live.start_date is None:
        return ""
    limit = live.spec.max_consecutive_failed_dag_runs or rules.most_failed_runs
    if limit < 1:
        return ""
    dag_id = live.run.dag_id
    facts = dags.find_dag(tx, dag_id)
    latest = runs.read_latest_ended(tx, dag_id, limit)
    if facts is None or facts.is_paused or latest != ["failed"] * limit:
        return ""
    said = "its latest run" if limit == 1 else f"its latest {limit} runs"
    why = f"{said} failed, and max_consecutive_failed_dag_runs is {limit}"
    _log.warning("Dag '%s' is paused: %s", dag_id, why)
    return why
