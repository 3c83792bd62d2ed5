"""XComs: values that tasks leave for tasks, and the class that writes and reads them.

A backend is a subclass of ``BaseXCom`` that overrides ``serialize_value`` and
``deserialize_value`` (and ``purge``, where it keeps something elsewhere); the setting ``[core]
xcom_backend`` names it. What it answers is kept by Tradewind: text that is JSON, or bytes.
"""

import base64
import json
from functools import cache
from typing import Any, NamedTuple

from tradewind.protocol.data_questions import DeleteXCom, FindXComs, SetXCom
from tradewind.protocol.ports import TaskPort, bound_port
from tradewind.sdk.configuration import conf, import_string
from tradewind.sdk.exceptions import AirflowConfigException, AirflowException
from tradewind.sdk.references import XCOM_RETURN_KEY
from tradewind.sdk.serde import decode, encode, length_of

_RAW = b'{"__type__":"raw","__value__":"'


class XComResult(NamedTuple):
    """One XCom as it is kept: what ``deserialize_value`` is given."""

    key: str
    value: Any
    task_id: str = ""
    dag_id: str = ""
    run_id: str = ""
    map_index: int = -1


class BaseXCom:
    """Writes and reads XComs; the root of custom backends."""

    XCOM_RETURN_KEY = XCOM_RETURN_KEY

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        """Answer a value as it is kept: JSON text.

        Raises:
            AirflowException: It holds something that cannot be kept.
        """
        return encode(value).decode()

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """Answer the value of what was kept; ``result`` has it as ``value``.

        Raises:
            AirflowException: It holds a class that is not allowed.
        """
        kept = result.value
        if isinstance(kept, str | bytes | bytearray):
            return decode(bytes(kept) if isinstance(kept, bytearray) else _as_bytes(kept))
        return kept

    @classmethod
    def orm_deserialize_value(cls, result: Any) -> Any:
        """Answer what to show of an XCom where the value itself is not wanted."""
        return cls.deserialize_value(result)

    @classmethod
    def set(
        cls,
        key: str,
        value: Any,
        *,
        dag_id: str,
        task_id: str,
        run_id: str,
        map_index: int = -1,
        _mapped_length: int | None = None,
    ) -> None:
        """Keep a value for a task instance, as if it had pushed it.

        Raises:
            AirflowException: The value cannot be kept, or is too large; no host runs this code.
        """
        where: dict[str, Any] = {"dag_id": dag_id, "task_id": task_id, "run_id": run_id}
        kept = cls.to_bytes(value, key=key, map_index=map_index, **where)
        length = _mapped_length if _mapped_length is not None else length_of(value)
        question = SetXCom(key=key, value=kept, length=length, map_index=map_index, **where)
        _port().ask(question)

    @classmethod
    def get_value(cls, *, ti_key: Any, key: str) -> Any:
        """Answer what the task instance of this key pushed, or None."""
        dag_id, task_id, run_id, _, map_index = tuple(ti_key)
        return cls.get_one(
            key=key, dag_id=dag_id, task_id=task_id, run_id=run_id, map_index=map_index
        )

    @classmethod
    def get_one(
        cls,
        *,
        key: str | None = None,
        dag_id: str,
        task_id: str,
        run_id: str,
        map_index: int | None = None,
        include_prior_dates: bool = False,
    ) -> Any:
        """Answer one value, or None; of earlier runs too, the newest first, if that is asked."""
        found = find_xcoms(
            _port(),
            key or XCOM_RETURN_KEY,
            dag_id=dag_id,
            task_id=task_id,
            run_id=run_id,
            map_index=-1 if map_index is None else map_index,
            prior=include_prior_dates,
        )
        return None if not found else cls.from_bytes(found[0][1], key or XCOM_RETURN_KEY)

    @classmethod
    def get_all(
        cls,
        *,
        key: str | None = None,
        dag_id: str,
        task_id: str,
        run_id: str,
        include_prior_dates: bool = False,
    ) -> list[Any] | None:
        """Answer the values of all instances of a task, by map index; None where there is none."""
        key = key or XCOM_RETURN_KEY
        found = find_xcoms(
            _port(),
            key,
            dag_id=dag_id,
            task_id=task_id,
            run_id=run_id,
            map_index=None,
            prior=include_prior_dates,
        )
        return [cls.from_bytes(raw, key) for _, raw in found] or None

    @classmethod
    def delete(
        cls, key: str, task_id: str, dag_id: str, run_id: str, map_index: int | None = None
    ) -> None:
        """Remove an XCom, and what its backend keeps of it elsewhere."""
        where = {"dag_id": dag_id, "task_id": task_id, "run_id": run_id}
        index = -1 if map_index is None else map_index
        port = _port()
        for _, raw in find_xcoms(port, key, map_index=index, prior=False, **where):
            cls.purge(XComResult(key, _kept(raw), task_id, dag_id, run_id, index))
        port.ask(DeleteXCom(key=key, map_index=index, **where))

    @classmethod
    def purge(cls, xcom: Any, *args: Any) -> None:
        """Remove what the backend keeps of an XCom elsewhere: nothing here."""

    @classmethod
    def purge_instance(cls, dag_id: str, run_id: str, task_id: str, map_index: int) -> None:
        """Remove what the backend keeps of a task instance that runs again: nothing here."""

    @classmethod
    def to_bytes(cls, value: Any, **where: Any) -> bytes:
        """Answer what is kept of a value.

        Raises:
            AirflowException: It cannot be kept, or is larger than ``[core] max_xcom_bytes``.
        """
        kept = cls.serialize_value(value, **where)
        if not isinstance(kept, str | bytes | bytearray):
            kept = encode(kept)
        raw = kept.encode() if isinstance(kept, str) else bytes(kept)
        if not isinstance(kept, str) and not _is_json(raw):
            raw = _RAW + base64.b64encode(raw) + b'"}'
        check_size(len(raw), where.get("key") or XCOM_RETURN_KEY)
        return raw

    @classmethod
    def from_bytes(cls, raw: bytes, key: str = XCOM_RETURN_KEY) -> Any:
        """Answer the value of what was kept."""
        return cls.deserialize_value(XComResult(key, _kept(raw)))


