"""The course deck's session, as typed, under both names, with a server running."""

import json
import re

import pytest

from tests.acceptance.conftest import Shell, wait_until

pytestmark = pytest.mark.process

RUN_SECONDS = 60.0


def states(shell: Shell, dag_id: str) -> dict[str, str]:
    rows = json.loads(shell.ok(f"tradewind dags list-runs {dag_id} -o json").out)
    return {row["run_id"]: row["state"] for row in rows}


def all_ended(shell: Shell, dag_id: str) -> bool:
    found = states(shell, dag_id)
    return bool(found) and set(found.values()) <= {"success", "failed"}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def test_the_decks_session(served: Shell) -> None:
    served.ok("airflow dags unpause daily_sales_load")

    said = served.ok("airflow dags trigger daily_sales_load --logical-date 2026-04-20")
    assert cells(said.lines[0]) == ["dag_id", "logical_date", "run_id"]
    assert re.fullmatch(r"=+\+=+\+=+", said.lines[1])
    assert cells(said.lines[2]) == [
        "daily_sales_load",
        "2026-04-20T00:00:00+00:00",
        "manual__2026-04-20T00:00:00+00:00",
    ]

    again = served.run("airflow dags trigger daily_sales_load --logical-date 2026-04-20")
    assert again.code == 1
    assert again.out == ""
    assert "already has a run" in again.err

    wait_until(lambda: all_ended(served, "daily_sales_load"), RUN_SECONDS, "its runs ended")
    listed = served.ok("airflow dags list-runs daily_sales_load")
    assert cells(listed.lines[0]) == ["run_id", "state", "logical_date"]
    manual = next(line for line in listed.lines if line.startswith("manual__"))
    assert cells(manual) == [
        "manual__2026-04-20T00:00:00+00:00",
        "success",
        "2026-04-20T00:00:00+00:00",
    ]

    made = served.ok(
        "airflow backfill create \\\n"
        "    --dag-id daily_sales_load \\\n"
        "    --from-date 2026-04-20 \\\n"
        "    --to-date 2026-04-22 \\\n"
        "    --max-active-runs 1"
    )
    dates = made.lines[1:]
    assert "2026-04-20T00:00:00+00:00  skipped: already exists" in dates[0]
    assert "created backfill__2026-04-21T00:00:00+00:00" in dates[1]
    assert "created backfill__2026-04-22T00:00:00+00:00" in dates[2]
    assert len(dates) == 3

    wait_until(lambda: all_ended(served, "daily_sales_load"), RUN_SECONDS, "the backfill ended")
    found = states(served, "daily_sales_load")
    assert set(found.values()) == {"success"}
    prefixes = {run_id.partition("__")[0] for run_id in found}
    assert prefixes == {"scheduled", "manual", "backfill"}


def test_a_backfill_waits_and_never_runs_more_than_asked_at_once(served: Shell) -> None:
    said = served.ok(
        "tradewind backfill create --dag-id stores_fan_out --from-date 2026-04-01 "
        "--to-date 2026-04-06 --max-active-runs 2 --wait",
        seconds=120,
    )
    assert said.err.splitlines()[-1].startswith("6 of 6 runs ended")
    rows = json.loads(served.ok("tradewind dags list-runs stores_fan_out -o json").out)
    spans = [(row["start_date"], row["end_date"]) for row in rows if row["run_type"] == "backfill"]
    assert len(spans) == 6
    for start, _ in spans:
        assert sum(begun <= start < ended for begun, ended in spans) <= 2


def test_a_reprocessed_date_keeps_its_run(served: Shell) -> None:
    first = "backfill create --dag-id sales_report --from-date 2026-04-10 --to-date 2026-04-12"
    served.ok(f"tradewind {first} --wait", seconds=120)
    before = states(served, "sales_report")
    said = served.ok(
        f"tradewind {first} --reprocess-behavior completed --run-backwards --wait", seconds=120
    )
    assert "2026-04-12T06:30:00+00:00  runs again" in said.lines[1]
    assert "2026-04-10T06:30:00+00:00  runs again" in said.lines[3]
    assert states(served, "sales_report") == before


