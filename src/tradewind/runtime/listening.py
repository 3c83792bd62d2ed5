"""Listeners: who is told of what happens, in the processes where user code runs.

Pluggy calls them, each with the arguments it names. One that fails is logged and changes nothing.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from tradewind.core.callbacks import ASSET_EVENT

log = logging.getLogger("tradewind.listeners")

_manager: Any = None
_known: set[int] = set()

RUN_EVENTS = {
    "running": "on_dag_run_running",
    "success": "on_dag_run_success",
    "failure": "on_dag_run_failed",
}
"""What happens to a run, and the function that is told of it, by a worker."""

_OF_EVENTS = ("on_asset_changed", "on_asset_event_emitted")


class Specs:
    """What a listener may be told of, and with which arguments."""

    def on_starting(self, component: Any) -> None:
        """A task process is about to run its task."""

    def before_stopping(self, component: Any) -> None:
        """A task process has run its task, and ends."""

    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        """A try, or the next leg of one, begins."""

    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        """A task succeeded."""

    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        """A try failed."""

    def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:
        """A task skipped itself."""

    def on_dag_run_running(self, dag_run: Any, msg: str) -> None:
        """A run began."""

    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:
        """A run succeeded."""

    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        """A run failed."""

    def on_asset_created(self, asset: Any) -> None:
        """A Dag file names an asset that none named before."""

    def on_asset_alias_created(self, asset_alias: Any) -> None:
        """A Dag file names an alias that none named before."""

    def on_asset_changed(self, asset: Any) -> None:
        """A task made an event of an asset."""

    def on_asset_event_emitted(self, asset_event: Any) -> None:
        """A task made this event of an asset."""

    def on_new_dag_import_error(self, filename: Any, stacktrace: Any) -> None:
        """A Dag file cannot be imported that could, or is new."""

    def on_existing_dag_import_error(self, filename: Any, stacktrace: Any) -> None:
        """A Dag file that could not be imported still cannot be."""


def register(listener: Any) -> None:
    """Tell this listener from now on; a second time changes nothing.

    Raises:
        Exception: One of its functions is marked but takes arguments there are none for.
    """
    global _manager  # noqa: PLW0603 - one for the process, as plugins are
    # Late: it costs 30 ms to import, and few installations have a listener.
    import pluggy  # noqa: PLC0415

    if _manager is None:
        specs = _mark(pluggy.HookspecMarker("airflow"))
        _manager = pluggy.PluginManager("airflow")
        _manager.add_hookspecs(specs)
    if id(listener) not in _known:
        _manager.register(listener)
        _known.add(id(listener))


def is_heard(hook: str) -> bool:
    """Tell whether a listener wants to be told of this."""
    return _manager is not None and bool(getattr(_manager.hook, hook).get_hookimpls())


def tell(hook: str, **facts: Any) -> None:
    """Tell all who want to know; what one raises is logged."""
    if not is_heard(hook):
        return
    try:
        getattr(_manager.hook, hook)(**facts)
    except Exception:
        log.exception("A listener failed in %s", hook)


def tell_task(event: str, ti: Any, error: BaseException | None) -> None:
    """Tell of the end of a try: ``success``, ``skipped``, ``failure``, or ``retry`` of one failed.

    The previous state of each is ``running``.
    """
    if event in ("failure", "retry"):
        facts = {"previous_state": "running", "task_instance": ti, "error": error}
        tell("on_task_instance_failed", **facts)
    else:
        tell(f"on_task_instance_{event}", previous_state="running", task_instance=ti)


def run_events() -> Iterable[str]:
    """Answer what happens to runs, and in them, that somebody wants to be told of."""
    found = [event for event, hook in RUN_EVENTS.items() if is_heard(hook)]
    return [*found, ASSET_EVENT] if any(map(is_heard, _OF_EVENTS)) else found


def forget() -> None:
    """Tell nobody any more."""
    global _manager  # noqa: PLW0603 - as above
    _manager = None
    _known.clear()


def _mark(spec: Callable[[Any], Any]) -> type[Specs]:
    for name, function in vars(Specs).items():
        if not name.startswith("_"):
            spec(function)
    return Specs
