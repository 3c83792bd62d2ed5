"""The bundles of this installation, made from its settings; and what is written of them."""

import contextlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tradewind.codestore.archive import Archive
from tradewind.codestore.archives import read_file
from tradewind.codestore.bundle import Bundle, BundleError, Scan
from tradewind.codestore.git import GitRepository, GitWish
from tradewind.codestore.git_access import GitAccess, split_secrets, without_secrets
from tradewind.codestore.kept import KeptTree
from tradewind.codestore.local import LocalFolder
from tradewind.codestore.remote import RemoteFolder
from tradewind.codestore.rules import IgnoreSyntax
from tradewind.codestore.snapshots import Snapshots
from tradewind.codestore.trees import Trees
from tradewind.config import Settings
from tradewind.protocol.clock import Clock
from tradewind.protocol.ports import ConnectionValue
from tradewind.server.bundle_settings import BundleSetting, read_bundle_settings
from tradewind.server.examples import EXAMPLES_BUNDLE, examples_folder
from tradewind.store import bundles, files
from tradewind.store.bundles import Tree
from tradewind.store.database import Tx

FindConnection = Callable[[str], ConnectionValue | None]

_ARCHIVE_SECONDS = 5.0


class Bundles:
    """All bundles, and where the bytes of those are kept that are pinned."""

    def __init__(self, settings: Settings, find_connection: FindConnection) -> None:
        """Make them; nothing is looked at yet.

        Args:
            settings: This installation's.
            find_connection: Asked at each look for the connection that a bundle names.

        Raises:
            UsageError: The settings name a bundle that cannot be.
        """
        self._settings = settings
        self._find = find_connection
        self.trees = Trees(settings.code_folder)
        self.all: list[Bundle] = [
            self._make(name, given) for name, given in read_bundle_settings(settings).items()
        ]
        if settings.load_examples:
            self.all.append(LocalFolder(EXAMPLES_BUNDLE, examples_folder()))

    @property
    def watched(self) -> list[Bundle]:
        """Answer those the file system tells of changes in."""
        return [one for one in self.all if one.refresh_seconds is None]

    @property
    def refreshed(self) -> list[Bundle]:
        """Answer those that must be looked at now and then."""
        return [one for one in self.all if one.refresh_seconds is not None]

    def keep_sources(self, scan: Scan) -> None:
        """Keep the Dag files as they are written, for showing; before their parse is written."""
        for path in scan.manifest.dag_files:
            with contextlib.suppress(OSError):
                read = partial(read_file, scan.root, path)
                self.trees.keep_source(scan.manifest.files[path], read)

    def apply_scan(self, tx: Tx, bundle: Bundle, scan: Scan, clock: Clock) -> None:
        """Write what a bundle holds now: new and changed files are due to be parsed.

        Raises:
            BundleError: Its tree was let go meanwhile; it is there after the next look.
        """
        now = clock.now()
        if bundle.is_pinned:
            if not scan.root.is_dir():
                raise BundleError("bundle-not-kept", f"Bundle '{bundle.name}' is made anew.")
            tree = Tree(
                bundle=bundle.name,
                digest=scan.manifest.digest,
                version=scan.version,
                root=str(scan.root),
                dags_folder=str(scan.dags_folder),
                created_at=now,
            )
            bundles.keep_tree(tx, tree)
        bundles.upsert_bundle(
            tx,
            bundle.name,
            str(scan.root),
            str(scan.dags_folder),
            kind=bundle.kind,
            version=scan.version,
            is_pinned=bundle.is_pinned and not self._settings.disable_bundle_versioning,
        )
        files.apply_discovery(tx, bundle.name, scan.manifest, now)

    def drop_others(self, tx: Tx) -> None:
        """Forget bundles that are not configured any more."""
        names = {one.name for one in self.all}
        for known in bundles.read_bundles(tx):
            if known.name not in names:
                bundles.drop_bundle(tx, known.name)

    def _make(self, name: str, given: BundleSetting) -> Bundle:
        syntax: IgnoreSyntax = "regexp" if self._settings.ignore_syntax == "regexp" else "glob"
        safe = self._settings.safe_mode
        kept = KeptTree(name, ignore_syntax=syntax, safe_mode=safe)
        seconds = given.refresh_seconds or float(self._settings.refresh_seconds)
        if given.kind == "zip":
            path = Path(given.path).expanduser()
            often = given.refresh_seconds or _ARCHIVE_SECONDS
            return Archive(kept, path, self.trees, subdir=given.subdir, refresh_seconds=often)
        if given.kind == "git":
            return self._git(kept, given, seconds)
        if given.kind != "local":
            return self._remote(kept, given, seconds)
        folder = LocalFolder(
            name,
            Path(given.path).expanduser() if given.path else self._settings.dags_folder,
            # The home may be the root of this very bundle, when its Dags lie in it.
            exclude=[
                self._settings.home,
                self._settings.code_folder,
                self._settings.log_root,
            ],
            ignore_syntax=syntax,
            safe_mode=safe,
        )
        is_pinned = self._settings.pin if given.pin is None else given.pin
        return Snapshots(folder, self.trees) if is_pinned else folder

    def _git(self, kept: KeptTree, given: BundleSetting, seconds: float) -> GitRepository:
        wish = GitWish(
            tracking_ref=given.ref,
            subdir=given.subdir,
            submodules=given.submodules,
            sparse_dirs=given.sparse_dirs,
            prune_dotgit=given.prune_dotgit,
        )
        return GitRepository(
            kept,
            partial(self._access, kept.name, given),
            self.trees,
            wish,
            source=without_secrets(given.url) or f"connection '{given.conn_id}'",
            refresh_seconds=seconds,
        )

    def _remote(self, kept: KeptTree, given: BundleSetting, seconds: float) -> Bundle:
        return RemoteFolder(
            kept,
            given.url,
            self.trees,
            kind=given.kind,
            options=partial(self._options, kept.name, given),
            refresh_seconds=seconds,
        )

    def _connection(self, name: str, conn_id: str) -> ConnectionValue:
        found = self._find(conn_id)
        if found is None:
            raise BundleError(
                "bundle-connection-missing",
                f"Bundle '{name}': there is no connection '{conn_id}'.",
                f"Add it with 'tradewind connections add {conn_id}'.",
            )
        return found

    def _access(self, name: str, given: BundleSetting) -> GitAccess:
        if not given.conn_id:
            url, user, password = split_secrets(given.url)
            return GitAccess(url=url, user=user, password=password)
        found = self._connection(name, given.conn_id)
        extra = _extra(found)
        url, user, password = split_secrets(given.url or _address(found))
        strict = str(extra.get("strict_host_key_checking", "accept-new"))
        return GitAccess(
            url=url,
            user=found.login or user,
            password=found.password or password,
            private_key=str(extra.get("private_key", "")),
            key_file=str(extra.get("key_file", "")),
            passphrase=str(extra.get("private_key_passphrase", "")),
            known_hosts_file=str(extra.get("known_hosts_file", "")),
            strict_host_key_checking=strict,
        )

    def _options(self, name: str, given: BundleSetting) -> dict[str, Any]:
        """Answer what the store's file system is made with."""
        if not given.conn_id:
            return given.options
        found = self._connection(name, given.conn_id)
        extra = _extra(found)
        if given.kind == "s3":
            options: dict[str, Any] = {
                "key": found.login,
                "secret": found.password,
                "token": extra.get("aws_session_token"),
                "endpoint_url": extra.get("endpoint_url"),
                "client_kwargs": {"region_name": extra["region_name"]}
                if "region_name" in extra
                else None,
            }
        elif given.kind == "gcs":
            key = extra.get("keyfile_dict") or extra.get("key_path")
            token = json.loads(key) if isinstance(key, str) and key.startswith("{") else key
            options = {"token": token, "project": extra.get("project")}
        else:
            options = extra
        return {**{k: v for k, v in options.items() if v}, **given.options}


def _extra(found: ConnectionValue) -> dict[str, Any]:
    try:
        extra = json.loads(found.extra or "{}")
    except ValueError:
        return {}
    return extra if isinstance(extra, dict) else {}


def _address(found: ConnectionValue) -> str:
    """Answer the repository a connection names: its host, as providers of Git write it."""
    return found.host or ""
