"""Who asks: a live attempt, or the import of a Dag file."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from tradewind.errors import RefusedError
from tradewind.protocol.questions import Question
from tradewind.store.attempts import Attempt
from tradewind.store.database import Tx
from tradewind.store.secrets import Vault


class Asker(NamedTuple):
    """Who asks, already found to be who it says it is, and what opens secrets for its answer."""

    vault: Vault
    attempt: Attempt | None = None
    job_id: int = 0

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
