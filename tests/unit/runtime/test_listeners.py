"""Listeners (row 8.3): who is told of what, and with what, by the process of a task."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.runtime.tasks import run
from tradewind import DAG, PythonOperator
from tradewind.runtime import listening
from tradewind.sdk.exceptions import AirflowSkipException
from tradewind.sdk.listeners import hookimpl

HOOKS = {
    "on_starting": ("component",),
    "before_stopping": ("component",),
    "on_task_instance_running": ("previous_state", "task_instance"),
    "on_task_instance_success": ("previous_state", "task_instance"),
    "on_task_instance_failed": ("previous_state", "task_instance", "error"),
    "on_task_instance_skipped": ("previous_state", "task_instance"),
    "on_dag_run_running": ("dag_run", "msg"),
    "on_dag_run_success": ("dag_run", "msg"),
    "on_dag_run_failed": ("dag_run", "msg"),
    "on_asset_created": ("asset",),
    "on_asset_alias_created": ("asset_alias",),
    "on_asset_changed": ("asset",),
    "on_asset_event_emitted": ("asset_event",),
    "on_new_dag_import_error": ("filename", "stacktrace"),
    "on_existing_dag_import_error": ("filename", "stacktrace"),
}
"""Each function a listener may have, and what it may take."""


def listener(heard: list[tuple[str, dict[str, Any]]]) -> Any:
    """Make an object that hears all there is."""
    namespace: dict[str, Any] = {"heard": heard, "hookimpl": hookimpl}
    lines = ["class Ears:"]
    for name, arguments in HOOKS.items():
        told = ", ".join(f"{one}={one}" for one in arguments)
        lines.append(f"    @hookimpl\n    def {name}(self, {', '.join(arguments)}):")
        lines.append(f"        heard.append(({name!r}, dict({told})))")
    exec("\n".join(lines), namespace)  # noqa: S102 - our own text, from the table above
    return namespace["Ears"]()


@pytest.fixture
def heard() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    listening.register(listener(found))
    yield found
    listening.forget()


def succeeds() -> int:
    return 1


def skips() -> None:
    raise AirflowSkipException("today")


def fails() -> None:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("function", "max_tries", "end"),
    [
        (succeeds, 0, "success"),
        (skips, 0, "skipped"),
        (fails, 0, "failed"),
        (fails, 1, "failed"),
    ],
)
def test_the_process_of_a_task_tells_how_it_goes(
    heard: list[tuple[str, dict[str, Any]]],
    function: Callable[[], Any],
    max_tries: int,
    end: str,
) -> None:
    with DAG("d"):
        run(PythonOperator(task_id="t", python_callable=function), max_tries=max_tries)

    assert [name for name, _ in heard] == [
        "on_starting",
        "on_task_instance_running",
        f"on_task_instance_{end}",
        "before_stopping",
    ]
    _, told = heard[2]
    assert (told["previous_state"], told["task_instance"].task_id) == ("running", "t")
    assert str(told.get("error")) == ("no" if end == "failed" else "None")


def test_runs_are_told_of_by_name(heard: list[tuple[str, dict[str, Any]]]) -> None:
    assert set(listening.run_events()) == {"running", "success", "failure", "asset_event"}
    for hook in listening.RUN_EVENTS.values():
        listening.tell(hook, dag_run="run", msg="why")
    assert [told for _, told in heard] == [{"dag_run": "run", "msg": "why"}] * 3


def test_a_function_with_an_argument_there_is_none_for_is_refused() -> None:
    class Wrong:
        """Takes what nobody gives."""

        @hookimpl
        def on_task_instance_success(self, task_instance: Any, moon: Any) -> None: ...

    try:
        with pytest.raises(Exception, match="moon"):
            listening.register(Wrong())
    finally:
        listening.forget()
