"""Loading a day again changes nothing, and what fails half-way leaves nothing."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from include import report, sales, shop, warehouse

DAY = date(2026, 4, 20)
NEXT = date(2026, 4, 21)


def read_day(day: date, folder: Path, seed: str = shop.DEFAULT_SEED) -> sales.SortedRows:
    return sales.sort_rows(sales.read_rows(shop.write_export(day, folder, seed=seed)), day)


def load(path: Path, day: date, result: sales.SortedRows) -> warehouse.DayLoaded:
    done = warehouse.load_day(path, day, result.lines, result.broken)
    warehouse.aggregate_day(path, day)
    return done


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse" / "warehouse.db"


def test_loading_a_day_again_changes_nothing(path: Path, tmp_path: Path) -> None:
    first, second = read_day(DAY, tmp_path), read_day(NEXT, tmp_path)
    assert load(path, DAY, first) == warehouse.DayLoaded(
        replaced=0, loaded=len(first.lines), rejected=len(first.broken)
    )
    load(path, NEXT, second)
    before = dump(path)
    assert load(path, DAY, first).replaced == len(first.lines)
    assert dump(path) == before


def test_a_corrected_export_replaces_its_day_and_no_other(path: Path, tmp_path: Path) -> None:
    load(path, DAY, read_day(DAY, tmp_path))
    load(path, NEXT, read_day(NEXT, tmp_path))
    next_totals = warehouse.read_store_totals(path, NEXT, NEXT)
    corrected = read_day(DAY, tmp_path, seed="corrected")
    load(path, DAY, corrected)
    assert warehouse.read_figures(path, DAY, DAY) == warehouse.Figures(
        days=1, lines=len(corrected.lines), rejected=corrected.reasons()
    )
    assert warehouse.read_store_totals(path, NEXT, NEXT) == next_totals


def test_a_load_that_fails_half_way_leaves_the_day_as_it_was(path: Path, tmp_path: Path) -> None:
    result = read_day(DAY, tmp_path)
    load(path, DAY, result)
    before = dump(path)

    def interrupted() -> Iterator[sales.SalesLine]:
        yield from result.lines[:5]
        raise InterruptedError("the worker went away")

    with pytest.raises(InterruptedError):
        warehouse.load_day(path, DAY, interrupted(), [])
    assert dump(path) == before


def test_many_days_loaded_at_once_all_arrive(path: Path, tmp_path: Path) -> None:
    days = [DAY + timedelta(days=offset) for offset in range(16)]
    results = {day: read_day(day, tmp_path) for day in days}
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda day: load(path, day, results[day]), days * 2))
    figures = warehouse.read_figures(path, days[0], days[-1])
    assert figures.days == len(days)
    assert figures.lines == sum(len(result.lines) for result in results.values())


def test_the_totals_are_those_of_the_lines(path: Path, tmp_path: Path) -> None:
    result = read_day(DAY, tmp_path)
    warehouse.load_day(path, DAY, result.lines, result.broken)
    keys = {(line.store, line.sku, line.currency) for line in result.lines}
    assert warehouse.aggregate_day(path, DAY) == len(keys)
    totals = warehouse.read_store_totals(path, DAY, DAY)
    assert sum(t.amount_cents for t in totals) == sum(x.amount_cents for x in result.lines)
    assert sum(t.quantity for t in totals) == sum(x.quantity for x in result.lines)


def test_a_day_without_sales_loads_nothing(path: Path) -> None:
    assert warehouse.load_day(path, DAY, [], []) == warehouse.DayLoaded(0, 0, 0)
    assert warehouse.aggregate_day(path, DAY) == 0


def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    odd = tmp_path / "100% a?b#c" / "warehouse.db"
    warehouse.load_day(odd, DAY, [], [])
    assert odd.is_file()
    assert warehouse.read_figures(odd, DAY, DAY).days == 0


def test_without_a_warehouse_the_report_says_so_and_makes_none(path: Path) -> None:
    figures = warehouse.read_figures(path, DAY, NEXT)
    assert figures == warehouse.Figures(days=0, lines=0, rejected={})
    text = report.render_report(DAY, NEXT, figures, warehouse.read_store_totals(path, DAY, NEXT))
    assert "holds no sales of these days yet" in text
    assert not path.exists()


def test_the_report_names_days_stores_money_and_rejected_rows() -> None:
    figures = warehouse.Figures(days=1, lines=12, rejected={"bad-date": 3, "bad-price": 1})
    totals = [warehouse.StoreTotal(DAY, "porto", "EUR", 20, 123405)]
    assert report.render_report(DAY, NEXT, figures, totals) == (
        "# Sales from 2026-04-20 to 2026-04-21\n\n"
        "12 order lines on 1 of 2 days.\n\n"
        "| day | store | pieces | amount |\n|---|---|---:|---:|\n"
        "| 2026-04-20 | porto | 20 | 1,234.05 EUR |\n\n"
        "## Rejected rows\n\n- bad-date: 3\n- bad-price: 1\n"
    )
