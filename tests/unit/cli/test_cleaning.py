"""``db clean`` and its archives, in a home without a server."""

import csv
from pathlib import Path

import pytest

from tests.conformance.api.conftest import NOW, Stack
from tradewind.cli.main import run
from tradewind.core.states import LegState
from tradewind.errors import TradewindError

TIME = "--clean-before-timestamp 2026-05-01"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two runs that ended."""
    stack = Stack(tmp_path)
    stack.discover(tmp_path / "project")
    worker = stack.register()
    stack.parse(worker)
    for name in ("a", "b"):
        stack.trigger(dag_run_id=name)
    orders = [*stack.exchange(worker).claims]
    while orders:
        orders += stack.finish(worker, orders.pop(), LegState.SUCCESS).claims
    stack.close()
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path))
    return tmp_path


def db(words: str) -> None:
    assert run("airflow", ["db", *words.split()]) == 0


def test_old_runs_are_counted_deleted_exported_and_dropped(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db(f"clean {TIME} --dry-run")
    assert "Would delete 1 runs, with all that belongs to them." in capsys.readouterr().out
    db(f"clean {TIME} --yes")
    said = capsys.readouterr().out
    assert "Deleted 1 runs." in said
    assert "Deleted 2 task instances." in said
    db(f"clean {TIME} --yes --tables dag_run,celery_taskmeta")
    said_again = capsys.readouterr()
    assert "Nothing is old enough" in said_again.out
    assert "'celery_taskmeta' is a table of Airflow's" in said_again.err

    db(f"export-archived --output-path {home} --tables dag_run --drop-archives --yes")
    (file,) = home.glob("_tradewind_deleted__run__*.csv")
    with file.open() as lines:
        (row,) = csv.DictReader(lines)
    assert (row["dag_id"], row["state"]) == ("daily_sales", "success")
    assert row["run_after"] == NOW.isoformat()
    db("drop-archived --yes")
    assert "Deleted 3 archives." in capsys.readouterr().out
    db("drop-archived --yes")
    db(f"export-archived --output-path {home}")
    assert capsys.readouterr().out == "There is no archive.\n" * 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("clean --yes", "needs option '--clean-before-timestamp'"),
        ("clean --clean-before-timestamp soon -y", "'soon' is not understood"),
        ("clean --clean-before-timestamp 2099-01-01 -y", "lies in the future"),
        (f"clean {TIME} --tables dagrun -y", "Did you mean 'dag_run'?"),
        (f"clean {TIME} --batch-size 0 -y", "--batch-size"),
        ("export-archived --output-path /no/such -y", "There is no folder /no/such"),
        ("export-archived --output-path /tmp --export-format xml", "Use csv."),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(home: Path, words: str, told: str) -> None:
    with pytest.raises(TradewindError) as caught:
        run("airflow", ["db", *words.split()])
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert home.exists()
