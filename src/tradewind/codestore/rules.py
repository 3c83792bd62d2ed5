"""Which files of a bundle count, and which may hold Dags.

Files that count make the bundle's digest: a change of one is a change of the bundle.

- Folders that never count: hidden ones (``.git``, ``.venv`` …), ``__pycache__``, ``node_modules``,
  and virtual environments under any name.
- Python files count always.
- Other text that code is made of (SQL, templates, YAML, JSON, TOML, shell …) counts up to 1 MB, but
  not in a folder named for data (``data``, ``landing``, ``output``, ``logs`` …), where tasks write.
- Of zip archives in the Dags folder, Python files count when one at the top speaks of Dags.
- All else (CSV, Parquet, other archives, databases, logs) does not count: it is data, not code.

``.airflowignore`` files say which Python files are not to be searched for Dags; such a file still
counts, as Dag files may import it.
"""

import re
from collections.abc import Callable
from typing import Literal

MAX_TEXT_BYTES = 1_000_000
"""Text files larger than this are taken for data."""

IGNORE_FILE = ".airflowignore"

IgnoreSyntax = Literal["glob", "regexp"]

_TEXT = re.compile(
    r"\.(sql|hql|ddl|graphql|proto|avsc|sh|bash|r|js|ts|scala|jl|pyi"
    r"|j2|jinja2?|tmpl|tpl|html|xml|md|rst|txt"
    r"|ya?ml|json5?|toml|ini|cfg|conf|properties)",
    re.IGNORECASE,
)
_DATA_FOLDER = re.compile(
    r"data|landing|inputs?|outputs?|warehouse|downloads|uploads|exports|logs?|te?mp|cache",
    re.IGNORECASE,
)
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages"})


def is_folder_left_out(name: str) -> bool:
    """Tell whether nothing in a folder of this name counts.

    Example:
        >>> is_folder_left_out(".git"), is_folder_left_out("dags")
        (True, False)
    """
    return name.startswith(".") or name in _LEFT_OUT


def is_data_folder(name: str) -> bool:
    """Tell whether a folder of this name holds data, so that only Python files in it count."""
    return _DATA_FOLDER.fullmatch(name) is not None


def may_count(name: str, *, among_data: bool) -> bool:
    """Tell by its name whether a file may count; its size decides as well (``MAX_TEXT_BYTES``).

    Example:
        >>> may_count("load.py", among_data=True), may_count("sales.csv", among_data=False)
        (True, False)
    """
    if name.endswith(".py") or name == IGNORE_FILE:
        return True
    dot = name.rfind(".")
    return dot > 0 and not among_data and _TEXT.fullmatch(name, dot) is not None


def may_be_read(name: str, *, among_data: bool) -> bool:
    """Tell by its name whether a file may count, or be an archive of files that do."""
    return name.endswith(".zip") or may_count(name, among_data=among_data)


def may_hold_dags(content: bytes) -> bool:
    """Tell whether a Python file speaks of Dags at all, so that it is worth importing.

    Example:
        >>> may_hold_dags(b"from airflow.sdk import DAG")
        True
        >>> may_hold_dags(b"import airflow")
        False
    """
    text = content.lower()
    return b"dag" in text and (b"airflow" in text or b"tradewind" in text)


def read_ignore_rules(
    content: bytes, syntax: IgnoreSyntax
) -> tuple[Callable[[str], bool | None], list[str]]:
    """Read one ignore file.

    Returns:
        What tells of a path relative to the ignore file's folder (folders end in ``/``) whether it
        is ignored: True, False (taken back by ``!``), or None where no rule speaks of it; and the
        lines that are no valid rule, which are passed over.
    """
    lines = content.decode("utf-8", errors="replace").splitlines()
    return _regexps(lines) if syntax == "regexp" else _globs(lines)


def _regexps(lines: list[str]) -> tuple[Callable[[str], bool | None], list[str]]:
    patterns, wrong = [], []
    for line in lines:
        rule = line.split("#", 1)[0].strip()
        try:
            if rule:
                patterns.append(re.compile(rule))
        except re.error:
            wrong.append(line)
    return lambda path: any(p.search(path) for p in patterns) or None, wrong


def _globs(lines: list[str]) -> tuple[Callable[[str], bool | None], list[str]]:
    # Late: it takes 40 ms to import, and few folders have an ignore file.
    from pathspec import GitIgnoreSpec  # noqa: PLC0415

    good, wrong = [], []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
            good.append(line)
        except ValueError:
            wrong.append(line)
    spec = GitIgnoreSpec.from_lines(good)
    return lambda path: spec.check_file(path).include, wrong
