"""What a run in this process shows of its way: one readable line for each step, on stderr."""

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tradewind.protocol.masking import Masker

log = logging.getLogger("tradewind.local")


def say(task_id: str, path: str, state: str, detail: str) -> None:
    """Tell that a task instance came into a state."""
    index = f"[{path}]" if path else ""
    log.info("%s%s %s%s", task_id, index, state, f": {detail}" if detail else "")


def say_warnings(warnings: Iterable[str]) -> None:
    """Tell what of a Dag has no effect, or another than its author may think."""
    for warning in warnings:
        log.warning("%s", warning)


def say_no_deadlines(owners: Sequence[str]) -> None:
    """Tell whose deadlines are not watched, if there are any."""
    if owners:
        named = ", ".join(f"'{owner}'" for owner in owners)
        log.warning("Deadlines (of %s) have no effect here: only a server watches the clock", named)


def say_who_runs(tasks: Iterable[Any]) -> None:
    """Tell of tasks that are to run as another user that here they run as this one."""
    for task in tasks:
        if task.run_as_user:
            wish = "%s is to run as '%s': here it runs as yourself"
            log.warning(wish, task.task_id, task.run_as_user)


class _Format(logging.Formatter):
    """One readable line a record; of a failure, the user's traceback below it."""

    def __init__(self, masker: Masker) -> None:
        """Hide what this masker knows."""
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
        self._masker = masker

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        detail = getattr(record, "error_detail", "")
        return f"{line}\n{self._masker.hide(detail.rstrip())}" if detail else line


@contextmanager
def readable_log(masker: Masker) -> Iterator[None]:
    """Show log records on stderr for the time of the run, unless the caller shows them already."""
    root = logging.getLogger()
    if root.handlers:
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Format(masker))
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
