"""The entry of ``tradewind`` (and of ``airflow``, where ``compat alias`` made that name).

Finds the command, loads it, and turns every refusal into one sentence on stderr: exit code 2 where
the command itself was wrong, else 1. Imports next to nothing, for ``version`` and ``--help``.
"""

import os
import sys

from tradewind.cli.registry import COMMANDS, NOUNS, PARTS, load
from tradewind.errors import TradewindError, UsageError, did_you_mean

_HELP = {"-h", "--help"}


def main() -> int:
    """Run the command line; answers the exit code."""
    program = _program_name(sys.argv[0])
    try:
        return run(program, sys.argv[1:])
    except TradewindError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has enough. Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if {"-v", "--verbose"}.intersection(sys.argv):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        _say(f"Tradewind itself failed: {what}. With --verbose it shows where.")
        return 1
    finally:
        _flush()


def run(program: str, arguments: list[str]) -> int:
    """Run one command; answers the exit code.

    Args:
        program: The name it was called by.
        arguments: What came after it.

    Raises:
        TradewindError: The command is wrong, or was refused.
    """
    if not arguments or arguments[0] in _HELP:
        print(_top_help(program))
        return 0 if arguments else 2
    if arguments == ["--version"]:
        arguments = ["version"]
    name, rest = _find(program, arguments)
    if name is None:
        print(_noun_help(program, arguments[0]))
        return 0 if rest else 2
    command = COMMANDS[name]
    if name == "version" and not rest:
        return int(load(command.target)() or 0)
    return int(load(PARTS["usage"])(f"{program} {name}", command, rest))


def _find(program: str, arguments: list[str]) -> tuple[str | None, list[str]]:
    """Answer the command named and its own arguments; no command where a noun's help is wanted."""
    first, rest = arguments[0], arguments[1:]
    if first in COMMANDS:
        return first, rest
    if first not in NOUNS:
        known = [name for name in (*NOUNS, *COMMANDS) if " " not in name]
        what = "option" if first.startswith("-") else "command"
        raise UsageError(
            "unknown-command",
            f"There is no {what} '{first}'.",
            did_you_mean(first, known) or f"'{program} --help' lists the commands.",
        )
    if not rest or rest[0] in _HELP:
        return None, rest
    name = f"{first} {rest[0]}"
    if name in COMMANDS:
        return name, rest[1:]
    verbs = [known.split(" ")[1] for known in COMMANDS if known.startswith(f"{first} ")]
    raise UsageError(
        "unknown-command",
        f"There is no command '{name}'.",
        did_you_mean(rest[0], verbs) or f"There are: {', '.join(verbs)}.",
    )


def _top_help(program: str) -> str:
    alone = {name: command.summary for name, command in COMMANDS.items() if " " not in name}
    lines = [
        f"usage: {program} COMMAND [OPTION...]",
        "",
        *(f"  {noun:<14}{summary}" for noun, summary in NOUNS.items()),
        "",
        *(f"  {name:<14}{summary}" for name, summary in alone.items()),
        "",
        f"'{program} COMMAND --help' says more about each.",
    ]
    return "\n".join(lines)


def _noun_help(program: str, noun: str) -> str:
    verbs = {
        name.split(" ")[1]: command.summary
        for name, command in COMMANDS.items()
        if name.startswith(f"{noun} ")
    }
    width = max(map(len, verbs)) + 2
    lines = [
        f"usage: {program} {noun} COMMAND [OPTION...]",
        "",
        *(f"  {verb:<{width}}{summary}" for verb, summary in verbs.items()),
    ]
    return "\n".join(lines)


def _program_name(path: str) -> str:
    name = os.path.basename(path)
    return "airflow" if name.startswith("airflow") else "tradewind"


def _say(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
