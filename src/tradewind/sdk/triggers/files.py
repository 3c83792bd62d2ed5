"""Waiting for files: looked for in a thread, so that a slow disk holds up no other trigger."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tradewind.sdk.globbing import find_file
from tradewind.sdk.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent

_MODULE = "airflow.providers.standard.triggers.file"


class FileTrigger(BaseTrigger):
    """Waits until a path is a file, or a folder with a file in it; its event is True.

    Args:
        filepath: The path; may be a glob.
        recursive: Let ``**`` in it stand for folders at any depth.
        poke_interval: Seconds between two looks.
    """

    def __init__(
        self, filepath: str, recursive: bool = False, poke_interval: float = 5.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filepath = filepath
        self.recursive = recursive
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Answer what this is made from."""
        given = {
            "filepath": self.filepath,
            "recursive": self.recursive,
            "poke_interval": self.poke_interval,
        }
        return (f"{_MODULE}.FileTrigger", given)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it is there."""
        while True:
            found = await asyncio.to_thread(find_file, self.filepath, recursive=self.recursive)
            if found is not None:
                self.log.info("Found %s", found)
                break
            await asyncio.sleep(self.poke_interval)
        yield TriggerEvent(True)


class FileDeleteTrigger(BaseEventTrigger):
    """Waits for one file, and deletes it; its event is True.

    Args:
        filepath: The file; no glob.
        poke_interval: Seconds between two looks.
    """

    def __init__(self, filepath: str, poke_interval: float = 5.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filepath = filepath
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Answer what this is made from."""
        given = {"filepath": self.filepath, "poke_interval": self.poke_interval}
        return (f"{_MODULE}.FileDeleteTrigger", given)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it is there, and take it away."""
        await _taken(Path(self.filepath), self.poke_interval)
        self.log.info("Found and deleted %s", self.filepath)
        yield TriggerEvent(True)


class DirectoryFileDeleteTrigger(BaseEventTrigger):
    """Waits for a file of some name in a folder, and deletes it; its event is ``{"filepath"}``.

    A folder that is not there yet is waited for.

    Args:
        directory: The folder.
        filename: The file's name in it.
        poke_interval: Seconds between two looks.
    """

    def __init__(self, *, directory: str, filename: str, poke_interval: float = 5.0) -> None:
        super().__init__()
        self.directory = directory
        self.filename = filename
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Answer what this is made from."""
        given = {
            "directory": self.directory,
            "filename": self.filename,
            "poke_interval": self.poke_interval,
        }
        return (f"{_MODULE}.DirectoryFileDeleteTrigger", given)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it is there, and take it away."""
        path = Path(self.directory) / self.filename
        await _taken(path, self.poke_interval)
        self.log.info("Found and deleted %s", path)
        yield TriggerEvent({"filepath": str(path)})


async def _taken(path: Path, poke_interval: float) -> None:
    while True:
        if await asyncio.to_thread(_take, path):
            return
        await asyncio.sleep(poke_interval)


def _take(path: Path) -> bool:
    """Delete a file; False where it is not there, or another took it first."""
    if not path.is_file():
        return False
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
