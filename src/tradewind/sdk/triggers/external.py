"""Waiting for tasks, task groups and runs of other Dags."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any

from tradewind.sdk.external import Awaited, States, look
from tradewind.sdk.triggers.base import BaseTrigger, TriggerEvent


class WorkflowTrigger(BaseTrigger):
    """Waits for runs of a Dag, or for tasks or a task group in them.

    Its event is ``{"status": "success" | "failed" | "skipped"}``.

    Args:
        external_dag_id: The Dag.
        run_ids: The runs, by their ids.
        execution_dates: The runs, by their logical dates: an older name for ``logical_dates``.
        logical_dates: The runs, by their logical dates.
        external_task_ids: Tasks to wait for, rather than for the runs.
        external_task_group_id: A task group to wait for.
        failed_states: One of these, seen anywhere, ends the wait with ``failed``.
        skipped_states: One of these ends it with ``skipped``.
        allowed_states: All in these ends it with ``success``, which is what it is without.
        poke_interval: Seconds between two looks.
        soft_fail: Carried for whoever goes on; makes no difference here.
    """

    def __init__(
        self,
        external_dag_id: str,
        run_ids: Sequence[str] | None = None,
        execution_dates: Sequence[datetime] | None = None,
        logical_dates: Sequence[datetime] | None = None,
        external_task_ids: Collection[str] | None = None,
        external_task_group_id: str | None = None,
        failed_states: Collection[str] | None = None,
        skipped_states: Collection[str] | None = None,
        allowed_states: Collection[str] | None = None,
        poke_interval: float = 2.0,
        soft_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.external_dag_id = external_dag_id
        self.run_ids = run_ids
        self.logical_dates = logical_dates if logical_dates is not None else execution_dates
        self.external_task_ids = external_task_ids
        self.external_task_group_id = external_task_group_id
        self.failed_states = failed_states
        self.skipped_states = skipped_states
        self.allowed_states = allowed_states
        self.poke_interval = poke_interval
        self.soft_fail = soft_fail

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Answer what this is made from."""
        lists = (
            "run_ids",
            "logical_dates",
            "external_task_ids",
            "failed_states",
            "skipped_states",
            "allowed_states",
        )
        given: dict[str, Any] = {name: _listed(getattr(self, name)) for name in lists}
        for name in ("external_dag_id", "external_task_group_id", "poke_interval", "soft_fail"):
            given[name] = getattr(self, name)
        return ("airflow.providers.standard.triggers.external_task.WorkflowTrigger", given)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it is decided."""
        what = Awaited(
            dag_id=self.external_dag_id,
            task_ids=tuple(self.external_task_ids or ()),
            group_id=self.external_task_group_id,
            logical_dates=None if self.logical_dates is None else tuple(self.logical_dates),
            run_ids=None if self.run_ids is None else tuple(self.run_ids),
        )
        states = States(
            allowed=_names(self.allowed_states) or ("success",),
            failed=_names(self.failed_states),
            skipped=_names(self.skipped_states),
        )
        while True:
            status = await asyncio.to_thread(look, what, states)
            if status is not None:
                break
            await asyncio.sleep(self.poke_interval)
        yield TriggerEvent({"status": status})


def _listed(values: Collection[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _names(states: Collection[str] | None) -> tuple[str, ...]:
    return tuple(str(getattr(state, "value", state)) for state in states or ())
