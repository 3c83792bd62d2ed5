"""Python environments made for tasks: each set of requirements is installed once, then shared."""

import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from tradewind.config import find_home
from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.subprocesses import SubprocessHook

_READY = ".ready"
"""Written into an environment when all of it is there."""


@dataclass(frozen=True)
class Recipe:
    """What an environment is made from."""

    requirements: tuple[str, ...] = ()
    """Lines of a requirements file."""
    python_version: str | None = None
    """As in "3.12"; None for the version that runs now."""
    system_site_packages: bool = True
    pip_install_options: tuple[str, ...] = ()
    index_urls: tuple[str, ...] | None = None
    """Where packages are looked for, the first of all first; empty for nowhere, None as usual."""

    @property
    def key(self) -> str:
        """Answer what names the environment: a hash of all that shapes it, and of no password."""
        urls = None if self.index_urls is None else [_without_login(u) for u in self.index_urls]
        body = [
            sorted(self.requirements),
            self.python_version or [sys.version, sys.base_prefix],
            self.system_site_packages,
            self.pip_install_options,
            urls,
        ]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]


def ready_environment(recipe: Recipe, root: Path, hook: SubprocessHook) -> str:
    """Answer the interpreter of the environment, which is made if it is not there yet.

    Tasks that need the same one at once wait for the first to make it.

    Raises:
        AirflowException: It cannot be made; the log says why.
    """
    folder = root / f"venv-{recipe.key}"
    python = folder / "bin" / "python"
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / f"{folder.name}.lock"):
        if not (folder / _READY).is_file() or not python.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(recipe, folder, hook)
            (folder / _READY).write_text("\n".join(recipe.requirements), encoding="utf-8")
        else:
            hook.log.info("Using the environment %s", folder)
    return str(python)


def default_root() -> Path:
    """Answer where environments are kept when no task says: in Tradewind's home folder."""
    return find_home(os.environ, Path.cwd()) / "venvs"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(recipe: Recipe, folder: Path, hook: SubprocessHook) -> None:
    uv = _find_uv()
    env = {**os.environ, **_index_env(recipe.index_urls)}
    if uv:
        _run(hook, [uv, "venv", *_uv_options(recipe), str(folder)], env)
    else:
        _run(hook, [*_venv_command(recipe), str(folder)], env)
    if not recipe.requirements:
        return
    file = folder / "requirements.txt"
    file.write_text("\n".join(recipe.requirements) + "\n", encoding="utf-8")
    python = str(folder / "bin" / "python")
    pip = [uv, "pip", "install", "--python", python] if uv else _pip_install(recipe, python)
    no_index = ["--no-index"] if recipe.index_urls == () else []
    _run(hook, [*pip, *no_index, *recipe.pip_install_options, "-r", str(file)], env)


def _find_uv() -> str | None:
    """Answer the path of uv, or None where environments are to be made without it.

    Raises:
        AirflowException: The settings ask for what there is not.
    """
    wanted = str(conf.get("standard", "venv_install_method", fallback="auto")).lower()
    if wanted not in ("auto", "uv", "pip"):
        raise AirflowException(
            f"[standard] venv_install_method is 'auto', 'uv' or 'pip', not '{wanted}'"
        )
    found = None if wanted == "pip" else shutil.which("uv")
    if wanted == "uv" and found is None:
        raise AirflowException(
            "[standard] venv_install_method is 'uv', which is not on the PATH of the worker: "
            "install it, or leave the setting at 'auto'"
        )
    return found


def _uv_options(recipe: Recipe) -> list[str]:
    site = ["--system-site-packages"] if recipe.system_site_packages else []
    return ["--python", recipe.python_version or sys.executable, *site]


def _venv_command(recipe: Recipe) -> list[str]:
    site = ["--system-site-packages"] if recipe.system_site_packages else []
    bare = ["--without-pip"] if not recipe.requirements or _lends_pip(recipe) else []
    return [_interpreter(recipe.python_version), "-m", "venv", *site, *bare]


def _lends_pip(recipe: Recipe) -> bool:
    # Putting pip into each environment takes seconds; the one that runs now can serve others.
    return recipe.python_version is None and find_spec("pip") is not None


def _pip_install(recipe: Recipe, python: str) -> list[str]:
    if _lends_pip(recipe):
        return [sys.executable, "-m", "pip", "--python", python, "install"]
    return [python, "-m", "pip", "install"]


def _interpreter(version: str | None) -> str:
    wanted = (version or "").removeprefix("python")
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if wanted in ("", str(sys.version_info.major), own):
        return sys.executable
    found = shutil.which(f"python{wanted}")
    if found is None:
        raise AirflowException(
            f"There is no python{wanted} on this machine. Install it, or install uv, which "
            "fetches Python versions itself."
        )
    return found


def _run(hook: SubprocessHook, command: Sequence[str], env: Mapping[str, str]) -> None:
    done = hook.run_command(command, env=env)
    if done.exit_code != 0:
        raise AirflowException(
            f"The Python environment of this task cannot be made: '{' '.join(command[:4])} ...' "
            f"ended with exit code {done.exit_code}; its last line was: {done.output}"
        )


def _index_env(urls: Sequence[str] | None) -> dict[str, str]:
    # In the environment, not on the command line: URLs may hold passwords, and commands are logged.
    if not urls:
        return {}
    rest = " ".join(urls[1:])
    return {
        "PIP_INDEX_URL": urls[0],
        "PIP_EXTRA_INDEX_URL": rest,
        "UV_DEFAULT_INDEX": urls[0],
        "UV_INDEX": rest,
    }


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
