"""Deleting what is old, a part at a call, and the archives that keep it."""

import time

from fastapi import APIRouter, Query

from tradewind.api.public.fields import Body, Moment, ServicesDep, Shape
from tradewind.errors import RefusedError
from tradewind.scheduler.cleaning import Cleaning, Place, choose_tables, stamp_of
from tradewind.store import archives
from tradewind.store.retention import Wish

router = APIRouter(tags=["Cleaning"])

_SECONDS = 1.0
_LONGEST_REST_SECONDS = 0.05
_MOST_ROWS = 1_000


class PlaceBody(Body):
    """How far a cleaning has come; given back as it was answered."""

    table: int = 0
    after: int = 0
    size: int = 8


class CleanBody(Body):
    """What is old, and what becomes of it."""

    before: Moment
    tables: tuple[str, ...] = ()
    dag_ids: tuple[str, ...] = ()
    exclude_dag_ids: tuple[str, ...] = ()
    dry_run: bool = False
    skip_archive: bool = False
    batch_size: int = 400
    place: PlaceBody | None = None
    stamp: str | None = None
    """Of the archive, from the first answer."""


class Cleaned(Shape):
    """What this call did; with a ``place``, call again to go on from there."""

    removed: dict[str, int]
    absent: list[str]
    """Tables asked for that hold nothing here that grows old."""
    place: PlaceBody | None
    stamp: str | None
    longest_ms: float
    """Of the transactions."""


class ArchiveShape(Shape):
    """A table of archived rows."""

    name: str
    table: str
    rows: int


class Archives(Shape):
    """All of them."""

    archives: list[ArchiveShape]


class ArchivedRows(Shape):
    """Some rows of an archive, and the place of the last."""

    rows: list[dict[str, object]]
    after: int


@router.post("/cleaning")
def clean_database(body: CleanBody, services: ServicesDep) -> Cleaned:
    """Delete what is old for about a second, or count it."""
    now = services.clock.now()
    if body.before > now:
        raise RefusedError(
            "clean-in-future",
            f"{body.before.isoformat()} lies in the future: nothing is that old yet.",
            "Give a moment that has passed.",
        )
    tables, absent = choose_tables(body.tables)
    wish = Wish(before=body.before, dag_ids=body.dag_ids, exclude_dag_ids=body.exclude_dag_ids)
    cleaning = Cleaning(
        services.database,
        services.writer,
        services.engine,
        services.clock,
        services.settings.log_root,
    )
    if body.dry_run:
        counts = cleaning.count(wish, tables)
        return Cleaned(removed=counts, absent=absent, place=None, stamp=None, longest_ms=0.0)
    stamp = None if body.skip_archive else body.stamp or stamp_of(now)
    told = body.place or PlaceBody()
    done = cleaning.clean(
        wish,
        tables,
        archive=stamp,
        place=Place(table=told.table, after=told.after, size=max(told.size, 1)),
        seconds=_SECONDS,
        most=max(body.batch_size, 1),
        rest=_rest,
    )
    at = done.place
    return Cleaned(
        removed=done.removed,
        absent=absent,
        place=None if at is None else PlaceBody(table=at.table, after=at.after, size=at.size),
        stamp=stamp,
        longest_ms=done.longest_seconds * 1000,
    )


def _rest(took: float) -> None:
    # Half of the writer's time is for others, however much there is to delete.
    time.sleep(min(took, _LONGEST_REST_SECONDS))


@router.get("/archives")
def list_archives(services: ServicesDep) -> Archives:
    """Answer the tables of archived rows."""
    with services.database.read() as tx:
        found = archives.list_archives(tx)
    shapes = [ArchiveShape(name=one.name, table=one.table, rows=one.rows) for one in found]
    return Archives(archives=shapes)


@router.get("/archives/{name}")
def read_archive(
    name: str,
    services: ServicesDep,
    after: int = 0,
    limit: int = Query(default=_MOST_ROWS, ge=1, le=_MOST_ROWS),
) -> ArchivedRows:
    """Answer rows of an archive, in the order they were deleted."""
    with services.database.read() as tx:
        rows, last = archives.read_archived(tx, name, after, limit)
    return ArchivedRows(rows=rows, after=last)


@router.delete("/archives/{name}", status_code=204)
def drop_archive(name: str, services: ServicesDep) -> None:
    """Delete an archive."""
    services.writer.write(lambda tx: archives.drop_archive(tx, name))
