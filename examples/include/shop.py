"""A small tea and coffee shop that exports its sales, one CSV file a day.

The shop is made up but steady: the same seed and day always give the same bytes, on every
Python version. A few rows of each day are broken the way real exports are.
"""

import csv
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from include.places import write_atomically
from include.sales import COLUMNS

DEFAULT_SEED = "corner-shop"
BROKEN_PER_THOUSAND = 25
SATURDAY, SUNDAY = 5, 6
OPENING = time(8, tzinfo=UTC)
OPEN_SECONDS = 11 * 3600


@dataclass(frozen=True, slots=True)
class Store:
    """One store: its share of the orders, its currency, and its prices in percent of the list."""

    name: str
    share: int
    currency: str
    price_percent: int
    open_on_sunday: bool = True


@dataclass(frozen=True, slots=True)
class Product:
    """One product: its list price and its share of the order lines."""

    sku: str
    list_price_cents: int
    share: int


STORES = (
    Store("amsterdam", 40, "EUR", 100),
    Store("porto", 25, "EUR", 92),
    Store("bristol", 20, "GBP", 87),
    Store("gothenburg", 15, "SEK", 1120, open_on_sunday=False),
)
PRODUCTS = (
    Product("COF-BEANS-250", 695, 18),
    Product("COF-BEANS-1000", 2350, 9),
    Product("COF-FILTER-80", 320, 8),
    Product("TEA-ASSAM-100", 540, 12),
    Product("TEA-SENCHA-100", 790, 8),
    Product("TEA-MINT-20", 295, 11),
    Product("CUP-STONE", 1250, 6),
    Product("CUP-TRAVEL", 1890, 5),
    Product("PRESS-600", 3490, 2),
    Product("KETTLE-900", 5990, 1),
    Product("CAKE-ALMOND", 385, 12),
    Product("CAKE-OAT", 290, 8),
)

Row = list[str]


class Dice:
    """A seeded source of choices that gives the same ones on every Python version.

    It only uses ``Random.random``, the one method whose numbers Python promises to keep.
    """

    def __init__(self, seed: str) -> None:
        """Start from a seed; equal seeds throw equal numbers."""
        self._random = random.Random(seed)

    def below(self, limit: int) -> int:
        """Throw a whole number from 0 up to, not including, ``limit``."""
        return int(self._random.random() * limit)

    def weighted(self, shares: Sequence[int]) -> int:
        """Choose an index, each in proportion to its share."""
        left = self.below(sum(shares))
        for index, share in enumerate(shares):
            left -= share
            if left < 0:
                return index
        return len(shares) - 1


def export_of(day: date, *, seed: str = DEFAULT_SEED) -> str:
    """Make the shop's export of one day as CSV text, header first, ordered by time of sale.

    Example:
        >>> export_of(date(2026, 4, 20)).splitlines()[0]
        'order_id,sold_at,store,sku,quantity,unit_price,currency,customer'
    """
    dice = Dice(f"{seed}/{day.isoformat()}")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, second in enumerate(_moments(dice, day), start=1):
        for row in _order(dice, day, number, second):
            writer.writerows(_as_exported(dice, row))
    return out.getvalue()


def export_name(day: date) -> str:
    """Tell the file name of one day's export."""
    return f"sales_{day.isoformat()}.csv"


def write_export(day: date, folder: Path, *, seed: str = DEFAULT_SEED) -> Path:
    """Write one day's export into a folder, whole or not at all, and return its path."""
    return write_atomically(folder / export_name(day), export_of(day, seed=seed))


def _moments(dice: Dice, day: date) -> list[int]:
    orders = 90 + dice.below(40) + (45 if day.weekday() >= SATURDAY else 0)
    # The mean of two throws makes the middle of the day busier than its ends.
    return sorted((dice.below(OPEN_SECONDS) + dice.below(OPEN_SECONDS)) // 2 for _ in range(orders))


def _order(dice: Dice, day: date, number: int, second: int) -> list[Row]:
    stores = [s for s in STORES if s.open_on_sunday or day.weekday() != SUNDAY]
    store = stores[dice.weighted([s.share for s in stores])]
    sold_at = datetime.combine(day, OPENING) + timedelta(seconds=second)
    customer = f"C-{1000 + dice.below(900)}"
    left = list(PRODUCTS)
    rows = []
    for _ in range(1 + dice.weighted([45, 30, 17, 8])):
        product = left.pop(dice.weighted([p.share for p in left]))
        cents = product.list_price_cents * store.price_percent // 100
        rows.append(
            [
                f"S{day:%Y%m%d}-{number:04d}",
                f"{sold_at:%Y-%m-%dT%H:%M:%SZ}",
                store.name,
                product.sku,
                str(1 + dice.weighted([70, 20, 7, 3])),
                f"{cents // 100}.{cents % 100:02d}",
                store.currency,
                customer,
            ]
        )
    return rows


def _as_exported(dice: Dice, row: Row) -> list[Row]:
    """Give a row as the export holds it: nearly always as it is, now and then broken."""
    if dice.below(1000) >= BROKEN_PER_THOUSAND:
        return [row]
    order_id, sold_at, store, sku, quantity, price, currency, customer = row
    broken: tuple[list[Row], ...] = (
        [row, row],
        [[order_id, sold_at, store, sku, f"-{quantity}", price, currency, customer]],
        [[order_id, sold_at, store, sku, quantity, price, currency, ""]],
        [[order_id, sold_at, store, "", quantity, price, currency, customer]],
        [[order_id, sold_at, store, sku, quantity]],
        [[order_id, f"2026-02-30T{sold_at[11:]}", store, sku, quantity, price, currency, customer]],
        [[order_id, sold_at[:10], store, sku, quantity, price, currency, customer]],
        [[order_id, sold_at, store, sku, quantity, price.replace(".", ","), currency, customer]],
    )
    return broken[dice.weighted([4, 3, 2, 2, 1, 2, 1, 1])]
