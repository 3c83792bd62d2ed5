"""Where files go, which day a run is about, and how an export is found or fetched."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

from include import landing, places, shop

COMMITTED_DAY = date(2026, 4, 20)
NEW_DAY = date(2026, 7, 1)


def test_the_data_folder_is_the_one_named(data_folder: Path) -> None:
    assert places.data_folder() == data_folder
    assert places.warehouse_path().parent == data_folder


@pytest.mark.parametrize(
    ("home", "expected"), [("home", "home/examples"), (None, ".tradewind/examples")]
)
def test_without_a_name_the_data_folder_lies_in_the_home_folder(
    home: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRADEWIND_EXAMPLES_DATA", raising=False)
    monkeypatch.delenv("TRADEWIND_HOME", raising=False)
    if home:
        monkeypatch.setenv("TRADEWIND_HOME", home)
    assert places.data_folder() == tmp_path / expected


@pytest.mark.parametrize(
    ("logical_date", "expected"),
    [
        (datetime(2026, 4, 20, tzinfo=UTC), date(2026, 4, 20)),
        (datetime(2026, 4, 20, 23, 59, tzinfo=UTC), date(2026, 4, 20)),
        (datetime(2026, 4, 20, 1, tzinfo=timezone(timedelta(hours=2))), date(2026, 4, 19)),
        (None, date(2026, 5, 2)),
    ],
)
def test_a_run_is_about_the_utc_day_of_its_logical_date(
    logical_date: datetime | None, expected: date
) -> None:
    run_after = datetime(2026, 5, 1, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    context = {"logical_date": logical_date, "dag_run": SimpleNamespace(run_after=run_after)}
    assert places.day_of_run(context) == expected


def test_a_context_without_a_logical_date_at_all_is_a_run_without_one() -> None:
    run = SimpleNamespace(run_after=datetime(2026, 5, 2, 8, tzinfo=UTC))
    assert places.day_of_run({"dag_run": run}) == date(2026, 5, 2)


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = places.write_atomically(tmp_path / "new" / "file.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        places.write_atomically(path, "half\ud800")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_committed_export_is_found_in_place(data_folder: Path) -> None:
    export = landing.obtain_export(COMMITTED_DAY)
    assert export == landing.Export(
        places.COMMITTED_LANDING / "sales_2026-04-20.csv", fetched=False
    )
    assert not data_folder.exists()


def test_a_missing_export_is_fetched_once_into_the_data_folder(data_folder: Path) -> None:
    first = landing.obtain_export(NEW_DAY)
    assert first == landing.Export(data_folder / "landing" / "sales_2026-07-01.csv", fetched=True)
    assert first.path.read_text() == shop.export_of(NEW_DAY)
    assert landing.obtain_export(NEW_DAY) == landing.Export(first.path, fetched=False)
    assert list(first.path.parent.iterdir()) == [first.path]


def test_an_export_in_the_data_folder_wins_over_the_committed_one(data_folder: Path) -> None:
    corrected = shop.write_export(COMMITTED_DAY, data_folder / "landing", seed="corrected")
    assert landing.find_export(COMMITTED_DAY) == corrected
