"""Tells of changes in bundles as they happen."""

import logging
import os
import threading
from collections.abc import Sequence

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from tradewind.codestore.bundle import Bundle, Place
from tradewind.codestore.refresher import Looks, OnChange, OnFault
from tradewind.codestore.rules import is_folder_left_out, may_be_read

log = logging.getLogger(__name__)

_STEP_MS = 50
_DEBOUNCE_MS = 150
_POLL_SECONDS = 1.0


class Watcher:
    """A thread that looks at bundles whenever something in them changes, and now and then anyway.

    The file system tells of most changes at once. What it does not tell of (network mounts, a link
    that was moved) is found by the look every ``rescan_seconds``. Where it can tell of nothing
    (no watches left, or ``force_polling``), a look each second must do.
    """

    def __init__(
        self,
        bundles: Sequence[Bundle],
        on_change: OnChange,
        on_fault: OnFault = lambda bundle, fault: None,
        *,
        rescan_seconds: float = 10.0,
        force_polling: bool = False,
    ) -> None:
        """Start nothing yet.

        Args:
            bundles: Folders to watch; those that are not there are waited for.
            on_change: Called in the thread with what a bundle holds: once at the start, then after
                each change. When it raises, it is called again after the next look.
            rescan_seconds: How often to look without being told of anything.
            force_polling: Never ask the file system to tell.
        """
        self._bundles = list(bundles)
        self._looks = Looks(on_change, on_fault)
        self._rescan_seconds = rescan_seconds
        self._polling = force_polling
        self._places: dict[str, frozenset[Place]] = {}
        self._missing: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for its end; a callback under way is finished."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        self._look()
        while not self._stop.is_set():
            watched = self._all_places()
            notify = self._open(watched)
            if notify is None:
                self._stop.wait(_POLL_SECONDS)
                self._look()
                continue
            with notify:
                # What changed before the watches were there is seen by this look.
                self._look()
                while self._all_places() == watched and not self._stop.is_set():
                    self._wait(notify)

    def _wait(self, notify: RustNotify) -> None:
        # A bundle that is not there cannot be watched, only looked for.
        seconds = _POLL_SECONDS if self._missing else self._rescan_seconds
        found = notify.watch(_DEBOUNCE_MS, _STEP_MS, int(seconds * 1000), self._stop)
        if isinstance(found, set) and not any(_is_relevant(path) for _, path in found):
            return
        if not self._stop.is_set():
            self._look()

    def _open(self, places: frozenset[Place]) -> RustNotify | None:
        paths = sorted({path for path, _, _ in places})
        if self._polling or not paths:
            return None
        try:
            return RustNotify(paths, False, False, 0, False, True)
        except FileNotFoundError:
            return None
        except (OSError, WatchfilesRustInternalError) as error:
            log.warning("The file system cannot tell of changes, so it is polled: %s", error)
            self._polling = True
            return None

    def _all_places(self) -> frozenset[Place]:
        return frozenset().union(*self._places.values())

    def _look(self) -> None:
        for bundle in self._bundles:
            if self._stop.is_set():
                return
            scan = self._looks.look(bundle)
            if scan is None:
                self._missing.add(bundle.name)
            else:
                self._missing.discard(bundle.name)
                self._places[bundle.name] = scan.places


def _is_relevant(path: str) -> bool:
    """Tell whether this change may matter; data that tasks write all day should cost nothing."""
    name = os.path.basename(path)
    if may_be_read(name, among_data=False):
        return True
    if is_folder_left_out(name) and not name.startswith("."):
        return False
    return "." not in name or os.path.isdir(path)
