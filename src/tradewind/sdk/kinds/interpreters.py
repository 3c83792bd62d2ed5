"""Decorators of functions that another interpreter runs."""

from tradewind.sdk.kinds.making import CallingOperator, make_decorator
from tradewind.sdk.operators.interpreters import (
    BranchExternalPythonOperator,
    BranchPythonVirtualenvOperator,
    ExternalPythonOperator,
    PythonVirtualenvOperator,
)


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


virtualenv_task = make_decorator(
    "virtualenv", VirtualenvDecoratedOperator, "runs it in a Python environment of its own"
)
external_python_task = make_decorator(
    "external_python", ExternalPythonDecoratedOperator, "runs it by another interpreter"
)
branch_virtualenv_task = make_decorator(
    "branch_virtualenv", BranchVirtualenvDecoratedOperator, "chooses a way in its own environment"
)
branch_external_python_task = make_decorator(
    "branch_external_python",
    BranchExternalPythonDecoratedOperator,
    "chooses a way by another interpreter",
)
