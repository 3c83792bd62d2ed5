"""Clears, marks and cancels as commands, where no server runs."""

import pytest

from tests.acceptance.conftest import Shell

pytestmark = pytest.mark.process

DAG = "daily_sales_load"


def test_tasks_and_runs_are_marked_cleared_and_cancelled(alone: Shell) -> None:
    alone.ok(f"tradewind dags trigger {DAG} -l 2026-04-20 -r one")
    first = alone.ok(f"tradewind tasks list {DAG}").lines[0]

    would = alone.ok(f"tradewind tasks mark {DAG} {first} one --state failed --dry-run")
    assert "This would mark 1 task instance(s) failed." in would.err
    done = alone.ok(f"tradewind tasks mark {DAG} {first} 2026-04-20 --state failed -y")
    assert done.out == "Marked 1 task instance(s) failed.\n"
    assert alone.ok(f"tradewind tasks state {DAG} {first} one").out == "failed\n"

    would = alone.ok(f"tradewind tasks clear {DAG} -t ^{first}$ --only-failed --dry-run")
    assert "This would clear 1 task instance(s) across 1 Dag run(s)." in would.err
    done = alone.ok(f"airflow tasks clear {DAG} -t ^{first}$ -s 2026-04-20 -e 2026-04-20 -f -y")
    assert done.out == "Cleared 1 task instance(s) across 1 Dag run(s).\n"
    none = alone.ok(f"tradewind tasks clear {DAG} --only-failed -y")
    assert none.out == "No matching task instances found.\n"

    assert first in alone.ok(f"tradewind runs cancel {DAG} one --dry-run").out
    done = alone.ok(f"tradewind runs cancel {DAG} one --yes")
    assert done.out == f"Run one of Dag {DAG} is cancelled; it is failed.\n"
    assert "cancelled by" in alone.ok(f"tradewind why {DAG} one").out
    assert "has ended already" in alone.run(f"tradewind runs cancel {DAG} one -y").err

    done = alone.ok(f"tradewind dags clear {DAG} --run-id one --yes")
    assert done.out.startswith("Cleared ")
    assert alone.ok(f"tradewind dags state {DAG} one").out.startswith("queued")
    done = alone.ok(f"tradewind runs mark {DAG} one --state success -y")
    assert done.out == f"Run one of Dag {DAG} is success.\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"tasks clear {DAG} -t zzz -y", f"Dag '{DAG}' has no task that matches 'zzz'."),
        (f"tasks clear {DAG} -t [ -y", "'[' is not a regular expression"),
        ("tasks clear nope -y", "The Dag with ID: `nope` was not found"),
        ("tasks clear zzz -R -y", "There is no Dag whose id matches 'zzz'."),
        (f"tasks clear {DAG} -f -r -y", "only_failed and only_running exclude each other."),
        (f"dags clear {DAG} -y", "'dags clear' needs exactly one of"),
        (f"dags clear {DAG} --run-id x -y", f"Dag '{DAG}' has no run 'x'."),
        (f"partitions clear -d {DAG} -y", "Nothing says which runs forget their partition."),
        (f"partitions clear -d {DAG} --date 2026 -y", "--date is FIRST~LAST"),
        (f"runs cancel {DAG} x -y", "`x` was not found"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(read_home: Shell, line: str, said: str) -> None:
    answer = read_home.run(f"tradewind {line}")
    assert answer.code in (1, 2)
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_nothing_is_cleared_where_nothing_matches(read_home: Shell) -> None:
    said = read_home.ok(f"tradewind dags clear {DAG} --partition-key eu -y")
    assert said.out == "No matching Dag runs found.\n"
    said = read_home.ok(f"tradewind partitions clear -d {DAG} -k eu")
    assert said.out == "No matching Dag runs found.\n"
