"""A real Tradewind in a home of its own: its processes, its database, and what its tasks wrote."""

import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psutil

from tests.waiting import is_alive, wait_until

TASKS = 50
EARLY = 10
"""So many tasks of a run wait for its first gate only; the others wait for the second."""

DAG = f"""
import json, os, time
from datetime import timedelta
from pathlib import Path
from tradewind import DAG, get_current_context, task

ROOT = Path(__file__).parent.parent

def born(pid):
    try:
        fields = Path(f"/proc/{{pid}}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]

def note(event, ti, run_id):
    pid = os.getpid()
    line = {{
        "event": event, "run": run_id, "index": ti.map_index, "try": ti.try_number,
        "pid": pid, "born": born(pid), "at": time.monotonic(),
    }}
    fd = os.open(ROOT / "lines", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (json.dumps(line) + "\\n").encode())
    os.close(fd)

def others(ti, run_id):
    for text in (ROOT / "lines").read_text().splitlines():
        line = json.loads(text)
        if (line["run"], line["index"]) == (run_id, ti.map_index) and line["pid"] != os.getpid():
            if born(line["pid"]) == line["born"]:
                yield line["pid"]

with DAG("fifty", schedule=None, max_active_tasks=100):
    @task(retries=3, retry_delay=timedelta(seconds=1))
    def works(number):
        context = get_current_context()
        ti, run_id = context["ti"], context["run_id"]
        note("start", ti, run_id)
        for pid in others(ti, run_id):
            note(f"overlaps with {{pid}}", ti, run_id)
        gate = "early" if number < {EARLY} else "late"
        while not (ROOT / f"{{run_id}}.{{gate}}").exists():
            time.sleep(0.05)
        note("end", ti, run_id)
        return number

    works.expand(number=list(range({TASKS})))
"""


