"""Runs one command through typer, and says what was wrong with its arguments in one sentence."""

import difflib
import re
from typing import Annotated

import typer
from typer import _click
from typer._click.exceptions import (
    BadArgumentUsage,
    BadOptionUsage,
    BadParameter,
    ClickException,
    MissingParameter,
    NoSuchOption,
)
from typer.core import TyperCommand
from typer.main import get_command

from tradewind.cli.registry import Command, load
from tradewind.errors import UsageError, did_you_mean


def run_command(name: str, command: Command, arguments: list[str]) -> int:
    """Parse the arguments and call the command's function; answers the exit code.

    Args:
        name: The command as typed, program first.
        command: Its entry in the table.
        arguments: What comes after its name.

    Raises:
        UsageError: The arguments do not fit; says how, with the nearest right answer.
    """
    app = _new_app()
    app.command(context_settings={"help_option_names": ["-h", "--help"]})(load(command.target))
    parser = get_command(app)
    assert isinstance(parser, TyperCommand)  # noqa: S101 typer makes one of a lone function
    parser.params += _common_options()
    try:
        code = parser.main(arguments, prog_name=name, standalone_mode=False)
    except typer.Abort:
        return 130
    except ClickException as error:
        short = name.partition(" ")[2]
        raise UsageError(
            "bad-usage", _sentence(error, short, parser), _way_out(error, name, parser)
        ) from None
    return code if isinstance(code, int) else 0


def _common_options() -> list[_click.Parameter]:
    """Make the options that every command takes and no function sees."""
    app = _new_app()
    app.command()(_commonly)
    options = get_command(app).params
    for option in options:
        option.expose_value = False
    return options


def _commonly(
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Where Tradewind fails, show where.", show_default=False
        ),
    ] = False,
) -> None:
    """Stand for what every command takes."""


def _new_app() -> typer.Typer:
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _sentence(error: ClickException, name: str, parser: TyperCommand) -> str:
    if isinstance(error, NoSuchOption):
        return f"'{name}' has no option '{error.option_name}'."
    if isinstance(error, MissingParameter):
        return f"'{name}' needs {_label(error)}."
    if isinstance(error, BadParameter):
        return f"{_label(error)}{_fault(error.message)}"
    if isinstance(error, BadOptionUsage):
        return f"Option '{error.option_name}' of '{name}' needs a value."
    if "unexpected extra argument" in error.message:
        extra = error.message.rpartition("(")[2].partition(")")[0]
        return f"'{name}' takes no further argument, but there is '{extra}'."
    if isinstance(error, BadArgumentUsage):
        return _full_stop(error.message)
    return _full_stop(error.format_message())


def _fault(message: str) -> str:
    """Answer what is wrong with a value, in words for whoever typed it."""
    text = message.removeprefix("Value error, ")
    if text.startswith("Input should be a valid integer"):
        return " should be a whole number."
    if text.startswith("Input "):
        return _full_stop(text.removeprefix("Input"))
    return f": {_full_stop(text)}"


def _way_out(error: ClickException, name: str, parser: TyperCommand) -> str:
    if isinstance(error, NoSuchOption):
        known = [option for param in parser.params for option in param.opts if option[0] == "-"]
        near = difflib.get_close_matches(error.option_name, known, n=1, cutoff=0.5)
        if near:
            return f"Did you mean '{near[0]}'?"
    if isinstance(error, BadParameter) and not isinstance(error, MissingParameter):
        said = re.findall(r"'([^']*)'", error.message)
        return did_you_mean(said[0], said[1:]) if len(said) > 1 else ""
    return f"'{name} --help' shows how it is used."


def _label(error: BadParameter) -> str:
    param = error.param
    if param is None:
        return "an argument"
    if param.param_type_name == "option":
        return (
            f"Option '{max(param.opts, key=len)}'"
            if not isinstance(error, MissingParameter)
            else f"option '{max(param.opts, key=len)}'"
        )
    return str(param.metavar or (param.name or "").upper())


def _full_stop(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "?", "!")) else f"{text}."
