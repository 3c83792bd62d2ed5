"""Decorators of functions that are called in the task's own process."""

from tradewind.sdk.kinds.making import CallingOperator, make_decorator
from tradewind.sdk.operators.python import (
    BranchPythonOperator,
    PythonOperator,
    ShortCircuitOperator,
)


class PythonDecoratedOperator(CallingOperator, PythonOperator):
    """Calls the decorated function."""

    custom_operator_name: str = "@task"


class BranchDecoratedOperator(CallingOperator, BranchPythonOperator):
    """Calls the decorated function, whose answer names the tasks to go on with."""

    custom_operator_name: str = "@task.branch"


class ShortCircuitDecoratedOperator(CallingOperator, ShortCircuitOperator):
    """Calls the decorated function; a false answer skips what comes after."""

    custom_operator_name: str = "@task.short_circuit"


python_task = make_decorator("python", PythonDecoratedOperator, "calls it")
branch_task = make_decorator(
    "branch", BranchDecoratedOperator, "calls it and goes on with the tasks it answers"
)
short_circuit_task = make_decorator(
    "short_circuit", ShortCircuitDecoratedOperator, "calls it and skips what follows if it says no"
)
