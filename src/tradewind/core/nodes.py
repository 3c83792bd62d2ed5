"""What a run in memory is made of: its instances, and what bundles them."""

from datetime import datetime

import msgspec

from tradewind.core.mapping import index_in_level, prefixes_of
from tradewind.core.states import TaskState


class Instance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task instance of a run, as its row tells it: what a graph is loaded from."""

    task_id: str
    map_path: str = ""
    map_index: int = -1
    state: TaskState = TaskState.NONE
    try_number: int = 0
    max_tries: int = 0
    wake_at: datetime | None = None
    pushed: tuple[tuple[str, int | None], ...] = ()
    """Keys pushed that a mapping waits for, with their lengths; see ``DagPlan.awaited_keys``."""
    skips: tuple[str, ...] = ()
    """Tasks that this branch chose to skip."""
    is_begun: bool = False
    """The try of this number was given to a worker or to its trigger once."""


class Cell:
    """The instances of one task that share all mapped groups around it: they are decided alike."""

    __slots__ = ("nodes", "path", "prefixes", "scheduled", "waiting")

    def __init__(self, path: str) -> None:
        self.path = path
        self.prefixes = prefixes_of(path)
        self.nodes: list[Node] = []
        self.waiting = 0
        self.scheduled = 0


class Node:
    """One task instance in a graph. Read it freely; only the graph changes it."""

    __slots__ = (
        "cell",
        "index",
        "is_begun",
        "max_tries",
        "path",
        "prefixes",
        "pushed",
        "skips",
        "state",
        "task",
        "try_number",
        "wake_at",
    )

    cell: Cell

    def __init__(self, task: int, path: str, index: int, max_tries: int) -> None:
        self.task = task
        self.path = path
        self.prefixes = prefixes_of(path)
        self.index = index
        self.state = TaskState.NONE
        self.try_number = 0
        self.max_tries = max_tries
        self.wake_at: datetime | None = None
        self.pushed: tuple[tuple[str, int | None], ...] = ()
        self.skips: tuple[str, ...] = ()
        self.is_begun = False

    def at(self, depth: int) -> str:
        """Answer the part of its path that belongs to the outermost levels, this many of them."""
        prefixes = self.prefixes
        return prefixes[depth] if depth < len(prefixes) else prefixes[-1]


class GroupTry:
    """The instances of one group that is tried again as a whole.

    ``settled`` means that how they stand is told to tasks outside: no other try follows.
    """

    __slots__ = ("failed", "failed_leaves", "open", "settled", "size", "unfinished")

    def __init__(self) -> None:
        self.size = self.unfinished = self.failed = self.failed_leaves = self.open = 0
        self.settled = False


def order_of(instance: Instance) -> tuple[int, str]:
    """Answer what the instances of a task are sorted by: as they came to be."""
    return index_of(instance), instance.map_path


def index_of(instance: Instance) -> int:
    """Answer the map index; of an instance that was told without one, that of its path."""
    if instance.map_index < 0:
        return index_in_level(instance.map_path)
    return instance.map_index
