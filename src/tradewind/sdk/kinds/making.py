"""What the kinds of task decorators are made with."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from tradewind.sdk.decorated import DecoratedOperator, task_decorator_factory


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


def make_decorator(name: str, operator_class: type[Any], does: str) -> Callable[..., Any]:
    """Answer the decorator that makes tasks of this class; ``does`` says what they do."""

    def decorate(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
        return task_decorator_factory(
            python_callable, decorated_operator_class=operator_class, **kwargs
        )

    decorate.__name__ = decorate.__qualname__ = f"{name}_task"
    decorate.__doc__ = f"Turn a function into a task that {does}."
    return decorate
