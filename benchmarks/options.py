"""How much is measured: the shipped sizes are the ones the targets speak of."""

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes and repetitions, and where to work."""

    folder: Path
    """Empty; each benchmark makes its own below."""
    rounds: int = 5
    tasks: int = 1_000
    links: int = 20
    days: int = 60
    years_days: int = 3_650
    files: int = 500
    dags: int = 10_000
    history: int = 1_000_000
    """Task instances in the history of the ``history`` benchmark."""

    def place(self, name: str) -> Path:
        """Answer a new folder for one installation."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder
