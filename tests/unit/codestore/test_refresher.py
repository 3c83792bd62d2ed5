"""Bundles that are looked at now and then: what is told of them, and when."""

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradewind.codestore.bundle import Bundle, BundleError, Scan
from tradewind.codestore.refresher import Looks, Refresher
from tradewind.core.manifest import Manifest

SECONDS = 20.0


class Scripted:
    """A bundle that does as a test says."""

    kind = "scripted"
    is_pinned = True
    source = "here"

    def __init__(self, name: str, scan: Callable[[], Scan], refresh_seconds: float = 0.01) -> None:
        self.name = name
        self.scan = scan
        self.refresh_seconds = refresh_seconds


def scan(digest: str) -> Scan:
    root = Path("/trees", digest)
    return Scan(root=root, dags_folder=root, manifest=Manifest(digest=digest))


class Told:
    """What was told, in order."""

    def __init__(self) -> None:
        self.told: queue.Queue[tuple[str, str]] = queue.Queue()

    def change(self, bundle: Bundle, found: Scan) -> None:
        self.told.put((bundle.name, found.manifest.digest))

    def fault(self, bundle: Bundle, fault: str) -> None:
        self.told.put((bundle.name, fault or "well again"))

    def next(self) -> tuple[str, str]:
        return self.told.get(timeout=SECONDS)


@pytest.fixture
def told() -> Told:
    return Told()


def failing(*answers: Scan | Exception) -> Callable[[], Scan]:
    left: Iterator[Scan | Exception] = iter(answers)

    def look() -> Scan:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


def test_only_news_is_told(told: Told) -> None:
    away = BundleError("bundle-not-readable", "It is away.")
    other = BundleError("bundle-not-readable", "It is broken.")
    bundle = Scripted(
        "a", failing(scan("1"), scan("1"), away, away, other, scan("1"), scan("2"), OSError("odd"))
    )
    looks = Looks(told.change, told.fault)
    found = [looks.look(bundle) for _ in range(8)]

    heard = [told.told.get_nowait() for _ in range(told.told.qsize())]
    assert [text for _, text in heard] == ["1", "It is away.", "It is broken.", "well again", "2"]
    assert [one is not None for one in found] == [
        True,
        True,
        False,
        False,
        False,
        True,
        True,
        False,
    ]


def test_a_change_that_could_not_be_written_is_told_again(told: Told) -> None:
    tries = []

    def refuse_once(bundle: Bundle, found: Scan) -> None:
        tries.append(found)
        if len(tries) == 1:
            raise RuntimeError("the database is away")

    looks = Looks(refuse_once, told.fault)
    bundle = Scripted("a", failing(scan("1"), scan("1"), scan("1")))
    assert [looks.look(bundle) is None for _ in range(3)] == [True, False, False]
    assert len(tries) == 2


def test_a_bundle_that_does_not_answer_holds_up_no_other(told: Told) -> None:
    never = threading.Event()

    def hang() -> Scan:
        never.wait(SECONDS)
        return scan("late")

    states = iter(range(1000))
    quick = Scripted("quick", lambda: scan(str(next(states))))
    refresher = Refresher([Scripted("slow", hang), quick], told.change, told.fault)
    refresher.start()
    try:
        assert [told.next() for _ in range(3)] == [("quick", str(n)) for n in range(3)]
    finally:
        refresher.stop()
        never.set()
