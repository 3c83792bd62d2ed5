"""The event log: what happened to each run, in order. Rows of runs and instances are its fold."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, insert, select

from tradewind.core.events import Event, decode_event, encode_event
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.tables import event


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """One event with its place in the log."""

    run_pk: int
    run_seq: int
    at: datetime
    event: Event


_INSERT = Prepared(insert(event), [column.name for column in event.c if column.name != "id"])
_OF_RUN = Prepared(
    select(event.c.run_seq, event.c.at, event.c.body)
    .where(event.c.run_pk == bindparam("b_run"), event.c.run_seq > bindparam("b_after"))
    .order_by(event.c.run_seq)
)


def append_events(tx: Tx, logged: Sequence[Logged]) -> None:
    """Write events.

    Raises:
        IntegrityError: A number of a run is taken (``uq_event_seq``): another writer was faster.
    """
    if logged:
        _INSERT.run_many(
            tx,
            [
                {
                    "run_pk": one.run_pk,
                    "run_seq": one.run_seq,
                    "at": one.at,
                    "body": encode_event(one.event),
                }
                for one in logged
            ],
        )


def read_events(tx: Tx, run_pk: int, after: int = 0) -> list[Logged]:
    """Answer a run's events behind that number, in order."""
    rows = _OF_RUN.rows(tx, {"b_run": run_pk, "b_after": after})
    return [
        Logged(run_pk=run_pk, run_seq=seq, at=at, event=decode_event(bytes(body)))
        for seq, at, body in rows
    ]
