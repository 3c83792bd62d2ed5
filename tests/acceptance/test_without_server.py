"""The same commands where no server runs: over the local store, in the command's own process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Shell, standalone, wait_until

pytestmark = pytest.mark.process


def test_the_first_command_on_a_new_home_reads_the_dag_files(read_home: Shell) -> None:
    second = read_home.ok("tradewind dags list -o json")
    assert second.err == ""
    assert {dag["dag_id"] for dag in json.loads(second.out)} >= {
        "daily_sales_load",
        "sales_report",
    }


def test_what_is_asked_for_without_a_server_is_done_once_there_is_one(alone: Shell) -> None:
    said = alone.ok("airflow dags trigger daily_sales_load --logical-date 2026-04-20")
    assert said.lines[2].endswith("| manual__2026-04-20T00:00:00+00:00")
    assert alone.run("airflow dags trigger daily_sales_load -l 2026-04-20").code == 1
    alone.ok("airflow dags unpause daily_sales_load")
    with standalone(alone):
        wait_until(
            lambda: alone.ok("tradewind dags state daily_sales_load 2026-04-20").out == "success\n",
            60,
            "the run ended",
        )
    assert alone.ok("tradewind dags state daily_sales_load 2026-04-20").out == "success\n"

    # What a run left can be read by a task that is tried here.
    line = "tradewind tasks test daily_sales_load validate 2026-04-20"
    assert "sales_2026-04-20" in alone.ok(line).out


def test_waiting_without_a_server_is_refused(read_home: Shell) -> None:
    line = "backfill create --dag-id sales_report --from-date 2026-04-20 --to-date 2026-04-22"
    said = read_home.run(f"tradewind {line} --wait")
    assert said.code == 1
    assert "No Tradewind server runs here" in said.err
    plan = read_home.ok(f"tradewind {line} --dry-run")
    assert len(plan.lines) == 4
    assert "would be created" in plan.lines[1]
    # The last day is there, although its run is due hours after its midnight.
    assert "2026-04-22T06:30:00+00:00" in plan.lines[3]
    assert read_home.ok("tradewind dags list-runs sales_report").out == "No data found\n"


def test_no_server_is_no_health(read_home: Shell) -> None:
    said = read_home.run("tradewind health")
    assert said.code == 1
    assert "No Tradewind server runs" in said.err


def test_the_file_of_a_dead_server_is_passed_over(alone: Shell) -> None:
    alone.home.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getpid()):
        told = {"url": "http://127.0.0.1:9", "token": "t", "pid": pid}
        (alone.home / "server.json").write_text(json.dumps(told))
        assert alone.ok("tradewind pools list").lines[2].startswith("default_pool")


def test_variables_and_connections_in_clear(read_home: Shell) -> None:
    read_home.ok("tradewind variables set shop_token s3cr3t --description 'Opens it'")
    assert read_home.ok("tradewind variables get shop_token").out == "s3cr3t\n"
    read_home.ok("tradewind connections add till --conn-uri postgres://me:pw@db:5432/till")
    facts = json.loads(read_home.ok("tradewind connections get till -o json").out)[0]
    assert (facts["password"], facts["get_uri"]) == ("pw", "postgres://me:pw@db:5432/till")


def test_a_dag_and_a_task_run_here_and_now(read_home: Shell) -> None:
    said = read_home.ok("tradewind dags test daily_sales_load 2026-04-20")
    assert said.lines[-1] == "Run of 'daily_sales_load': success"
    one = read_home.ok("tradewind tasks test daily_sales_load extract 2026-04-20")
    assert "sales_2026-04-20.csv" in one.out
    shown = read_home.ok("tradewind tasks render housekeeping note_run 2026-04-20")
    assert "tidied for 2026-04-20" in shown.out
    assert read_home.ok("tradewind dags list-runs daily_sales_load").out == "No data found\n"


def test_a_run_here_sees_what_is_stored_and_writes_it(read_home: Shell, tmp_path: Path) -> None:
    file = tmp_path / "counting.py"
    file.write_text(
        "from airflow.sdk import Connection, Variable, dag, task\n\n"
        "START = Variable.get('counting_start')\n\n"
        "@dag(schedule=None)\n"
        "def counting():\n"
        "    @task\n"
        "    def count():\n"
        "        print(START, Connection.get('counting').password)\n"
        "        Variable.set('counting_start', str(int(START) + 1))\n"
        "    count()\n\n"
        "counting()\n"
    )
    read_home.ok("tradewind variables set counting_start 41")
    read_home.ok("tradewind connections add counting --conn-uri http://me:hunter2@db")
    assert "41 ***" in read_home.ok(f"tradewind dags test counting -f {file}").out
    assert read_home.ok("tradewind variables get counting_start").out == "42\n"
    assert "42 ***" in read_home.ok(f"tradewind tasks test counting count -f {file}").out


def test_a_task_is_looked_at_here(read_home: Shell, tmp_path: Path) -> None:
    file = tmp_path / "looking.py"
    file.write_text(
        "from airflow.sdk import dag, get_current_context, task\n\n"
        "@dag(schedule=None)\n"
        "def looking():\n"
        "    @task\n"
        "    def rows():\n"
        "        return [1]\n"
        "    @task\n"
        "    def fall(rows):\n"
        "        mode = get_current_context()['test_mode']\n"
        "        runs = get_current_context()['ti'].get_dr_count('daily_sales_load')\n"
        "        raise ValueError(f'no stairs, {runs} runs')\n"
        "    fall(rows())\n\n"
        "looking()\n"
    )
    shown = read_home.ok(f"tradewind tasks render looking fall -f {file}")
    assert '["<return_value of rows>"]' in shown.out
    said = read_home.run(f"printf 'p mode\\nq\\n' | tradewind tasks test looking fall -f {file} -m")
    assert said.code == 1
    assert "-> raise ValueError(f'no stairs, {runs} runs')" in said.out
    assert "no stairs, 0 runs" in said.err
    assert "(Pdb) True" in said.out
    drawn = read_home.run(f"tradewind dags test looking -f {file} --show-dagrun")
    assert '"fall" [label="fall\\nfailed", fillcolor=red]' in drawn.out
    assert read_home.run(f"tradewind dags test looking -f {file} --use-executor").code == 1


def test_a_failed_test_run_says_so(read_home: Shell, tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text(
        "from airflow.sdk import dag, task\n\n"
        "@dag(schedule=None)\n"
        "def broken():\n"
        "    @task\n"
        "    def fall():\n"
        "        raise ValueError('no stairs')\n"
        "    fall()\n\n"
        "broken_dag = broken()\n\n"
        "if __name__ == '__main__':\n"
        "    print(broken_dag.test().state)\n"
    )
    said = read_home.run(f"tradewind dags test broken -f {file}")
    assert said.code == 1
    assert "no stairs" in said.err
    assert said.lines[-1] == "Run of 'broken': failed"
    assert read_home.ok(f"tradewind run {file}").lines[-1] == "failed"


def test_import_errors_are_listed_with_exit_code_1(programs: Path, tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "bad.py").write_text("from tradewind import dag\nraise ValueError('not today')\n")
    shell = Shell(tmp_path / "home", programs, dags)
    said = shell.run("tradewind dags list-import-errors")
    assert said.code == 1
    assert "ValueError: not today" in said.out
    assert "One Dag file cannot be imported" in shell.ok("tradewind dags list").err


def test_a_file_that_is_new_is_found(programs: Path, tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    shell = Shell(tmp_path / "home", programs, dags)
    for name in ("first", "second"):
        lines = (
            "from tradewind import dag",
            "@dag(schedule=None)",
            f"def {name}(): ...",
            f"{name}()",
        )
        (dags / f"{name}.py").write_text("\n".join(lines))
        assert f"'{name}' is paused" in shell.ok(f"tradewind dags trigger {name}").err
    (dags / "third.py").write_text("raise ValueError('not yet')\n# a dag of tradewind\n")
    assert "One Dag file cannot be imported" in shell.ok("tradewind dags list").err


def test_a_deleted_dag_is_gone(read_home: Shell) -> None:
    assert "deleted" in read_home.ok("tradewind dags delete stores_fan_out -y").out
    assert read_home.run("tradewind dags details stores_fan_out").code == 1
