"""Handing a function and its arguments to another interpreter, and its answer back."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tradewind.sdk.exceptions import AirflowException

_DATES = ("data_interval_start", "data_interval_end", "logical_date", "start_date")
CONTEXT_KEYS_HANDED = (
    *_DATES,
    "ds",
    "ds_nodash",
    "expanded_ti_count",
    "map_index_template",
    "params",
    "partition_key",
    "reason",
    "run_id",
    "task_instance_key_str",
    "task_reschedule_count",
    "templates_dict",
    "test_mode",
    "try_number",
    "ts",
    "ts_nodash",
    "ts_nodash_with_tz",
)
"""What of the context can be handed over: dates and plain values."""

_PROBE = (
    "import importlib.util as u, json, sys; "
    "has = [u.find_spec(n) is not None for n in {names}]; "
    "print(json.dumps([list(sys.version_info[:3]), *has]))"
)

_SCRIPT = """\
from __future__ import annotations

import sys as _sys

virtualenv_string_args = []

{source}

def _answer():
    import inspect
    import {serializer} as serializer

    folder = _sys.argv[1]
    with open(folder + "/string_args.txt", encoding="utf-8") as file:
        virtualenv_string_args.extend(line.rstrip("\\n") for line in file)
    with open(folder + "/call.bin", "rb") as file:
        call = serializer.load(file)
    answer = {function}(*call["args"], **call["kwargs"])
    if inspect.iscoroutine(answer):
        import asyncio

        answer = asyncio.run(answer)
    with open(folder + "/answer.bin", "wb") as file:
        serializer.dump(answer, file)


if __name__ == "__main__":
    try:
        _answer()
    except Exception as error:
        with open(_sys.argv[1] + "/error.txt", "w", encoding="utf-8") as file:
            file.write(type(error).__name__ + ": " + str(error))
        raise
"""
"""What the other interpreter runs; it may be of any Python 3 that is still in use."""


class Interpreter(NamedTuple):
    """What another interpreter is and has."""

    version: tuple[int, ...]
    has_pendulum: bool
    has_serializer: bool


def probe(python: str, serializer: str) -> Interpreter:
    """Answer what the interpreter is and has.

    Raises:
        AirflowException: It cannot be run, or lacks the serializer.
    """
    code = _PROBE.format(names=["pendulum", serializer])
    try:
        done = subprocess.run(
            [python, "-c", code], capture_output=True, text=True, timeout=60, check=True
        )
        version, *has = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise AirflowException(f"'{python}' is no Python interpreter: {error}") from None
    if not has[1]:
        raise AirflowException(f"The interpreter '{python}' has no {serializer} installed")
    return Interpreter(tuple(version), *has)


class Handover:
    """The folder through which function, arguments and answer go."""

    def __init__(self, folder: Path, serializer: str, other: Interpreter) -> None:
        self._folder = folder
        self._name = serializer
        self._other = other
        try:
            self._serializer: Any = import_module(serializer)
        except ImportError:
            raise AirflowException(
                f"The serializer '{serializer}' is not installed where tasks run"
            ) from None

    def write(
        self, source: str, function: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """Write the script and its arguments.

        Raises:
            AirflowException: An argument cannot be handed over.
        """
        text = _SCRIPT.format(source=source, function=function, serializer=self._name)
        (self._folder / "script.py").write_text(text, encoding="utf-8")
        call = {"args": self._plain(list(args)), "kwargs": self._plain(dict(kwargs))}
        try:
            # Protocol 4 is what every Python 3.8 and later reads.
            data = self._serializer.dumps(call, protocol=4)
        except Exception as error:
            raise AirflowException(
                f"An argument cannot be handed to another interpreter: {error}"
            ) from error
        (self._folder / "call.bin").write_bytes(data)

    def write_string_args(self, lines: Sequence[str]) -> None:
        """Write what the function finds in ``virtualenv_string_args``."""
        text = "".join(f"{line}\n" for line in lines)
        (self._folder / "string_args.txt").write_text(text, encoding="utf-8")

    def command(self, python: str) -> list[str]:
        """Answer what to run."""
        return [python, str(self._folder / "script.py"), str(self._folder)]

    def read(self) -> Any:
        """Answer what the function returned.

        Raises:
            AirflowException: It cannot be read in this interpreter.
        """
        try:
            return self._serializer.loads((self._folder / "answer.bin").read_bytes())
        except Exception as error:
            raise AirflowException(
                f"What the function returned cannot be read here: {error}. Return plain values, or "
                "objects of packages that are installed on both sides."
            ) from error

    def error(self) -> str:
        """Answer what the function raised, in one line; empty where it raised nothing."""
        path = self._folder / "error.txt"
        return " ".join(path.read_text(encoding="utf-8").split()) if path.is_file() else ""

    def _plain(self, value: Any) -> Any:
        """Answer a value that needs nothing of ours to be read."""
        if isinstance(value, datetime) and not self._other.has_pendulum:
            return datetime.fromisoformat(value.isoformat())
        if isinstance(value, Mapping):
            return {key: self._plain(item) for key, item in value.items()}
        if getattr(type(value), "__lazy_sequence__", False):
            return [self._plain(item) for item in value]
        if type(value) in (list, tuple, set):
            return type(value)(self._plain(item) for item in value)
        return value
