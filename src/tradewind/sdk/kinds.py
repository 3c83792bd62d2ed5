"""What each kind of task decorator makes of a function."""

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tradewind.sdk.calling import call, determine_kwargs, merged_kwargs
from tradewind.sdk.decorated import DecoratedOperator, task_decorator_factory
from tradewind.sdk.exceptions import AirflowException, AirflowFailException
from tradewind.sdk.operators.bash import BashOperator
from tradewind.sdk.operators.interpreters import (
    BranchExternalPythonOperator,
    BranchPythonVirtualenvOperator,
    ExternalPythonOperator,
    PythonVirtualenvOperator,
)
from tradewind.sdk.operators.python import (
    BranchPythonOperator,
    PythonOperator,
    ShortCircuitOperator,
)
from tradewind.sdk.sensors.python import PythonSensor
from tradewind.sdk.sentinels import SET_DURING_EXECUTION
from tradewind.sdk.sources import function_source


class CallingOperator(DecoratedOperator):
    """A decorated operator that calls the function itself, as PythonOperator does."""

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        call_with: dict[str, Any] = {
            "python_callable": python_callable,
            "op_args": op_args,
            "op_kwargs": op_kwargs,
        }
        super().__init__(kwargs_to_upstream=call_with, **call_with, **kwargs)


class PythonDecoratedOperator(CallingOperator, PythonOperator):
    """Calls the decorated function."""

    custom_operator_name: str = "@task"


class BranchDecoratedOperator(CallingOperator, BranchPythonOperator):
    """Calls the decorated function, whose answer names the tasks to go on with."""

    custom_operator_name: str = "@task.branch"


class ShortCircuitDecoratedOperator(CallingOperator, ShortCircuitOperator):
    """Calls the decorated function; a false answer skips what comes after."""

    custom_operator_name: str = "@task.short_circuit"


class VirtualenvDecoratedOperator(CallingOperator, PythonVirtualenvOperator):
    """Runs the decorated function in an environment of its own."""

    custom_operator_name: str = "@task.virtualenv"


class ExternalPythonDecoratedOperator(CallingOperator, ExternalPythonOperator):
    """Runs the decorated function by another interpreter."""

    custom_operator_name: str = "@task.external_python"


class BranchVirtualenvDecoratedOperator(CallingOperator, BranchPythonVirtualenvOperator):
    """Chooses the way by the decorated function, in an environment of its own."""

    custom_operator_name: str = "@task.branch_virtualenv"


class BranchExternalPythonDecoratedOperator(CallingOperator, BranchExternalPythonOperator):
    """Chooses the way by the decorated function, by another interpreter."""

    custom_operator_name: str = "@task.branch_external_python"


class SensorDecoratedOperator(CallingOperator, PythonSensor):
    """Waits until the decorated function answers something true."""

    custom_operator_name: str = "@task.sensor"


class BashDecoratedOperator(DecoratedOperator, BashOperator):
    """Runs the command that the decorated function returns."""

    template_fields: Sequence[str] = ("env", "cwd", "op_args", "op_kwargs")
    custom_operator_name: str = "@task.bash"

    def __init__(self, *, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        outputs = kwargs.pop("multiple_outputs", None)
        super().__init__(
            kwargs_to_upstream={"bash_command": SET_DURING_EXECUTION},
            python_callable=python_callable,
            multiple_outputs=False,
            **kwargs,
        )
        if outputs:
            self.warnings.append("'multiple_outputs' has no effect: a command gives one line")

    def execute(self, context: Any) -> Any:
        """Call the function, render what it returns, run it.

        Raises:
            TypeError: It returned no command.
        """
        asked = merged_kwargs(self.op_kwargs, context)
        kwargs = determine_kwargs(self.python_callable, self.op_args, asked)
        command = call(self.python_callable, self.op_args, kwargs)
        if not isinstance(command, str) or not command.strip():
            raise TypeError(f"Task '{self.task_id}' must return a Bash command, not {command!r}")
        self.bash_command = self.render_template(command, context)
        return super().execute(context)


class StubOperator(DecoratedOperator):
    """Declares a task that is written in another language; the function says its name only."""

    custom_operator_name: str = "@task.stub"

    def __init__(self, *, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(python_callable=python_callable, **kwargs)
        _check_empty(python_callable, self.task_id)
        self.warnings.append(
            "a stub is run by a worker of another language, of which Tradewind has none yet: "
            "the task will fail"
        )

    def execute(self, context: Any) -> Any:
        """Refuse: there is nothing to run here.

        Raises:
            AirflowFailException: Always.
        """
        raise AirflowFailException(
            f"Task '{self.task_id}' is a stub: its work is written in another language, and no "
            f"worker of queue '{self.queue}' can run it"
        )


def _check_empty(function: Callable[..., Any], task_id: str) -> None:
    node = ast.parse(function_source(function)).body[-1]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)  # noqa: S101 - a function's text
    for line in node.body:
        is_constant = isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
        if not is_constant and not isinstance(line, ast.Pass):
            raise AirflowException(
                f"Task '{task_id}' is a stub, so its function must be empty: `...` or `pass`"
            )


def _decorator(name: str, operator_class: type[Any], does: str) -> Callable[..., Any]:
    def decorate(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
        return task_decorator_factory(
            python_callable, decorated_operator_class=operator_class, **kwargs
        )

    decorate.__name__ = decorate.__qualname__ = f"{name}_task"
    decorate.__doc__ = f"Turn a function into a task that {does}."
    return decorate


python_task = _decorator("python", PythonDecoratedOperator, "calls it")
branch_task = _decorator(
    "branch", BranchDecoratedOperator, "calls it and goes on with the tasks it answers"
)
short_circuit_task = _decorator(
    "short_circuit", ShortCircuitDecoratedOperator, "calls it and skips what follows if it says no"
)
virtualenv_task = _decorator(
    "virtualenv", VirtualenvDecoratedOperator, "runs it in a Python environment of its own"
)
external_python_task = _decorator(
    "external_python", ExternalPythonDecoratedOperator, "runs it by another interpreter"
)
branch_virtualenv_task = _decorator(
    "branch_virtualenv", BranchVirtualenvDecoratedOperator, "chooses a way in its own environment"
)
branch_external_python_task = _decorator(
    "branch_external_python",
    BranchExternalPythonDecoratedOperator,
    "chooses a way by another interpreter",
)
sensor_task = _decorator("sensor", SensorDecoratedOperator, "waits until it says yes")
bash_task = _decorator("bash", BashDecoratedOperator, "runs the command it returns")
stub_task = _decorator("stub", StubOperator, "another language implements")
