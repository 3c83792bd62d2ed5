"""Whether a task instance may run, from the counts of what is above it: trigger rules and the past.

Promise: a verdict other than ``WAIT`` never changes as more upstream instances end. A skip is
decided only when all of them are done, a failure as soon as it is seen; so the order in which
they end never changes how a run ends.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from tradewind.core.states import TaskState


class Verdict(Enum):
    """What the instances above say about one below."""

    WAIT = "wait"
    """Nothing can be said yet."""
    RUN = "run"
    """Dependencies are met."""
    SKIP = "skip"
    """It will not run, and nothing is wrong."""
    FAIL = "fail"
    """It cannot run: ``upstream_failed``."""


PENDING, SUCCESS, FAILED, SKIPPED, UPSTREAM_FAILED, REMOVED = range(6)
"""Places in a count of instances by how they ended."""

CLASSES = 6
"""Length of such a count."""

CLASS_OF: dict[TaskState, int] = dict.fromkeys(TaskState, PENDING) | {
    TaskState.SUCCESS: SUCCESS,
    TaskState.FAILED: FAILED,
    TaskState.SKIPPED: SKIPPED,
    TaskState.UPSTREAM_FAILED: UPSTREAM_FAILED,
    TaskState.REMOVED: REMOVED,
}
"""The place of each state; every state that is not terminal is pending."""

Counts = Sequence[int]
Rule = Callable[[Counts], Verdict]

_WAIT, _RUN, _SKIP, _FAIL = Verdict.WAIT, Verdict.RUN, Verdict.SKIP, Verdict.FAIL


def _all_success(n: Counts) -> Verdict:
    if n[FAILED] or n[UPSTREAM_FAILED]:
        return _FAIL
    if n[PENDING]:
        return _WAIT
    return _SKIP if n[SKIPPED] else _RUN


def _all_failed(n: Counts) -> Verdict:
    if n[PENDING]:
        return _WAIT
    return _SKIP if n[SUCCESS] or n[SKIPPED] else _RUN


def _all_done(n: Counts) -> Verdict:
    return _WAIT if n[PENDING] else _RUN


def _one_success(n: Counts) -> Verdict:
    if n[SUCCESS]:
        return _RUN
    if n[PENDING]:
        return _WAIT
    return _FAIL if n[FAILED] or n[UPSTREAM_FAILED] else _SKIP


def _one_failed(n: Counts) -> Verdict:
    if n[FAILED] or n[UPSTREAM_FAILED]:
        return _RUN
    return _WAIT if n[PENDING] else _SKIP


def _one_done(n: Counts) -> Verdict:
    # An upstream_failed one never ran, so it is not the one that is done.
    if n[SUCCESS] or n[FAILED]:
        return _RUN
    return _WAIT if n[PENDING] else _SKIP


def _none_failed(n: Counts) -> Verdict:
    if n[FAILED] or n[UPSTREAM_FAILED]:
        return _FAIL
    return _WAIT if n[PENDING] else _RUN


def _none_skipped(n: Counts) -> Verdict:
    if n[PENDING]:
        return _WAIT
    return _SKIP if n[SKIPPED] else _RUN


def _none_failed_min_one_success(n: Counts) -> Verdict:
    if n[FAILED] or n[UPSTREAM_FAILED]:
        return _FAIL
    if n[PENDING]:
        return _WAIT
    return _RUN if n[SUCCESS] else _SKIP


def _all_skipped(n: Counts) -> Verdict:
    if n[PENDING]:
        return _WAIT
    return _SKIP if n[SUCCESS] or n[FAILED] or n[UPSTREAM_FAILED] else _RUN


def _all_done_min_one_success(n: Counts) -> Verdict:
    if n[PENDING]:
        return _WAIT
    if n[SKIPPED]:
        return _SKIP
    return _RUN if n[SUCCESS] else _FAIL


def _always(_n: Counts) -> Verdict:
    return _RUN


RULES: dict[str, Rule] = {
    "all_success": _all_success,
    "all_failed": _all_failed,
    "all_done": _all_done,
    "one_success": _one_success,
    "one_failed": _one_failed,
    "one_done": _one_done,
    "none_failed": _none_failed,
    "none_skipped": _none_skipped,
    "none_failed_min_one_success": _none_failed_min_one_success,
    "all_skipped": _all_skipped,
    "all_done_min_one_success": _all_done_min_one_success,
    "all_done_setup_success": _all_done,
    "always": _always,
}
"""Each trigger rule over counts of all upstream instances, for tasks that have an upstream.

``all_done_setup_success`` looks at its setups besides: see ``teardown_verdict``.
"""


EARLY_RULES = frozenset({"one_success", "one_failed", "one_done", "always"})
"""Rules that may let a task run before all above it has ended."""


def teardown_verdict(upstream: Counts, setups: Counts) -> Verdict:
    """Answer for ``all_done_setup_success``, given the counts of all upstreams and of its setups.

    It runs when all is done and a setup succeeded (or it has none); all setups skipped skip it,
    and without any that succeeded it is ``upstream_failed``.

    Example:
        >>> teardown_verdict([0, 1, 1, 0, 0, 0], [0, 1, 0, 0, 0, 0])
        <Verdict.RUN: 'run'>
    """
    if upstream[PENDING] or setups[PENDING]:
        return _WAIT
    if setups[SUCCESS] or not any(setups):
        return _RUN
    return _FAIL if setups[FAILED] or setups[UPSTREAM_FAILED] else _SKIP


def gated(verdict: Verdict, setups: Counts) -> Verdict:
    """Hold a verdict against the setups a task stands in the scope of without being next to them.

    One that failed fails the task at once, whatever its rule; one that was skipped skips it; while
    one is not done, it waits.

    Example:
        >>> gated(Verdict.RUN, [0, 0, 1, 0, 0, 0])
        <Verdict.FAIL: 'fail'>
    """
    if verdict is _FAIL or setups[FAILED] or setups[UPSTREAM_FAILED]:
        return _FAIL
    if verdict is _WAIT or setups[PENDING]:
        return _WAIT
    return _SKIP if setups[SKIPPED] else verdict


_PAST_OK = frozenset({TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED})


def is_past_ok(
    *,
    has_previous_run: bool,
    states: Iterable[TaskState],
    downstream: Iterable[TaskState] = (),
    ignore_first: bool = False,
    has_earlier_instance: bool = True,
) -> bool:
    """Answer whether the previous run lets a task with ``depends_on_past`` go on.

    Args:
        has_previous_run: Whether there is a previous run at all.
        states: States of the task's instances in the previous run.
        downstream: With ``wait_for_downstream``, states of the instances right below it there.
        ignore_first: The task's ``ignore_first_depends_on_past``.
        has_earlier_instance: Whether any earlier run has an instance of the task.

    Example:
        >>> is_past_ok(has_previous_run=True, states=[TaskState.SUCCESS])
        True
        >>> is_past_ok(has_previous_run=True, states=[TaskState.FAILED])
        False
    """
    if not has_previous_run:
        return True
    mine = tuple(states)
    if not mine:
        return ignore_first and not has_earlier_instance
    return _PAST_OK.issuperset(mine) and _PAST_OK.issuperset(downstream)
