import json

import pytest
import yaml

from tradewind.cli.output import Format, Row, as_written, print_properties, print_rows
from tradewind.errors import UsageError

ROWS: list[Row] = [
    {"run_id": "manual__1", "state": "success", "logical_date": "2026-04-20T00:00:00Z"},
    {"run_id": "b", "state": None, "logical_date": None, "conf": {"a": 1}, "tags": ["x", "y"]},
]
SHOWN = ("run_id", "state", "logical_date")


def test_a_table_has_an_underlined_header_and_no_trailing_blanks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows(ROWS, SHOWN)
    assert capsys.readouterr().out == (
        "run_id    | state   | logical_date\n"
        "==========+=========+==========================\n"
        "manual__1 | success | 2026-04-20T00:00:00+00:00\n"
        "b         |         |\n"
    )


def test_a_long_cell_is_neither_wrapped_nor_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"run_id": "x" * 500 + "\nnext"}], ("run_id",))
    assert capsys.readouterr().out.splitlines()[2] == "x" * 500 + "\\nnext"


def test_nothing_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], SHOWN)
    print_rows([], SHOWN, chosen="whatever")
    print_rows([], SHOWN, Format.JSON)
    print_rows([], SHOWN, Format.YAML)
    assert capsys.readouterr().out == "No data found\nNo data found\n[]\n[]\n"


def test_json_is_one_line_with_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, SHOWN, Format.JSON)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out)[1] == {
        "run_id": "b",
        "state": None,
        "logical_date": None,
        "conf": {"a": 1},
        "tags": ["x", "y"],
    }


def test_yaml_has_sorted_keys(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, SHOWN, Format.YAML)
    out = capsys.readouterr().out
    assert out.index("logical_date") < out.index("run_id")
    assert yaml.safe_load(out)[0]["run_id"] == "manual__1"


def test_plain_has_two_blanks_between_all_fields(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, SHOWN, Format.PLAIN)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["run_id", "state", "logical_date", "conf", "tags"]
    assert lines[1].startswith("manual__1  success  2026")
    assert lines[2].endswith('{"a": 1}  x, y')


@pytest.mark.parametrize("output", list(Format))
def test_columns_are_chosen_in_every_form(
    output: Format, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rows(ROWS, SHOWN, output, "state, run_id")
    out = capsys.readouterr().out
    assert "logical_date" not in out
    assert "run_id" in out


def test_a_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no column 'stat'\. Did you mean 'state'"):
        print_rows(ROWS, SHOWN, chosen="stat")


def test_one_thing_is_an_object_or_a_table_of_properties(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_properties({"dag_id": "a", "is_paused": False}, Format.JSON)
    assert json.loads(capsys.readouterr().out) == {"dag_id": "a", "is_paused": False}
    print_properties({"dag_id": "a", "is_paused": False})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "property_name | property_value"
    assert lines[3] == "is_paused     | False"


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("2026-04-20T00:00:00Z", "2026-04-20T00:00:00+00:00"),
        ("2026-04-20T00:00:00.500Z", "2026-04-20T00:00:00.500000+00:00"),
        ("2026-04-20T00:00:00.000000Z", "2026-04-20T00:00:00+00:00"),
        ("no date", "no date"),
        (None, None),
    ],
)
def test_dates_are_written_as_run_ids_have_them(told: str | None, written: str | None) -> None:
    assert as_written(told) == written
