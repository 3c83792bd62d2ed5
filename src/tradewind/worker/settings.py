"""What a worker is told at its start."""

from pathlib import Path

import msgspec


class WorkerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's settings; read at the edge, never changed."""

    home: Path
    """Where ``server.json`` is looked for and the spool lies."""
    url: str = ""
    """Of the server; from ``server.json`` when empty."""
    token: str = ""
    """Opens the work API; from ``server.json`` when empty."""
    name: str = ""
    """For people; the host's name when empty."""
    slots: int = 32
    """Tasks at once. Most tasks wait for something else, so there are more than cores."""
    parse_slots: int = 2
    trigger_slots: int = 10_000
    """Triggers at once; one that only waits costs a few kilobytes."""
    queues: tuple[str, ...] = ("default",)
    drain_seconds: float = 10.0
    """How long tasks may go on when the worker is asked to stop."""
    silence_seconds: float = 20.0
    """A zygote that has orders and says nothing for so long is frozen, and replaced."""
    disconnect_grace_seconds: float = 600.0
    """How long tasks go on while the server lives but its database does not."""
