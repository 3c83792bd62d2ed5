"""What names one try of a task instance."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class TaskInstanceKey(NamedTuple):
    """One try of a task instance, by the names of what it is part of.

    Example:
        >>> key = TaskInstanceKey("sales", "load", "manual__2026-04-20", try_number=2)
        >>> key.primary
        ('sales', 'load', 'manual__2026-04-20', -1)
        >>> key.with_try_number(3).try_number
        3
    """

    dag_id: str
    task_id: str
    run_id: str
    try_number: int = 1
    map_index: int = -1

    @property
    def primary(self) -> tuple[str, str, str, int]:
        """Answer what names the instance, whichever the try."""
        return self.dag_id, self.task_id, self.run_id, self.map_index

    @property
    def key(self) -> "TaskInstanceKey":
        """Answer itself: where an instance is asked for its key, a key may be given as well."""
        return self

    def with_try_number(self, try_number: int) -> "TaskInstanceKey":
        """Answer the key of another try of the same instance."""
        return self._replace(try_number=try_number)

    @classmethod
    def from_dict(cls, dictionary: Mapping[str, Any]) -> "TaskInstanceKey":
        """Answer the key with these fields."""
        return cls(**dictionary)
