"""A task with nothing to do, and a song."""

from typing import Any

from tradewind.sdk.operator import BaseOperator


class SmoothOperator(BaseOperator):
    """Does nothing, smoothly: its log names a song."""

    ui_color = "#e8f7e4"
    song = "Smooth Operator, by Sade (1984)"

    def execute(self, context: Any) -> None:
        """Name the song."""
        self.log.info("Now playing: %s", self.song)
