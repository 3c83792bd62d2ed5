from datetime import UTC, datetime

import pytest

from tradewind.cli.options import parse_date, parse_object
from tradewind.errors import RefusedError


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-04-20", 0),
        ("2026-04-20T06:00:00", 6),
        ("2026-04-20 06:00", 6),
        ("2026-04-20T06:00:00Z", 6),
        ("2026-04-20T06:00:00+02:00", 4),
    ],
)
def test_a_date_is_read_as_people_type_it(text: str, hour: int) -> None:
    assert parse_date(text) == datetime(2026, 4, 20, hour, tzinfo=UTC)


def test_a_date_without_offset_is_local_to_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DEFAULT_TIMEZONE", "Europe/Berlin")
    assert parse_date("2026-04-20") == datetime(2026, 4, 19, 22, tzinfo=UTC)
    assert parse_date("2026-04-20T00:00:00+00:00") == datetime(2026, 4, 20, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-04-22", "20260422", " 2026-04-22 "])
def test_a_day_that_ends_a_range_is_its_last_moment(text: str) -> None:
    assert parse_date(text, is_end=True) == datetime(2026, 4, 22, 23, 59, 59, 999999, tzinfo=UTC)


def test_a_moment_that_ends_a_range_stays_itself() -> None:
    moment = datetime(2026, 4, 22, tzinfo=UTC)
    assert parse_date("2026-04-22T00:00:00", is_end=True) == moment
    assert parse_date("2026-04-22 00:00+00:00", is_end=True) == moment


def test_the_last_moment_is_that_of_the_day_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DEFAULT_TIMEZONE", "Europe/Berlin")
    ended = datetime(2026, 4, 22, 21, 59, 59, 999999, tzinfo=UTC)
    assert parse_date("2026-04-22", is_end=True) == ended


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "2026-04-31", "20/04/2026"])
def test_what_is_no_date_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(RefusedError, match="Write it as 2026-04-20"):
        parse_date(text)


def test_json_objects() -> None:
    assert parse_object(None, "--conf") == {}
    assert parse_object('{"a": [1]}', "--conf") == {"a": [1]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a"', "--conf is not JSON: .* at character 5"),
        ("[1]", "--conf must be a JSON object"),
        ("{'a': 1}", "--conf is not JSON"),
    ],
)
def test_broken_json_is_refused(text: str, told: str) -> None:
    with pytest.raises(RefusedError, match=told):
        parse_object(text, "--conf")
