"""A task with nothing to do, to join or branch lines."""

from typing import Any

from tradewind.sdk.operator import BaseOperator


class EmptyOperator(BaseOperator):
    """Does nothing; without callbacks or outlets it never reaches a worker."""

    ui_color = "#e8f7e4"

    def execute(self, context: Any) -> None:
        """Do nothing."""
