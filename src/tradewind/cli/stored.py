"""What is stored, for user code that a command runs in its own process.

Variables and connections are those that tasks of a server see, and writing a variable writes the
stored one. What the code pushes stays in memory; XComs of earlier runs can be read.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from tradewind.cli.client import SECRETS, Api, Json, open_api, segment
from tradewind.cli.runs import instances_path
from tradewind.cli.variables import write_variable
from tradewind.core.sensitive import secrets_of_connection, secrets_of_variable
from tradewind.errors import NotFoundError
from tradewind.protocol.ports import ConnectionValue
from tradewind.protocol.questions import FACTS, Question
from tradewind.runtime.memory import MemoryPort

T = TypeVar("T")


class StoredPort(MemoryPort):
    """Asks the API, anew for each question, and only when there is one.

    Nothing is held between two questions: without a server the lock of the home would keep a
    server from starting, and the code itself from running a command, for as long as it runs.
    """

    def __init__(self, *, reads_xcoms: bool = False) -> None:
        """Ask for XComs too where ``reads_xcoms`` is set, else answer those pushed here only."""
        super().__init__()
        self._reads_xcoms = reads_xcoms
        self.answers.update(dict.fromkeys(FACTS, _ask_facts))

    def get_variable(self, key: str) -> str | None:
        """Answer the stored text, or None where there is no such variable."""
        path = f"{SECRETS}/variables/{segment(key)}"
        found = _ask(lambda api: _read(api, path), "secrets")
        if found is None:
            return None
        value = str(found["value"])
        self.masker.add(secrets_of_variable(key, value))
        return value

    def set_variable(self, key: str, value: str, description: str | None) -> None:
        """Write a variable into the store."""
        self.masker.add(secrets_of_variable(key, value))
        _ask(lambda api: write_variable(api, key, value, description), "variables")

    def delete_variable(self, key: str) -> bool:
        """Remove a variable from the store; False where there was none."""

        def delete(api: Api) -> bool:
            try:
                api.delete(f"/variables/{segment(key)}")
            except NotFoundError:
                return False
            return True

        return _ask(delete, "variables")

    def variable_keys(self, prefix: str | None) -> list[str]:
        """Answer the keys stored, in order, those with the prefix if one is given."""
        keys = _ask(
            lambda api: [str(row["key"]) for row in api.pages("/variables", "variables")],
            "variables",
        )
        return [key for key in keys if key.startswith(prefix or "")]

    def get_connection(self, conn_id: str) -> ConnectionValue | None:
        """Answer the connection, or None where there is no such id."""
        path = f"{SECRETS}/connections/{segment(conn_id)}"
        found = _ask(lambda api: _read(api, path), "secrets")
        if found is None:
            return None
        value = msgspec.convert({**found, "conn_id": found["connection_id"]}, ConnectionValue)
        self.masker.add(secrets_of_connection(value.password, value.extra))
        return value

    def get_xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int
    ) -> bytes | None:
        """Answer one XCom's JSON, or None; what was pushed here comes first."""
        pushed = super().get_xcom(dag_id, run_id, task_id, key, map_index)
        if pushed is not None or not self._reads_xcoms:
            return pushed
        task = _task_path(dag_id, run_id, task_id)
        return _ask(lambda api: _read_xcom(api, task, key, map_index), "xcoms")

    def get_xcoms(
        self, dag_id: str, run_id: str, task_id: str, key: str
    ) -> list[tuple[int, bytes]]:
        """Answer (map index, JSON) of every instance of a task that pushed this key, by index."""
        found = dict(super().get_xcoms(dag_id, run_id, task_id, key))
        if self._reads_xcoms:
            task = _task_path(dag_id, run_id, task_id)
            found = _ask(lambda api: _read_xcoms(api, task, key), "xcoms", "instances") | found
        return sorted(found.items())


class RenderPort(StoredPort):
    """For templates that are only shown: an output that is not there yet is told by its name."""

    def __init__(self) -> None:
        """Ask for XComs too."""
        super().__init__(reads_xcoms=True)

    def get_xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int
    ) -> bytes | None:
        """Answer one XCom's JSON, or that of what it will be."""
        found = super().get_xcom(dag_id, run_id, task_id, key, map_index)
        return found or msgspec.json.encode(f"<{key} of {task_id}>")


def _ask(question: Callable[[Api], T], *routers: str) -> T:
    """Put one question to the API, whose routers it needs.

    In a thread of its own: code that asks may be inside an event loop, and where no server runs
    the answer is made in a loop of this process.
    """

    def ask() -> T:
        with open_api(*routers, reads_files=False) as api:
            return question(api)

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(ask).result()


def _ask_facts(question: Question) -> Any:
    body = {"verb": question.verb(), "args": msgspec.to_builtins(question)}
    del body["args"]["verb"]
    told = _ask(lambda api: api.post("/api/own/questions", body), "questions")
    return msgspec.convert(told["value"], question.ANSWER)


def _read(api: Api, path: str, **params: object) -> Json | None:
    try:
        return api.get(path, **params)
    except NotFoundError:
        return None


def _read_xcom(api: Api, task: str, key: str, map_index: int) -> bytes | None:
    index = None if map_index < 0 else map_index
    path = f"{task}/xcomEntries/{segment(key)}"
    found = _read(api, path, map_index=index, stringify=True)
    return None if found is None else str(found["value"]).encode()


def _read_xcoms(api: Api, task: str, key: str) -> dict[int, bytes]:
    try:
        instances = list(api.pages(f"{task}/listMapped", "task_instances"))
    except NotFoundError:
        return {}
    found = {one["map_index"]: _read_xcom(api, task, key, one["map_index"]) for one in instances}
    return {index: value for index, value in found.items() if value is not None}


def _task_path(dag_id: str, run_id: str, task_id: str) -> str:
    return f"{instances_path(dag_id, run_id)}/{segment(task_id)}"
