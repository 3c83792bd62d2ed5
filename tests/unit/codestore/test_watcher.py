"""The watcher tells of each change, on a real file system and without being asked."""

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradewind.codestore.bundle import Bundle, Scan
from tradewind.codestore.local import LocalFolder
from tradewind.codestore.watcher import Watcher, _is_relevant

DAG = "from airflow.sdk import DAG\n"
DEADLINE = 20.0

Told = queue.Queue[tuple[str, Scan]]
Start = Callable[..., Told]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a watcher of folders; answers the queue of what it tells."""
    watchers = []

    def begin(*bundles: LocalFolder, force_polling: bool = False, failures: int = 0) -> Told:
        told: Told = queue.Queue()
        left = [failures]

        def tell(bundle: Bundle, scan: Scan) -> None:
            if left[0]:
                left[0] -= 1
                raise RuntimeError("cannot now")
            told.put((bundle.name, scan))

        watcher = Watcher(bundles, tell, rescan_seconds=1.0, force_polling=force_polling)
        watchers.append(watcher)
        watcher.start()
        return told

    yield begin
    for watcher in watchers:
        watcher.stop()


def files_told(told: Told) -> set[str]:
    return set(told.get(timeout=DEADLINE)[1].manifest.files)


def wait_for(told: Told, files: set[str]) -> None:
    """Wait until this is what was told last; a change may be seen in two steps."""
    while files_told(told) != files:
        pass


def test_it_tells_what_there_is_and_what_changes(tmp_path: Path, start: Start) -> None:
    (tmp_path / "a.py").write_text(DAG)
    told = start(LocalFolder("main", tmp_path))
    assert files_told(told) == {"a.py"}

    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "b.py").write_text(DAG)
    wait_for(told, {"a.py", "team/b.py"})

    (tmp_path / ".a.py.new").write_text(DAG * 2)
    (tmp_path / ".a.py.new").replace(tmp_path / "a.py")
    wait_for(told, {"a.py", "team/b.py"})

    (tmp_path / "team" / "b.py").unlink()
    wait_for(told, {"a.py"})


def test_a_save_among_500_files_is_told_soon(tmp_path: Path, start: Start) -> None:
    for number in range(500):
        folder = tmp_path / f"team{number % 10}"
        folder.mkdir(exist_ok=True)
        (folder / f"dag{number}.py").write_text(DAG)
    told = start(LocalFolder("main", tmp_path))
    files_told(told)
    waits = []
    for number in range(3):
        began = time.monotonic()
        (tmp_path / "team3" / "dag3.py").write_text(DAG + f"# {number}")
        files_told(told)
        waits.append(time.monotonic() - began)
    assert min(waits) <= 0.3


def test_a_folder_that_comes_later_is_waited_for_and_missed_aloud_once(
    tmp_path: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "here").mkdir()
    told = start(LocalFolder("late", tmp_path / "late"), LocalFolder("here", tmp_path / "here"))
    assert told.get(timeout=DEADLINE)[0] == "here"
    (tmp_path / "late").mkdir()
    assert told.get(timeout=DEADLINE)[0] == "late"
    assert caplog.text.count("is not there; waiting for it") == 1


def test_a_folder_that_goes_away_is_not_taken_for_empty(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "a.py").write_text(DAG)
    told = start(LocalFolder("main", folder))
    assert files_told(told) == {"a.py"}
    folder.rename(tmp_path / "away")
    (tmp_path / "away" / "b.py").write_text(DAG)
    (tmp_path / "away").rename(folder)
    wait_for(told, {"a.py", "b.py"})
    assert told.empty()


def test_a_moved_link_is_seen(tmp_path: Path, start: Start) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").write_text(DAG)
    (tmp_path / "dags").symlink_to(tmp_path / "one")
    told = start(LocalFolder("main", tmp_path / "dags"))
    assert files_told(told) == {"one.py"}
    (tmp_path / "new").symlink_to(tmp_path / "two")
    (tmp_path / "new").replace(tmp_path / "dags")
    wait_for(told, {"two.py"})
    (tmp_path / "two" / "more.py").write_text(DAG)
    wait_for(told, {"two.py", "more.py"})


def test_polling_sees_changes_as_well(tmp_path: Path, start: Start) -> None:
    told = start(LocalFolder("main", tmp_path), force_polling=True)
    assert files_told(told) == set()
    (tmp_path / "a.py").write_text(DAG)
    wait_for(told, {"a.py"})


def test_a_listener_that_failed_is_told_again(
    tmp_path: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.py").write_text(DAG)
    told = start(LocalFolder("main", tmp_path), failures=2)
    assert files_told(told) == {"a.py"}
    assert caplog.text.count("could not be refreshed") == 2


def test_data_that_tasks_write_is_no_reason_to_look(tmp_path: Path) -> None:
    (tmp_path / "v1.2").mkdir()
    assert _is_relevant("/x/a.py")
    assert _is_relevant("/x/new_folder")
    assert _is_relevant(str(tmp_path / "v1.2"))
    assert not _is_relevant("/x/sales.csv")
    assert not _is_relevant("/x/__pycache__")
