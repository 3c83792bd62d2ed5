"""Forecasts: the runs that timetables of authors' own ask for next, as workers told them."""

from datetime import datetime

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from tradewind.core.timetables.values import RunInfo
from tradewind.store.data_tables import forecast
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What the timetable of a Dag answered last."""

    dag_id: str
    ticks: tuple[RunInfo, ...] = ()
    """In order; those that have their run already may be among them."""
    is_final: bool = False
    """Whether it asks for no run after these."""
    closure: str = ""
    """Of the Dag's file when it was asked."""
    made_at: datetime
    message: str = ""
    """Why there is no answer; empty when there is one."""


_TICKS = msgspec.json.Decoder(tuple[RunInfo, ...])
_COLUMNS = [column.name for column in forecast.c]
_READ = Prepared(select(forecast).where(forecast.c.dag_id == bindparam("b_dag")))
_FORGET = Prepared(delete(forecast).where(forecast.c.dag_id == bindparam("b_dag")))
_WRITE = Prepared(insert(forecast), _COLUMNS)


def read_forecast(tx: Tx, dag_id: str) -> Forecast | None:
    """Answer what is known of the next runs of a Dag."""
    record = _READ.record(tx, {"b_dag": dag_id})
    if record is None:
        return None
    ticks = _TICKS.decode(record["ticks"])
    return Forecast(**{**record, "ticks": ticks})


def write_forecast(tx: Tx, new: Forecast) -> None:
    """Write what is known of the next runs of a Dag, in place of what was."""
    forget_forecast(tx, new.dag_id)
    values = {name: getattr(new, name) for name in _COLUMNS}
    _WRITE.run(tx, {**values, "ticks": msgspec.json.encode(new.ticks)})


def forget_forecast(tx: Tx, dag_id: str) -> None:
    """Know nothing of the next runs of a Dag."""
    _FORGET.run(tx, {"b_dag": dag_id})
