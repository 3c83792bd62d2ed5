"""``compat alias``: a launcher named ``airflow`` beside ``tradewind``, made only on request.

The package ships none: it would collide with the real program where both are installed.
"""

import os
import sys
from pathlib import Path

from tradewind.errors import ConflictError, RefusedError

_MARK = "# Made by 'tradewind compat alias': Tradewind under the name of airflow."
_LAUNCHER = """\
#!{python}
{mark}
import sys
from tradewind.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
"""
_MOST_OF_A_SHEBANG = 120


def alias() -> None:
    """Write an ``airflow`` launcher beside this program; refuse where a real one is found."""
    target = _own_folder() / "airflow"
    for found in [*_on_path(), target]:
        if found.exists() and not _is_ours(found):
            raise ConflictError(
                "airflow-on-path",
                f"There is a real 'airflow' at {found}.",
                "Nothing was written: which of the two a command means would be anybody's guess.",
            )
    draft = target.with_name(f".airflow.{os.getpid()}")
    draft.write_text(_launcher(sys.executable), encoding="utf-8")
    draft.chmod(0o755)
    draft.replace(target)
    print(f"{target} starts Tradewind.")


def _own_folder() -> Path:
    program = Path(sys.argv[0])
    if not program.is_file() or not os.access(program, os.X_OK):
        raise RefusedError(
            "no-own-script",
            "This Tradewind was not started by its script, so there is no place beside it.",
            "Run the 'tradewind' script of the environment.",
        )
    return program.absolute().parent


def _on_path() -> list[Path]:
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return [Path(folder) / "airflow" for folder in folders if folder]


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _MARK.encode() in file.read(512)
    except OSError:
        return False


def _launcher(python: str) -> str:
    if " " not in python and len(python) < _MOST_OF_A_SHEBANG:
        return _LAUNCHER.format(python=python, mark=_MARK)
    # A kernel splits or cuts such a line; sh reads the second one, Python takes it for a string.
    shell = f"/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''"
    return _LAUNCHER.format(python=shell, mark=_MARK)
