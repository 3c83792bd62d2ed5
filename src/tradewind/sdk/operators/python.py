"""A task that calls a Python function."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tradewind.sdk.calling import call, determine_kwargs, merged_kwargs
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operator import BaseOperator


class PythonOperator(BaseOperator):
    """Calls ``python_callable`` with ``op_args``, ``op_kwargs`` and what it asks of the context.

    Example:
        >>> from tradewind import DAG, PythonOperator
        >>> with DAG("calls") as dag:
        ...     task = PythonOperator(
        ...         task_id="add", python_callable=lambda a, b: a + b, op_args=[1, 2]
        ...     )
        >>> task.execute({})
        3
    """

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers: Mapping[str, str] = {
        "templates_dict": "json",
        "op_args": "py",
        "op_kwargs": "py",
    }
    ui_color = "#ffefeb"
    shallow_copy_attrs: Sequence[str] = ("python_callable", "op_kwargs")

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        templates_exts: Sequence[str] | None = None,
        show_return_value_in_logs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(python_callable):
            raise AirflowException(
                f"python_callable of task '{self.task_id}' is no function: {python_callable!r}"
            )
        self.python_callable = python_callable
        self.op_args: Any = op_args if op_args is not None else ()
        self.op_kwargs: Any = op_kwargs if op_kwargs is not None else {}
        self.templates_dict = templates_dict
        self.show_return_value_in_logs = show_return_value_in_logs
        if templates_exts:
            self.template_ext = templates_exts

    def execute(self, context: Any) -> Any:
        """Call the function; a coroutine function is run to its end."""
        if self.templates_dict is not None:
            context["templates_dict"] = self.templates_dict
        self.op_kwargs = self.determine_kwargs(context)
        result = self.execute_callable()
        if self.show_return_value_in_logs:
            self.log.info("Returned %s", _short(result))
        else:
            self.log.info("Returned a value that is not shown")
        return result

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer the keyword arguments: the author's, and what is asked of the context."""
        return determine_kwargs(
            self.python_callable, self.op_args, merged_kwargs(self.op_kwargs, context)
        )

    def execute_callable(self) -> Any:
        """Call the function with the arguments as they now are."""
        return call(self.python_callable, self.op_args, self.op_kwargs)


def _short(value: Any, longest: int = 500) -> str:
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"
