"""Tasks that call a Python function: for its answer, to choose a way, to go on or not."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tradewind.sdk.branching import BaseBranchOperator
from tradewind.sdk.calling import call, determine_kwargs, is_async_callable, merged_kwargs
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operator import BaseOperator
from tradewind.sdk.skipping import SkipMixin, short_circuit


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

    @property
    def is_async(self) -> bool:  # type: ignore[override]
        """Say whether the function is one to await."""
        return is_async_callable(self.python_callable)

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


class BranchPythonOperator(BaseBranchOperator, PythonOperator):
    """Calls a function that answers the task or task group to go on with, several, or None.

    What else is right below is skipped.

    Example:
        >>> from tradewind import DAG, BranchPythonOperator, EmptyOperator
        >>> with DAG("ways") as dag:
        ...     choose = BranchPythonOperator(task_id="choose", python_callable=lambda: "left")
        ...     _ = choose >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
        >>> choose.inherits_from_skipmixin
        True
    """

    def choose_branch(self, context: Any) -> Any:
        """Answer what the function answers."""
        return PythonOperator.execute(self, context)


class ShortCircuitOperator(PythonOperator, SkipMixin):
    """Calls a function; where it answers something false, what comes after is skipped.

    With ``ignore_downstream_trigger_rules`` (the default) that is all that comes after, at any
    distance; without, only what is right below is skipped, and trigger rules decide about the rest.
    """

    def __init__(self, *, ignore_downstream_trigger_rules: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules

    def execute(self, context: Any) -> Any:
        """Call the function, and skip what comes after if its answer is false."""
        condition = super().execute(context)
        if not condition:
            short_circuit(self, context, ignore_rules=self.ignore_downstream_trigger_rules)
        return condition


def _short(value: Any, longest: int = 500) -> str:
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"
