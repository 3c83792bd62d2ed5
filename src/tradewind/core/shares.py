"""Whose turn it is among equals: places shared out between Dags and backfills by their weights.

Pure but for what it remembers: who was given how much. Start-time fair queueing: each one given a
place moves on by one over its weight, and the next place goes to whoever is furthest behind. Who
comes back after a pause begins where the others are, so that nobody saves up.
"""

from collections.abc import Hashable

Flow = tuple[str, int | None]
"""What shares are counted for: the own runs of a Dag, or those of one of its backfills."""

OWN_WEIGHT = 3
"""Places that the own runs of a Dag get for each one of a backfill they compete with."""

_MOST_KNOWN = 4096


class Shares:
    """What each flow was given, in each line they stand in.

    Example:
        >>> shares, sales, backfill = Shares(), ("sales", None), ("sales", 7)
        >>> given = []
        >>> for _ in range(8):
        ...     given.append(
        ...         min((sales, backfill), key=lambda f: (shares.place("pool", f), f[1] or 0))
        ...     )
        ...     shares.give("pool", given[-1])
        >>> given.count(sales), given.count(backfill)
        (6, 2)
    """

    __slots__ = ("_given", "_reached")

    def __init__(self) -> None:
        """Nobody was given anything yet."""
        self._given: dict[tuple[Hashable, Flow], float] = {}
        self._reached: dict[Hashable, float] = {}

    def place(self, line: Hashable, flow: Flow) -> float:
        """Answer where a flow stands in a line: the lowest has the next turn."""
        return max(self._given.get((line, flow), 0.0), self._reached.get(line, 0.0))

    def give(self, line: Hashable, flow: Flow) -> None:
        """Count a place as given to a flow."""
        begin = self.place(line, flow)
        self._reached[line] = begin
        self._given[line, flow] = begin + (1 / OWN_WEIGHT if flow[1] is None else 1.0)
        if len(self._given) > _MOST_KNOWN:
            self._forget()

    def _forget(self) -> None:
        """Drop those that nothing is held against."""
        reached = self._reached
        self._given = {key: at for key, at in self._given.items() if at > reached[key[0]]}
