"""The decorator of functions that return a command."""

from collections.abc import Callable, Sequence
from typing import Any

from tradewind.sdk.calling import call, determine_kwargs, merged_kwargs
from tradewind.sdk.decorated import DecoratedOperator
from tradewind.sdk.kinds.making import make_decorator
from tradewind.sdk.operators.bash import BashOperator
from tradewind.sdk.sentinels import SET_DURING_EXECUTION


class BashDecoratedOperator(DecoratedOperator, BashOperator):
    """Runs the command that the decorated function returns."""

    template_fields: Sequence[str] = ("bash_command", "env", "cwd", "op_args", "op_kwargs")
    overwrite_rtif_after_execution: bool = True
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


bash_task = make_decorator("bash", BashDecoratedOperator, "runs the command it returns")
