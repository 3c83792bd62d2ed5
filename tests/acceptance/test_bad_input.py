"""What is typed wrong is answered in one sentence that names the nearest right answer."""

from pathlib import Path

import pytest

from tests.acceptance.conftest import Shell

pytestmark = pytest.mark.process

ROWS = [
    ("dags triger daily_sales_load", 2, "Did you mean 'trigger'?"),
    ("dag list", 2, "Did you mean 'dags'?"),
    ("tasks run a b", 2, "There is no command 'tasks run'"),
    ("--hlep", 2, "no option '--hlep'"),
    ("dags list-runs daily_sales_load --sate failed", 2, "Did you mean '--state'?"),
    ("dags list-runs daily_sales_load --state failled", 2, "Did you mean 'failed'?"),
    ("dags list-runs daily_sales_load -o jsn", 2, "Did you mean 'json'?"),
    ("dags list-runs", 2, "needs one DAG_ID"),
    ("dags trigger", 2, "needs DAG_ID"),
    ("dags trigger daily_sales_load tomorrow", 2, "'tomorrow'"),
    ("dags trigger daily_sales_load --logical-date", 2, "needs a value"),
    ("dags trigger daily_sales_lod", 1, "Did you mean 'daily_sales_load'?"),
    ("dags trigger daily_sales_load -l 2026-04-31", 2, "no such day"),
    ("dags trigger daily_sales_load -l soon", 2, "2026-04-20"),
    ("dags trigger daily_sales_load -c '{\"a\": '", 2, "--conf is not JSON"),
    ("dags trigger daily_sales_load -c '[1]'", 2, "must be a JSON object"),
    ("dags trigger daily_sales_load -r 'no good'", 1, "run id"),
    ("dags trigger daily_sales_load -r scheduled__2026-04-20", 1, "scheduled"),
    ("dags trigger daily_sales_load -l 2026-03-01", 1, "2026-03-01"),
    ("dags details sales_reprot", 1, "Did you mean 'sales_report'?"),
    ("dags pause nope", 1, "`nope` was not found"),
    ("dags state daily_sales_load 2026-01-01", 1, "no run for 2026-01-01"),
    ("dags test daily_sales_lod", 1, "Did you mean 'daily_sales_load'?"),
    ("dags list --columns dag_idd", 2, "Did you mean 'dag_id'?"),
    ("tasks list daily_sales_lod", 1, "Did you mean 'daily_sales_load'?"),
    ("tasks test daily_sales_load extrac", 1, "Did you mean 'extract'?"),
    ("tasks render daily_sales_load extrac", 1, "Did you mean 'extract'?"),
    ("tasks state daily_sales_load extract 2026-01-01", 1, "no run for 2026-01-01"),
    (
        "backfill create --dag-id daily_sales_load --from-date 2026-04-22 --to-date 2026-04-20",
        1,
        "after its end",
    ),
    ("backfill create --dag-id daily_sales_load --from-date 2026-04-22", 2, "'--to-date'"),
    (
        "backfill create --dag-id daily_sales_lod --from-date 2026-04-20 --to-date 2026-04-22",
        1,
        "Did you mean 'daily_sales_load'?",
    ),
    (
        "backfill create --dag-id daily_sales_load --from-date 2026-04-20 --to-date 2026-04-22 "
        "--reprocess-behavior al",
        2,
        "'al' is not one of",
    ),
    (
        "backfill create --dag-id daily_sales_load --from-date 2099-01-01 --to-date 2099-02-01",
        1,
        "future",
    ),
    (
        "backfill create --dag-id daily_sales_load --from-date 2026-04-20 --to-date 2026-04-22 "
        "--max-active-runs 0",
        2,
        "at least 1",
    ),
    ("variables get nope", 1, "Variable nope does not exist"),
    ("variables set k '{' --json", 2, "not JSON"),
    ("connections get nope", 1, "'nope' not found"),
    ("connections add c", 2, "--conn-uri"),
    ("pools get nope", 1, "Pool nope does not exist"),
    ("pools set p many", 2, "SLOTS should be a whole number"),
    ("pools delete default_pool", 1, "default_pool cannot be deleted"),
    ("config list --section cor", 1, "Did you mean 'core'?"),
    ("run nowhere.py", 1, "There is no file nowhere.py"),
    ("scheduler", 1, "PostgreSQL"),
    ("api-server", 1, "PostgreSQL"),
]


# Each command opens a home of its own accord there, which takes a second: every third will do.
ALONE = ROWS[::3]


@pytest.mark.parametrize(("line", "code", "told"), ROWS, ids=[row[0] for row in ROWS])
def test_one_sentence_with_a_server(served: Shell, line: str, code: int, told: str) -> None:
    check(served, f"tradewind {line}", code, told)


@pytest.fixture(scope="module")
def module_alone(tmp_path_factory: pytest.TempPathFactory, programs: Path, examples: Path) -> Shell:
    return Shell(tmp_path_factory.mktemp("alone") / "home", programs, examples)


@pytest.mark.parametrize(("line", "code", "told"), ALONE, ids=[row[0] for row in ALONE])
def test_one_sentence_without_a_server(
    module_alone: Shell, line: str, code: int, told: str
) -> None:
    check(module_alone, f"airflow {line}", code, told)


def check(shell: Shell, line: str, code: int, told: str) -> None:
    said = shell.run(line)
    assert said.code == code, said
    assert said.out == ""
    # Before it there may be said that Dag files are read, in a home where they never were.
    sentence = said.err.splitlines()[-1]
    assert told in sentence
    assert [one for one in said.err.splitlines() if "Reading Dag files" not in one] == [sentence]
    assert "Traceback" not in said.err
