"""Write the reference pages that the code itself dictates: settings and commands.

``python -m tools.reference`` writes them; a test holds them to the code.
"""

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from tradewind.cli.registry import COMMANDS, NOUNS, load
from tradewind.config import OPTIONS, Option

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_MADE = "<!-- Written by `python -m tools.reference`; change the code, not this page. -->"

_SETTINGS_HEAD = f"""\
# Settings

{_MADE}

Each setting is looked up in this order: its variable in the environment; the name existing
installations use, where there is one; `tradewind.toml` in the home folder; the default.
`tradewind config list` shows what is in force and where it came from. A name that is not in these
tables is refused, so that a slip of the keyboard does not go unnoticed.

The home folder is `TRADEWIND_HOME`, else the nearest `.tradewind` in the working folder or above
it, else `~/.tradewind`.

Beside these, `AIRFLOW_VAR_<KEY>` and `TRADEWIND_VAR_<KEY>` define variables, and
`AIRFLOW_CONN_<ID>` and `TRADEWIND_CONN_<ID>` connections, for tasks whose worker has them in its
environment."""

_COMMANDS_HEAD = f"""\
# Commands

{_MADE}

The same program answers to `tradewind` and, once `tradewind compat alias` has made that name, to
`airflow`. `-o table|json|yaml|plain` chooses the form of an answer and `--columns` its fields; JSON
carries every field. A command that is wrong in itself (an unknown command or option, a missing
argument) ends with exit code 2, one that is refused (no such Dag, a date or JSON that cannot be
read) with 1, and each says why in one sentence ([errors](errors.md)).

Commands that read or change what Tradewind knows work with a server running, over HTTP, and without
one, on the database in the home folder."""


def render_settings() -> str:
    """Answer the page of settings, one row each."""
    lines = [_SETTINGS_HEAD]
    for section in dict.fromkeys(option.section for option in OPTIONS):
        lines += [
            "",
            f"## [{section}]",
            "",
            "| key | default | what it does | also |",
            "|---|---|---|---|",
        ]
        lines += [_settings_row(option) for option in OPTIONS if option.section == section]
    lines += [
        "",
        "In the environment `[section] key` is `TRADEWIND__SECTION__KEY`: `[api] port` is "
        "`TRADEWIND__API__PORT`.",
    ]
    return "\n".join(lines) + "\n"


def _settings_row(option: Option) -> str:
    default = str(option.default).lower() if option.kind is bool else str(option.default)
    names = [name for name in (option.legacy, option.former) if name]
    also = ", ".join(f"`AIRFLOW__{'__'.join(name).upper()}`" for name in names)
    shown = f"`{default}`" if default else "empty"
    return f"| `{option.key}` | {shown} | {_escape(option.doc)} | {also} |"


def render_cli() -> str:
    """Answer the page of commands, each with its arguments and options."""
    lines = [_COMMANDS_HEAD]
    alone = [name for name in COMMANDS if " " not in name]
    for noun, title in NOUNS.items():
        lines += ["", f"## {noun}: {title[0].lower()}{title[1:]}"]
        for name in COMMANDS:
            if name.startswith(f"{noun} "):
                lines += _command(name)
    lines += ["", "## By themselves"]
    for name in alone:
        lines += _command(name)
    return "\n".join(lines) + "\n"


def _command(name: str) -> Iterator[str]:
    command = COMMANDS[name]
    function = load(command.target)
    app = typer.Typer(add_completion=False)
    app.command()(function)
    parser: Any = get_command(app)
    given = [param for param in parser.params if param.name != "help"]
    arguments = [param for param in given if param.param_type_name == "argument"]
    options = [param for param in given if param.param_type_name == "option" and not param.hidden]
    words = ["tradewind", name, *(["[OPTION...]"] if options else [])]
    words += [str(param.metavar or (param.name or "").upper()) for param in arguments]
    yield from ("", f"### {name}", "", f"    {' '.join(words)}", "")
    yield inspect.cleandoc(function.__doc__ or "").replace("\n\n", " ").replace("\n", " ")
    if options:
        yield from ("", "| option | |", "|---|---|")
        for param in options:
            yield f"| {_names(param)} | {_escape(_meaning(param))} |"


def _names(param: Any) -> str:
    names = sorted([*param.opts, *param.secondary_opts], key=lambda name: (-len(name), name))
    value = "" if param.is_flag else f" {_kind(param)}"
    return ", ".join(f"`{name}{value}`" for name in names)


def _kind(param: Any) -> str:
    kind = param.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "\\|".join(str(choice.value) for choice in kind)
    return "N" if kind is int else "TEXT"


def _meaning(param: Any) -> str:
    default = param.default
    said = str(param.help or "")
    if param.required:
        return f"{said} Required."
    if param.is_flag or default is None or default == "" or callable(default):
        return said
    return f"{said} Default: `{getattr(default, 'value', default)}`."


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<home>", "`<home>`")


PAGES = {"settings.md": render_settings, "cli.md": render_cli}
"""File in ``docs/reference``: what writes it."""


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, render in PAGES.items():
        (FOLDER / name).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
