"""What tasks may ask about Dags, runs and task instances, for a task that a person runs by hand."""

from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import Field

from tradewind.api.public.fields import ServicesDep, Shape

router = APIRouter(prefix="/questions", tags=["Own: questions of tasks"])


class Asked(Shape):
    """One question."""

    verb: str
    args: dict[str, Any] = Field(default_factory=dict)


class Told(Shape):
    """The answer to a question, in the form the verb has."""

    value: Any


@router.post("")
def ask(question: Asked, services: ServicesDep) -> Told:
    """Answer a question about Dags, runs or task instances as a task would be answered."""
    with services.database.read() as tx:
        engine, now = services.engine, services.clock.now()
        value = engine.tell_person(tx, question.verb, question.args, now)
    return Told(value=msgspec.to_builtins(value))
