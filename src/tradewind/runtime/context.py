"""Building the context of a task: the facts of its run and try under the names authors know."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import cached_property
from typing import Any

from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.ports import TaskPort
from tradewind.protocol.questions import GetPreviousRun
from tradewind.runtime.data import DATA_MAKERS, has_assets
from tradewind.sdk import macros
from tradewind.sdk.configuration import conf as settings
from tradewind.sdk.connection import Connection
from tradewind.sdk.dag_run import DagRun
from tradewind.sdk.exceptions import AirflowNotFoundException
from tradewind.sdk.host import ask
from tradewind.sdk.instants import to_pendulum
from tradewind.sdk.params import ParamsDict
from tradewind.sdk.sentinels import NOTSET
from tradewind.sdk.task_instance import RuntimeTaskInstance
from tradewind.sdk.templating import DATE_FILTERS, NEED_DATE
from tradewind.sdk.variable import Variable

_FROM_DATE = ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")


class TaskContext(MutableMapping[str, Any]):
    """The context of one try. A key that this run does not have says so when it is asked for.

    A value is made when it is first asked for: few tasks ask for many, and what a short task costs
    is the memory it touches.
    """

    def __init__(self, order: TaskOrder, task: Any, port: TaskPort) -> None:
        self.order = order
        self.run = DagRun(order.run, to_pendulum)
        ti = RuntimeTaskInstance(order, port, to_pendulum)
        ti.bind(task, self)
        self.port = port
        self._values: dict[str, Any] = {"task": task, "ti": ti, "task_instance": ti}
        self._gone: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        if key in self._values:
            return self._values[key]
        if not self._is_made_here(key):
            if key in NEED_DATE:
                raise KeyError(f"'{key}' is not in the context: this run has no logical date")
            raise KeyError(key)
        value = self._values[key] = _MAKERS[key](self)
        return value

    @cached_property
    def before(self) -> DagRun | None:
        """Answer the latest run before this one that succeeded; asked for once."""
        order = self.order
        question = GetPreviousRun(dag_id=order.run.dag_id, run_id=order.run.run_id, state="success")
        view = ask(question)
        return None if view is None else DagRun(view)

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._values.pop(key, None)
        self._gone.add(key)

    def __iter__(self) -> Iterator[str]:
        yield from self._values
        yield from [k for k in _MAKERS if k not in self._values and self._is_made_here(k)]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, key: object) -> bool:
        return key in self._values or (isinstance(key, str) and self._is_made_here(key))

    def __repr__(self) -> str:
        return f"<Context of {self._values.get('ti')}>"

    def _is_made_here(self, key: str) -> bool:
        if key not in _MAKERS or key in self._gone:
            return False
        if key == "asset_state_store":
            return has_assets(self._values["task"])
        return key not in NEED_DATE or self.order.run.logical_date is not None


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


def build_context(order: TaskOrder, task: Any, port: TaskPort) -> TaskContext:
    """Answer the context of one try; keys that need a logical date are missing without one.

    Raises:
        ParamValidationError: The run's conf does not fit the Dag's Params.
    """
    context = TaskContext(order, task, port)
    if order.run.conf or task.params:
        # Made at once: what does not fit must fail the task, whether it asks or not.
        context["params"] = merge_params(task, order.run.conf)
    return context


def _of_date(name: str) -> Callable[[TaskContext], Any]:
    return lambda context: DATE_FILTERS[name](context.run.logical_date)


def _key_str(context: TaskContext) -> str:
    order = context.order
    return "__".join([order.run.dag_id, order.task_id, context.get("ds_nodash", order.run.run_id)])


def _before(name: str) -> Callable[[TaskContext], Any]:
    return lambda context: None if context.before is None else getattr(context.before, name)


def _variables(_: TaskContext) -> dict[str, VariableAccessor]:
    return {
        "value": VariableAccessor(deserialize_json=False),
        "json": VariableAccessor(deserialize_json=True),
    }


_MAKERS: dict[str, Callable[[TaskContext], Any]] = {
    "conn": lambda _: ConnectionAccessor(),
    "dag": lambda context: context["task"].get_dag(),
    "dag_run": lambda context: context.run,
    "data_interval_end": lambda c: c.run.data_interval_end or c.run.logical_date,
    "data_interval_start": lambda c: c.run.data_interval_start or c.run.logical_date,
    "expanded_ti_count": lambda _: None,
    "inlets": lambda context: list(context["task"].inlets),
    "logical_date": lambda context: context.run.logical_date,
    "macros": lambda _: macros,
    "map_index_template": lambda context: context["task"].map_index_template,
    "outlets": lambda context: list(context["task"].outlets),
    "params": lambda _: {},
    "partition_key": lambda context: context.order.run.partition_key,
    "partition_date": lambda _: None,
    "prev_data_interval_end_success": _before("data_interval_end"),
    "prev_data_interval_start_success": _before("data_interval_start"),
    "prev_end_date_success": _before("end_date"),
    "prev_start_date_success": _before("start_date"),
    "run_id": lambda context: context.order.run.run_id,
    "start_date": lambda context: context["ti"].start_date,
    "task_instance_key_str": _key_str,
    "task_reschedule_count": lambda context: context.order.reschedules,
    "templates_dict": lambda _: None,
    "test_mode": lambda _: False,
    "try_number": lambda context: context.order.try_number,
    "var": _variables,
    **{name: _of_date(name) for name in _FROM_DATE},
    **DATA_MAKERS,
}
"""How each value of the context is made."""


def merge_params(task: Any, conf: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the task's Params with the run's conf over them, checked.

    Raises:
        ParamValidationError: A value does not fit its Param.
    """
    cls = task.operator_class if task.is_mapped else type(task)
    params = ParamsDict(task.dag.params if cls.asks_for_params else task.params)
    if settings.getboolean("core", "dag_run_conf_overrides_params"):
        params.deep_merge(conf)
    return params.validate()
