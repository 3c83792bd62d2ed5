import fcntl
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.cli.client import Api, connect, open_local, read_server_file, segment
from tradewind.config import Settings, read_settings
from tradewind.errors import NotFoundError, TradewindError, UnavailableError, UsageError


class Canned:
    """Answers every request with the next of some answers, and remembers what was asked."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []

    def send(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        self.asked.append((method, target))
        status, content = self.answers.pop(0)
        return status, content if isinstance(content, bytes) else json.dumps(content).encode()

    def close(self) -> None:
        """Hold nothing."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"TRADEWIND_HOME": str(tmp_path)}, tmp_path)


def test_lists_are_read_to_their_end(settings: Settings) -> None:
    canned = Canned(
        (200, {"things": [{"a": 1}, {"a": 2}], "total_entries": 3}),
        (200, {"things": [{"a": 3}], "total_entries": 3}),
    )
    api = Api(settings, canned, is_served=True)
    assert list(api.pages("/things", "things", state=None, order_by="-a")) == [
        {"a": 1},
        {"a": 2},
        {"a": 3},
    ]
    assert [target.partition("&order")[0] for _, target in canned.asked] == [
        "/api/v2/things?limit=100&offset=0",
        "/api/v2/things?limit=100&offset=2",
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (
            404,
            {
                "code": "dag",
                "detail": "No `a` Did you mean 'b'?",
                "hint": "Did you mean 'b'?",
            },
            NotFoundError,
            "No `a`. Did you mean 'b'?",
        ),
        (404, {"detail": "Gone"}, NotFoundError, "Gone."),
        (
            422,
            {"detail": [{"loc": ["body", "slots"], "msg": "too few"}]},
            UsageError,
            "slots: too few.",
        ),
        (503, b"<html>", UnavailableError, "The server answered with status 503."),
        (500, {"detail": "Oh."}, TradewindError, "Oh."),
    ],
)
def test_refusals_come_back_as_errors(
    settings: Settings, status: int, body: object, kind: type[TradewindError], told: str
) -> None:
    api = Api(settings, Canned((status, body)), is_served=True)
    with pytest.raises(TradewindError) as caught:
        api.get("/things")
    assert type(caught.value) is kind
    assert str(caught.value) == told


def test_a_server_that_goes_away_is_told(settings: Settings) -> None:
    class Broken(Canned):
        def send(self, *_: object) -> tuple[int, bytes]:
            raise ConnectionResetError("reset by peer")

    with pytest.raises(UnavailableError, match="does not answer any more: reset by peer"):
        Api(settings, Broken(), is_served=True).get("/things")


def write_server_file(settings: Settings, url: str, pid: int) -> None:
    told = {"url": url, "token": "t", "pid": pid}
    settings.server_file.write_text(json.dumps(told))


def test_only_the_file_of_a_living_process_counts(settings: Settings) -> None:
    assert read_server_file(settings) is None
    settings.server_file.write_text("{")
    assert read_server_file(settings) is None
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_server_file(settings, "http://127.0.0.1:1", ended.pid)
    assert read_server_file(settings) is None
    write_server_file(settings, "http://127.0.0.1:1", os.getpid())
    assert read_server_file(settings) == ("http://127.0.0.1:1", "t", os.getpid())


def test_a_server_is_there_when_it_listens(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        write_server_file(settings, f"http://127.0.0.1:{port}", os.getpid())
        transport = connect(settings)
        assert transport is not None
        transport.close()
    assert connect(settings) is None


def test_names_are_one_segment_of_a_path() -> None:
    assert segment("a/b c+d:e") == "a%2Fb%20c%2Bd%3Ae"


def test_a_home_held_by_one_who_does_not_answer_is_told(settings: Settings) -> None:
    with (settings.home / "tradewind.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UnavailableError, match="and does not answer"):
            open_local(settings, ("pools",), patience=0.1)
