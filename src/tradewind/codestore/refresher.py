"""Looks at bundles that no file system tells of changes in, each as often as it says."""

import logging
import threading
from collections.abc import Callable, Sequence

from tradewind.codestore.bundle import Bundle, BundleError, Scan

log = logging.getLogger(__name__)

OnChange = Callable[[Bundle, Scan], None]
OnFault = Callable[[Bundle, str], None]

_SOONEST_AGAIN = 30.0


class Looks:
    """What was seen of bundles and told already: only news is told."""

    def __init__(self, on_change: OnChange, on_fault: OnFault) -> None:
        """Know nothing yet.

        Args:
            on_change: Told what a bundle holds: at first, and after each change.
            on_fault: Told why a bundle cannot be looked at, once for each reason, and ``""`` when
                it can again.
        """
        self._on_change = on_change
        self._on_fault = on_fault
        self._told: dict[str, Scan] = {}
        self._faults: dict[str, str] = {}

    def look(self, bundle: Bundle) -> Scan | None:
        """Look at a bundle and tell what is new of it; None when it cannot be looked at.

        Whatever happens, the others go on: what fails is told, and tried again with the next look.
        """
        try:
            scan = bundle.scan()
            if scan.is_missing:
                self._fail(
                    bundle, f"Bundle '{bundle.name}': {bundle.source} is not there; waiting for it."
                )
                return None
            told = self._told.get(bundle.name)
            news = (scan.root, scan.manifest, scan.version)
            if told is None or (told.root, told.manifest, told.version) != news:
                self._on_change(bundle, scan)
                self._told[bundle.name] = scan
            if self._faults.pop(bundle.name, ""):
                log.info("Bundle '%s' can be refreshed again", bundle.name)
                self._on_fault(bundle, "")
        except BundleError as error:
            self._fail(bundle, str(error))
            return None
        except Exception:
            # A bundle that cannot be handled now must not keep the others from being looked at.
            log.exception("Bundle '%s' could not be refreshed; it is tried again", bundle.name)
            return None
        return scan

    def _fail(self, bundle: Bundle, fault: str) -> None:
        if self._faults.get(bundle.name) != fault:
            log.warning("%s", fault)
            self._on_fault(bundle, fault)
            self._faults[bundle.name] = fault


class Refresher:
    """A thread for each bundle, so that one that is slow to answer holds up no other."""

    def __init__(self, bundles: Sequence[Bundle], on_change: OnChange, on_fault: OnFault) -> None:
        """Start nothing yet."""
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(one, Looks(on_change, on_fault)),
                name=f"refresher-{one.name}",
                daemon=True,
            )
            for one in bundles
        ]

    def start(self) -> None:
        """Start the threads; each looks at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Have the threads end; one that waits for an answer ends with the process."""
        self._stop.set()

    def _run(self, bundle: Bundle, looks: Looks) -> None:
        seconds = bundle.refresh_seconds or _SOONEST_AGAIN
        while not self._stop.is_set():
            found = looks.look(bundle)
            # What failed may be mended soon.
            self._stop.wait(seconds if found else min(seconds, _SOONEST_AGAIN))
