"""A day's sales taken apart by store, summed up part by part, and put together again."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TypedDict

from include.sales import COLUMNS, Row, SortedRows, check_row, read_rows, write_rows


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """What one store sold on a day."""

    store: str
    currency: str
    orders: int
    lines: int
    amount_cents: int

    def as_dict(self) -> dict[str, str | int]:
        """Give the summary as plain values, as tasks pass them on."""
        return asdict(self)


class DaySummary(TypedDict):
    """What all stores sold on a day."""

    stores: int
    orders: int
    lines: int
    amount_cents: dict[str, int]


def split_by_store(result: SortedRows, day: date, folder: Path) -> list[Path]:
    """Write the good rows of a day to one file a store, and return their paths by store name.

    Only stores that sold something get a file, so how many there are depends on the day.
    """
    parts: defaultdict[str, list[Row]] = defaultdict(list)
    for row, line in zip(result.good, result.lines, strict=True):
        parts[line.store].append(row)
    return [
        write_rows(folder / f"{day}_{store}.csv", COLUMNS, (row.fields for row in parts[store]))
        for store in sorted(parts)
    ]


def summarise_part(path: Path, day: date) -> StoreSummary:
    """Sum up one store's file."""
    lines = [check_row(row.fields, day) for row in read_rows(path)]
    return StoreSummary(
        store=lines[0].store,
        currency=lines[0].currency,
        orders=len({line.order_id for line in lines}),
        lines=len(lines),
        amount_cents=sum(line.amount_cents for line in lines),
    )


def combine(summaries: Iterable[StoreSummary]) -> DaySummary:
    """Put the stores' summaries together; money of different currencies is never added up."""
    stores = list(summaries)
    amounts: Counter[str] = Counter()
    for summary in stores:
        amounts[summary.currency] += summary.amount_cents
    return DaySummary(
        stores=len(stores),
        orders=sum(summary.orders for summary in stores),
        lines=sum(summary.lines for summary in stores),
        amount_cents=dict(sorted(amounts.items())),
    )
