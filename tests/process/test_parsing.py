"""Dag files that come while nobody can import them wait, and are not blamed for it."""

from pathlib import Path

import pytest

from tests.process.conftest import Install
from tests.process.installation import kill
from tests.waiting import wait_until

pytestmark = pytest.mark.process


def test_a_file_that_comes_while_no_zygote_can_live_is_parsed_later(
    install: Install, tmp_path: Path
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    broken = tmp_path / "broken"
    (hooks / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'tradewind.runtime.zygote' in sys.orig_argv:\n"
        f"    os.path.exists({str(broken)!r}) and os._exit(1)\n"
    )
    place = install(PYTHONPATH=str(hooks))
    place.start()
    place.wait_ready()
    broken.touch()
    kill(place.base_zygote(place.own_worker()))
    text = (place.dags / "fifty.py").read_text().replace('DAG("fifty"', 'DAG("late"')
    (place.dags / "late.py").write_text(text)
    claimed = "SELECT count(*) FROM dag_file WHERE path LIKE '%late.py' AND claimed_by IS NOT NULL"
    wait_until(lambda: place.value(claimed), 10, "the worker is asked to parse it")
    wait_until(lambda: place.log("worker").count("The base zygote ended") >= 3, 10, "three crashes")
    assert place.value("SELECT count(*) FROM import_error") == 0
    broken.unlink()
    wait_until(lambda: place.call("GET", "/api/v2/dags/late")[0] == 200, 20, "it is parsed")
    assert place.value("SELECT count(*) FROM import_error") == 0
