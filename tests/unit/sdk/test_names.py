"""All names of ``airflow.sdk``, row by row: each can be imported, and does what it is for.

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
    ("BaseOperatorLink", type, "hasattr(BaseOperatorLink, 'get_link')"),
    ("BaseXCom", type, "callable(BaseXCom.serialize_value)"),
    ("ResumableJobMixin", type, "callable(ResumableJobMixin.submit_job)"),
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
    ("AssetWatcher", type, "AssetWatcher('w', trigger=None).name == 'w'"),
    ("AssetAccessControl", type, "AssetAccessControl(['a']).allow_global"),
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
    (
        "AssetAndTimeSchedule",
        type,
        "AssetAndTimeSchedule(timetable=daily, assets=[Asset('a')]).summary",
    ),
    ("Timetable", type, "isinstance(daily, Timetable)"),
    ("DagRunInfo", type, "DagRunInfo.exact(day).logical_date == day"),
    ("DataInterval", type, "DataInterval.exact(day).end == day"),
    ("TimeRestriction", type, "TimeRestriction(day, None, True).catchup"),
    ("CalendarTimetable", type, "CalendarTimetable(daily, weekdays=['fri']).core.weekdays == (4,)"),
    ("Jitter", type, "Jitter.of(hour).seed == ''"),
    (
        "AssetOrTimeSchedule",
        type,
        "AssetOrTimeSchedule(timetable=daily, assets=[Asset('a')]).summary",
    ),
    ("CronPartitionTimetable", type, "CronPartitionTimetable('@daily').summary"),
    (
        "PartitionedAssetTimetable",
        type,
        "PartitionedAssetTimetable([Asset('a')]).mapper_of(Asset('a'))",
    ),
    ("PartitionedAtRuntime", type, "PartitionedAtRuntime().summary"),
    # Partition mapping
    ("PartitionMapper", type, "callable(PartitionMapper.to_downstream)"),
    ("IdentityMapper", type, "IdentityMapper().to_downstream('k') == 'k'"),
    ("AllowedKeyMapper", type, "AllowedKeyMapper(['k']).to_downstream('k') == 'k'"),
    (
        "ChainMapper",
        type,
        "ChainMapper(IdentityMapper(), FixedKeyMapper('z')).to_downstream('k') == 'z'",
    ),
    (
        "ProductMapper",
        type,
        "ProductMapper(IdentityMapper(), IdentityMapper()).to_downstream('a|b') == 'a|b'",
    ),
    ("FixedKeyMapper", type, "FixedKeyMapper('z').to_downstream('k') == 'z'"),
    ("FanOutMapper", type, "FanOutMapper(IdentityMapper(), DayWindow())"),
    ("RollupMapper", type, "RollupMapper(StartOfDayMapper(), DayWindow())"),
    *[
        (f"StartOf{unit}Mapper", type, f"StartOf{unit}Mapper() is not None")
        for unit in ("Hour", "Day", "Week", "Month", "Quarter", "Year")
    ],
    ("Window", type, "issubclass(DayWindow, Window)"),
    *[
        (f"{unit}Window", type, f"issubclass({unit}Window, Window)")
        for unit in ("Hour", "Day", "Week", "Month", "Quarter", "Year")
    ],
    ("SegmentWindow", type, "SegmentWindow(['a', 'b'])"),
    ("WaitForAll", type, "callable(WaitForAll().is_satisfied)"),
    ("MinimumCount", type, "callable(MinimumCount(2).is_satisfied)"),
    # Reliability
    ("RetryPolicy", type, "callable(RetryPolicy.evaluate)"),
    ("ExceptionRetryPolicy", type, "ExceptionRetryPolicy([]).rules == []"),
    ("RetryRule", type, "RetryRule(KeyError).matches(KeyError())"),
    ("RetryAction", type, "RetryAction('fail') is RetryAction.FAIL"),
    ("RetryDecision", type, "RetryDecision.fail('x').reason == 'x'"),
    (
        "DeadlineAlert",
        type,
        "DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, hour, name='late').name == 'late'",
    ),
    ("DeadlineReference", type, "DeadlineReference.DAGRUN_QUEUED_AT is not None"),
    (
        "BaseDeadlineReference",
        type,
        "isinstance(DeadlineReference.DAGRUN_QUEUED_AT, BaseDeadlineReference)",
    ),
    ("deadline_reference", object, "callable(deadline_reference)"),
    ("AsyncCallback", type, "AsyncCallback('asyncio.sleep', {'delay': 0}).kwargs == {'delay': 0}"),
    ("SyncCallback", type, "SyncCallback('json.dumps', {'obj': 1}).kwargs == {'obj': 1}"),
    ("NEVER_EXPIRE", object, "repr(NEVER_EXPIRE) == 'NEVER_EXPIRE'"),
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


@pytest.mark.parametrize(("name", "kind", "fact"), ROWS, ids=lambda v: str(v)[:30])
def test_the_name_is_there_and_does_what_it_is_for(name, kind, fact):
    daily = sdk.CronTriggerTimetable("@daily", timezone="UTC")
    known = Names(made=made, raises=raises, hour=timedelta(hours=1), day=DAY, daily=daily)

    assert isinstance(getattr(sdk, name), kind)
    assert getattr(tradewind, name) is getattr(sdk, name)
    assert eval(fact, {"__builtins__": __builtins__}, known)  # noqa: S307 - a row of the table


def test_each_is_the_same_under_the_fields_name():
    install()
    try:
        served = importlib.import_module("airflow.sdk")
        for name, _, _ in ROWS:
            ours = getattr(sdk, name)
            assert isinstance(ours, ModuleType) or getattr(served, name) is ours
            assert getattr(served, name) is not None
    finally:
        uninstall()


def test_no_row_is_there_twice():
    names = [row[0] for row in ROWS]

    assert len(names) == len(set(names)) == 103
