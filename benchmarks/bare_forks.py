"""Program: how fast this machine forks, exits and waits when nothing else is asked of it.

Run as ``python -S -E -I bare_forks.py COUNT MB``: a process that imports next to nothing, filled up
to that size, as what a fork costs grows with it; prints forks a second and its size in MB.
"""

import os
import sys
import time


def main() -> None:
    """Fork, exit and wait COUNT times, one after the other."""
    count, megabytes = int(sys.argv[1]), float(sys.argv[2])
    filling = []
    while resident() < megabytes:
        filling.append(bytearray(os.urandom(64 * 1024)))
    started = time.monotonic()
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    seconds = time.monotonic() - started
    print(count / seconds, resident())


def resident() -> float:
    """Answer the size of this process in MB."""
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
