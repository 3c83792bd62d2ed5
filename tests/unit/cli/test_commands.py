import inspect
import sys

import pytest

from tradewind.cli.main import main, run
from tradewind.cli.registry import COMMANDS, NOUNS, PARTS, load
from tradewind.errors import UsageError


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_leads_to_a_typed_function_of_the_cli(name: str) -> None:
    target = COMMANDS[name].target
    assert target.startswith("tradewind.cli.")
    function = load(target)
    assert function.__doc__
    for parameter in inspect.signature(function).parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "version":
        return
    assert run("tradewind", [*name.split(" "), "--help"]) == 0
    assert f"Usage: tradewind {name}" in capsys.readouterr().out


def test_every_part_is_there_and_below_the_cli() -> None:
    for target in PARTS.values():
        assert callable(load(target))
        assert target.startswith(("tradewind.cli.", "tradewind.server."))


def test_nouns_are_those_of_the_commands() -> None:
    assert {name.split(" ")[0] for name in COMMANDS if " " in name} == set(NOUNS)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["dags", "triger"], "There is no command 'dags triger'. Did you mean 'trigger'?"),
        (["dag"], "There is no command 'dag'. Did you mean 'dags'?"),
        (["--verison"], "There is no option '--verison'."),
        (["pools", "zzz"], "There are: list, get, set, delete."),
        (["dags", "trigger", "--cnf", "{}"], "Did you mean '--conf'?"),
        (["dags", "trigger"], "'dags trigger' needs DAG_ID."),
        (["dags", "trigger", "a", "b"], "takes no further argument, but there is 'b'."),
        (["dags", "trigger", "a", "--conf"], "'--conf'"),
        (["backfill", "create"], "needs option '--dag-id'"),
        (["dags", "next-execution", "a", "-n", "0"], "should be greater than or equal to 1."),
    ],
)
def test_a_wrong_command_is_told_in_one_sentence(words: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        run("tradewind", words)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_main_prints_a_refusal_and_answers_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/airflow", "dags", "lst"])
    assert main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "There is no command 'dags lst'. Did you mean 'list'?\n"


def test_help_is_asked_for_or_due(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("airflow", ["--help"]) == 0
    asked = capsys.readouterr().out
    assert run("airflow", []) == 2
    assert capsys.readouterr().out == asked
    assert asked.startswith("usage: airflow COMMAND")
    assert run("airflow", ["dags"]) == 2
    assert "trigger" in capsys.readouterr().out
