"""What orders to workers say of the run and the code they belong to."""

from tradewind.protocol.orders import BundleRef, RunFacts
from tradewind.scheduler.live import LiveRun
from tradewind.store.places import Place
from tradewind.store.tasks import TaskInstance


def run_facts(live: LiveRun) -> RunFacts:
    """Answer a run as user code will see it."""
    run = live.run
    return RunFacts(
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type,
        run_after=run.run_after,
        logical_date=run.logical_date,
        data_interval_start=run.data_interval_start,
        data_interval_end=run.data_interval_end,
        start_date=live.start_date,
        conf=run.conf,
        partition_key=run.partition_key,
        triggered_by=run.triggered_by,
        clear_number=run.clear_number,
    )


def bundle_of(live: LiveRun, place: Place) -> BundleRef:
    """Answer which bytes a run runs."""
    return BundleRef(
        name=place.bundle,
        root=place.root,
        dags_folder=place.dags_folder,
        digest=live.run.digest,
    )


def log_path(live: LiveRun, row: TaskInstance) -> str:
    """Answer where the log of an instance's present try lies, relative to the log root."""
    return log_path_of(live.run.run_id, row, row.try_number)


def log_path_of(run_id: str, row: TaskInstance, try_number: int) -> str:
    """Answer where the log of a try of an instance lies, relative to the log root."""
    mapped = f"/map_index={row.map_index}" if row.map_path else ""
    folder = f"dag_id={row.dag_id}/run_id={run_id}/task_id={row.task_id}{mapped}"
    return f"{folder}/attempt={try_number}.log"
