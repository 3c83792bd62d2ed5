"""How many instances something mapped has in a run, from what those above it pushed."""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

from tradewind.core.graph import RunGraph
from tradewind.core.mapping import prefixes_of
from tradewind.core.readiness import FAILED, RULES, UPSTREAM_FAILED, Verdict
from tradewind.core.spec import MapAxis


class Length(NamedTuple):
    """What is known of a mapping: ``RUN`` with a length, or why there is none."""

    verdict: Verdict
    length: int = 0
    reason: str = ""


def level_length(graph: RunGraph, level: int, path: str) -> Length:
    """Answer how many instances a mapping has, as seen from the path around it.

    It waits until all that it is mapped over has ended; a failure there fails it, a skip skips it,
    whatever its trigger rule. Of no items at all it is skipped.
    """
    plan = graph.plan
    sources = plan.level_sources[level]
    for name in sources:
        if name not in plan.index:
            return Length(Verdict.FAIL, reason=f"it is mapped over '{name}', not in this run")
    verdict = Verdict.RUN
    if sources:
        verdict = RULES["all_success"](graph.row(plan.level_row[level], prefixes_of(path)))
    if verdict is Verdict.FAIL:
        return Length(verdict, reason=f"it is mapped over {_failed(graph, sources)}, which failed")
    if verdict is Verdict.WAIT:
        return Length(verdict)
    if verdict is Verdict.SKIP:
        return Length(verdict, reason="what it is mapped over was skipped")
    lengths = [_axis_length(graph, level, axis, path) for axis in plan.levels[level].axes]
    if None in lengths:
        return Length(Verdict.FAIL, reason="what it is mapped over pushed no list or dict")
    length = prod(size or 0 for size in lengths) if lengths else 0
    if not length:
        return Length(Verdict.SKIP, reason="it is mapped over nothing")
    return Length(Verdict.RUN, length)


def _failed(graph: RunGraph, sources: tuple[str, ...]) -> str:
    counts = {name: graph.own[graph.plan.index[name]] for name in sources}
    bad = [name for name, own in counts.items() if own[FAILED] or own[UPSTREAM_FAILED]]
    return f"'{(bad or sources)[0]}'"


def _axis_length(graph: RunGraph, level: int, axis: MapAxis, path: str) -> int | None:
    if axis.parts:
        sizes = [_axis_length(graph, level, part, path) for part in axis.parts]
        known = [size for size in sizes if size is not None]
        if len(known) < len(sizes):
            return None
        return _COMBINED[axis.combine](known)
    if axis.task_id is None:
        return axis.length
    source = graph.plan.index[axis.task_id]
    depth = graph.plan.shared_depth(level, source)
    around = prefixes_of(path)[depth]
    nodes = graph.nodes_within((source,), around)
    if len(graph.plan.chain[source]) > depth:
        # Over a mapped task: one item for each of its instances that pushed.
        return sum(any(key == axis.key for key, _ in node.pushed) for node in nodes)
    return next((size for node in nodes for key, size in node.pushed if key == axis.key), None)


_COMBINED: dict[str, Callable[[list[int]], int]] = {"zip": min, "zip_longest": max, "concat": sum}
