"""Why a task instance or a run stands where it stands, in one sentence for people.

Reads the same graph and the same checks that decide, so the answer cannot differ from what the
scheduler does.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from tradewind.core.admission import Held
from tradewind.core.drive import AS_A_WHOLE
from tradewind.core.graph import RunGraph
from tradewind.core.nodes import Node
from tradewind.core.readiness import PENDING
from tradewind.core.runs import iso_utc
from tradewind.core.states import TERMINAL_RUN, TERMINAL_TASK, RunState, TaskState

_MOST_NAMES = 3


class WaitFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a graph does not know of a task instance."""

    held: Held | None = None
    """What keeps it from admission: ``admission.why_held``."""
    paused: bool = False
    """Whether its Dag is paused."""
    ending: bool = False
    """Whether a process that it has left behind has not ended yet."""
    workers: int | None = None
    """Live workers of its queue; None where that is not known."""
    reason: str = ""
    """The reason of its last event."""
    outside: str = ""
    """What it waits for outside any process: its trigger, or a person."""
    run_waits: str = ""
    """Why its run waits, while the run is queued."""


def why_task(graph: RunGraph, task_id: str, map_path: str, facts: WaitFacts) -> str:
    """Answer why a task instance is in its state, and what it waits for if it waits.

    Raises:
        KeyError: The run has no such instance.

    Example:
        >>> from tradewind.core.plan import DagPlan
        >>> from tradewind.core.spec import DagSpec, TaskSpec
        >>> tasks = (
        ...     TaskSpec(task_id="extract", operator="o"),
        ...     TaskSpec(task_id="load", operator="o", upstream=("extract",)),
        ... )
        >>> graph = RunGraph.start(DagPlan(DagSpec(dag_id="d", file="d.py", tasks=tasks)))
        >>> graph.state = RunState.RUNNING
        >>> why_task(graph, "load", "", WaitFacts())
        "It waits for 'extract' (trigger rule all_success)."
    """
    node = graph.node(task_id, map_path)
    if node.state in TERMINAL_TASK:
        return _why_ended(graph, node, facts)
    if node.state is TaskState.RESTARTING:
        return _why_under_way(node, task_id, facts)
    if graph.state is not RunState.RUNNING:
        nothing = "nothing moves in it"
        if graph.state in TERMINAL_RUN:
            nothing += "; it goes on once the run is set to queued, or cleared"
        return f"Its run is {graph.state.value}: {facts.run_waits or nothing}."
    if node.state is TaskState.NONE:
        return _why_no_state(graph, node)
    if node.state is TaskState.SCHEDULED:
        return _why_scheduled(facts)
    if node.state is TaskState.QUEUED:
        queue = graph.plan.tasks[node.task].queue
        if facts.workers == 0:
            return f"It waits for a worker of queue '{queue}', and there is none."
        return f"It waits for a free place on a worker of queue '{queue}'."
    return _why_under_way(node, graph.plan.tasks[node.task].task_id, facts)


def _why_ended(graph: RunGraph, node: Node, facts: WaitFacts) -> str:
    because = f": {facts.reason}" if facts.reason else ""
    if node.state is TaskState.UPSTREAM_FAILED and not because:
        above = _names_above(graph, node, {TaskState.FAILED, TaskState.UPSTREAM_FAILED})
        because = f": {above} failed above it" if above else ""
    if node.state is TaskState.SKIPPED and not because:
        above = _names_above(graph, node, {TaskState.SKIPPED})
        because = f": {above} skipped above it" if above else _why_not_chosen(graph, node)
    return f"It ended in {node.state.value}{because}."


def _why_not_chosen(graph: RunGraph, node: Node) -> str:
    if not graph.is_marked(node.task, node.cell):
        return ""
    task_id = graph.plan.tasks[node.task].task_id
    names = {graph.plan.tasks[n.task].task_id for n in graph.nodes.values() if task_id in n.skips}
    return f": {_quoted(sorted(names))} chose not to go on with it"