@cache
def largest_xcom() -> int:
    """Answer how many bytes an XCom may have; the setting is read once a process."""
    return conf.getint("core", "max_xcom_bytes")


def check_size(size: int, key: str) -> None:
    """Refuse what is too large to travel through the database.

    Raises:
        AirflowException: It is larger than ``[core] max_xcom_bytes``.
    """
    largest = largest_xcom()
    if size > largest:
        raise AirflowException(
            f"The XCom '{key}' has {size:,} bytes as JSON; {largest:,} are allowed ([core] "
            "max_xcom_bytes). Write it to a file or a table and return where it is, or keep large "
            "XComs in object storage: [core] xcom_backend = "
            "tradewind.sdk.xcom_storage.ObjectStorageXCom and [xcom] storage_path"
        )


@cache
def backend() -> type[BaseXCom]:
    """Answer the class that writes and reads XComs here; the setting is read once a process.

    Raises:
        AirflowConfigException: The setting names no class that is a ``BaseXCom``.
    """
    path = conf.get("core", "xcom_backend")
    if path in _DEFAULT:
        return BaseXCom
    try:
        found = import_string(path)
    except ImportError as error:
        raise AirflowConfigException(f"[core] xcom_backend: {error}") from None
    if not (isinstance(found, type) and issubclass(found, BaseXCom)):
        raise AirflowConfigException(f"[core] xcom_backend: {path} is no subclass of BaseXCom")
    return found


_DEFAULT = (
    "tradewind.sdk.xcom.BaseXCom",
    "airflow.models.xcom.BaseXCom",
    "airflow.sdk.execution_time.xcom.BaseXCom",
    "airflow.sdk.bases.xcom.BaseXCom",
)


def find_xcoms(
    port: TaskPort,
    key: str,
    *,
    dag_id: str,
    task_id: str,
    run_id: str,
    map_index: int | None,
    prior: bool,
) -> list[tuple[int, bytes]]:
    """Answer (map index, kept bytes), by index; with ``prior``, of the newest run that has any."""
    if not prior:
        if map_index is None:
            return port.get_xcoms(dag_id, run_id, task_id, key)
        raw = port.get_xcom(dag_id, run_id, task_id, key, map_index)
        return [] if raw is None else [(map_index, raw)]
    question = FindXComs(
        dag_id=dag_id, task_id=task_id, run_id=run_id, key=key, map_index=map_index
    )
    return list(port.ask(question))


def _port() -> TaskPort:
    port = bound_port.get()
    if port is None:
        raise AirflowException("XComs are read and written by running tasks only")
    return port


def _kept(raw: bytes) -> Any:
    if raw.startswith(_RAW):
        return base64.b64decode(json.loads(raw)["__value__"])
    return raw.decode()


def _as_bytes(kept: str | bytes) -> bytes:
    return kept.encode() if isinstance(kept, str) else kept


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True


class XCom(BaseXCom):
    """The name by which tasks reach the backend that is configured: ``XCom.get_one(...)``."""

    @staticmethod
    def serialize_value(value: Any, **where: Any) -> Any:
        """Answer a value as the configured backend keeps it."""
        return backend().serialize_value(value, **where)

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """Answer the value of what the configured backend kept."""
        return backend().deserialize_value(result)

    @classmethod
    def purge(cls, xcom: Any, *args: Any) -> None:
        """Remove what the configured backend keeps elsewhere."""
        backend().purge(xcom, *args)
