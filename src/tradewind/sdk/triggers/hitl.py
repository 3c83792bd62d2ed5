"""Waiting for a person's answer at a trigger, as operators for earlier versions do."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tradewind.protocol.people_questions import AnswerView, GetAnswer, TakeDefaults
from tradewind.sdk.clock import utcnow
from tradewind.sdk.exceptions import ParamValidationError
from tradewind.sdk.host import ask
from tradewind.sdk.params import Param, ParamsDict
from tradewind.sdk.triggers.base import BaseTrigger, TriggerEvent


class HITLTrigger(BaseTrigger):
    """Waits for the answer to a question that the task wrote down before it deferred.

    Its event has ``chosen_options``, ``params_input``, ``responded_by_user``, ``responded_at`` and
    ``timedout``, or ``error`` and ``error_type``. The standard operators do without it: they wait
    in state ``awaiting_input``, for which no trigger runs.

    Args:
        ti_id: Of the task instance; the one that deferred is asked about, always.
        options: What may be chosen.
        params: Of each field its value, description and rules.
        defaults: Chosen when the time is over; without them the event is an error then.
        multiple: Whether several options may be chosen.
        timeout_datetime: When the time is over, if ever.
        poke_interval: Seconds between two looks.
    """

    def __init__(
        self,
        *,
        ti_id: Any,
        options: Sequence[str],
        params: Mapping[str, Any],
        defaults: Sequence[str] | None = None,
        multiple: bool = False,
        timeout_datetime: datetime | None,
        poke_interval: float = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ti_id = ti_id
        self.options = list(options)
        self.defaults = None if defaults is None else list(defaults)
        self.multiple = multiple
        self.timeout_datetime = timeout_datetime
        self.poke_interval = poke_interval
        self.params = ParamsDict({name: _param(one) for name, one in params.items()})

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Answer what this is made from."""
        names = ("ti_id", "options", "defaults", "multiple", "timeout_datetime", "poke_interval")
        given = {name: getattr(self, name) for name in names}
        given["params"] = {
            name: {
                "value": param.value if param.has_value else None,
                "description": param.description,
                "schema": param.schema,
            }
            for name, param in self.params.items_with_rules()
        }
        return ("airflow.providers.standard.triggers.hitl.HITLTrigger", given)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until somebody has answered, or the time is over."""
        while True:
            until = self.timeout_datetime
            if until is not None and until < utcnow():
                yield self._event(await self._ask(TakeDefaults))
                return
            answer = await self._ask(GetAnswer)
            if answer is not None:
                yield self._event(answer)
                return
            await asyncio.sleep(self.poke_interval)

    async def _ask(self, kind: type[GetAnswer | TakeDefaults]) -> AnswerView | None:
        ti = self.task_instance
        question = kind(
            dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=ti.map_index
        )
        found: AnswerView | None = await asyncio.to_thread(ask, question)
        return found

    def _event(self, answer: AnswerView | None) -> TriggerEvent:
        if answer is None:
            return _failed("Nobody answered in time, and there are no defaults", "timeout")
        filled = answer.params_input or (self.params.dump() if answer.timedout else {})
        try:
            for name, value in filled.items():
                self.params[name] = value
        except ParamValidationError as error:
            return _failed(str(error), "validation")
        who = answer.responded_by
        return TriggerEvent(
            {
                "chosen_options": answer.chosen_options,
                "params_input": filled,
                "responded_by_user": None if who is None else {"id": who, "name": who},
                "responded_at": answer.responded_at,
                "timedout": answer.timedout,
            }
        )


def _failed(error: str, error_type: str) -> TriggerEvent:
    return TriggerEvent({"error": error, "error_type": error_type})


def _param(value: Any) -> Param:
    if not isinstance(value, Mapping) or not {"value", "schema"} <= value.keys():
        return Param(value)
    param = Param(value["value"], value.get("description"))
    param.schema = dict(value["schema"])
    return param
