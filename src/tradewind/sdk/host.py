"""Asking whoever hosts the user code that runs now."""

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
