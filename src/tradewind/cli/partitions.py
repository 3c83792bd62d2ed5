"""``partitions list``: what has come for each partition of a Dag, and what is missing."""

from tradewind.cli.client import open_api, segment
from tradewind.cli.options import Columns, DagId, Output
from tradewind.cli.output import Format, print_rows

_SHOWN = ("partition_key", "events", "since", "missing")


def list_partitions(dag_id: DagId, output: Output = Format.TABLE, columns: Columns = None) -> None:
    """List the partitions of a Dag that wait for more."""
    with open_api("why") as api:
        found = api.get(f"/api/own/waits/{segment(dag_id)}")["waits"]
    print_rows(found, _SHOWN, output, columns)
