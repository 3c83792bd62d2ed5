"""Finding the run a person means, and runs as commands print them."""

from tradewind.cli.client import Api, Json, segment
from tradewind.cli.options import iso, parse_date
from tradewind.cli.output import as_written
from tradewind.core.runs import run_type_of
from tradewind.errors import NotFoundError, RefusedError, did_you_mean


def runs_path(dag_id: str) -> str:
    """Answer the path of a Dag's runs."""
    return f"/dags/{segment(dag_id)}/dagRuns"


def instances_path(dag_id: str, run_id: str) -> str:
    """Answer the path of a run's task instances."""
    return f"{runs_path(dag_id)}/{segment(run_id)}/taskInstances"


def as_run(facts: Json) -> Json:
    """Name the run's id as people's scripts know it, beside the API's name."""
    return {"dag_id": facts["dag_id"], "run_id": facts["dag_run_id"], **facts}


def find_run(api: Api, dag_id: str, date_or_run: str) -> Json:
    """Answer the run of that id or logical date.

    Raises:
        NotFoundError: There is no such Dag or run.
    """
    moment = None
    if run_type_of(date_or_run) is None:
        try:
            moment = parse_date(date_or_run)
        except RefusedError:
            moment = None
    if moment is None:
        return api.get(f"{runs_path(dag_id)}/{segment(date_or_run)}")
    page = api.get(
        runs_path(dag_id), limit=1, logical_date_gte=iso(moment), logical_date_lte=iso(moment)
    )
    if page["dag_runs"]:
        found: Json = page["dag_runs"][0]
        return found
    raise NotFoundError(
        "run-not-found",
        f"Dag '{dag_id}' has no run for {iso(moment)}.",
        _nearest(api, dag_id, iso(moment)),
    )


def _nearest(api: Api, dag_id: str, date: str) -> str:
    page = api.get(runs_path(dag_id), limit=100, order_by="-run_after")
    known = [as_written(run["logical_date"]) or "" for run in page["dag_runs"]]
    return did_you_mean(date, known) or f"'dags list-runs {dag_id}' lists its runs."
