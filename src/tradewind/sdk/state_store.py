"""State that outlives a try: small JSON values of a task instance, or of an asset.

``context["task_state_store"]`` is the task instance's own: what one try sets, the next one finds.
``context["asset_state_store"][asset]`` is shared by all tasks that have the asset as inlet or
outlet: a watermark, say.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tradewind.protocol.data_questions import DeleteState, GetState, SetState
from tradewind.protocol.ports import TaskPort
from tradewind.sdk.assets import Asset, AssetRef, BaseAsset
from tradewind.sdk.calling import aside
from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.sentinels import NOTSET, is_arg_set

MAX_VALUE_BYTES = 65_535
_LONGEST_KEY = 512


class NeverExpire:
    """The type of ``NEVER_EXPIRE``."""

    def __repr__(self) -> str:
        return "NEVER_EXPIRE"


NEVER_EXPIRE = NeverExpire()
"""``retention`` of a value that is kept until somebody removes it."""


class StateStore:
    """Values by key, of one owner; each has a twin to await, with an ``a`` before its name."""

    def __init__(self, port: TaskPort, asset: str | None = None) -> None:
        self._port = port
        self._asset = asset

    def get(self, key: str, default: Any = None) -> Any:
        """Answer the value of a key, or the default."""
        found = self._port.ask(GetState(key=_checked_key(key), asset=self._asset))
        return default if found is None else json.loads(found)

    def set(
        self, key: str, value: Any, *, retention: dt.timedelta | NeverExpire | None = None
    ) -> None:
        """Keep a value: 30 days unless ``retention`` says otherwise ([state_store]).

        Raises:
            AirflowException: It is not JSON, or has more than 65,535 bytes as JSON.
        """
        raw = _as_json(key, value)
        if len(raw) > MAX_VALUE_BYTES:
            raise AirflowException(
                f"The state '{key}' has {len(raw):,} bytes as JSON; {MAX_VALUE_BYTES:,} are "
                "allowed. Keep large things in a file or table, and where they are in the state"
            )
        self._port.ask(
            SetState(
                key=_checked_key(key),
                value=raw,
                keep_seconds=_seconds(retention),
                asset=self._asset,
            )
        )

    def delete(self, key: str) -> None:
        """Remove a key; nothing happens where there is none."""
        self._port.ask(DeleteState(key=_checked_key(key), asset=self._asset))

    def clear(self) -> None:
        """Remove all keys of this owner."""
        self._port.ask(DeleteState(asset=self._asset))

    async def aget(self, key: str, default: Any = None) -> Any:
        """Do as ``get``, and let other coroutines run meanwhile."""
        return await aside(self.get, key, default)

    async def aset(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Do as ``set``, and let other coroutines run meanwhile."""
        await aside(self.set, key, value, retention=retention)

    async def adelete(self, key: str) -> None:
        """Do as ``delete``, and let other coroutines run meanwhile."""
        await aside(self.delete, key)

    async def aclear(self) -> None:
        """Do as ``clear``, and let other coroutines run meanwhile."""
        await aside(self.clear)


class AssetStateStores(Mapping[Any, StateStore]):
    """The state stores of a task's inlets and outlets, by asset."""

    def __init__(self, assets: Iterable[Any], port: TaskPort) -> None:
        self._assets = {name: one for one in assets for name in _names(one)}
        self._port = port

    def __getitem__(self, key: Any) -> StateStore:
        names = [key] if isinstance(key, str) else _names(key)
        for name in names:
            if name in self._assets:
                return StateStore(self._port, name)
        raise KeyError(f"{key!r} is neither an inlet nor an outlet of this task")

    def __iter__(self) -> Iterator[BaseAsset]:
        return iter(dict.fromkeys(self._assets.values()))

    def __len__(self) -> int:
        return len(set(self._assets.values()))

    def _only(self) -> StateStore:
        if len(self) != 1:
            raise AirflowException(
                f"This task has {len(self)} assets; say which: asset_state_store[asset]"
            )
        return self[next(iter(self))]

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)
        return getattr(self._only(), name)


_METHODS = ("set", "delete", "clear", "aget", "aset", "adelete", "aclear")


def _names(asset: Any) -> list[str]:
    if isinstance(asset, Asset | AssetRef):
        return [name for name in dict.fromkeys((asset.name, asset.uri)) if name is not None]
    return []


def _checked_key(key: str) -> str:
    if not key or len(key) > _LONGEST_KEY:
        raise AirflowException(f"A state's key is text of 1 to {_LONGEST_KEY} characters: {key!r}")
    return key


def _as_json(key: str, value: Any) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise AirflowException(f"The state '{key}' must be JSON: {error}") from None


def _seconds(retention: Any) -> float | None:
    if isinstance(retention, NeverExpire):
        return None
    if retention is None:
        days = conf.getint("state_store", "default_retention_days")
        return None if days <= 0 else days * 86_400.0
    if retention <= dt.timedelta():
        raise AirflowException("A state's retention must be longer than nothing, or NEVER_EXPIRE")
    return float(retention.total_seconds())


class ResumableJobMixin:
    """For operators that start a job elsewhere: started once, taken up again by the next try.

    Set ``durable`` (True) and write the five steps; call ``execute_resumable(context)`` in
    ``execute``. The job's id is in the state store before anything is waited for, so that a try
    whose worker died is followed by one that finds the job running.
    """

    durable: bool = True
    external_id_key: str = "external_job_id"

    def submit_job(self, context: Any) -> Any:
        """Start the job; answer its id, as JSON.

        Raises:
            NotImplementedError: The subclass does not say how.
        """
        raise NotImplementedError

    def get_job_status(self, external_id: Any, context: Any) -> Any:
        """Answer how the job is.

        Raises:
            NotImplementedError: The subclass does not say how.
        """
        raise NotImplementedError

    def is_job_active(self, status: Any) -> bool:
        """Say whether a job of this status is still to be waited for.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError

    def is_job_succeeded(self, status: Any) -> bool:
        """Say whether a job of this status ended well.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError

    def poll_until_complete(self, external_id: Any, context: Any) -> None:
        """Wait for the job; raise if it ends badly.

        Raises:
            NotImplementedError: The subclass does not say how.
        """
        raise NotImplementedError

    def get_job_result(self, external_id: Any, context: Any) -> Any:
        """Answer what the task returns: the job's id, if nobody says otherwise."""
        return external_id

    def execute_resumable(self, context: Any) -> Any:
        """Start the job, or take up the one that an earlier try started; wait; answer its result.

        A job of an earlier try that ended badly is not waited for: a new one is started.
        """
        store = context["task_state_store"] if self.durable else None
        external_id = store.get(self.external_id_key, NOTSET) if store is not None else NOTSET
        if is_arg_set(external_id):
            status = self.get_job_status(external_id, context)
            if self.is_job_succeeded(status):
                return self.get_job_result(external_id, context)
            if not self.is_job_active(status):
                external_id = NOTSET
        if not is_arg_set(external_id):
            external_id = self.submit_job(context)
            if store is not None:
                store.set(self.external_id_key, external_id, retention=NEVER_EXPIRE)
        self.poll_until_complete(external_id, context)
        return self.get_job_result(external_id, context)
