"""Lines of a log: whole, masked, bounded."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.protocol.child import LogRecord
from tradewind.protocol.masking import Masker
from tradewind.protocol.reports import LogChunk
from tradewind.worker.logs import MAX_LINE_CHARACTERS, AttemptLog, ChunkSink, FileSink, log_file


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 4, 20, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def boottime(self) -> float:
        return 0.0


class Written:
    """Collects what a log writes, as chunks do when no disk is shared."""

    def __init__(self, *secrets: str, quota: int = 10**9) -> None:
        self.data = bytearray()
        sink = ChunkSink(1, "a.log", self._take)
        self.log = AttemptLog(sink, Masker(secrets), FixedClock(), quota)

    def _take(self, chunk: LogChunk) -> None:
        assert chunk.offset == len(self.data)
        self.data += chunk.data

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.data.splitlines()]

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]


@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=60),
    cuts=st.lists(st.integers(0, 200), max_size=6),
)
def test_output_becomes_the_same_lines_however_it_was_cut(text: str, cuts: list[int]) -> None:
    written = Written()
    data = text.encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        written.log.output(data[start:end])
    written.log.close()
    expected = text.split("\n")
    assert written.events == (expected[:-1] if expected[-1] == "" else expected)


@given(cut=st.integers(0, 30))
def test_a_secret_cut_in_two_is_hidden(cut: int) -> None:
    written = Written("correct-horse")
    data = b"it is correct-horse, yes\n"
    written.log.output(data[:cut])
    written.log.output(data[cut:])
    written.log.close()
    assert written.events == ["it is ***, yes"]


@pytest.mark.parametrize("lead", range(12))
def test_a_secret_at_the_end_of_an_endless_line_is_hidden(lead: int) -> None:
    written = Written("correct-horse")
    text = "x" * (MAX_LINE_CHARACTERS - lead) + "correct-horse" + "y" * MAX_LINE_CHARACTERS * 2
    for start in range(0, len(text), 1000):
        written.log.output(text[start : start + 1000].encode())
    written.log.close()
    whole = "".join(written.events)
    assert "correct-horse" not in whole
    assert "***" in whole


def test_records_keep_their_fields_and_lose_their_secrets() -> None:
    written = Written("hunter2")
    written.log.record(
        LogRecord(
            timestamp="2026-04-20T00:00:00Z",
            level="error",
            event="refused hunter2",
            logger="my.module",
            filename="dag.py",
            lineno=7,
            error_detail="ValueError: hunter2",
        )
    )
    written.log.close()
    assert written.lines == [
        {
            "timestamp": "2026-04-20T00:00:00Z",
            "level": "error",
            "event": "refused ***",
            "logger": "my.module",
            "filename": "dag.py",
            "lineno": 7,
            "error_detail": "ValueError: ***",
        }
    ]


def test_a_log_ends_with_a_clear_line_at_its_quota() -> None:
    written = Written(quota=2000)
    for _ in range(100):
        written.log.output(b"x" * 100 + b"\n")
    written.log.close()
    assert len(written.data) < 2500
    assert "the rest is not kept" in written.events[-1]
    assert written.events.count(written.events[-1]) == 1


def test_a_file_is_appended_to_and_its_folders_are_made(tmp_path: Path) -> None:
    for text in ("one\n", "two\n"):
        sink = FileSink(tmp_path / "a" / "b.log")
        sink.write(text.encode())
        sink.close()
    assert (tmp_path / "a" / "b.log").read_text() == "one\ntwo\n"


@pytest.mark.parametrize("path", ["../out.log", "a/../../out.log", "/etc/passwd"])
def test_a_path_out_of_the_folder_of_logs_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="leaves the folder"):
        log_file("/srv/logs", path)


def test_a_clock_in_utc_is_written_with_z() -> None:
    written = Written()
    written.log.say("info", "hello")
    written.log.close()
    assert written.lines[0]["timestamp"] == "2026-04-20T00:00:00.000000Z"
    assert timedelta(0) == FixedClock().now().utcoffset()
