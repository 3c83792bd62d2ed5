"""Asking whoever hosts the user code that runs now."""

import asyncio
from typing import Any

from tradewind.errors import TradewindError
from tradewind.protocol.ports import bound_port
from tradewind.protocol.questions import Question


def ask(question: Question) -> Any:
    """Answer a question, as the type its ``ANSWER`` says.

    Raises:
        TradewindError: Nobody is here to answer, or the host refuses.
    """
    port = bound_port.get()
    if port is None:
        raise TradewindError(
            "no-host", f"Nobody is here to answer '{question.verb()}': no task runs."
        )
    return port.ask(question)


async def ask_async(question: Question) -> Any:
    """Answer a question without holding up the event loop.

    Raises:
        TradewindError: Nobody is here to answer, or the host refuses.
    """
    return await asyncio.to_thread(ask, question)
