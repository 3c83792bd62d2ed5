"""Which folders of Dag files the settings name, as bundles."""

from tradewind.codestore.bundle import Scan
from tradewind.codestore.local import LocalFolder
from tradewind.config import Settings
from tradewind.protocol.clock import Clock
from tradewind.server.examples import EXAMPLES_BUNDLE, examples_folder
from tradewind.store import bundles, files
from tradewind.store.database import Tx

LOCAL_BUNDLE = "dags-folder"
"""Name of the bundle that is the Dags folder."""


def local_folders(settings: Settings) -> list[LocalFolder]:
    """Answer the bundles of this installation."""
    found = [LocalFolder(LOCAL_BUNDLE, settings.dags_folder, exclude=[settings.home])]
    if settings.load_examples:
        found.append(LocalFolder(EXAMPLES_BUNDLE, examples_folder()))
    return found


def apply_scan(tx: Tx, folder: LocalFolder, scan: Scan, clock: Clock) -> None:
    """Write what a folder holds now: new and changed files are due to be parsed."""
    bundles.upsert_bundle(tx, folder.name, str(scan.root), str(folder.dags_folder))
    files.apply_discovery(tx, folder.name, scan.manifest, clock.now())
