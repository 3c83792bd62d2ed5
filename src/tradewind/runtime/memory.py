"""A TaskPort for one run in this process: XComs, variables and connections in memory."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tradewind.core.mapping import is_within
from tradewind.core.sensitive import secrets_of_connection, secrets_of_variable
from tradewind.errors import TradewindError
from tradewind.protocol.data_questions import DeleteXCom, FindXComs, SetXCom, XComsWithin
from tradewind.protocol.masking import Masker
from tradewind.protocol.ports import ConnectionValue
from tradewind.protocol.questions import GetPreviousRun, Question
from tradewind.runtime.data import LocalData
from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.secrets import secrets_without_host

XComKey = tuple[str, str, str, str, int]
"""Dag, run, task, key, map index."""


class MemoryPort:
    """Keeps what tasks push and set until the run is forgotten."""

    def __init__(
        self,
        variables: Mapping[str, str] | None = None,
        connections: Mapping[str, Connection] | None = None,
    ) -> None:
        self.variables = dict(variables or {})
        self.connections = dict(connections or {})
        self.masker = Masker(secrets_without_host())
        """Knows every secret that was read; for whoever shows what this code prints."""
        for key, text in self.variables.items():
            self.masker.add(secrets_of_variable(key, text))
        for one in self.connections.values():
            self.masker.add(secrets_of_connection(one.password, one.extra))
        self.xcoms: dict[XComKey, bytes] = {}
        self.lengths: dict[XComKey, int | None] = {}
        self.answers: dict[type[Question], Callable[[Any], Any]] = {
            GetPreviousRun: lambda _: None,
            FindXComs: self._find_xcoms,
            XComsWithin: self._xcoms_within,
            SetXCom: self._set_xcom,
            DeleteXCom: self._delete_xcom,
        }
        """What answers each kind of question; whoever knows answers here puts itself in."""
        self.data = LocalData(lambda: self._running)
        self.answers.update(self.data.answers())
        self._running: tuple[str, str, str, int] = ("", "", "", -1)
        self._paths: dict[tuple[str, str, str, int], str] = {}

    def begin(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        map_index: int,
        map_path: str = "",
        *,
        keep: bool = False,
    ) -> None:
        """Say which task instance runs from now on; what an earlier try pushed is forgotten.

        With ``keep`` it is the same try that goes on, and what it pushed stays.
        """
        self._running = (dag_id, run_id, task_id, map_index)
        self._paths[self._running] = map_path
        if keep:
            return
        for key in [key for key in self.xcoms if (*key[:3], key[4]) == self._running]:
            del self.xcoms[key]
            del self.lengths[key]

    def get_variable(self, key: str) -> str | None:
        """Answer the stored text, or None where there is no such variable."""
        return self.variables.get(key)

    def set_variable(self, key: str, value: str, description: str | None) -> None:
        """Write a variable for the rest of this run."""
        self.variables[key] = value
        self.masker.add(secrets_of_variable(key, value))

    def delete_variable(self, key: str) -> bool:
        """Remove a variable; False where there was none."""
        return self.variables.pop(key, None) is not None

    def variable_keys(self, prefix: str | None) -> list[str]:
        """Answer the keys stored, in order, those with the prefix if one is given."""
        return sorted(key for key in self.variables if key.startswith(prefix or ""))

    def get_connection(self, conn_id: str) -> ConnectionValue | None:
        """Answer the connection, or None where there is no such id."""
        found = self.connections.get(conn_id)
        if found is None:
            return None
        return ConnectionValue(
            conn_id=conn_id,
            conn_type=found.conn_type,
            host=found.host,
            login=found.login,
            password=found.password,
            schema_=found.schema,
            port=found.port,
            extra=found.extra,
            description=found.description,
        )

    def mask(self, *secrets: str) -> None:
        """Have these values hidden in what is shown from here on."""
        self.masker.add(secrets)

    def get_xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int
    ) -> bytes | None:
        """Answer one XCom's JSON, or None."""
        return self.xcoms.get((dag_id, run_id, task_id, key, map_index))

    def get_xcoms(
        self, dag_id: str, run_id: str, task_id: str, key: str
    ) -> list[tuple[int, bytes]]:
        """Answer (map index, JSON) of every instance of a task that pushed this key, by index."""
        wanted = (dag_id, run_id, task_id, key)
        return sorted((k[4], value) for k, value in self.xcoms.items() if k[:4] == wanted)

    def push_xcom(self, key: str, value: bytes, length: int | None) -> None:
        """Push for the task instance that runs now; the last push of a key wins."""
        dag_id, run_id, task_id, map_index = self._running
        place = (dag_id, run_id, task_id, key, map_index)
        self.xcoms[place] = value
        self.lengths[place] = length

    def _find_xcoms(self, asked: FindXComs) -> list[tuple[int, bytes]]:
        found = self.get_xcoms(asked.dag_id, asked.run_id, asked.task_id, asked.key)
        return [one for one in found if asked.map_index in (None, one[0])]

    def _xcoms_within(self, asked: XComsWithin) -> list[tuple[str, bytes]]:
        found = self.get_xcoms(asked.dag_id, asked.run_id, asked.task_id, asked.key)
        place = (asked.dag_id, asked.run_id, asked.task_id)
        paths = [(self._paths.get((*place, index), ""), raw) for index, raw in found]
        return [(path, raw) for path, raw in paths if is_within(path, asked.map_path)]

    def _set_xcom(self, asked: SetXCom) -> None:
        place = (asked.dag_id, asked.run_id, asked.task_id, asked.key, asked.map_index)
        self.xcoms[place] = asked.value
        self.lengths[place] = asked.length

    def _delete_xcom(self, asked: DeleteXCom) -> bool:
        place = (asked.dag_id, asked.run_id, asked.task_id, asked.key, asked.map_index)
        self.lengths.pop(place, None)
        return self.xcoms.pop(place, None) is not None

    def ask(self, question: Question) -> Any:
        """Answer a question from what this process knows.

        Raises:
            TradewindError: Only a server could answer this.
        """
        answer = self.answers.get(type(question))
        if answer is None:
            raise TradewindError(
                "needs-server", f"'{question.verb()}' can be answered by a server only."
            )
        return answer(question)

    def pushed(self) -> dict[str, int | None]:
        """Answer the keys that the task instance that runs now has pushed, with their lengths."""
        return {
            key[3]: length
            for key, length in self.lengths.items()
            if (*key[:3], key[4]) == self._running
        }


def read_variables(path: str) -> dict[str, str]:
    """Answer the variables of a JSON or YAML file, as text."""
    values = _read_mapping(path)
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }


def read_connections(path: str) -> dict[str, Connection]:
    """Answer the connections of a JSON or YAML file: each a URI or an object of its fields."""
    return {name: Connection.from_fields(v, name) for name, v in _read_mapping(path).items()}


def _read_mapping(path: str) -> dict[str, Any]:
    try:
        # JSON is YAML, near enough for both to be read alike.
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise AirflowException(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise AirflowException(f"{path} must hold an object with a name for each entry")
    return found
