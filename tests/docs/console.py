"""Runs the console blocks of a document against a real Tradewind, as its reader would type them.

A line that begins with ``$`` is typed; what follows is what it must print. ``…`` stands for any
text in a line, and alone in a line for any lines. What only reads is typed again until it prints
that: a reader, too, looks again until a run has ended.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_SECONDS = 45.0
_CHANGING = (
    "dags trigger",
    "backfill create",
    "backfill pause",
    "backfill unpause",
    "backfill update",
    "dags pause",
    "dags unpause",
    "dags test",
    "db ",
)
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Typed(NamedTuple):
    """A command, and what it must print."""

    command: str
    expected: str


class Saved(NamedTuple):
    """A file the reader saves."""

    path: str
    text: str


def read_steps(document: Path) -> Iterator[Typed | Saved]:
    """Answer what a document has its reader do, in order."""
    for language, body in _BLOCK.findall(document.read_text(encoding="utf-8")):
        if language == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, expected = part.partition("\n")
                yield Typed(command, expected)
        elif body.startswith("# examples/"):
            yield Saved(body.partition("\n")[0].removeprefix("# "), body)


def matches(expected: str, printed: str) -> bool:
    """Tell whether something printed is what a document shows.

    Example:
        >>> matches("a  b\\n…\\nd …", "a b\\nc\\nd e")
        True
    """
    lines = [
        "(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + "\n"
        for line in _squeezed(expected)
    ]
    return re.fullmatch("".join(lines), "".join(f"{x}\n" for x in _squeezed(printed))) is not None


def _squeezed(text: str) -> list[str]:
    # Widths of columns follow from what is in them: a date of today may be longer.
    return [re.sub(r"=+", "=", re.sub(r" +", " ", line)).rstrip() for line in text.splitlines()]


class Checkout:
    """A copy of what a reader of the documents works in: the examples, and a home beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / ".tradewind"
        self.home.mkdir()
        shutil.copytree(ROOT / "examples", folder / "examples", symlinks=True)
        settings = f"[core]\ndags_folder = '{folder}/examples/dags'\n"
        settings += "dags_are_paused_at_creation = false\n[api]\nport = 0\n"
        (self.home / "tradewind.toml").write_text(settings, encoding="utf-8")
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TRADEWIND", "AIRFLOW"))},
            "TRADEWIND_HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        output = (self.folder / "standalone.log").open("wb")
        server = subprocess.Popen(
            ["tradewind", "standalone"],
            cwd=self.folder,
            env=self.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            self.type_until(Typed("tradewind health", "Due work moves: 1 worker alive.\n"))
            yield
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)
            output.close()

    def follow(self, document: Path) -> int:
        """Do all a document says; answer how many commands were typed."""
        typed = 0
        for step in read_steps(document):
            if isinstance(step, Saved):
                (self.folder / step.path).write_text(step.text, encoding="utf-8")
                continue
            typed += 1
            if any(f" {verb} " in f"{step.command} " for verb in _CHANGING):
                printed = self.type(step.command)
                assert matches(step.expected, printed), _shown(step, printed)
            else:
                self.type_until(step)
        return typed

    def type_until(self, step: Typed) -> None:
        deadline = time.monotonic() + _SECONDS
        while not matches(step.expected, printed := self.type(step.command)):
            assert time.monotonic() < deadline, _shown(step, printed)

    def type(self, command: str) -> str:
        done = subprocess.run(
            shlex.split(command),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.stdout


def _shown(step: Typed, printed: str) -> str:
    return f"$ {step.command}\nprinted\n{printed}\nbut the document says\n{step.expected}"
