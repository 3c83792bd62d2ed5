"""Program: how fast this machine forks, exits and waits when nothing else is asked of it.

Run as ``python -S -E -I bare_forks.py COUNT``, so that the process stays small; prints forks a
second and its size in MB. It must import next to nothing.
"""

import os
import sys
import time


def main() -> None:
    """Fork, exit and wait COUNT times, one after the other."""
    count = int(sys.argv[1])
    started = time.monotonic()
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    seconds = time.monotonic() - started
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    print(count / seconds, pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


if __name__ == "__main__":
    main()
