"""Running a decorated task only if something holds: ``@task.run_if`` and ``@task.skip_if``."""

from collections.abc import Callable
from typing import Any

from tradewind.sdk.decorated import TaskDecorator
from tradewind.sdk.exceptions import AirflowSkipException

Condition = Callable[[Any], bool | tuple[bool, str | None]]
"""Is given the context; answers whether it holds, and, if it likes, what to say of a skip."""


def run_if(
    condition: Condition, skip_message: str | None = None
) -> Callable[[TaskDecorator], TaskDecorator]:
    """Run the task below only where the condition holds; skip it otherwise.

    Example:
        >>> from tradewind import task
        >>> @task.run_if(lambda context: context["params"].get("full"))
        ... @task
        ... def load_everything(): ...
    """
    return _deciding("run_if", condition, skip_message, runs_when=True)


def skip_if(
    condition: Condition, skip_message: str | None = None
) -> Callable[[TaskDecorator], TaskDecorator]:
    """Skip the task below where the condition holds."""
    return _deciding("skip_if", condition, skip_message, runs_when=False)


def _deciding(
    name: str, condition: Condition, message: str | None, *, runs_when: bool
) -> Callable[[TaskDecorator], TaskDecorator]:
    def check(context: Any) -> None:
        answer = condition(context)
        holds, said = answer if isinstance(answer, tuple) else (answer, None)
        if bool(holds) is not runs_when:
            raise AirflowSkipException(said or message or f"Skipped by @task.{name}")

    def decorate(task: TaskDecorator) -> TaskDecorator:
        if not isinstance(task, TaskDecorator):
            raise TypeError(f"@task.{name} goes above a task decorator, as in @task, not below it")
        task.kwargs["pre_execute"] = _both(check, task.kwargs.get("pre_execute"))
        return task

    return decorate


def _both(first: Callable[[Any], Any], then: Callable[[Any], Any] | None) -> Callable[[Any], None]:
    def call(context: Any) -> None:
        first(context)
        if then is not None:
            then(context)

    return call
