"""The machine that measures: what it is, how busy it is, and how fast it forks."""

import os
import platform
import subprocess
import sys
from pathlib import Path

BARE_FORKS = 2_000
_BARE_MB, _LARGEST_BARE_MB = 14.0, 15.0
LEAN_MB = 0.0
"""As small as a Python process is."""

_BARE_PROGRAM = Path(__file__).with_name("bare_forks.py")


def describe_machine() -> str:
    """Answer processor, cores, kernel and Python in one line."""
    model = platform.processor() or "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}"
    )


def read_load() -> float:
    """Answer the load average of the last minute."""
    return os.getloadavg()[0]


def measure_bare_forks(megabytes: float = _BARE_MB) -> float:
    """Answer how many processes a second one fresh process forks, ends and waits for.

    Args:
        megabytes: Its size. A Python process of about 14 MB is one with its usual modules.

    Raises:
        RuntimeError: The process was larger than the rule allows, so its rate would flatter us.
    """
    command = [sys.executable, "-S", "-E", "-I", str(_BARE_PROGRAM)]
    command += [str(BARE_FORKS), str(megabytes)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env={}).stdout
    rate, size = map(float, said.split())
    if size > _LARGEST_BARE_MB:
        raise RuntimeError(f"The bare process has {size:.1f} MB; it may have 15.")
    return rate
