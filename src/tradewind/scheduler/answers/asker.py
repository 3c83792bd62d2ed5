"""Who asks: a live attempt, or the import of a Dag file."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from tradewind.core.runs import Run
from tradewind.errors import RefusedError
from tradewind.protocol.questions import Question
from tradewind.scheduler.wishes import Trigger
from tradewind.store.attempts import Attempt
from tradewind.store.database import Tx
from tradewind.store.secrets import Vault

TriggerForTask = Callable[[Tx, Trigger, bool, datetime], Run]
"""Makes a run; where that is wished (True), lets the one in its way start over instead."""


class Asker(NamedTuple):
    """Who asks, already found to be who it says it is, and what its answer may need."""

    vault: Vault
    """Opens secrets."""
    attempt: Attempt | None = None
    job_id: int = 0
    trigger: TriggerForTask | None = None

    def needed_attempt(self) -> Attempt:
        """Answer the attempt that asks.

        Raises:
            RefusedError: No task asks, but a file while it is imported.
        """
        if self.attempt is None:
            raise RefusedError(
                "no-task", "Only a running task can ask this, no Dag file or callback."
            )
        return self.attempt


Handler = Callable[[Tx, Any, Asker, datetime], object]
"""Answers one kind of question: (transaction, question, who asks, now) to its ``ANSWER``.

One that tells a secret answers a ``CallReply``, with ``masks``.
"""

Handlers = Mapping[type[Question], Handler]
