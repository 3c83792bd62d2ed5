import re
from pathlib import Path

import pytest

from tests.docs.codes import find_codes
from tests.docs.console import ROOT
from tools.reference import FOLDER, PAGES
from tradewind.api.problems import _OF_STATUS
from tradewind.config import OPTIONS
from tradewind.core.states import RUN_MOVES, TASK_MOVES, LegState, RunState, TaskState
from tradewind.sdk import dags, operator, removed

DOCS = ROOT / "docs"
PROSE = sorted(
    path for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "benchmarks" / "RESULTS.md")
)
_LINK = re.compile(r"\]\(([^)#\s]+)")
_EDGE = re.compile(r"^    (\w+) --> (\w+)$", re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_says_what_the_code_says(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "run: python -m tools.reference"


def test_every_setting_has_a_row() -> None:
    page = (FOLDER / "settings.md").read_text(encoding="utf-8")
    for option in OPTIONS:
        section = page.partition(f"## [{option.section}]")[2].partition("\n## ")[0]
        assert f"| `{option.key}` |" in section


def test_every_error_code_has_a_row_and_no_row_is_of_a_code_that_is_gone() -> None:
    page = (FOLDER / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    codes = {*find_codes(), *_OF_STATUS.values()}
    assert sorted(rows) == sorted(codes)


def test_every_argument_without_effect_is_told_of() -> None:
    page = (DOCS / "different-from-airflow.md").read_text(encoding="utf-8")
    told = page.partition("## Arguments that are taken")[2].partition("\n## ")[0]
    names = {*dags._WITHOUT_EFFECT, *operator._WITHOUT_EFFECT}
    names |= {*removed.DAG_IGNORED, *removed.TASK_IGNORED}
    names |= {*removed.DAG_RENAMED, *removed.TASK_RENAMED}
    assert {name for name in names if f"`{name}`" not in told} == set()


def test_the_diagrams_show_the_tables_of_moves() -> None:
    run, task, leg = _diagrams()
    assert run == _edges(RUN_MOVES)
    assert task == _edges(TASK_MOVES)
    assert leg == {("running", state.value) for state in LegState if state is not LegState.RUNNING}


def test_every_state_is_explained() -> None:
    page = (DOCS / "states.md").read_text(encoding="utf-8")
    for state in (*RunState, *TaskState, *LegState):
        if state is not LegState.RUNNING:
            assert f"| `{state.value}` |" in page


@pytest.mark.parametrize("page", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def _diagrams() -> list[set[tuple[str, str]]]:
    """Answer the arrows of the page's three sections."""
    page = (DOCS / "states.md").read_text(encoding="utf-8")
    found = []
    for title in ("Run", "Task instance", "Attempt leg"):
        section = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
        arrows = _EDGE.findall(section)
        assert len(arrows) == len(set(arrows)), "an arrow is drawn twice"
        found.append(set(arrows))
    return found


def _edges(moves: dict) -> set[tuple[str, str]]:
    return {(old.value, new.value) for old, news in moves.items() for new in news}
