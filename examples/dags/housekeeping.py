"""Keep the examples' data folder tidy, every hour.

The first try of ``tidy_staging`` always finds the folder busy, the second one works: this is what
a retry looks like in the log and in the list of task instances.
"""

from datetime import UTC, datetime, timedelta

from include import places
from tradewind import BashOperator, dag

TIDY = """
set -eu
if [ "{{ ti.try_number }}" -lt 2 ]; then
    echo "The staging folder is busy, giving up this try" >&2
    exit 1
fi
mkdir -p "$STAGING"
find "$STAGING" -type f -name '*.csv' -mtime +{{ params.keep_days }} -print -delete
echo "Tidied $STAGING on try {{ ti.try_number }}"
"""

# A run triggered by hand may have no logical date, and then no `ds` either; a run id it always has.
NOTE = """
set -eu
mkdir -p "$DATA"
echo "{{ run_id }} tidied for {{ ds | default('no date') }}" | tee "$DATA/housekeeping.txt"
"""


@dag(
    schedule="@hourly",
    start_date=datetime(2026, 4, 1, tzinfo=UTC),
    catchup=False,
    tags=["housekeeping"],
    default_args={"owner": "platform"},
    params={"keep_days": 30},
    doc_md=__doc__,
)
def housekeeping():
    """Tidy the staging folder, then note that it was done."""
    tidy = BashOperator(
        task_id="tidy_staging",
        bash_command=TIDY,
        env={"STAGING": str(places.staging_folder())},
        append_env=True,
        retries=2,
        retry_delay=timedelta(seconds=2),
    )
    note = BashOperator(
        task_id="note_run",
        bash_command=NOTE,
        env={"DATA": str(places.data_folder())},
        append_env=True,
    )
    tidy >> note


housekeeping()
