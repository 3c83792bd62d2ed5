"""The text of a task's function, to run it in another interpreter."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any

from tradewind.sdk.exceptions import AirflowException

_OUR_DECORATORS = frozenset({"task", "setup", "teardown"})


def function_source(function: Callable[..., Any]) -> str:
    """Answer the function's text, dedented, without the decorators that make it a task.

    Raises:
        AirflowException: It is no plain function, or its text cannot be found.
    """
    function = inspect.unwrap(function)
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise AirflowException(
            f"Only a function written with `def` can be run by another interpreter, not "
            f"{getattr(function, '__name__', type(function).__name__)}"
        )
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except OSError as error:
        raise AirflowException(
            f"The text of function '{function.__name__}' cannot be found: {error}"
        ) from None
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)  # noqa: S101 - checked above
    lines = text.splitlines(keepends=True)
    kept = [_segment(lines, one) for one in node.decorator_list if not _makes_a_task(one)]
    return "".join([*kept, *lines[node.lineno - 1 :]])


def _segment(lines: list[str], node: ast.expr) -> str:
    return "".join(lines[node.lineno - 1 : node.end_lineno])


def _makes_a_task(decorator: ast.expr) -> bool:
    names = {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if isinstance(node, ast.Name | ast.Attribute)
    }
    return bool(names & _OUR_DECORATORS)
