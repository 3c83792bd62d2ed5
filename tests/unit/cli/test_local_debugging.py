"""Looking at what a person's own code did, in this process."""

import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewind import DAG, EmptyOperator
from tradewind.cli.post_mortem import users_part
from tradewind.cli.run_picture import draw_run, save_picture
from tradewind.errors import RefusedError


def caught(function: Callable[[], object]) -> types.TracebackType | None:
    with pytest.raises(ValueError, match="Expecting") as error:
        function()
    return error.value.__traceback__


def test_a_debugger_opens_at_the_persons_own_innermost_line() -> None:
    def outer() -> None:
        mine = "{"
        json.loads(mine)

    trace = users_part(caught(outer))
    names = []
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names[-1] == "outer"


def test_a_run_is_drawn_in_the_colours_of_its_states() -> None:
    with DAG("d") as dag:
        EmptyOperator(task_id="a") >> EmptyOperator(task_id="b")
    drawn = draw_run(dag, [("a", "success"), ("b", "success"), ("b", "failed")])
    assert '"a" [label="a\\nsuccess", fillcolor=green]' in drawn
    assert '"b" [label="b\\nfailed", fillcolor=red]' in drawn
    assert '"a" -> "b"' in drawn


def test_a_picture_is_saved_as_text_or_by_graphviz(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_picture("digraph {}", tmp_path / "run.dot")
    assert (tmp_path / "run.dot").read_text() == "digraph {}"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RefusedError, match="Graphviz"):
        save_picture("digraph {}", tmp_path / "run.png")


BREAKS = """
from datetime import timedelta
from tradewind import dag, task

@dag(schedule=None)
def breaks():
    @task(execution_timeout=timedelta(minutes=1))
    def stop():
        rows = [1, 2]
        breakpoint()
        print("rows are", rows)
    stop()

here = breaks()

if __name__ == "__main__":
    print(here.test().state)
"""


def test_a_breakpoint_holds_and_a_run_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "breaks.py"
    file.write_text(BREAKS)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRADEWIND")}
    done = subprocess.run(
        [sys.executable, file.name],
        check=False,
        cwd=tmp_path,
        env={**environment, "HOME": str(tmp_path)},
        input="rows.append(3)\nimport signal; signal.raise_signal(signal.SIGALRM)\nc\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "success", done.stderr
    assert "rows are [1, 2, 3]" in done.stdout
    assert list(tmp_path.iterdir()) == [file]
