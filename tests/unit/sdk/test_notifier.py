"""Notifiers: rendered for each call, synchronous or not, and never silent about a failure."""

from typing import Any

import pytest

from tradewind import DAG, BaseNotifier
from tradewind.sdk.calling import run_to_end


class Board(BaseNotifier):
    template_fields = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.written: list[str] = []

    def notify(self, context: Any) -> None:
        self.written.append(self.text)


class Later(Board):
    notify = BaseNotifier.notify

    async def async_notify(self, context: Any) -> None:
        self.written.append(f"later {self.text}")


def test_each_call_renders_anew() -> None:
    board = Board("{{ dag.dag_id }} {{ reason }}")
    dag = DAG("sales", user_defined_macros={"reason": "hidden by the context"})
    board({"dag": dag, "reason": "one"})
    board({"dag": dag, "reason": "two"})
    assert board.written == ["sales one", "sales two"]
    assert board.text == "{{ dag.dag_id }} {{ reason }}"


def test_one_that_is_asynchronous_only_can_be_called_too() -> None:
    board = Later("{{ x }}")
    board({"x": 1})
    assert board.written == ["later 1"]


def test_one_can_be_awaited() -> None:
    board = Later("{{ x }}")
    board.context = {"x": 2}

    async def wait() -> None:
        await board

    run_to_end(wait())
    assert board.written == ["later 2"]


def test_what_goes_wrong_is_raised() -> None:
    class Broken(BaseNotifier):
        def notify(self, context: Any) -> None:
            raise ValueError("no board")

    with pytest.raises(ValueError, match="no board"):
        Broken()({})
    with pytest.raises(NotImplementedError, match="does not implement notify"):
        BaseNotifier()({})
