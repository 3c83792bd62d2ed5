"""Describing a Dag file: its Dags as data, what is wrong with it, and what its import read."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tradewind.core.manifest import split_member
from tradewind.core.spec import DagSpec
from tradewind.protocol.orders import ParseOrder
from tradewind.protocol.ports import bound_port
from tradewind.protocol.reports import Closure, ImportFault, ParseReport
from tradewind.runtime.faults import files_in, line_in, one_line, user_traceback
from tradewind.runtime.fork_safety import why_unsafe
from tradewind.runtime.hearing import tell_of_parse
from tradewind.runtime.loading import load_file
from tradewind.runtime.plugins import load_plugins
from tradewind.runtime.recording import RecordingPort
from tradewind.runtime.serialize import serialize_dag
from tradewind.sdk.dags import DAG


def parse_file(order: ParseOrder) -> ParseReport:
    """Import a Dag file in this process and answer what it holds; whatever it raises is told.

    Meant for a process of its own: the import may exit, leave threads, or change the interpreter.
    """
    started = time.monotonic()
    port = RecordingPort(bound_port.get())
    token = bound_port.set(port)
    dags: dict[str, DAG] = {}
    faults: list[ImportFault] = []
    touched: set[str] = set()
    try:
        dags = load_file(order.bundle, order.file, order.timeout_seconds)
    except BaseException as error:  # noqa: BLE001 - exiting while being imported is a fault too
        faults.append(_fault(order, error))
        touched = files_in(error)
    finally:
        bound_port.reset(token)
    broken = load_plugins(order.bundle).faults
    # A broken plugin is no module: its file counts all the same, so that mending it is noticed.
    touched |= {str(Path(order.bundle.root, fault.file)) for fault in broken}
    specs, refused = _serialize_all(order, dags)
    tell_of_parse(order, specs, (*faults, *refused), bound_port.get())
    return ParseReport(
        job_id=order.job_id,
        epoch=order.epoch,
        file=order.file,
        dags=tuple(specs),
        faults=(*faults, *refused, *broken),
        closure=Closure(
            files=closure_files(Path(order.bundle.root), order.file, touched),
            variables=tuple(sorted(port.variables)),
            connections=tuple(sorted(port.connections)),
        ),
        seconds=time.monotonic() - started,
        fork_unsafe=why_unsafe(),
        digest=order.bundle.digest,
    )


def _serialize_all(
    order: ParseOrder, dags: dict[str, DAG]
) -> tuple[list[DagSpec], list[ImportFault]]:
    specs: list[DagSpec] = []
    faults: list[ImportFault] = []
    for dag in dags.values():
        try:
            specs.append(serialize_dag(dag, order.file))
        except Exception as error:  # noqa: BLE001 - one Dag that cannot run leaves the others
            faults.append(ImportFault(file=order.file, message=one_line(error)))
    return specs, faults


def _fault(order: ParseOrder, error: BaseException) -> ImportFault:
    path = str(Path(order.bundle.root) / order.file)
    message = one_line(error)
    if isinstance(error, SystemExit):
        message = f"The file ended the process while it was imported ({message})"
    return ImportFault(
        file=order.file,
        message=message,
        line=line_in(error, path),
        traceback=user_traceback(error),
    )


def closure_files(root: Path, file: str, touched: Iterable[str] = ()) -> tuple[str, ...]:
    """Answer the bundle's files that are imported now: this one first, the others in order.

    ``touched`` are files that a failed import got to, which are no longer modules.
    """
    bases = {f"{root}/", f"{root.resolve()}/"}
    paths = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    found: set[str] = set()
    for path in (*paths, *touched):
        base = next((base for base in bases if isinstance(path, str) and path.startswith(base)), "")
        if base and isinstance(path, str):
            inside = path.removeprefix(base)
            if not _is_installed(inside) and _is_there(path):
                found.add(inside)
    found.discard(file)
    return (file, *sorted(found))


def _is_there(path: str) -> bool:
    member = split_member(path)
    return Path(path).is_file() or (member is not None and Path(member[0]).is_file())


def _is_installed(inside: str) -> bool:
    parts = inside.split("/")
    return "site-packages" in parts or any(part.startswith(".") for part in parts)
