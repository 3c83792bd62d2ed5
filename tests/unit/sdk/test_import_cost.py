"""Importing what an author imports, and what tasks are forked from, stays light as all grows."""

import json
import subprocess
import sys

import pytest

_PROBE = """
import json, sys, time
before, start = set(sys.modules), time.process_time()
{statement}
spent = time.process_time() - start
print(json.dumps({{"seconds": spent, "modules": sorted(set(sys.modules) - before)}}))
"""
_ALL = "from tradewind import DAG, BaseOperator, BashOperator, Connection, Variable, dag, task"


def measure(statement):
    done = subprocess.run(
        [sys.executable, "-c", _PROBE.format(statement=statement)],
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(("statement", "seconds"), [("import tradewind.sdk", 0.15), (_ALL, 0.3)])
def test_it_takes_little_time_and_few_modules(statement, seconds):
    runs = [measure(statement) for _ in range(3)]

    assert len(runs[0]["modules"]) <= 250
    # Processor time, not the clock: neighbours on the machine must not fail this.
    assert min(run["seconds"] for run in runs) <= seconds


def test_nothing_heavy_and_nothing_of_the_servers_is_imported():
    loaded = {name.partition(".")[0] for name in measure(_ALL)["modules"]}

    assert not loaded & {
        "alembic",
        "asyncio",
        "fastapi",
        "httpx",
        "jinja2",
        "jsonschema",
        "pendulum",
        "rich",
        "sqlalchemy",
        "starlette",
        "typer",
        "uvicorn",
        "yaml",
    }


def test_every_exported_name_is_there_and_is_no_module_by_accident():
    names = measure(
        "import tradewind.sdk as s\n"
        "from types import ModuleType\n"
        "is_module = lambda name: isinstance(getattr(s, name), ModuleType)\n"
        "bad = [name for name in s.__all__ if is_module(name) != (name in s.MODULES)]\n"
        "assert not bad, bad"
    )

    assert names["modules"]


def test_what_every_task_is_forked_from_holds_only_what_most_tasks_use():
    loaded = measure("import tradewind.runtime.zygote")["modules"]

    assert len(loaded) <= 270
    assert not {name.partition(".")[0] for name in loaded} & {
        "asyncio",
        "babel",
        "configparser",
        "difflib",
        "email",
        "jinja2",
        "jsonschema",
        "pendulum",
        "pickle",
        "shutil",
        "smtplib",
        "ssl",
        "subprocess",
        "tempfile",
        "zipfile",
    }
