"""A picture of a run: its tasks and their order as a graph, coloured by state."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tradewind.errors import RefusedError
from tradewind.sdk.dags import DAG

COLOURS = {
    "success": "green",
    "failed": "red",
    "running": "lime",
    "queued": "gray",
    "scheduled": "tan",
    "skipped": "hotpink",
    "up_for_retry": "gold",
    "up_for_reschedule": "turquoise",
    "upstream_failed": "orange",
    "deferred": "mediumpurple",
    "removed": "lightgrey",
    "restarting": "violet",
    "awaiting_input": "darkorange",
}
_WORST = (
    *("failed", "upstream_failed", "running", "deferred", "awaiting_input", "up_for_retry"),
    *("up_for_reschedule", "queued", "scheduled", "skipped", "success"),
)


def draw_run(dag: DAG, states: Iterable[tuple[str, str | None]]) -> str:
    """Answer the run in Graphviz's language; a mapped task has the colour of its worst instance.

    Args:
        dag: The Dag that ran.
        states: Task id and state of each instance.
    """
    by_task: dict[str, set[str]] = {}
    for task_id, state in states:
        by_task.setdefault(task_id, set()).add(state or "none")
    lines = [
        f"digraph {_quoted(dag.dag_id)} {{",
        "  rankdir=LR",
        "  node [shape=box, style=filled]",
    ]
    for task in dag.tasks:
        found = by_task.get(task.task_id, set())
        state = next((one for one in _WORST if one in found), "none")
        colour = COLOURS.get(state, "white")
        label = _quoted(f"{task.task_id}\\n{state}")
        lines.append(f"  {_quoted(task.task_id)} [label={label}, fillcolor={colour}]")
    lines += [
        f"  {_quoted(task.task_id)} -> {_quoted(below)}"
        for task in dag.tasks
        for below in sorted(task.downstream_task_ids)
    ]
    return "\n".join([*lines, "}"]) + "\n"


def save_picture(text: str, path: Path) -> None:
    """Write a graph to a file: as text for ``.dot``, else in the format of its ending.

    Raises:
        RefusedError: Graphviz is needed for that format and is not there, or refuses it.
    """
    if path.suffix in (".dot", ".gv"):
        path.write_text(text, encoding="utf-8")
        return
    program = shutil.which("dot")
    if program is None:
        raise RefusedError(
            "needs-graphviz",
            f"{path.name} cannot be drawn: Graphviz's program 'dot' is not on PATH.",
            "Install Graphviz, or save as .dot.",
        )
    form = path.suffix.removeprefix(".") or "png"
    drawn = subprocess.run(
        [program, f"-T{form}", "-o", str(path)],
        check=False,
        input=text,
        text=True,
        capture_output=True,
    )
    if drawn.returncode:
        raise RefusedError("needs-graphviz", f"Graphviz cannot draw {path.name}: {drawn.stderr}")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
