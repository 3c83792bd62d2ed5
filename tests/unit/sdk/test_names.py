"""The names of ``airflow.sdk``, row by row: each can be imported, and does what it is for.

A row is an area, a name, what kind of thing it is, and a few words of Python that are true.
"""

import importlib
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

import tradewind
from tradewind import sdk
from tradewind.compat.finder import install, uninstall

DAY = datetime(2026, 4, 20, tzinfo=UTC)

ROWS = [
    # Dag
    ("DAG", type, "DAG('d').dag_id == 'd'"),
    ("dag", object, "dag(schedule=None)(lambda: None).__name__ == '<lambda>'"),
    ("result", object, "result(task(print)).is_result"),
    ("TaskGroup", type, "TaskGroup('g', dag=DAG('d')).group_id == 'g'"),
    ("task_group", object, "task_group(group_id='g')(print).kwargs == {'group_id': 'g'}"),
    ("task", object, "task(print).__name__ == 'print' and callable(task.bash)"),
    ("setup", object, "setup(print).is_setup"),
    ("teardown", object, "teardown(print).is_teardown"),
    ("Label", object, "Label('x').label == 'x'"),
    ("EdgeModifier", type, "isinstance(Label('x'), EdgeModifier)"),
    ("chain", object, "chain(*made('a', 'b')) is None"),
    ("chain_linear", object, "chain_linear(*made('a', 'b')) is None"),
    ("cross_downstream", object, "cross_downstream([], []) is None"),
    ("literal", object, "literal('{{ ds }}').resolve({}) == '{{ ds }}'"),
    ("get_current_context", object, "raises(RuntimeError, get_current_context)"),
    ("get_parsing_context", object, "get_parsing_context().dag_id is None"),
    # Operators
    ("BaseOperator", type, "BaseOperator(task_id='t').retries == 0"),
    ("BaseAsyncOperator", type, "BaseAsyncOperator(task_id='t').is_async"),
    ("BaseSensorOperator", type, "BaseSensorOperator(task_id='t').mode == 'poke'"),
    ("PokeReturnValue", type, "not PokeReturnValue(False)"),
    ("BaseBranchOperator", type, "BaseBranchOperator(task_id='t').inherits_from_skipmixin"),
    ("BranchMixIn", type, "issubclass(BranchMixIn, SkipMixin)"),
    ("SkipMixin", type, "callable(SkipMixin().skip)"),
    ("BaseHook", type, "BaseHook().log.name.endswith('BaseHook')"),
    ("BaseNotifier", type, "callable(BaseNotifier.notify)"),
    ("BaseOperatorLink", type, "isinstance(BaseOperatorLink, type)"),
    ("BaseXCom", type, "callable(BaseXCom.serialize_value)"),
    ("ResumableJobMixin", type, "isinstance(ResumableJobMixin, type)"),
    (
        "XComArg",
        type,
        "isinstance(BaseOperator(task_id='t').output, XComArg)",
    ),
    # Data
    ("Asset", type, "Asset('a').name == 'a'"),
    ("AssetAlias", type, "AssetAlias('a').name == 'a'"),
    ("AssetAll", type, "isinstance(Asset('a') & Asset('b'), AssetAll)"),
    ("AssetAny", type, "isinstance(Asset('a') | Asset('b'), AssetAny)"),
    ("AssetWatcher", type, "isinstance(AssetWatcher, type)"),
    ("AssetAccessControl", type, "AssetAccessControl() is not None"),
    ("asset", object, "callable(asset(schedule=None))"),
    ("Metadata", type, "Metadata(Asset('a'), {'n': 1}).extra == {'n': 1}"),
    ("ObjectStoragePath", type, "ObjectStoragePath('file:///tmp').protocol == 'file'"),
    ("Param", type, "Param(5, minimum=1).resolve() == 5"),
    ("ParamsDict", type, "ParamsDict({'n': Param(1)})['n'] == 1"),
    ("Variable", type, "Variable.get('no_such_variable', default=1) == 1"),
    ("Connection", type, "Connection(conn_id='c', host='h').host == 'h'"),
    ("Context", object, "Context is not None"),
    ("macros", ModuleType, "macros.ds_add('2026-04-20', 1) == '2026-04-21'"),
    ("conf", object, "callable(conf.get)"),
    # Timetables
    ("CronTriggerTimetable", type, "CronTriggerTimetable('@daily', timezone='UTC').periodic"),
    ("CronDataIntervalTimetable", type, "CronDataIntervalTimetable('@daily', 'UTC').periodic"),
    ("DeltaTriggerTimetable", type, "DeltaTriggerTimetable(hour).periodic"),
    ("DeltaDataIntervalTimetable", type, "DeltaDataIntervalTimetable(hour).periodic"),
    (
        "MultipleCronTriggerTimetable",
        type,
        "MultipleCronTriggerTimetable('@daily', '@hourly', timezone='UTC').periodic",
    ),
    ("EventsTimetable", type, "EventsTimetable([day]).can_be_scheduled"),
    ("AssetOrTimeSchedule", type, "isinstance(AssetOrTimeSchedule, type)"),
    ("CronPartitionTimetable", type, "isinstance(CronPartitionTimetable, type)"),
    ("PartitionedAssetTimetable", type, "isinstance(PartitionedAssetTimetable, type)"),
    ("PartitionedAtRuntime", type, "isinstance(PartitionedAtRuntime, type)"),
    # Partition mapping
    ("PartitionMapper", type, "isinstance(PartitionMapper, type)"),
    ("IdentityMapper", type, "IdentityMapper() is not None"),
    ("AllowedKeyMapper", type, "isinstance(AllowedKeyMapper, type)"),
    ("ChainMapper", type, "isinstance(ChainMapper, type)"),
    ("ProductMapper", type, "isinstance(ProductMapper, type)"),
    ("FixedKeyMapper", type, "isinstance(FixedKeyMapper, type)"),
    ("FanOutMapper", type, "isinstance(FanOutMapper, type)"),
    ("RollupMapper", type, "isinstance(RollupMapper, type)"),
    *[
        (f"StartOf{unit}Mapper", type, f"StartOf{unit}Mapper() is not None")
        for unit in ("Hour", "Day", "Week", "Month", "Quarter", "Year")
    ],
    ("Window", type, "isinstance(Window, type)"),
    *[
        (f"{unit}Window", type, f"issubclass({unit}Window, Window)")
        for unit in ("Hour", "Day", "Week", "Month", "Quarter", "Year")
    ],
    ("SegmentWindow", type, "issubclass(SegmentWindow, Window)"),
    ("WaitForAll", type, "WaitForAll() is not None"),
    ("MinimumCount", type, "MinimumCount(2) is not None"),
    # Reliability
    ("RetryPolicy", type, "callable(RetryPolicy.evaluate)"),
    ("ExceptionRetryPolicy", type, "ExceptionRetryPolicy([]).rules == []"),
    ("RetryRule", type, "RetryRule(KeyError).matches(KeyError())"),
    ("RetryAction", type, "RetryAction('fail') is RetryAction.FAIL"),
    ("RetryDecision", type, "RetryDecision.fail('x').reason == 'x'"),
    ("DeadlineAlert", type, "isinstance(DeadlineAlert, type)"),
    ("DeadlineReference", type, "DeadlineReference.DAGRUN_QUEUED_AT is not None"),
    ("BaseDeadlineReference", type, "isinstance(BaseDeadlineReference, type)"),
    ("deadline_reference", object, "callable(deadline_reference)"),
    ("AsyncCallback", type, "isinstance(AsyncCallback, type)"),
    ("SyncCallback", type, "isinstance(SyncCallback, type)"),
    ("NEVER_EXPIRE", object, "NEVER_EXPIRE is not None"),
    # Enums and types
    ("DagRunState", type, "DagRunState.SUCCESS == 'success'"),
    ("TaskInstanceState", type, "TaskInstanceState.DEFERRED == 'deferred'"),
    ("TriggerRule", type, "TriggerRule('all_done') is TriggerRule.ALL_DONE"),
    ("WeightRule", type, "WeightRule.ABSOLUTE == 'absolute'"),
    ("TaskInstance", object, "isinstance(TaskInstance, type)"),
]


