"""Operators that work by ``await``."""

from typing import Any

from tradewind.sdk.calling import run_to_end
from tradewind.sdk.operator import BaseOperator


class BaseAsyncOperator(BaseOperator):
    """The root of operators that work by ``await``: implement ``aexecute`` instead of ``execute``.

    Example:
        >>> from tradewind import DAG, BaseAsyncOperator
        >>> class Fetch(BaseAsyncOperator):
        ...     async def aexecute(self, context):
        ...         return "here"
        >>> with DAG("fetching"):
        ...     Fetch(task_id="fetch").execute({})
        'here'
    """

    is_async = True

    async def aexecute(self, context: Any) -> Any:
        """Do the work; what is returned becomes this task's output.

        Raises:
            NotImplementedError: The subclass does not say what the work is.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement aexecute()")

    def execute(self, context: Any) -> Any:
        """Run ``aexecute`` to its end."""
        return run_to_end(self.aexecute(context))
