"""Why a row is set aside, and what makes a whole file damaged."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from include import parts, sales, shop

DAY = date(2026, 4, 20)
HEADER = ",".join(sales.COLUMNS)
GOOD = ("S1", "2026-04-20T09:00:00Z", "porto", "CUP-STONE", "2", "11.50", "EUR", "C-1")


def with_value(column: str, value: str) -> tuple[str, ...]:
    index = sales.COLUMNS.index(column)
    return (*GOOD[:index], value, *GOOD[index + 1 :])


def test_a_good_row_becomes_a_sales_line() -> None:
    line = sales.check_row(GOOD, DAY)
    assert line == sales.SalesLine(
        order_id="S1",
        sold_at=datetime(2026, 4, 20, 9, tzinfo=UTC),
        store="porto",
        sku="CUP-STONE",
        quantity=2,
        unit_price_cents=1150,
        currency="EUR",
        customer="C-1",
    )
    assert line.amount_cents == 2300


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("order_id", " S1 "),
        ("sold_at", "2026-04-20T23:59:59+00:00"),
        ("sold_at", "2026-04-21T01:00:00+02:00"),
        ("quantity", "007"),
        ("unit_price", "0.00"),
        ("customer", "Okafor, Ada"),
    ],
)
def test_unusual_values_are_still_good(column: str, value: str) -> None:
    assert sales.check_row(with_value(column, value), DAY).store == "porto"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ((), "wrong-field-count"),
        (GOOD[:5], "wrong-field-count"),
        ((*GOOD, "more"), "wrong-field-count"),
        *[(with_value(column, ""), "missing-field") for column in sales.COLUMNS],
        (with_value("customer", "  "), "missing-field"),
        (with_value("store", "../porto"), "bad-code"),
        (with_value("sku", "CUP STONE"), "bad-code"),
        (with_value("order_id", "-S1"), "bad-code"),
        (with_value("currency", "XXX"), "unknown-currency"),
        (with_value("currency", "eur"), "unknown-currency"),
        (with_value("sold_at", "2026-02-30T09:00:00Z"), "bad-date"),
        (with_value("sold_at", "20/04/2026 09:00"), "bad-date"),
        (with_value("sold_at", "2026-04-20"), "bad-date"),
        (with_value("sold_at", "2026-04-20T09:00:00"), "bad-date"),
        (with_value("sold_at", "2026-04-21T00:00:00Z"), "wrong-day"),
        (with_value("sold_at", "2026-04-20T00:30:00+01:00"), "wrong-day"),
        (with_value("quantity", "two"), "bad-quantity"),
        (with_value("quantity", "1.5"), "bad-quantity"),
        (with_value("quantity", "9999999999"), "bad-quantity"),
        (with_value("quantity", "-2"), "quantity-not-positive"),
        (with_value("quantity", "0"), "quantity-not-positive"),
        (with_value("unit_price", "11,50"), "bad-price"),
        (with_value("unit_price", "-1.00"), "bad-price"),
        (with_value("unit_price", "11.5"), "bad-price"),
        (with_value("unit_price", "nan"), "bad-price"),
    ],
)
def test_a_broken_row_has_a_reason(fields: tuple[str, ...], reason: str) -> None:
    with pytest.raises(sales.BrokenRowError, match=f"^{reason}$"):
        sales.check_row(fields, DAY)


def test_of_the_rows_for_one_order_and_product_the_first_good_one_counts() -> None:
    rows = [
        sales.Row(2, with_value("quantity", "-1")),
        sales.Row(3, GOOD),
        sales.Row(4, with_value("quantity", "5")),
        sales.Row(5, with_value("sku", "KETTLE-900")),
        sales.Row(6, GOOD),
    ]
    result = sales.sort_rows(rows, DAY)
    assert result.good == [rows[1], rows[3]]
    assert [(b.row.line, b.reason) for b in result.broken] == [
        (2, "quantity-not-positive"),
        (4, "duplicate-line"),
        (6, "duplicate-line"),
    ]
    assert list(result.reasons().items()) == [("duplicate-line", 2), ("quantity-not-positive", 1)]


def export_file(folder: Path, content: bytes) -> Path:
    path = folder / "sales_2026-04-20.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{','.join(GOOD)}\n",
        f"\ufeff{HEADER}\n{','.join(GOOD)}\n",
        f"{HEADER}\r\n{','.join(GOOD)}\r\n",
    ],
    ids=["plain", "byte order mark", "line ends of Windows"],
)
def test_exports_of_other_programs_are_read(content: str, tmp_path: Path) -> None:
    assert sales.read_rows(export_file(tmp_path, content.encode())) == [sales.Row(2, GOOD)]


def test_a_day_without_sales_is_no_damage(tmp_path: Path) -> None:
    assert sales.read_rows(export_file(tmp_path, f"{HEADER}\n".encode())) == []


FIRST_ROWS = f"{HEADER}\n{','.join(GOOD)}\n".encode()


@pytest.mark.parametrize(
    ("content", "line", "cause"),
    [
        (b"", 1, "the file is empty"),
        (b"\n", 1, "its header is not"),
        (b"order;sold\nS1;x\n", 1, "its header is not"),
        (FIRST_ROWS.partition(b"\n")[2], 1, "its header is not"),
        (FIRST_ROWS + b"S2,2026-04-", 3, "the file ends in the middle of a row"),
        (FIRST_ROWS + b"S2,\xff\xfe\n", 3, "it holds bytes that are not UTF-8 text"),
        (FIRST_ROWS + b"\0\0\0\n", 3, "it holds NUL characters"),
        (FIRST_ROWS + b'S2,"open\nS3,x\nS4,y\n', 3, "it is not valid CSV"),
        (HEADER.encode("utf-16"), 1, "it holds bytes that are not UTF-8 text"),
    ],
)
def test_a_damaged_file_is_one_sentence_with_file_line_and_way_out(
    content: bytes, line: int, cause: str, tmp_path: Path
) -> None:
    path = export_file(tmp_path, content)
    with pytest.raises(sales.DamagedExportError) as caught:
        sales.read_rows(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is damaged at line {line} ({cause}")
    assert "replace it with a fresh export" in message
    assert "\n" not in message


def test_an_export_cut_anywhere_is_damaged_or_ends_on_a_whole_row(tmp_path: Path) -> None:
    whole = shop.export_of(DAY).encode()
    for size in range(0, len(whole), 97):
        path = export_file(tmp_path, whole[:size])
        if size and whole[size - 1 : size] == b"\n":
            sales.read_rows(path)
        else:
            with pytest.raises(sales.DamagedExportError):
                sales.read_rows(path)


def test_what_is_staged_reads_back_the_same(tmp_path: Path) -> None:
    result = sales.sort_rows(sales.read_rows(shop.write_export(DAY, tmp_path)), DAY)
    assert result.broken
    good, broken = sales.stage(result, DAY, tmp_path / "staging")
    again = sales.sort_rows(sales.read_rows(good), DAY)
    assert (again.lines, again.broken) == (result.lines, [])
    assert sales.read_broken(broken) == result.broken


@pytest.mark.parametrize(("day", "stores"), [(DAY, 4), (date(2026, 4, 19), 3)])
def test_the_parts_of_a_day_add_up_to_the_day(day: date, stores: int, tmp_path: Path) -> None:
    result = sales.sort_rows(sales.read_rows(shop.write_export(day, tmp_path)), day)
    files = parts.split_by_store(result, day, tmp_path / "parts")
    summaries = [parts.summarise_part(path, day) for path in files]
    assert [s.store for s in summaries] == sorted({line.store for line in result.lines})
    total = parts.combine(parts.StoreSummary(**s.as_dict()) for s in summaries)  # type: ignore[arg-type]
    assert total["stores"] == stores
    assert total["lines"] == len(result.lines)
    assert total["orders"] == len({line.order_id for line in result.lines})
    assert sum(total["amount_cents"].values()) == sum(x.amount_cents for x in result.lines)
    assert set(total["amount_cents"]) == {line.currency for line in result.lines}
