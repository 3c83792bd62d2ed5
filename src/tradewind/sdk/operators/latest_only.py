"""Passing over what is no longer the latest."""

from typing import Any

from tradewind.core.timetables import RunInfo, next_run
from tradewind.sdk.branching import BaseBranchOperator, Branches
from tradewind.sdk.clock import utcnow


class LatestOnlyOperator(BaseBranchOperator):
    """Skips what is right below it in a run that is not the latest of its schedule.

    A run is the latest as long as the next tick has not come. One that a person or another Dag
    asked for is never passed over.

    Example:
        >>> from tradewind import DAG, EmptyOperator
        >>> with DAG("report", schedule="@daily") as dag:
        ...     latest = LatestOnlyOperator(task_id="latest")
        ...     _ = latest >> EmptyOperator(task_id="mail")
        >>> latest.downstream_task_ids
        {'mail'}
    """

    ui_color = "#e9ffdb"

    def choose_branch(self, context: Any) -> Branches:
        """Go on with all that is right below, or with nothing."""
        run = context["dag_run"]
        below = list(context["task"].get_direct_relative_ids(upstream=False))
        if run.run_type not in _BY_SCHEDULE:
            self.log.info("The run was not made by the schedule: going on")
            return below
        after = self._due_after(run)
        if after is None or after > utcnow():
            return below
        self.log.info("The next run was due at %s: this one is no longer the latest", after)
        return []

    def _due_after(self, run: Any) -> Any:
        this = RunInfo(
            run_after=run.run_after,
            logical_date=run.logical_date,
            data_interval_start=run.data_interval_start,
            data_interval_end=run.data_interval_end,
        )
        dag = self.dag
        following = next_run(
            dag.timetable.core,
            last=this,
            earliest=dag.start_date,
            latest=dag.end_date,
            catchup=True,
            now=utcnow(),
        )
        return None if following is None else following.run_after


_BY_SCHEDULE = frozenset({"scheduled", "backfill"})
