"""The context of a running task: the facts of its run and its try, by name."""

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeAlias

Context: TypeAlias = MutableMapping[str, Any]
"""What ``execute(context)`` is given: names of ``CONTEXT_KEYS`` to values."""

CONTEXT_KEYS = frozenset(
    {
        "asset_state_store",
        "conn",
        "dag",
        "dag_run",
        "data_interval_end",
        "data_interval_start",
        "ds",
        "ds_nodash",
        "exception",
        "expanded_ti_count",
        "inlet_events",
        "inlets",
        "logical_date",
        "macros",
        "map_index_template",
        "outlet_events",
        "outlets",
        "params",
        "partition_date",
        "partition_key",
        "prev_data_interval_end_success",
        "prev_data_interval_start_success",
        "prev_end_date_success",
        "prev_start_date_success",
        "reason",
        "run_id",
        "start_date",
        "task",
        "task_instance",
        "task_instance_key_str",
        "task_reschedule_count",
        "task_state_store",
        "templates_dict",
        "test_mode",
        "ti",
        "triggering_asset_events",
        "try_number",
        "ts",
        "ts_nodash",
        "ts_nodash_with_tz",
        "var",
    }
)
"""Names that a task's function may declare as parameters to be given."""

_current: ContextVar[tuple[Context, ...]] = ContextVar("current_contexts", default=())


def get_current_context() -> Context:
    """Answer the context of the task that runs now.

    Raises:
        RuntimeError: No task is running: this was called while a Dag file is imported.
    """
    contexts = _current.get()
    if not contexts:
        raise RuntimeError(
            "There is no context here: get_current_context() works only inside a running task"
        )
    return contexts[-1]


@contextmanager
def set_current_context(context: Context) -> Iterator[Context]:
    """Make this the context of the task that runs now."""
    token = _current.set((*_current.get(), context))
    try:
        yield context
    finally:
        _current.reset(token)


class ParsingContext(NamedTuple):
    """Of which Dag and task a file is imported to run one; both None when all are asked for."""

    dag_id: str | None = None
    task_id: str | None = None


PARSING_DAG_ENV = "_TRADEWIND_PARSING_CONTEXT_DAG_ID"
PARSING_TASK_ENV = "_TRADEWIND_PARSING_CONTEXT_TASK_ID"
_parsing = {"asked": False}


def get_parsing_context() -> ParsingContext:
    """Answer what this import of the file is for, to build only the Dag that is needed.

    Example:
        >>> get_parsing_context().dag_id is None
        True
    """
    _parsing["asked"] = True
    return ParsingContext(os.environ.get(PARSING_DAG_ENV), os.environ.get(PARSING_TASK_ENV))


@contextmanager
def importing_for(dag_id: str, task_id: str) -> Iterator[None]:
    """Let files that are imported in the block know for which task that is done."""
    names = {PARSING_DAG_ENV: dag_id, PARSING_TASK_ENV: task_id}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def is_parsing_context_asked() -> bool:
    """Say whether a file imported here asked what it is imported for: it differs by task."""
    return _parsing["asked"]
