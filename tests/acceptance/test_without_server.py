"""The same commands where no server runs: over the local store, in the command's own process."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Shell, standalone, wait_until

pytestmark = pytest.mark.process


def test_the_first_command_on_a_new_home_reads_the_dag_files(alone: Shell) -> None:
    first = alone.ok("tradewind dags list -o json")
    assert "Reading Dag files" in first.err
    assert {dag["dag_id"] for dag in json.loads(first.out)} >= {"daily_sales_load", "sales_report"}
    assert alone.ok("tradewind dags list").err == ""


def test_what_is_asked_for_without_a_server_is_done_once_there_is_one(alone: Shell) -> None:
    said = alone.ok("airflow dags trigger daily_sales_load --logical-date 2026-04-20")
    assert said.lines[2].endswith("| manual__2026-04-20T00:00:00+00:00")
    assert alone.run("airflow dags trigger daily_sales_load -l 2026-04-20").code == 1
    alone.ok("airflow dags unpause daily_sales_load")
    listed = alone.ok("airflow dags list-runs daily_sales_load -o json")
    assert [run["run_id"] for run in json.loads(listed.out)] == [
        "manual__2026-04-20T00:00:00+00:00"
    ]
    with standalone(alone):
        wait_until(
            lambda: alone.ok("tradewind dags state daily_sales_load 2026-04-20").out == "success\n",
            60,
            "the run ended",
        )
    assert alone.ok("tradewind dags state daily_sales_load 2026-04-20").out == "success\n"


def test_waiting_without_a_server_is_refused(alone: Shell) -> None:
    line = "backfill create --dag-id daily_sales_load --from-date 2026-04-20 --to-date 2026-04-22"
    said = alone.run(f"tradewind {line} --wait")
    assert said.code == 1
    assert "No Tradewind server runs here" in said.err
    plan = alone.ok(f"tradewind {line} --dry-run")
    assert len(plan.lines) == 4
    assert "would be created" in plan.lines[1]
    assert alone.ok("tradewind dags list-runs daily_sales_load").out == "No data found\n"


def test_no_server_is_no_health(alone: Shell) -> None:
    said = alone.run("tradewind health")
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


def test_a_home_held_by_one_who_does_not_answer_is_told_in_one_sentence(alone: Shell) -> None:
    alone.ok("tradewind pools list")
    with (alone.home / "tradewind.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        said = alone.run("tradewind pools list")
    assert said.code == 1
    assert "does not answer" in said.err
    assert len(said.err.splitlines()) == 1


def test_variables_connections_and_pools(alone: Shell) -> None:
    alone.ok("tradewind variables set shop downtown --description 'Where it is'")
    assert alone.ok("tradewind variables get shop").out == "downtown\n"
    assert alone.ok("AIRFLOW_VAR_SHOP=uptown tradewind variables get shop").out == "uptown\n"
    assert alone.ok("tradewind variables get none --default x").out == "x\n"
    alone.ok("tradewind variables delete shop")
    assert alone.ok("tradewind variables list").out == "No data found\n"
    assert alone.ok("tradewind variables list -o json").out == "[]\n"

    alone.ok("tradewind connections add shop --conn-uri postgres://me@db:5432/shop")
    assert "postgres" in alone.ok("tradewind connections list").lines[2]
    facts = json.loads(alone.ok("tradewind connections get shop -o json").out)[0]
    assert (facts["host"], facts["port"], facts["get_uri"]) == (
        "db",
        5432,
        "postgres://me@db:5432/shop",
    )
    alone.ok("tradewind connections delete shop")

    alone.ok("tradewind pools set small 3 'For the small shop'")
    row = json.loads(alone.ok("tradewind pools get small -o json").out)[0]
    assert (row["pool"], row["slots"], row["description"]) == ("small", 3, "For the small shop")
    alone.ok("tradewind pools delete small")


def test_a_dag_and_a_task_run_here_and_now(alone: Shell) -> None:
    said = alone.ok("tradewind dags test daily_sales_load 2026-04-20")
    assert said.lines[-1] == "Run of 'daily_sales_load': success"
    one = alone.ok("tradewind tasks test daily_sales_load extract 2026-04-20")
    assert "sales_2026-04-20.csv" in one.out
    shown = alone.ok("tradewind tasks render housekeeping note_run 2026-04-20")
    assert "tidied for 2026-04-20" in shown.out
    assert alone.ok("tradewind dags list-runs daily_sales_load").out == "No data found\n"


def test_a_failed_test_run_says_so(alone: Shell, tmp_path: Path) -> None:
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
    said = alone.run(f"tradewind dags test broken -f {file}")
    assert said.code == 1
    assert "no stairs" in said.err
    assert said.lines[-1] == "Run of 'broken': failed"
    assert alone.ok(f"tradewind run {file}").lines[-1] == "failed"


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


def test_a_deleted_dag_is_gone(alone: Shell) -> None:
    assert "deleted" in alone.ok("tradewind dags delete stores_fan_out -y").out
    assert alone.run("tradewind dags details stores_fan_out").code == 1
