"""A sensor that asks a Python function."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tradewind.sdk.calling import call, determine_kwargs, merged_kwargs
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.sensor import BaseSensorOperator


class PythonSensor(BaseSensorOperator):
    """Waits until a function answers something true.

    The function is called as PythonOperator calls its own. A ``PokeReturnValue`` it answers says
    what to push, too.

    Example:
        >>> from tradewind import DAG
        >>> from tradewind.sdk.sensors.python import PythonSensor
        >>> with DAG("waiting"):
        ...     sensor = PythonSensor(task_id="is_there", python_callable=lambda: True)
        >>> sensor.poke({})
        True
    """

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
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

    def poke(self, context: Any) -> Any:
        """Ask the function."""
        if self.templates_dict is not None:
            context["templates_dict"] = self.templates_dict
        asked = merged_kwargs(self.op_kwargs, context)
        kwargs = determine_kwargs(self.python_callable, self.op_args, asked)
        return call(self.python_callable, self.op_args, kwargs)
