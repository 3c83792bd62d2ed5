"""Building the context of a task: the facts of its run and try under the names authors know."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import datetime
from typing import Any

import pendulum

from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.ports import TaskPort
from tradewind.runtime.instance import DagRun, RuntimeTaskInstance
from tradewind.sdk import macros
from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowNotFoundException
from tradewind.sdk.params import ParamsDict
from tradewind.sdk.sentinels import NOTSET
from tradewind.sdk.templating import DATE_FILTERS
from tradewind.sdk.variable import Variable

_FROM_DATE = ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")


class TaskContext(MutableMapping[str, Any]):
    """The context itself; a key that this run does not have says so when it is asked for.

    Some values are made only when they are asked for, as few tasks ask for many.
    """

    def __init__(self, values: dict[str, Any], later: dict[str, Callable[[], Any]]) -> None:
        self._values: dict[str, Any] = {**values, **dict.fromkeys(later)}
        self._later = later

    def __getitem__(self, key: str) -> Any:
        make = self._later.pop(key, None)
        if make is not None:
            self._values[key] = make()
        elif key not in self._values and key in _NEED_DATE:
            raise KeyError(f"'{key}' is not in the context: this run has no logical date")
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._later.pop(key, None)
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        self._later.pop(key, None)
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __repr__(self) -> str:
        return f"<Context of {self._values.get('ti')}>"


_NEED_DATE = frozenset({*_FROM_DATE, "logical_date", "data_interval_start", "data_interval_end"})


class VariableAccessor:
    """``var.value.key`` and ``var.json.key``; ``.get(key, default)`` where it may be missing."""

    def __init__(self, *, deserialize_json: bool) -> None:
        self._json = deserialize_json

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return Variable.get(key, deserialize_json=self._json)

    def get(self, key: str, default: Any = NOTSET, default_var: Any = NOTSET) -> Any:
        """Answer the variable's value, or the default."""
        return Variable.get(key, default, self._json, default_var=default_var)


class ConnectionAccessor:
    """``conn.some_id``; ``conn.get(id, default)`` where it may be missing."""

    def __getattr__(self, conn_id: str) -> Any:
        if conn_id.startswith("__"):
            raise AttributeError(conn_id)
        return Connection.get(conn_id)

    def get(self, conn_id: str, default_conn: Any = None) -> Any:
        """Answer the connection, or the default."""
        try:
            return Connection.get(conn_id)
        except AirflowNotFoundException:
            return default_conn


def to_pendulum(moment: datetime | None) -> Any:
    """Answer the moment as a pendulum datetime in UTC."""
    return None if moment is None else pendulum.instance(moment, tz="UTC")


def build_context(order: TaskOrder, task: Any, port: TaskPort) -> TaskContext:
    """Answer the context of one try; keys that need a logical date are missing without one.

    Raises:
        ParamValidationError: The run's conf does not fit the Dag's Params.
    """
    run = DagRun(order.run, to_pendulum)
    ti = RuntimeTaskInstance(order, port, to_pendulum)
    values: dict[str, Any] = {
        "conn": ConnectionAccessor(),
        "dag": task.get_dag(),
        "dag_run": run,
        "expanded_ti_count": None,
        "inlets": list(task.inlets),
        "macros": macros,
        "map_index_template": task.map_index_template,
        "outlets": list(task.outlets),
        "params": merge_params(task, run.conf),
        "run_id": run.run_id,
        "task": task,
        "task_instance": ti,
        "task_reschedule_count": max(order.leg - 1, 0),
        "templates_dict": None,
        "test_mode": False,
        "ti": ti,
        "triggering_asset_events": {},
        "try_number": order.try_number,
        "var": {
            "value": VariableAccessor(deserialize_json=False),
            "json": VariableAccessor(deserialize_json=True),
        },
    }
    if order.run.partition_key is not None:
        values["partition_key"] = order.run.partition_key
    later = _dates(run) if order.run.logical_date is not None else {}
    later["start_date"] = lambda: ti.start_date
    later["task_instance_key_str"] = lambda: "__".join(
        [run.dag_id, order.task_id, context.get("ds_nodash", run.run_id)]
    )
    context = TaskContext(values, later)
    ti.bind(task, context)
    return context


def _dates(run: DagRun) -> dict[str, Callable[[], Any]]:
    def of_date(name: str) -> Callable[[], Any]:
        return lambda: DATE_FILTERS[name](run.logical_date)

    later = {name: of_date(name) for name in _FROM_DATE}
    later["logical_date"] = lambda: run.logical_date
    later["data_interval_start"] = lambda: run.data_interval_start or run.logical_date
    later["data_interval_end"] = lambda: run.data_interval_end or run.logical_date
    return later


def merge_params(task: Any, conf: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the task's Params with the run's conf over them, checked.

    Raises:
        ParamValidationError: A value does not fit its Param.
    """
    params = ParamsDict(task.params)
    params.deep_merge(conf)
    return params.validate()
