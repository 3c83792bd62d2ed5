"""Waiting for runs of other Dags."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from tradewind.protocol.questions import ListRuns, RunView
from tradewind.sdk.host import ask
from tradewind.sdk.triggers.base import BaseTrigger, TriggerEvent


class DagStateTrigger(BaseTrigger):
    """Waits until runs of a Dag are all in one of some states.

    Its event is ``(class path, {"dag_id", "run_ids", ..., run id: state of that run})``.

    Args:
        dag_id: The Dag.
        states: States to wait for.
        run_ids: The runs, by their ids.
        execution_dates: The runs, by their logical dates, where no ids are given.
        poll_interval: Seconds between two looks.
    """

    def __init__(
        self,
        dag_id: str,
        states: Sequence[str],
        run_ids: Sequence[str] | None = None,
        execution_dates: Sequence[datetime] | None = None,
        poll_interval: float = 5.0,
    ) -> None:
        super().__init__()
        self.dag_id = dag_id
        self.states = [str(getattr(state, "value", state)) for state in states]
        self.run_ids = None if run_ids is None else list(run_ids)
        self.execution_dates = None if execution_dates is None else list(execution_dates)
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Answer what this is made from."""
        return (
            "airflow.providers.standard.triggers.external_task.DagStateTrigger",
            {
                "dag_id": self.dag_id,
                "states": self.states,
                "run_ids": self.run_ids,
                "execution_dates": self.execution_dates,
                "poll_interval": self.poll_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the runs until each is in one of the states."""
        wanted = len(self.run_ids or self.execution_dates or ())
        while True:
            found = await self._look()
            if len(found) >= wanted and all(run.state in self.states for run in found):
                break
            await asyncio.sleep(self.poll_interval)
        path, facts = self.serialize()
        facts["run_ids"] = [run.run_id for run in found]
        facts.update({run.run_id: run.state for run in found})
        yield TriggerEvent((path, facts))

    async def _look(self) -> list[RunView]:
        dates = self.execution_dates
        found: list[RunView] = await asyncio.to_thread(
            ask,
            ListRuns(
                dag_ids=(self.dag_id,),
                run_ids=None if self.run_ids is None else tuple(self.run_ids),
                logical_dates=None if self.run_ids or dates is None else tuple(dates),
            ),
        )
        return found
