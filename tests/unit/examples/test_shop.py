"""The made-up shop is steady, and the committed month is what it makes."""

import doctest
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from include import report, shop
from include.places import COMMITTED_LANDING
from include.sales import check_row, read_rows, sort_rows
from make_sales import days_of_month, main

APRIL = days_of_month(date(2026, 4, 1))
SUNDAY = date(2026, 4, 19)


def test_running_the_script_again_gives_the_committed_bytes(tmp_path: Path) -> None:
    main(["--folder", str(tmp_path)])
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in COMMITTED_LANDING.iterdir()}
    assert made == committed
    assert sorted(made) == [shop.export_name(day) for day in APRIL]
    assert sum(map(len, made.values())) < 1_500_000


def test_the_script_runs_from_any_folder(tmp_path: Path) -> None:
    script = COMMITTED_LANDING.parent / "make_sales.py"
    done = subprocess.run(
        [sys.executable, str(script), "--month", "2024-02", "--folder", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("Wrote 29 files")
    assert len(list(tmp_path.glob("sales_2024-02-*.csv"))) == 29


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 4, 1), 30), (date(2024, 2, 1), 29), (date(2026, 12, 1), 31)],
)
def test_a_month_ends_on_its_last_day(first: date, last: int) -> None:
    assert [day.day for day in days_of_month(first)] == list(range(1, last + 1))


def test_another_seed_or_day_gives_another_export() -> None:
    day = date(2026, 4, 20)
    assert shop.export_of(day) == shop.export_of(day)
    assert shop.export_of(day, seed="other") != shop.export_of(day)
    assert shop.export_of(date(2026, 4, 21)) != shop.export_of(day)


def test_the_month_holds_every_kind_of_broken_row_but_few_of_them() -> None:
    reasons: dict[str, int] = {}
    good = 0
    for day in APRIL:
        result = sort_rows(read_rows(COMMITTED_LANDING / shop.export_name(day)), day)
        good += len(result.good)
        for reason, count in result.reasons().items():
            reasons[reason] = reasons.get(reason, 0) + count
    assert {
        "missing-field",
        "wrong-field-count",
        "quantity-not-positive",
        "bad-date",
        "bad-price",
        "duplicate-line",
    } <= reasons.keys()
    assert 0.005 * good < sum(reasons.values()) < 0.05 * good


def test_one_store_is_closed_on_sundays(tmp_path: Path) -> None:
    def stores(day: date) -> set[str]:
        rows = read_rows(shop.write_export(day, tmp_path))
        return {line.store for line in sort_rows(rows, day).lines}

    assert stores(SUNDAY) == {"amsterdam", "porto", "bristol"}
    assert stores(date(2026, 4, 20)) == {"amsterdam", "porto", "bristol", "gothenburg"}


def test_an_order_is_made_in_one_store_at_one_time(tmp_path: Path) -> None:
    day = date(2026, 4, 20)
    orders: dict[str, set[tuple[str, str, object]]] = {}
    for row in sort_rows(read_rows(shop.write_export(day, tmp_path)), day).good:
        line = check_row(row.fields, day)
        orders.setdefault(line.order_id, set()).add((line.store, line.customer, line.sold_at))
    assert all(len(facts) == 1 for facts in orders.values())


@pytest.mark.parametrize("module", [shop, report])
def test_the_examples_in_docstrings_are_true(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
