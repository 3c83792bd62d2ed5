"""What a Dag author imports; each name is loaded when it is first used.

``from tradewind import dag, task`` and ``from tradewind.sdk import dag, task`` are the same.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind.sdk import macros as macros
    from tradewind.sdk import timezone as timezone
    from tradewind.sdk.asset_dags import asset as asset
    from tradewind.sdk.assets import Asset as Asset
    from tradewind.sdk.assets import AssetAccessControl as AssetAccessControl
    from tradewind.sdk.assets import AssetAlias as AssetAlias
    from tradewind.sdk.assets import AssetAll as AssetAll
    from tradewind.sdk.assets import AssetAny as AssetAny
    from tradewind.sdk.assets import AssetWatcher as AssetWatcher
    from tradewind.sdk.assets import Metadata as Metadata
    from tradewind.sdk.asynchronous import BaseAsyncOperator as BaseAsyncOperator
    from tradewind.sdk.branching import BaseBranchOperator as BaseBranchOperator
    from tradewind.sdk.branching import BranchMixIn as BranchMixIn
    from tradewind.sdk.calendars import CalendarTimetable as CalendarTimetable
    from tradewind.sdk.calendars import Jitter as Jitter
    from tradewind.sdk.configuration import conf as conf
    from tradewind.sdk.connection import Connection as Connection
    from tradewind.sdk.context import Context as Context
    from tradewind.sdk.context import get_current_context as get_current_context
    from tradewind.sdk.context import get_parsing_context as get_parsing_context
    from tradewind.sdk.dags import DAG as DAG
    from tradewind.sdk.dags import dag as dag
    from tradewind.sdk.deadlines import AsyncCallback as AsyncCallback
    from tradewind.sdk.deadlines import BaseDeadlineReference as BaseDeadlineReference
    from tradewind.sdk.deadlines import DeadlineAlert as DeadlineAlert
    from tradewind.sdk.deadlines import DeadlineReference as DeadlineReference
    from tradewind.sdk.deadlines import SyncCallback as SyncCallback
    from tradewind.sdk.deadlines import VariableInterval as VariableInterval
    from tradewind.sdk.deadlines import deadline_reference as deadline_reference
    from tradewind.sdk.decorators import result as result
    from tradewind.sdk.decorators import setup as setup
    from tradewind.sdk.decorators import task as task
    from tradewind.sdk.decorators import task_group as task_group
    from tradewind.sdk.decorators import teardown as teardown
    from tradewind.sdk.edges import EdgeModifier as EdgeModifier
    from tradewind.sdk.edges import Label as Label
    from tradewind.sdk.edges import chain as chain
    from tradewind.sdk.edges import chain_linear as chain_linear
    from tradewind.sdk.edges import cross_downstream as cross_downstream
    from tradewind.sdk.enums import DagRunState as DagRunState
    from tradewind.sdk.enums import TaskInstanceState as TaskInstanceState
    from tradewind.sdk.enums import TriggerRule as TriggerRule
    from tradewind.sdk.enums import WeightRule as WeightRule
    from tradewind.sdk.exceptions import AirflowException as AirflowException
    from tradewind.sdk.exceptions import AirflowFailException as AirflowFailException
    from tradewind.sdk.exceptions import AirflowSkipException as AirflowSkipException
    from tradewind.sdk.group import TaskGroup as TaskGroup
    from tradewind.sdk.hook import BaseHook as BaseHook
    from tradewind.sdk.notifier import BaseNotifier as BaseNotifier
    from tradewind.sdk.object_storage import ObjectStoragePath as ObjectStoragePath
    from tradewind.sdk.operator import BaseOperator as BaseOperator
    from tradewind.sdk.operator_link import BaseOperatorLink as BaseOperatorLink
    from tradewind.sdk.operators.bash import BashOperator as BashOperator
    from tradewind.sdk.operators.email import EmailOperator as EmailOperator
    from tradewind.sdk.operators.empty import EmptyOperator as EmptyOperator
    from tradewind.sdk.operators.python import BranchPythonOperator as BranchPythonOperator
    from tradewind.sdk.operators.python import PythonOperator as PythonOperator
    from tradewind.sdk.operators.python import ShortCircuitOperator as ShortCircuitOperator
    from tradewind.sdk.params import Param as Param
    from tradewind.sdk.params import ParamsDict as ParamsDict
    from tradewind.sdk.partition_timetables import AssetAndTimeSchedule as AssetAndTimeSchedule
    from tradewind.sdk.partition_timetables import AssetOrTimeSchedule as AssetOrTimeSchedule
    from tradewind.sdk.partition_timetables import CronPartitionTimetable as CronPartitionTimetable
    from tradewind.sdk.partition_timetables import (
        PartitionedAssetTimetable as PartitionedAssetTimetable,
    )
    from tradewind.sdk.partition_timetables import PartitionedAtRuntime as PartitionedAtRuntime
    from tradewind.sdk.partitions import AllowedKeyMapper as AllowedKeyMapper
    from tradewind.sdk.partitions import ChainMapper as ChainMapper
    from tradewind.sdk.partitions import DayWindow as DayWindow
    from tradewind.sdk.partitions import FanOutMapper as FanOutMapper
    from tradewind.sdk.partitions import FixedKeyMapper as FixedKeyMapper
    from tradewind.sdk.partitions import HourWindow as HourWindow
    from tradewind.sdk.partitions import IdentityMapper as IdentityMapper
    from tradewind.sdk.partitions import MinimumCount as MinimumCount
    from tradewind.sdk.partitions import MonthWindow as MonthWindow
    from tradewind.sdk.partitions import PartitionMapper as PartitionMapper
    from tradewind.sdk.partitions import ProductMapper as ProductMapper
    from tradewind.sdk.partitions import QuarterWindow as QuarterWindow
    from tradewind.sdk.partitions import RollupMapper as RollupMapper
    from tradewind.sdk.partitions import SegmentWindow as SegmentWindow
    from tradewind.sdk.partitions import StartOfDayMapper as StartOfDayMapper
    from tradewind.sdk.partitions import StartOfHourMapper as StartOfHourMapper
    from tradewind.sdk.partitions import StartOfMonthMapper as StartOfMonthMapper
    from tradewind.sdk.partitions import StartOfQuarterMapper as StartOfQuarterMapper
    from tradewind.sdk.partitions import StartOfWeekMapper as StartOfWeekMapper
    from tradewind.sdk.partitions import StartOfYearMapper as StartOfYearMapper
    from tradewind.sdk.partitions import WaitForAll as WaitForAll
    from tradewind.sdk.partitions import WeekWindow as WeekWindow
    from tradewind.sdk.partitions import Window as Window
    from tradewind.sdk.partitions import YearWindow as YearWindow
    from tradewind.sdk.plugins import AirflowPlugin as AirflowPlugin
    from tradewind.sdk.references import XComArg as XComArg
    from tradewind.sdk.retry_policies import ExceptionRetryPolicy as ExceptionRetryPolicy
    from tradewind.sdk.retry_policies import RetryAction as RetryAction
    from tradewind.sdk.retry_policies import RetryDecision as RetryDecision
    from tradewind.sdk.retry_policies import RetryPolicy as RetryPolicy
    from tradewind.sdk.retry_policies import RetryRule as RetryRule
    from tradewind.sdk.sensor import BaseSensorOperator as BaseSensorOperator
    from tradewind.sdk.sensor import PokeReturnValue as PokeReturnValue
    from tradewind.sdk.skipping import SkipMixin as SkipMixin
    from tradewind.sdk.state_store import NEVER_EXPIRE as NEVER_EXPIRE
    from tradewind.sdk.state_store import ResumableJobMixin as ResumableJobMixin
    from tradewind.sdk.task_instance import TaskInstance as TaskInstance
    from tradewind.sdk.templating import literal as literal
    from tradewind.sdk.timetable import DagRunInfo as DagRunInfo
    from tradewind.sdk.timetable import DataInterval as DataInterval
    from tradewind.sdk.timetable import TimeRestriction as TimeRestriction
    from tradewind.sdk.timetable import Timetable as Timetable
    from tradewind.sdk.timetables import CronDataIntervalTimetable as CronDataIntervalTimetable
    from tradewind.sdk.timetables import CronTriggerTimetable as CronTriggerTimetable
    from tradewind.sdk.timetables import DeltaDataIntervalTimetable as DeltaDataIntervalTimetable
    from tradewind.sdk.timetables import DeltaTriggerTimetable as DeltaTriggerTimetable
    from tradewind.sdk.timetables import EventsTimetable as EventsTimetable
    from tradewind.sdk.timetables import (
        MultipleCronTriggerTimetable as MultipleCronTriggerTimetable,
    )
    from tradewind.sdk.variable import Variable as Variable
    from tradewind.sdk.xcom import BaseXCom as BaseXCom

EXPORTS = {
    "AirflowException": "tradewind.sdk.exceptions",
    "AirflowFailException": "tradewind.sdk.exceptions",
    "AirflowPlugin": "tradewind.sdk.plugins",
    "AirflowSkipException": "tradewind.sdk.exceptions",
    "AllowedKeyMapper": "tradewind.sdk.partitions",
    "Asset": "tradewind.sdk.assets",
    "AssetAccessControl": "tradewind.sdk.assets",
    "AssetAlias": "tradewind.sdk.assets",
    "AssetAll": "tradewind.sdk.assets",
    "AssetAny": "tradewind.sdk.assets",
    "AssetAndTimeSchedule": "tradewind.sdk.partition_timetables",
    "AssetOrTimeSchedule": "tradewind.sdk.partition_timetables",
    "AssetWatcher": "tradewind.sdk.assets",
    "AsyncCallback": "tradewind.sdk.deadlines",
    "BaseAsyncOperator": "tradewind.sdk.asynchronous",
    "BaseBranchOperator": "tradewind.sdk.branching",
    "BaseDeadlineReference": "tradewind.sdk.deadlines",
    "BaseHook": "tradewind.sdk.hook",
    "BaseNotifier": "tradewind.sdk.notifier",
    "BaseOperator": "tradewind.sdk.operator",
    "BaseOperatorLink": "tradewind.sdk.operator_link",
    "BaseSensorOperator": "tradewind.sdk.sensor",
    "BaseXCom": "tradewind.sdk.xcom",
    "BashOperator": "tradewind.sdk.operators.bash",
    "BranchMixIn": "tradewind.sdk.branching",
    "BranchPythonOperator": "tradewind.sdk.operators.python",
    "CalendarTimetable": "tradewind.sdk.calendars",
    "ChainMapper": "tradewind.sdk.partitions",
    "Connection": "tradewind.sdk.connection",
    "Context": "tradewind.sdk.context",
    "CronDataIntervalTimetable": "tradewind.sdk.timetables",
    "CronPartitionTimetable": "tradewind.sdk.partition_timetables",
    "CronTriggerTimetable": "tradewind.sdk.timetables",
    "DAG": "tradewind.sdk.dags",
    "DagRunInfo": "tradewind.sdk.timetable",
    "DagRunState": "tradewind.sdk.enums",
    "DataInterval": "tradewind.sdk.timetable",
    "DayWindow": "tradewind.sdk.partitions",
    "DeadlineAlert": "tradewind.sdk.deadlines",
    "DeadlineReference": "tradewind.sdk.deadlines",
    "DeltaDataIntervalTimetable": "tradewind.sdk.timetables",
    "DeltaTriggerTimetable": "tradewind.sdk.timetables",
    "EdgeModifier": "tradewind.sdk.edges",
    "EmailOperator": "tradewind.sdk.operators.email",
    "EmptyOperator": "tradewind.sdk.operators.empty",
    "EventsTimetable": "tradewind.sdk.timetables",
    "ExceptionRetryPolicy": "tradewind.sdk.retry_policies",
    "FanOutMapper": "tradewind.sdk.partitions",
    "FixedKeyMapper": "tradewind.sdk.partitions",
    "HourWindow": "tradewind.sdk.partitions",
    "IdentityMapper": "tradewind.sdk.partitions",
    "Jitter": "tradewind.sdk.calendars",
    "Label": "tradewind.sdk.edges",
    "Metadata": "tradewind.sdk.assets",
    "MinimumCount": "tradewind.sdk.partitions",
    "MonthWindow": "tradewind.sdk.partitions",
    "MultipleCronTriggerTimetable": "tradewind.sdk.timetables",
    "NEVER_EXPIRE": "tradewind.sdk.state_store",
    "ObjectStoragePath": "tradewind.sdk.object_storage",
    "Param": "tradewind.sdk.params",
    "ParamsDict": "tradewind.sdk.params",
    "PartitionMapper": "tradewind.sdk.partitions",
    "PartitionedAssetTimetable": "tradewind.sdk.partition_timetables",
    "PartitionedAtRuntime": "tradewind.sdk.partition_timetables",
    "PokeReturnValue": "tradewind.sdk.sensor",
    "ProductMapper": "tradewind.sdk.partitions",
    "PythonOperator": "tradewind.sdk.operators.python",
    "QuarterWindow": "tradewind.sdk.partitions",
    "ResumableJobMixin": "tradewind.sdk.state_store",
    "RetryAction": "tradewind.sdk.retry_policies",
    "RetryDecision": "tradewind.sdk.retry_policies",
    "RetryPolicy": "tradewind.sdk.retry_policies",
    "RetryRule": "tradewind.sdk.retry_policies",
    "RollupMapper": "tradewind.sdk.partitions",
    "SegmentWindow": "tradewind.sdk.partitions",
    "ShortCircuitOperator": "tradewind.sdk.operators.python",
    "SkipMixin": "tradewind.sdk.skipping",
    "StartOfDayMapper": "tradewind.sdk.partitions",
    "StartOfHourMapper": "tradewind.sdk.partitions",
    "StartOfMonthMapper": "tradewind.sdk.partitions",
    "StartOfQuarterMapper": "tradewind.sdk.partitions",
    "StartOfWeekMapper": "tradewind.sdk.partitions",
    "StartOfYearMapper": "tradewind.sdk.partitions",
    "SyncCallback": "tradewind.sdk.deadlines",
    "TaskGroup": "tradewind.sdk.group",
    "TaskInstance": "tradewind.sdk.task_instance",
    "TaskInstanceState": "tradewind.sdk.enums",
    "TimeRestriction": "tradewind.sdk.timetable",
    "Timetable": "tradewind.sdk.timetable",
    "TriggerRule": "tradewind.sdk.enums",
    "Variable": "tradewind.sdk.variable",
    "VariableInterval": "tradewind.sdk.deadlines",
    "WaitForAll": "tradewind.sdk.partitions",
    "WeekWindow": "tradewind.sdk.partitions",
    "WeightRule": "tradewind.sdk.enums",
    "Window": "tradewind.sdk.partitions",
    "XComArg": "tradewind.sdk.references",
    "YearWindow": "tradewind.sdk.partitions",
    "asset": "tradewind.sdk.asset_dags",
    "chain": "tradewind.sdk.edges",
    "chain_linear": "tradewind.sdk.edges",
    "conf": "tradewind.sdk.configuration",
    "cross_downstream": "tradewind.sdk.edges",
    "dag": "tradewind.sdk.dags",
    "deadline_reference": "tradewind.sdk.deadlines",
    "get_current_context": "tradewind.sdk.context",
    "get_parsing_context": "tradewind.sdk.context",
    "literal": "tradewind.sdk.templating",
    "result": "tradewind.sdk.decorators",
    "setup": "tradewind.sdk.decorators",
    "task": "tradewind.sdk.decorators",
    "task_group": "tradewind.sdk.decorators",
    "teardown": "tradewind.sdk.decorators",
}
"""Name an author imports: the module of ours that has it."""

MODULES = {"macros": "tradewind.sdk.macros", "timezone": "tradewind.sdk.timezone"}
"""Name an author imports that is itself a module."""

__all__ = [
    *EXPORTS,
    *MODULES,
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in EXPORTS:
            found = getattr(import_module(EXPORTS[name]), name)
        elif name in MODULES:
            found = import_module(MODULES[name])
        else:
            raise AttributeError(f"module 'tradewind.sdk' has no attribute '{name}'")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
