"""What a tree of processes takes: memory and CPU time."""

from contextlib import suppress
from pathlib import Path

import psutil


def read_tree(pid: int) -> list[psutil.Process]:
    """Answer a process and all that descend from it; any but the first may end at any moment."""
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


def read_pss_mb(tree: list[psutil.Process]) -> float:
    """Answer the memory of the processes in MB, each shared page counted once."""
    total = 0
    for process in tree:
        with suppress(FileNotFoundError, ProcessLookupError):
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
            total += sum(
                int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")
            )
    return total * 1024 / 1e6


def read_cpu_seconds(tree: list[psutil.Process]) -> float:
    """Answer the CPU time of the processes, and of the children they have waited for."""
    total = 0.0
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def read_cpu_by_part(tree: list[psutil.Process]) -> dict[str, float]:
    """Answer the CPU time of server, worker, zygotes and the children they waited for."""
    parts = dict.fromkeys(_PARTS.values(), 0.0)
    parts["tasks"] = 0.0
    for process in tree:
        try:
            times, line = process.cpu_times(), " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        part = next((name for mark, name in _PARTS.items() if mark in line), None)
        if part is not None:
            parts[part] += times.user + times.system
        if part == "zygotes":
            parts["tasks"] += times.children_user + times.children_system
    return parts


_PARTS = {
    "tradewind.server.main": "server",
    "tradewind.worker": "worker",
    "tradewind.runtime.zygote": "zygotes",
}


def count_zygotes(tree: list[psutil.Process]) -> int:
    """Answer how many zygotes the tree has, the base zygote included."""
    count = 0
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            count += "tradewind.runtime.zygote" in process.cmdline()
    return count


def describe_tree(tree: list[psutil.Process]) -> str:
    """Answer each process with its memory, for whoever looks for what is large."""
    lines = []
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            words = [word.rpartition("/")[2] for word in process.cmdline()[:4]]
            lines.append(f"  {read_pss_mb([process]):6.1f} MB  {process.pid}  {' '.join(words)}")
    return "\n".join(lines)


def find_orphans(home: Path) -> list[psutil.Process]:
    """Answer processes that still work in a home, whoever their parent is."""
    wanted = str(home)
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TRADEWIND_HOME") == wanted:
                found.append(process)
        except psutil.Error:
            continue
    return found