class Line(NamedTuple):
    """What a task wrote about itself."""

    event: str
    run: str
    instance: int
    try_number: int
    pid: int
    at: float


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def freeze(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def thaw(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


class Installation:
    """One home folder with Dags, and the processes started on it."""

    def __init__(self, root: Path, settings: Mapping[str, str]) -> None:
        self.root = root
        self.home = root / "home"
        self.dags = root / "dags"
        self.dags.mkdir(parents=True)
        self.settings = dict(settings)
        self.output = root / "output"
        self.started: list[subprocess.Popen[bytes]] = []

    # ------------------------------------------------------------------ starting and ending

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "TRADEWIND_HOME": str(self.home),
            "TRADEWIND__CORE__DAGS_FOLDER": str(self.dags),
            "TRADEWIND__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
            "TRADEWIND__API__PORT": "0",
            **self.settings,
        }

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Type ``tradewind ...`` in a terminal of its own; what it says goes to ``output``."""
        with self.output.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tradewind.cli.main", *(arguments or ("standalone",))],
                cwd=self.root,
                env=self.environment | settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def wait_ready(self, workers: int = 1) -> None:
        """Wait until the Dag is there and so many workers are registered."""
        wait_until(self._is_served, 30, "the server answers")
        wait_until(lambda: self.call("GET", "/api/v2/dags/fifty")[0] == 200, 30, "the Dag is there")
        live = "SELECT count(*) FROM worker WHERE state = 'live'"
        wait_until(lambda: self.value(live) >= workers, 30, f"{workers} workers are registered")

    def family(self) -> list[int]:
        """Every living process of this home, whoever is its parent by now."""
        wanted = f"TRADEWIND_HOME={self.home}"
        pids = [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]
        return [pid for pid in pids if wanted in _read(pid, "environ") and is_alive(pid)]

    def end(self) -> None:
        """End everything, and fail if something had to be ended by force."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.started:
            process.wait(40)
        left = {pid: _read(pid, "cmdline") for pid in self.family()}
        kill(*left)
        assert not left, f"left over: {left}"

    # ------------------------------------------------------------------ who is who

    def launcher(self) -> int:
        return self.started[0].pid

    def server(self) -> int:
        """Wait until there is a server; answer its pid."""
        return int(wait_until(lambda: self._of("tradewind.server.main"), 10, "a server")[0])

    def workers(self) -> list[int]:
        return self._of("tradewind.worker")

    def own_worker(self) -> int:
        """The launcher's."""
        pids = self.workers()
        return next(pid for pid in pids if psutil.Process(pid).ppid() == self.launcher())

    def base_zygote(self, worker: int) -> int:
        """Wait until there is one; answer its pid: the newest child that is not a file's."""

        def newest() -> int | None:
            tasks = [one for one in self.lines() if is_alive(one.pid)]
            of_files = {parent_of(one.pid) for one in tasks}
            children = psutil.Process(worker).children()
            found = [one for one in children if one.pid not in of_files]
            return max(found, key=psutil.Process.create_time).pid if found else None

        return int(wait_until(newest, 10, "a base zygote"))

    def _of(self, module: str) -> list[int]:
        return [pid for pid in self.family() if _read(pid, "cmdline")[1:3] == ["-m", module]]

    # ------------------------------------------------------------------ the API

    def _is_served(self) -> bool:
        try:
            return self.call("GET", "/api/v2/version")[0] == 200
        except (OSError, ValueError, http.client.HTTPException):
            return False

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        found = json.loads((self.home / "server.json").read_bytes())
        address = urlsplit(found["url"])
        with closing(
            http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
        ) as connection:
            headers = {
                "Authorization": f"Bearer {found['token']}",
                "Content-Type": "application/json",
            }
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            text = answer.read()
        return answer.status, json.loads(text) if text else None

    def trigger(self, run_id: str) -> None:
        body = {"dag_run_id": run_id, "logical_date": None}
        status, answer = self.call("POST", "/api/v2/dags/fifty/dagRuns", body)
        assert status == 200, answer

    # ------------------------------------------------------------------ what tasks did

    def lines(self, run_id: str | None = None) -> list[Line]:
        path = self.root / "lines"
        text = path.read_text() if path.exists() else ""
        found = [json.loads(line) for line in text.splitlines()]
        return [
            Line(one["event"], one["run"], one["index"], one["try"], one["pid"], one["at"])
            for one in found
            if run_id in (None, one["run"])
        ]

    def living(self, run_id: str) -> list[int]:
        """Pids of tasks that run now."""
        pids = [one.pid for one in self.lines(run_id) if one.event == "start"]
        return [pid for pid in pids if is_alive(pid)]

    def wait_living(self, run_id: str, count: int = TASKS, seconds: float = 20) -> list[int]:
        """Wait until so many tasks run; answer their pids."""

        def all_of_them() -> list[int]:
            pids = self.living(run_id)
            return pids if len(pids) == count else []

        found: list[int] = wait_until(all_of_them, seconds, f"{count} tasks of {run_id} run")
        return found

    def open_gate(self, run_id: str, gate: str) -> None:
        (self.root / f"{run_id}.{gate}").touch()

    # ------------------------------------------------------------------ the database

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        uri = f"file:{self.home / 'tradewind.db'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as database:
            return database.execute(query, values).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        return self.rows(query, *values)[0][0]

    def run_state(self, run_id: str) -> str:
        return str(self.value("SELECT state FROM run WHERE run_id = ?", run_id))

    def wait_success(self, run_id: str, seconds: float) -> None:
        wait_until(
            lambda: self.run_state(run_id) in ("success", "failed"), seconds, f"{run_id} ends"
        )
        assert self.run_state(run_id) == "success", self.outcomes(run_id)

    def outcomes(self, run_id: str) -> dict[int, list[str]]:
        """How the tries of each instance ended, in order."""
        found: dict[int, list[str]] = {}
        for index, state in self.rows(
            "SELECT t.map_index, a.state FROM attempt a JOIN task_instance t ON t.id = a.ti_id "
            "JOIN run r ON r.id = t.run_pk WHERE r.run_id = ? ORDER BY a.id",
            run_id,
        ):
            found.setdefault(index, []).append(state)
        return found

    def check(self) -> None:
        """Hold the database and the tasks' own notes to what must always be so."""
        assert self.value("PRAGMA integrity_check") == "ok"
        assert not self.rows("PRAGMA foreign_key_check")
        twice = "SELECT ti_id FROM attempt WHERE {} GROUP BY ti_id, try_number HAVING count(*) > 1"
        assert not self.rows(twice.format("state = 'running'"))
        assert not self.rows(
            twice.format("state IN ('success', 'failed', 'skipped', 'killed', 'lost')")
        )
        assert not self.rows(
            "SELECT r.run_id FROM run r JOIN event e ON e.run_pk = r.id GROUP BY r.id "
            "HAVING count(*) <> r.seq OR max(e.run_seq) <> r.seq"
        )
        assert not [one for one in self.lines() if one.event.startswith("overlaps")]

    def check_all_done(self, run_id: str) -> None:
        """Every instance has succeeded exactly once, and each of its tries was one process."""
        self.check()
        for index, states in self.outcomes(run_id).items():
            assert states.count("success") == 1, (index, states)
            assert states[-1] == "success", (index, states)
        starts = [
            (one.instance, one.try_number) for one in self.lines(run_id) if one.event == "start"
        ]
        assert len(starts) == len(set(starts)), "a try ran twice"
        assert {index for index, _ in starts} == set(range(TASKS))

    # ------------------------------------------------------------------ what it said

    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def log(self, name: str) -> str:
        path = self.home / "logs" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def url(self) -> str:
        found = re.search(r"Tradewind is running: (\S+)", self.said())
        return found[1] if found else ""


def parent_of(pid: int) -> int:
    return psutil.Process(pid).ppid()


def _read(pid: int, name: str) -> list[str]:
    try:
        return Path("/proc", str(pid), name).read_text(errors="replace").split("\0")
    except OSError:
        return []
