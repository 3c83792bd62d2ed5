"""What is typed wrong is answered in one sentence that names the nearest right answer."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.conftest import Said, Shell

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
    ("dags trigger daily_sales_load -l 2026-04-31", 1, "no such day"),
    ("dags trigger daily_sales_load -l soon", 1, "2026-04-20"),
    ("dags trigger daily_sales_load -c '{\"a\": '", 1, "--conf is not JSON"),
    ("dags trigger daily_sales_load -c '[1]'", 1, "must be a JSON object"),
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
        "backfill create --dag-id daily_sales_load --from-date 2026-04-20 --to-date 2026-04-22 "
        "--dag-version 99",
        1,
        "has no version 99",
    ),
    (
        "backfill create --dag-id daily_sales_load --from-date 2026-04-20 --to-date 2026-04-22 "
        "--dag-version 1 --no-run-on-latest-version",
        2,
        "not both",
    ),
    ("backfill show 99", 1, "no backfill 99"),
    ("backfill pause one", 2, "whole number"),
    ("backfill cancel", 2, "needs ID"),
    ("backfill update 99", 2, "'--max-active-runs'"),
    ("backfill update 99 --max-active-runs 0", 2, "backfill pause"),
    ("backfill list --dag-id daily_sales_lod", 1, "Did you mean 'daily_sales_load'?"),
    ("backfill stop 1", 2, "There is no command 'backfill stop'"),
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
    ("variables set k '{' --json", 1, "not JSON"),
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


# What no server answers is answered by the same routes in the command's process; each such command
# costs a second, so these are the rows whose way there is another one.
ALONE = [
    row
    for row in ROWS
    if row[0]
    in {
        "dags trigger daily_sales_lod",
        "dags trigger daily_sales_load -l 2026-03-01",
        "dags state daily_sales_load 2026-01-01",
        "dags test daily_sales_lod",
        "tasks list daily_sales_lod",
        "tasks test daily_sales_load extrac",
        "variables get nope",
        "connections get nope",
        "pools delete default_pool",
    }
]

Answers = dict[str, Said]


@pytest.fixture(scope="module")
def answers(served: Shell) -> Answers:
    """What each row is answered where a server runs."""
    return type_all(served, "tradewind", ROWS)


@pytest.fixture(scope="module")
def answers_alone(read_home: Shell) -> Answers:
    """What some rows are answered where none runs."""
    return type_all(read_home, "airflow", ALONE)


def type_all(shell: Shell, program: str, rows: list[tuple[str, int, str]]) -> Answers:
    """Type every row, some at a time: most of a command's time is that of starting."""
    lines = [line for line, _, _ in rows]
    with ThreadPoolExecutor(3) as terminals:
        said = terminals.map(lambda line: shell.run(f"{program} {line}"), lines)
        return dict(zip(lines, said, strict=True))


@pytest.mark.parametrize(("line", "code", "told"), ROWS, ids=[row[0] for row in ROWS])
def test_one_sentence_with_a_server(answers: Answers, line: str, code: int, told: str) -> None:
    check(answers[line], code, told)


@pytest.mark.parametrize(("line", "code", "told"), ALONE, ids=[row[0] for row in ALONE])
def test_one_sentence_without_a_server(
    answers_alone: Answers, line: str, code: int, told: str
) -> None:
    check(answers_alone[line], code, told)


def check(said: Said, code: int, told: str) -> None:
    assert said.code == code, said
    assert said.out == ""
    assert len(said.err.splitlines()) == 1, said
    assert told in said.err
    assert "Traceback" not in said.err
