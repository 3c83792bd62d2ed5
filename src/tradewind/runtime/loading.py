"""Importing a Dag file the way its author expects, and finding the Dags in it."""

import hashlib
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import NoReturn

from tradewind.compat.finder import install
from tradewind.core.manifest import split_member
from tradewind.protocol.orders import BundleRef
from tradewind.runtime.fork_safety import note_own_sockets
from tradewind.runtime.plugins import load_plugins
from tradewind.runtime.policies import apply_policies, import_limit, load_policies
from tradewind.sdk import scope
from tradewind.sdk.dags import DAG
from tradewind.sdk.exceptions import AirflowException


def load_file(bundle: BundleRef, file: str, limit: float = 0.0) -> dict[str, DAG]:
    """Import a Dag file and answer its Dags by id, in the order they were made.

    The bundle's root, then its Dags folder, then the file's own folder can be imported from. The
    module gets a name of its own, so that two files of one name do not meet. With a ``limit`` of
    seconds, after which this process will be ended, a policy is asked whether it allows fewer.

    Raises:
        AirflowException: Two Dags of the file have the same id, there is no such file, or a
            policy of the installation refuses something in it.
        BaseException: Whatever the file raises.
    """
    if not bundle.root:
        raise AirflowException(
            f"The files of bundle '{bundle.name}' at {bundle.digest[:12]} are not there any more. "
            "Name the bundle in the settings again, or clear the run on its newest version."
        )
    path = Path(bundle.root) / file
    archive = _archive_of(bundle, file)
    if not (path.is_file() or archive):
        raise AirflowException(f"There is no Dag file {file} in bundle '{bundle.name}'")
    install()
    note_own_sockets()
    extend_path(code_path(bundle, file))
    load_plugins(bundle)
    load_policies(bundle)
    with scope.loading(str(path)) as opened, import_limit(path, limit):
        module = import_path(path, file)
    return apply_policies(_by_id(file, [*opened, *_dags_in(module)]))


def code_path(bundle: BundleRef, file: str) -> list[str]:
    """Answer where a Dag file imports from, the first one first: the archive it lies in, too."""
    archive = _archive_of(bundle, file)
    return [*([str(archive)] if archive else []), bundle.root, bundle.dags_folder]


def _archive_of(bundle: BundleRef, file: str) -> Path | None:
    member = split_member(file)
    archive = Path(bundle.root, member[0]) if member else None
    return archive if archive and archive.is_file() else None


def import_path(path: Path, file: str) -> ModuleType:
    """Import the file anew, under a name of its own; a failed import leaves no module.

    Args:
        path: Where it lies.
        file: Its path in its bundle, which its name is made from.

    Raises:
        BaseException: Whatever the file raises.
    """
    name = module_name(file)
    kind = _FromArchive if split_member(str(path)) and not path.exists() else _FromSource
    loader = kind(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - it is a .py file
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


class _FromSource(SourceFileLoader):
    """Compiles the file each time.

    Kept bytecode is told from stale by seconds and size: a file saved twice within a second, as
    editors and tests do, would be run as it was. Nor does it leave ``__pycache__`` beside Dags.
    """

    def path_stats(self, path: str) -> NoReturn:
        """Answer that nothing is known of the source, so that no bytecode is read or kept.

        Raises:
            OSError: Always; the importer passes over it.
        """
        raise OSError(path)


class _FromArchive(_FromSource):
    """Reads the file out of the zip archive that its path leads into."""

    def get_data(self, path: str) -> bytes:
        """Answer the bytes of the member.

        Raises:
            OSError: There is no such archive or member.
        """
        # Few Dag files lie in archives, and every task is forked with what is imported here.
        from zipfile import BadZipFile, ZipFile  # noqa: PLC0415

        archive, member = split_member(path) or (path, "")
        try:
            with ZipFile(archive) as opened:
                return opened.read(member)
        except (KeyError, BadZipFile) as error:
            raise OSError(f"{path} cannot be read: {error}") from error


def module_name(file: str) -> str:
    """Answer the name a Dag file is imported under: the same wherever its bundle lies.

    It is part of the names of classes, and so of a Dag's structure.

    Example:
        >>> module_name("dags/sales.py").endswith("_sales")
        True
    """
    digest = hashlib.sha256(file.encode()).hexdigest()[:8]
    return f"tradewind_dag_{digest}_{PurePosixPath(file).stem}"


def extend_path(folders: list[str]) -> None:
    """Let modules be imported from these folders, the first one first."""
    for folder in reversed(folders):
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)


def _dags_in(module: ModuleType) -> list[DAG]:
    return [value for value in list(vars(module).values()) if isinstance(value, DAG)]


def _by_id(file: str, dags: list[DAG]) -> dict[str, DAG]:
    found: dict[str, DAG] = {}
    for dag in dags:
        known = found.setdefault(dag.dag_id, dag)
        if known is not dag:
            raise AirflowException(f"{file} has two Dags with the id '{dag.dag_id}'")
    return found