def test_a_run_says_when_nobody_lets_it_start(served: Shell) -> None:
    served.ok("tradewind dags pause housekeeping")
    said = served.ok("tradewind dags trigger housekeeping -r by-hand -c '{\"keep_days\": 3}'")
    assert "is paused" in said.err
    assert served.ok("tradewind dags state housekeeping by-hand").out == (
        'queued, {"keep_days": 3}\n'
    )
    assert "paused" in served.ok("tradewind why housekeeping by-hand").out
    served.ok("tradewind dags unpause housekeeping")
    wait_until(
        lambda: states(served, "housekeeping").get("by-hand") == "success",
        RUN_SECONDS,
        "the run ended",
    )
    listed = served.ok("tradewind tasks states-for-dag-run housekeeping by-hand -o json")
    tries = {row["task_id"]: row["try_number"] for row in json.loads(listed.out)}
    assert tries == {"tidy_staging": 2, "note_run": 1}


def test_variables_connections_and_pools(served: Shell) -> None:
    served.ok("tradewind variables set shop downtown --description 'Where it is'")
    served.ok("tradewind variables set shop_token s3cr3t")
    assert served.ok("tradewind variables get shop_token").out == "s3cr3t\n"
    assert served.ok("AIRFLOW_VAR_SHOP=uptown tradewind variables get shop").out == "uptown\n"
    assert served.ok("tradewind variables get none --default x").out == "x\n"
    listed = json.loads(served.ok("tradewind variables list --show-values -o json").out)
    assert {row["key"]: row["value"] for row in listed} == {
        "shop": "downtown",
        "shop_token": "s3cr3t",
    }
    hidden = served.ok("tradewind variables list --show-values --hide-sensitive").out
    assert "downtown" in hidden
    assert "s3cr3t" not in hidden
    assert "downtown" not in served.ok("tradewind variables list").out
    served.ok("tradewind variables delete shop")
    served.ok("tradewind variables delete shop_token")
    assert served.ok("tradewind variables list").out == "No data found\n"
    assert served.ok("tradewind variables list -o json").out == "[]\n"

    served.ok("tradewind connections add shop --conn-uri postgres://me:pw@db:5432/shop")
    facts = json.loads(served.ok("tradewind connections get shop -o json").out)[0]
    assert (facts["host"], facts["port"], facts["get_uri"]) == (
        "db",
        5432,
        "postgres://me:pw@db:5432/shop",
    )
    assert "| pw" in served.ok("tradewind connections list --show-values").lines[2]
    assert "pw" not in served.ok("tradewind connections list --show-values --hide-sensitive").out
    assert served.ok("tradewind connections list").lines[2].endswith("| postgres")
    served.ok("tradewind connections delete shop")

    served.ok("tradewind pools set small 3 'For the small shop'")
    row = json.loads(served.ok("tradewind pools get small -o json").out)[0]
    assert (row["pool"], row["slots"], row["description"]) == ("small", 3, "For the small shop")
    served.ok("tradewind pools delete small")


def test_health_says_that_due_work_moves(served: Shell) -> None:
    assert "1 worker alive" in served.ok("tradewind health").out


def test_a_second_standalone_is_refused(served: Shell) -> None:
    said = served.run("tradewind standalone")
    assert said.code == 1
    assert "already" in said.err
    assert len(said.err.splitlines()) == 1


def test_details_and_next_execution(served: Shell) -> None:
    details = json.loads(served.ok("tradewind dags details sales_report -o json").out)
    assert details["dag_id"] == "sales_report"
    coming = served.ok("tradewind dags next-execution sales_report -n 2").lines
    assert [line[10:] for line in coming] == ["T06:30:00+00:00"] * 2
