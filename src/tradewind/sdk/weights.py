"""Weight rules of an author's own: a class that says what a task's priority counts."""

from abc import ABC, abstractmethod
from typing import Any

from tradewind.sdk.exceptions import UnsupportedArgument


class PriorityWeightStrategy(ABC):
    """The root of weight rules of one's own: subclass it and implement ``get_weight``.

    It is asked once for each task, where the Dag file is read; so it may look at the task and its
    Dag, and not at the run.
    """

    @abstractmethod
    def get_weight(self, ti: Any) -> int:
        """Answer the weight of a task.

        Args:
            ti: Has ``task``, ``task_id``, ``dag_id`` and ``map_index``.
        """

    def serialize(self) -> dict[str, Any]:
        """Answer what the strategy is made from, as plain data."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> "PriorityWeightStrategy":
        """Answer the strategy made from this data."""
        return cls(**data)


class PlannedInstance:
    """What is known of a task's instances before there is a run."""

    map_index = -1

    def __init__(self, task: Any) -> None:
        self.task = task
        self.task_id: str = task.task_id
        self.dag_id: str = task.dag_id


def weight_of(strategy: Any, task: Any) -> int:
    """Answer the weight that the strategy gives to a task.

    Raises:
        UnsupportedArgument: It asks for something that is known only when there is a run.
    """
    try:
        return int(strategy.get_weight(PlannedInstance(task)))
    except AttributeError as error:
        raise UnsupportedArgument(
            f"The weight_rule of task '{task.task_id}' ({type(strategy).__name__}) cannot be "
            f"honoured: it is asked where the Dag file is read, and {error}"
        ) from error
