"""Importing in a file zygote what its tasks are likely to import, so that they share it.

A guess from the file's text: a wrong one costs a task some milliseconds or the zygote some memory,
nothing else.
"""

import re
from importlib import import_module
from pathlib import Path

from tradewind.core.manifest import split_member

_LIKELY = (
    # Dates of the context are pendulum's; a function with ** or a context may ask for any of them.
    (re.compile(r"logical_date|data_interval|run_after|context|\*\*|\{\{|\bds\b"), ("pendulum",)),
    (re.compile(r"\{\{|\{%|Bash|\.sql\b"), ("jinja2.nativetypes", "jinja2.sandbox")),
)


def preload_for(file: Path) -> None:
    """Import what a Dag file's text says its tasks will use.

    Raises:
        OSError: The file cannot be read any more.
    """
    if split_member(str(file)) and not file.exists():
        return
    text = file.read_text(encoding="utf-8", errors="replace")
    for sign, modules in _LIKELY:
        if sign.search(text):
            for name in modules:
                import_module(name)
