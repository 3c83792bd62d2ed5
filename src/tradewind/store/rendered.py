"""What tries left for people to look at: template fields as rendered, and links."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.tables import rendered_fields, run

KEPT_RUNS = 30
"""So many of a Dag's latest runs keep what their tasks rendered."""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """What one try left."""

    ti_id: int
    try_number: int
    dag_id: str
    run_pk: int
    fields: bytes = b""
    """A JSON object, without secrets."""
    links: dict[str, str] = {}


_INSERT = Prepared(insert(rendered_fields), Rendered.__struct_fields__)
_DROP = Prepared(
    delete(rendered_fields).where(
        rendered_fields.c.ti_id == bindparam("b_ti"),
        rendered_fields.c.try_number == bindparam("b_try"),
    )
)


def apply_rendered(tx: Tx, many: Sequence[Rendered], again: Iterable[int] = ()) -> None:
    """Write what tries left; instances ``again`` in the same try write over what they left."""
    over = set(again)
    for one in many:
        if one.ti_id in over:
            _DROP.run(tx, {"b_ti": one.ti_id, "b_try": one.try_number})
    if many:
        _INSERT.run_many(tx, [msgspec.structs.asdict(one) for one in many])


def forget_rendered(tx: Tx, dag_id: str) -> None:
    """Remove what the Dag's runs before the latest ``KEPT_RUNS`` left."""
    latest = (
        select(run.c.run_after)
        .where(run.c.dag_id == dag_id)
        .order_by(run.c.run_after.desc())
        .offset(KEPT_RUNS - 1)
        .limit(1)
    )
    oldest: datetime | None = tx.execute(latest).scalar_one_or_none()
    if oldest is not None:
        earlier = select(run.c.id).where(run.c.dag_id == dag_id, run.c.run_after < oldest)
        of_dag = rendered_fields.c.dag_id == dag_id
        tx.execute(delete(rendered_fields).where(of_dag, rendered_fields.c.run_pk.in_(earlier)))


def read_rendered(tx: Tx, tries: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Rendered]:
    """Answer by (instance, try) what those tries left."""
    if not tries:
        return {}
    # By instance first: that is what the key begins with.
    ids = {ti_id for ti_id, _ in tries}
    query = select(rendered_fields).where(rendered_fields.c.ti_id.in_(ids))
    wanted = set(tries)
    found = [Rendered(**_row(row)) for row in tx.execute(query).mappings()]
    by_try = {(one.ti_id, one.try_number): one for one in found}
    return {key: one for key, one in by_try.items() if key in wanted}


def _row(row: Any) -> dict[str, Any]:
    return {**row, "links": row["links"] or {}}