def made(*names: str) -> list[Any]:
    with sdk.DAG("d"):
        return [sdk.EmptyOperator(task_id=name) for name in names]


def raises(kind: type[BaseException], function: Any) -> bool:
    try:
        function()
    except kind:
        return True
    return False


class Names(dict[str, Any]):
    """Looks names up where authors do."""

    def __missing__(self, name: str) -> Any:
        if name not in sdk.__all__:
            raise KeyError(name)
        return getattr(sdk, name)


HAVE = [row for row in ROWS if row[0] in sdk.__all__]


@pytest.mark.parametrize(("name", "kind", "fact"), HAVE, ids=lambda v: str(v)[:30])
def test_the_name_is_there_and_does_what_it_is_for(name, kind, fact):
    known = Names(made=made, raises=raises, hour=timedelta(hours=1), day=DAY)

    assert isinstance(getattr(sdk, name), kind)
    assert getattr(tradewind, name) is getattr(sdk, name)
    assert eval(fact, {"__builtins__": __builtins__}, known)  # noqa: S307 - a row of the table


def test_each_is_the_same_under_the_fields_name():
    install()
    try:
        served = importlib.import_module("airflow.sdk")
        for name, _, _ in HAVE:
            ours = getattr(sdk, name)
            assert isinstance(ours, ModuleType) or getattr(served, name) is ours
            assert getattr(served, name) is not None
    finally:
        uninstall()


def test_no_row_is_there_twice():
    names = [row[0] for row in ROWS]

    assert len(names) == len(set(names)) == 96
