"""Reading a day's export: which rows are good, which are broken and why, which files are damaged.

A broken row is set aside with its reason and the rest goes on. A damaged file stops the day:
nobody can tell what it would have held.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from include.places import write_atomically

COLUMNS = (
    "order_id",
    "sold_at",
    "store",
    "sku",
    "quantity",
    "unit_price",
    "currency",
    "customer",
)
CURRENCIES = frozenset({"EUR", "GBP", "SEK"})
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
_PRICE = re.compile(r"([0-9]{1,7})\.([0-9]{2})")


class DamagedExportError(Exception):
    """An export cannot be trusted as a whole: its message names file, line and the way out."""

    def __init__(self, path: Path, line: int, cause: str) -> None:
        """Put the damage into one sentence."""
        super().__init__(
            f"{path} is damaged at line {line} ({cause}): replace it with a fresh export of "
            "that day, then run the date again (backfill create --reprocess-behavior failed)."
        )


class BrokenRowError(Exception):
    """A row cannot be loaded; its message is the reason, a short code."""


@dataclass(frozen=True, slots=True)
class SalesLine:
    """One good line of an order."""

    order_id: str
    sold_at: datetime
    store: str
    sku: str
    quantity: int
    unit_price_cents: int
    currency: str
    customer: str

    @property
    def amount_cents(self) -> int:
        """What the customer paid for the line."""
        return self.quantity * self.unit_price_cents


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the file holds it, with the number of the line it starts on."""

    line: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row set aside, and why."""

    row: Row
    reason: str


@dataclass(frozen=True, slots=True)
class SortedRows:
    """The rows of an export, the good apart from the broken, each in the file's order."""

    good: list[Row]
    lines: list[SalesLine]
    broken: list[BrokenRow]

    def reasons(self) -> dict[str, int]:
        """Count the broken rows by reason, the most frequent first, ties by name."""
        counts = Counter(broken.reason for broken in self.broken)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def read_rows(path: Path) -> list[Row]:
    """Read every row below the header of an export.

    Raises:
        DamagedExportError: The file is empty, is not UTF-8 text, does not start with the expected
            header, holds a quote that is never closed, or ends in the middle of a row.
    """
    rows = list(_parse(path, _read_text(path)))
    if rows[0].fields != COLUMNS:
        expected = ",".join(COLUMNS)
        raise DamagedExportError(path, 1, f"its header is not {expected!r}")
    return rows[1:]


def check_row(fields: tuple[str, ...], day: date) -> SalesLine:
    """Turn one row of the export of a day into a sales line.

    Raises:
        BrokenRowError: The row cannot be loaded; the first reason found is the one told.
    """
    if len(fields) != len(COLUMNS):
        raise BrokenRowError("wrong-field-count")
    values = tuple(field.strip() for field in fields)
    if not all(values):
        raise BrokenRowError("missing-field")
    order_id, sold_at, store, sku, quantity, unit_price, currency, customer = values
    # Stores become file names and all three become keys, so they must be plain codes.
    if not all(_CODE.fullmatch(code) for code in (order_id, store, sku)):
        raise BrokenRowError("bad-code")
    if currency not in CURRENCIES:
        raise BrokenRowError("unknown-currency")
    return SalesLine(
        order_id=order_id,
        sold_at=_time_of_sale(sold_at, day),
        store=store,
        sku=sku,
        quantity=_quantity(quantity),
        unit_price_cents=_cents(unit_price),
        currency=currency,
        customer=customer,
    )


def sort_rows(rows: Iterable[Row], day: date) -> SortedRows:
    """Sort the rows of one day's export into good and broken ones.

    An order holds a product once: of several good rows for the same order and product the first
    counts, the others are broken with reason ``duplicate-line``.
    """
    result = SortedRows(good=[], lines=[], broken=[])
    seen: set[tuple[str, str]] = set()
    for row in rows:
        try:
            line = check_row(row.fields, day)
            if (line.order_id, line.sku) in seen:
                raise BrokenRowError("duplicate-line")
        except BrokenRowError as error:
            result.broken.append(BrokenRow(row, str(error)))
        else:
            seen.add((line.order_id, line.sku))
            result.good.append(row)
            result.lines.append(line)
    return result


def stage(result: SortedRows, day: date, folder: Path) -> tuple[Path, Path]:
    """Write the good and the broken rows of a day to two files and return their paths.

    The first has the form of an export; the second starts each row with its line and reason.
    """
    good = write_rows(folder / f"sales_{day}.good.csv", COLUMNS, (r.fields for r in result.good))
    broken = write_rows(
        folder / f"sales_{day}.broken.csv",
        ("line", "reason", *COLUMNS),
        ((str(b.row.line), b.reason, *b.row.fields) for b in result.broken),
    )
    return good, broken


def write_rows(path: Path, header: Iterable[str], rows: Iterable[Iterable[str]]) -> Path:
    """Write a CSV file, whole or not at all, and return its path."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return write_atomically(path, out.getvalue())


def read_broken(path: Path) -> list[BrokenRow]:
    """Read back the broken rows that ``stage`` set aside."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [BrokenRow(Row(int(line), tuple(fields)), reason) for line, reason, *fields in rows]


def _read_text(path: Path) -> str:
    data = path.read_bytes()
    if not data:
        raise DamagedExportError(path, 1, "the file is empty")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DamagedExportError(path, line, "it holds bytes that are not UTF-8 text") from error
    # A hole left by a crashed copy reads as NUL characters, which are valid UTF-8.
    hole = text.find("\0")
    if hole >= 0:
        raise DamagedExportError(path, text.count("\n", 0, hole) + 1, "it holds NUL characters")
    if not text.endswith("\n"):
        line = text.count("\n") + 1
        raise DamagedExportError(path, line, "the file ends in the middle of a row")
    return text.removeprefix("\ufeff")


def _parse(path: Path, text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for fields in reader:
            yield Row(line, tuple(fields))
            line = reader.line_num + 1
    except csv.Error as error:
        # The line where the row began: an open quote swallows the file to its very end.
        raise DamagedExportError(path, line, f"it is not valid CSV: {error}") from error


def _time_of_sale(text: str, day: date) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BrokenRowError("bad-date") from None
    if moment.tzinfo is None:
        raise BrokenRowError("bad-date")
    moment = moment.astimezone(UTC)
    if moment.date() != day:
        raise BrokenRowError("wrong-day")
    return moment


def _quantity(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise BrokenRowError("bad-quantity")
    quantity = int(text)
    if quantity <= 0:
        raise BrokenRowError("quantity-not-positive")
    return quantity


def _cents(text: str) -> int:
    price = _PRICE.fullmatch(text)
    if price is None:
        raise BrokenRowError("bad-price")
    return int(price[1]) * 100 + int(price[2])
