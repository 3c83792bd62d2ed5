"""Write a Markdown report of the last days' sales.

This file is written the way existing Dag files are: it imports from ``airflow.sdk``.
"""

from datetime import date, timedelta
from pathlib import Path

import pendulum
from airflow.sdk import Param, dag, get_current_context, task

from include import places, report, warehouse


@dag(
    schedule="30 6 * * *",
    start_date=pendulum.datetime(2026, 4, 1, tz="UTC"),
    catchup=False,
    tags=["sales", "report"],
    default_args={"owner": "sales"},
    params={"days": Param(7, type="integer", minimum=1, maximum=31)},
    doc_md=__doc__,
)
def sales_report():
    """Count what the warehouse holds, then write the report."""

    @task
    def choose_days() -> dict:
        """Choose the days to report on and count what is loaded of them."""
        context = get_current_context()
        last = places.day_of_run(context)
        first = last - timedelta(days=context["params"]["days"] - 1)
        figures = warehouse.read_figures(places.warehouse_path(), first, last)
        return {"first": str(first), "last": str(last), "days_loaded": figures.days}

    @task
    def write(chosen: dict) -> str:
        """Write the report and tell its path."""
        first, last = date.fromisoformat(chosen["first"]), date.fromisoformat(chosen["last"])
        path: Path = places.warehouse_path()
        text = report.render_report(
            first,
            last,
            warehouse.read_figures(path, first, last),
            warehouse.read_store_totals(path, first, last),
        )
        return str(places.write_atomically(places.reports_folder() / f"sales_{last}.md", text))

    write(choose_days())


sales_report()
