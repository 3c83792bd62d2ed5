"""The script that provider packages have run in containers."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.compat.scripts import write_python_script

SOURCE = """
def add(a, b=1):
    if b == 0:
        raise ValueError("b is nothing")
    return [a + b, virtualenv_string_args]
"""


def call(folder: Path, args: list[int], kwargs: dict[str, int], *, lines: bool) -> int:
    write_python_script(
        {
            "python_callable": "add",
            "python_callable_source": SOURCE,
            "op_args": args,
            "op_kwargs": kwargs,
            "pickling_library": "pickle",
            "string_args_global": lines,
        },
        str(folder / "script.py"),
    )
    (folder / "in").write_bytes(pickle.dumps({"args": args, "kwargs": kwargs}) if args else b"")
    (folder / "lines").write_text("one\ntwo\n")
    command = [sys.executable, "script.py", "in", "out", "lines", "error"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode


@pytest.mark.parametrize(("lines", "told"), [(True, ["one", "two"]), (False, [])])
def test_it_calls_the_function_and_keeps_its_answer(
    tmp_path: Path, lines: bool, told: list[str]
) -> None:
    assert call(tmp_path, [2], {"b": 3}, lines=lines) == 0
    assert pickle.loads((tmp_path / "out").read_bytes()) == [5, told]  # noqa: S301 - our own


def test_what_the_function_raises_is_written_down(tmp_path: Path) -> None:
    assert call(tmp_path, [2], {"b": 0}, lines=False) == 1
    assert (tmp_path / "error").read_text() == "b is nothing"
