"""Sum up a day's sales store by store, one mapped task a store.

Which stores sold something is known only when the day's export has been read, so the number of
mapped tasks differs from day to day (one store is closed on Sundays).
"""

from datetime import UTC, date, datetime
from pathlib import Path

from include import landing, parts, places, sales
from tradewind import dag, get_current_context, task


@dag(
    schedule="@daily",
    start_date=datetime(2026, 4, 1, tzinfo=UTC),
    catchup=False,
    tags=["sales", "mapping"],
    default_args={"owner": "sales"},
    doc_md=__doc__,
)
def stores_fan_out():
    """Split a day by store, sum up every part, combine the sums."""

    @task
    def split() -> list:
        """Write one file a store and list them."""
        day = places.day_of_run(get_current_context())
        result = sales.sort_rows(sales.read_rows(landing.obtain_export(day).path), day)
        written = parts.split_by_store(result, day, places.staging_folder() / "stores")
        return [{"day": day.isoformat(), "path": str(path)} for path in written]

    @task
    def summarise(part: dict) -> dict:
        """Sum up one store's file."""
        day = date.fromisoformat(part["day"])
        return parts.summarise_part(Path(part["path"]), day).as_dict()

    @task
    def combine(summaries: list) -> dict:
        """Put the stores' sums together."""
        return dict(parts.combine(parts.StoreSummary(**summary) for summary in summaries))

    combine(summarise.expand(part=split()))


stores_fan_out()
