"""Ten thousand Dags: what they cost at rest, and a fifth of them due in the same minute."""

import sqlite3
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from benchmarks.dagfiles import write_hundred
from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.processes import read_cpu_by_part, read_cpu_seconds, read_pss_mb, read_tree
from benchmarks.standalone import TRADEWIND, Standalone, wait_until
from tradewind.protocol.clock import SystemClock

TARGET_CREATED_SECONDS, TARGET_KB_A_DAG, TARGET_START_SHARE, TARGET_IDLE = 5.0, 50.0, 1.3, 1.0
_A_FILE = 100
_SETTLE_SECONDS = 10.0
_IDLE_SECONDS = 20.0
_AHEAD = timedelta(seconds=75)
_VISIBLE_SECONDS = 1_200.0
_POLL_SECONDS = 0.05
_NEVER = "0 3 29 2 *"
_CLOCK = SystemClock()


def measure(options: Options) -> list[Figure]:
    """Start empty, then with all Dags; look at them at rest; then have a fifth of them due."""
    load = read_load()
    server = Standalone(
        options.place("dags"), {"TRADEWIND__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false"}
    )
    with server.running():
        time.sleep(_SETTLE_SECONDS)
        empty = _server_mb(server)
    without, _ = _start(server, options.rounds)
    for number in range(options.dags // _A_FILE):
        write_hundred(server.dags, number, _NEVER)
    started = time.monotonic()
    with server.running():
        server.wait_for_dags(options.dags, _VISIBLE_SECONDS)
        visible = time.monotonic() - started
    sys.stderr.write(f"{options.dags} Dags visible after {visible:.0f} s\n")
    starts, start_cpu = _start(server, options.rounds)
    with server.running():
        time.sleep(_SETTLE_SECONDS)
        idle = _idle(server)
        listed = [_list(server) for _ in range(options.rounds)]
        due = _have_due(server, options.dags // 5 // _A_FILE)
        kilobytes = (_server_mb(server) - empty) * 1000 / options.dags
        cpu = read_cpu_by_part(read_tree(server.pid))["server"]
        created, took, ended = _watch(server, due, options.dags // 5)
        cpu = read_cpu_by_part(read_tree(server.pid))["server"] - cpu
    name = f"{options.dags:,} Dags of 3 tasks"
    return [
        Figure(
            name=f"{name}: {created:,} of them due in one minute → all their runs created",
            target=f"<= {TARGET_CREATED_SECONDS:.0f} s",
            measured=f"{took:.1f} s",
            passed=took <= TARGET_CREATED_SECONDS,
            runs=1,
            load=load,
            note=f"worker at work beside it; {ended} runs ended meanwhile; "
            f"server CPU {cpu:.1f} s, {cpu / created * 1000:.1f} ms a run",
        ),
        Figure(
            name=f"{name}: memory of the server, over that of none",
            target=f"<= {TARGET_KB_A_DAG:.0f} KB a Dag",
            measured=f"{kilobytes:.1f} KB a Dag",
            passed=kilobytes <= TARGET_KB_A_DAG,
            runs=1,
            load=load,
            note=f"PSS; {empty:.0f} MB without; a fifth was parsed anew and all were listed before",
        ),
        *_at_rest(name, load, (without, starts, start_cpu, visible), idle, listed),
    ]


def _at_rest(
    name: str,
    load: float,
    start: tuple[list[float], list[float], float, float],
    idle: float,
    listed: list[float],
) -> list[Figure]:
    without, starts, start_cpu, visible = start
    return [
        Figure(
            name=f"{name}: warm standalone → health ok, over that of an empty home",
            target=f"<= {TARGET_START_SHARE}",
            measured=spread([one / statistics.median(without) for one in starts]),
            passed=statistics.median(starts) <= TARGET_START_SHARE * statistics.median(without),
            runs=len(starts),
            load=load,
            note=f"{statistics.median(starts):.2f} s, server CPU {start_cpu:.2f} s; all visible "
            f"{visible:.0f} s after the first start",
        ),
        Figure(
            name=f"{name}: idle for {_IDLE_SECONDS:.0f} s, CPU of all processes",
            target=f"< {TARGET_IDLE:.0f} % of a core",
            measured=f"{idle:.2f} %",
            passed=idle < TARGET_IDLE,
            runs=1,
            load=load,
        ),
        Figure(
            name=f"{name}: `dags list`, with a server",
            target="",
            measured=spread(listed, 2, " s"),
            passed=None,
            runs=len(listed),
            load=load,
        ),
    ]


def _start(server: Standalone, rounds: int) -> tuple[list[float], float]:
    """Answer how long each start took, and the median of the server's CPU time until then."""
    took, cpu = [], []
    for _ in range(rounds):
        took.append(server.start())
        cpu.append(read_cpu_by_part(read_tree(server.pid))["server"])
        server.stop()
    return took, statistics.median(cpu)


def _server_mb(server: Standalone) -> float:
    tree = read_tree(server.pid)
    return read_pss_mb([one for one in tree if "tradewind.server.main" in one.cmdline()])


def _idle(server: Standalone) -> float:
    before, started = read_cpu_seconds(read_tree(server.pid)), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    used = read_cpu_seconds(read_tree(server.pid)) - before
    return 100 * used / (time.monotonic() - started)


def _list(server: Standalone) -> float:
    started = time.monotonic()
    subprocess.run(
        [TRADEWIND, "dags", "list"], env=server.environment, check=True, stdout=subprocess.DEVNULL
    )
    return time.monotonic() - started


def _have_due(server: Standalone, files: int) -> datetime:
    """Give the Dags of some files a schedule that comes due soon; answer when."""
    due = (_CLOCK.now() + _AHEAD).replace(second=0, microsecond=0) + timedelta(minutes=1)
    for number in range(files):
        write_hundred(server.dags, number, f"{due.minute} {due.hour} * * *")
    path = server.home / "tradewind.db"
    wanted = files * _A_FILE
    until = (due - _CLOCK.now()).total_seconds()
    query = f"SELECT count(*) FROM dag WHERE next_due_at = {_micros(due)}"  # noqa: S608
    wait_until(lambda: _ask(path, query), lambda n: n >= wanted, until, "the Dags that are due")
    return due


def _watch(server: Standalone, due: datetime, wanted: int) -> tuple[int, float, int]:
    """Answer how many runs were made, how long after the moment the last was, how many ended."""
    path = server.home / "tradewind.db"
    while (left := (due - _CLOCK.now()).total_seconds()) > 0:
        time.sleep(left)
    query = f"SELECT count(*) FROM run WHERE run_after = {_micros(due)}"  # noqa: S608
    until = time.monotonic() + 120.0
    while (made := _ask(path, query)) < wanted and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    took = (_CLOCK.now() - due).total_seconds()
    return made, took, _ask(path, "SELECT count(*) FROM run WHERE state = 'success'")


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _ask(path: object, query: str) -> int:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10.0)
    try:
        return int(db.execute(query).fetchone()[0])
    finally:
        db.close()