def _why_no_state(graph: RunGraph, node: Node) -> str:
    task = graph.plan.tasks[node.task]
    if (node.task, node.cell.path) in graph.past_held:
        if graph.past[node.task] is None:
            return "It depends on its past, and the run before is being looked up."
        return "It depends on its past, and the run before has not ended well for it."
    sources = _open_sources(graph, node)
    if sources:
        return f"Its group is mapped over {_quoted(sources)}, which has not ended."
    if graph.row(graph.plan.counts_row[node.task], node.prefixes)[PENDING]:
        above = _names_above(graph, node, frozenset(TaskState) - TERMINAL_TASK)
        if not above:
            return "It waits for a group above it that may be tried again as a whole."
        return f"It waits for {above} (trigger rule {task.trigger_rule})."
    gates = graph.plan.gates_row[node.task]
    if gates >= 0 and graph.row(gates, node.prefixes)[PENDING]:
        return "It waits for the setups around it."
    return "It is about to be decided."


def _why_scheduled(facts: WaitFacts) -> str:
    if facts.ending:
        return "The process of its last try has been told to end and has not ended yet."
    if facts.paused:
        return "Its Dag is paused: nothing new starts until it is unpaused."
    if facts.held is not None:
        return facts.held.sentence
    return "It is ready and about to be queued."


def _why_under_way(node: Node, task_id: str, facts: WaitFacts) -> str:
    reason = facts.reason
    due = "" if node.wake_at is None else f" at {iso_utc(node.wake_at)}"
    if node.state is TaskState.UP_FOR_RETRY and reason.endswith(AS_A_WHOLE):
        return f"{reason} It is due{due}."
    because = f" ({reason})" if reason else ""
    return {
        TaskState.RUNNING: f"Try {node.try_number} of '{task_id}' is running.",
        TaskState.RESTARTING: "It was cleared while it ran; it starts over when that has ended.",
        TaskState.UP_FOR_RETRY: f"Try {node.try_number} failed{because}; the next is due{due}.",
        TaskState.UP_FOR_RESCHEDULE: f"It looks again{due}.",
        TaskState.DEFERRED: facts.outside or "It waits for its trigger.",
        TaskState.AWAITING_INPUT: facts.outside or "It waits for a person's answer.",
    }[node.state]


def _open_sources(graph: RunGraph, node: Node) -> tuple[str, ...]:
    """Answer what the first mapped group around an instance waits for, if one does."""
    for depth, level in enumerate(graph.plan.around[node.task]):
        if graph.row(graph.plan.level_row[level], node.prefixes[: depth + 1])[PENDING]:
            return graph.plan.level_sources[level]
    return ()


def _names_above(graph: RunGraph, node: Node, states: set[TaskState] | frozenset[TaskState]) -> str:
    plan = graph.plan
    return _quoted(
        [
            plan.tasks[up].task_id
            for up in plan.upstream[node.task]
            if any(
                above.state in states
                for above in graph.nodes_within((up,), node.at(plan.shared(node.task, up)))
            )
        ]
    )


def _quoted(tasks: Sequence[str]) -> str:
    names = [f"'{name}'" for name in tasks]
    if len(names) <= _MOST_NAMES:
        return " and ".join(names) if len(names) < _MOST_NAMES else _listed(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def why_run(graph: RunGraph, now: datetime, *, waits: str = "", reason: str = "") -> str:
    """Answer why a run is in its state.

    Args:
        graph: The run.
        now: The present moment, for what is overdue.
        waits: While it is queued: what ``planning.choose_runs_to_start`` says.
        reason: The reason of the run's last event.

    Example:
        >>> from datetime import UTC
        >>> from tradewind.core.plan import DagPlan
        >>> from tradewind.core.spec import DagSpec
        >>> graph = RunGraph.start(DagPlan(DagSpec(dag_id="d", file="d.py")))
        >>> why_run(graph, datetime(2026, 5, 1, tzinfo=UTC), waits="Dag 'd' is paused")
        "It is queued: Dag 'd' is paused."
    """
    if graph.state in TERMINAL_RUN:
        return f"It ended in {graph.state.value}" + (f": {reason}." if reason else ".")
    if graph.state is RunState.QUEUED:
        return f"It is queued: {waits or 'it is about to start'}."
    states = Counter(
        node.state.value if node.state is not TaskState.NONE else "without state"
        for node in graph.nodes.values()
        if node.state not in TERMINAL_TASK
    )
    counted = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    late = graph.deadline is not None and now >= graph.deadline
    end = " Its time is up: it is about to be failed." if late else ""
    return f"It is running; unfinished tasks: {counted or 'none'}.{end}"
