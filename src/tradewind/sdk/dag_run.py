"""The run that user code sees in its context, and other runs it asks about."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from tradewind.core.runs import RunType, run_id_of
from tradewind.protocol.orders import RunFacts
from tradewind.protocol.questions import (
    GetInstances,
    GetPreviousRun,
    InstanceView,
    ListRuns,
    RunView,
)
from tradewind.sdk.clock import utcnow
from tradewind.sdk.host import ask
from tradewind.sdk.instants import to_pendulum


class DagRun:
    """A run of a Dag; times are pendulum datetimes, made when they are asked for."""

    def __init__(
        self, facts: RunFacts | RunView, instant: Callable[[Any], Any] = to_pendulum
    ) -> None:
        self.facts = facts
        """The run as its host told it."""
        self._instant = instant
        self.dag_id = facts.dag_id
        self.run_id = facts.run_id
        self.run_type = facts.run_type
        self.clear_number = facts.clear_number
        self.conf: dict[str, Any] = dict(facts.conf)
        self.partition_key = facts.partition_key
        self.triggered_by = facts.triggered_by
        self.state = facts.state if isinstance(facts, RunView) else "running"
        self.note = facts.note if isinstance(facts, RunView) else None

    @staticmethod
    def generate_run_id(
        run_type: str, logical_date: datetime | None = None, run_after: datetime | None = None
    ) -> str:
        """Answer the id that a run of this type for this date, or due then, gets by itself."""
        kind = RunType(str(getattr(run_type, "value", run_type)))
        return run_id_of(kind, run_after or utcnow(), logical_date)

    @cached_property
    def logical_date(self) -> Any:
        """Answer the date the run is for, or None."""
        return self._instant(self.facts.logical_date)

    @cached_property
    def data_interval_start(self) -> Any:
        """Answer where the span of data the run is for begins, or None."""
        return self._instant(self.facts.data_interval_start)

    @cached_property
    def data_interval_end(self) -> Any:
        """Answer where the span of data the run is for ends, or None."""
        return self._instant(self.facts.data_interval_end)

    @cached_property
    def run_after(self) -> Any:
        """Answer the earliest moment the run could start."""
        return self._instant(self.facts.run_after)

    @cached_property
    def start_date(self) -> Any:
        """Answer when the run started, or None."""
        return self._instant(self.facts.start_date)

    @cached_property
    def end_date(self) -> Any:
        """Answer when the run ended; None while it runs."""
        facts = self.facts
        return self._instant(facts.end_date) if isinstance(facts, RunView) else None

    @property
    def duration(self) -> timedelta | None:
        """Answer how long the run took; None while it runs."""
        if self.start_date is None or self.end_date is None:
            return None
        span: timedelta = self.end_date - self.start_date
        return span

    @property
    def is_backfill(self) -> bool:
        """Say whether a backfill made the run."""
        return self.run_type == "backfill"

    @classmethod
    def find(
        cls,
        dag_id: str | Sequence[str] | None = None,
        run_id: str | Sequence[str] | None = None,
        logical_date: datetime | Sequence[datetime] | None = None,
        state: str | None = None,
        run_type: str | None = None,
    ) -> list["DagRun"]:
        """Answer runs that fit all that is given, the oldest first, 1,000 at most.

        Raises:
            TradewindError: Nobody is here to answer: no task runs.
        """
        found: list[RunView] = ask(
            ListRuns(
                dag_ids=several(dag_id),
                run_ids=several(run_id),
                logical_dates=several(logical_date),
                states=several(state),
                run_types=several(run_type),
            )
        )
        return [cls(view) for view in found]

    def get_task_instances(self, state: str | Sequence[str] | None = None) -> list[InstanceView]:
        """Answer the run's task instances, in the order of the Dag; those in a state if given."""
        found: list[InstanceView] = ask(GetInstances(dag_id=self.dag_id, run_id=self.run_id))
        states = several(state)
        return [one for one in found if states is None or one.state in states]

    def get_task_instance(self, task_id: str, map_index: int = -1) -> InstanceView | None:
        """Answer one of the run's task instances, or None."""
        for one in self.get_task_instances():
            if (one.task_id, one.map_index) == (task_id, map_index):
                return one
        return None

    def get_previous_dagrun(self, state: str | None = None) -> "DagRun | None":
        """Answer the run before, the latest that is in the state if one is given; or None."""
        view = ask(GetPreviousRun(dag_id=self.dag_id, run_id=self.run_id, state=text_of(state)))
        return None if view is None else DagRun(view)

    def get_previous_scheduled_dagrun(self) -> "DagRun | None":
        """Answer the run before that the schedule made; or None."""
        view = ask(GetPreviousRun(dag_id=self.dag_id, run_id=self.run_id, run_type="scheduled"))
        return None if view is None else DagRun(view)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DagRun):
            return NotImplemented
        return (self.dag_id, self.run_id) == (other.dag_id, other.run_id)

    def __hash__(self) -> int:
        return hash((self.dag_id, self.run_id))

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} @ {self.run_id}>"


def text_of(state: Any) -> str | None:
    """Answer a state's name, whether it came as text or as a member of an enum."""
    return None if state is None else str(getattr(state, "value", state))


def several(value: Any) -> Any:
    """Answer a filter as a tuple: None stays, one value becomes one of a kind.

    Example:
        >>> several("failed"), several(["a", "b"]), several(None)
        (('failed',), ('a', 'b'), None)
    """
    if value is None:
        return None
    if isinstance(value, str | datetime) or not hasattr(value, "__iter__"):
        value = (value,)
    return tuple(one if one is None or isinstance(one, datetime) else text_of(one) for one in value)
