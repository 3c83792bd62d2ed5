"""The Dags shown in the how-tos are run, and end as the page says.

A block of Python that makes a Dag is a whole file. A block of text right after it, with a line for
each task (``load: success``), says how a run of it ends; without one, the run must succeed.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.console import ROOT
from tradewind.sdk.dags import DAG
from tradewind.sdk.scope import loading

_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_ENDS = re.compile(r"([\w.\[\]-]+: \w+\n)+")


class Example(NamedTuple):
    """A Dag file of a page, and how its run ends."""

    page: str
    number: int
    code: str
    ends: str


def examples() -> list[Example]:
    found = []
    for page in sorted((ROOT / "docs" / "how-to").glob("*.md")):
        blocks = _BLOCK.findall(page.read_text(encoding="utf-8"))
        for number, (kind, code) in enumerate(blocks):
            if kind == "python" and re.search(r"^@(dag|asset)\b|^with DAG\(", code, re.MULTILINE):
                after = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
                ends = after[1] if after[0] == "text" and _ENDS.fullmatch(after[1]) else ""
                found.append(Example(page.stem, number, code, ends))
    return found


@pytest.mark.parametrize("one", examples(), ids=lambda one: f"{one.page}-{one.number}")
def test_a_dag_of_a_how_to_ends_as_the_page_says(
    one: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path))
    file = tmp_path / f"{one.page.replace('-', '_')}_{one.number}.py"
    file.write_text(one.code, encoding="utf-8")
    with loading(str(file)) as dags:
        exec(compile(one.code, str(file), "exec"), {"__name__": file.stem})  # noqa: S102

    for dag in dags:
        assert isinstance(dag, DAG)
        run = dag.test(logical_date=datetime(2026, 4, 20, tzinfo=UTC))
        if one.ends:
            told = [f"{ti.task_id}: {ti.state}\n" for ti in run.get_task_instances()]
            assert sorted(told) == sorted(one.ends.splitlines(keepends=True))
        else:
            assert run.state == "success"
    assert dags
