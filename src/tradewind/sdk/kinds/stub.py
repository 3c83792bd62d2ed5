"""The decorator of tasks that are written in another language."""

import ast
from collections.abc import Callable
from typing import Any

from tradewind.sdk.decorated import DecoratedOperator
from tradewind.sdk.exceptions import AirflowException, AirflowFailException
from tradewind.sdk.kinds.making import make_decorator
from tradewind.sdk.sources import function_source


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


stub_task = make_decorator("stub", StubOperator, "another language implements")
