"""Load the shop's sales of a day into the warehouse.

The day is the run's logical date. Loading a day again replaces it, so a second run, a backfill
over the same days or a cleared task changes nothing.
"""

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from include import landing, places, sales, warehouse
from tradewind import dag, get_current_context, task

log = logging.getLogger(__name__)


@dag(
    schedule="@daily",
    start_date=datetime(2026, 4, 1, tzinfo=UTC),
    catchup=False,
    tags=["sales"],
    default_args={"owner": "sales"},
    doc_md=__doc__,
)
def daily_sales_load():
    """Extract, validate, load and aggregate one day of sales."""

    @task(retries=2, retry_delay=timedelta(seconds=5))
    def extract() -> dict:
        """Find the day's export in the landing folder, or fetch it from the shop."""
        day = places.day_of_run(get_current_context())
        export = landing.obtain_export(day)
        log.info("%s %s", "Fetched from the shop:" if export.fetched else "Found:", export.path)
        return {"day": day.isoformat(), "path": str(export.path)}

    @task
    def validate(export: dict) -> dict:
        """Set the broken rows aside; a damaged file fails the task."""
        day = date.fromisoformat(export["day"])
        result = sales.sort_rows(sales.read_rows(Path(export["path"])), day)
        good, broken = sales.stage(result, day, places.staging_folder())
        log.info("%d good rows, %d broken: %s", len(result.good), len(result.broken), broken)
        return {
            "day": export["day"],
            "good": str(good),
            "broken": str(broken),
            "good_rows": len(result.good),
            "broken_rows": len(result.broken),
            "reasons": result.reasons(),
        }

    @task
    def load(staged: dict) -> dict:
        """Put the day's rows in place of what the warehouse held of that day."""
        day = date.fromisoformat(staged["day"])
        lines = sales.sort_rows(sales.read_rows(Path(staged["good"])), day).lines
        broken = sales.read_broken(Path(staged["broken"]))
        done = warehouse.load_day(places.warehouse_path(), day, lines, broken)
        log.info("%d lines loaded in place of %d", done.loaded, done.replaced)
        return {"day": staged["day"], "loaded": done.loaded, "rejected": done.rejected}

    @task
    def aggregate(loaded: dict) -> int:
        """Work out the day's totals by store and product."""
        return warehouse.aggregate_day(places.warehouse_path(), date.fromisoformat(loaded["day"]))

    aggregate(load(validate(extract())))


daily_sales_load_dag = daily_sales_load()

if __name__ == "__main__":
    daily_sales_load_dag.test(logical_date=datetime(2026, 4, 20, tzinfo=UTC))
