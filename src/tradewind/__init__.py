"""Tradewind: the whole life of a data pipeline in one Python package.

``from tradewind import dag, task`` is all a Dag file needs; each name is loaded when it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind.sdk import DAG as DAG
    from tradewind.sdk import NEVER_EXPIRE as NEVER_EXPIRE
    from tradewind.sdk import AirflowException as AirflowException
    from tradewind.sdk import AirflowFailException as AirflowFailException
    from tradewind.sdk import AirflowPlugin as AirflowPlugin
    from tradewind.sdk import AirflowSkipException as AirflowSkipException
    from tradewind.sdk import AllowedKeyMapper as AllowedKeyMapper
    from tradewind.sdk import Asset as Asset
    from tradewind.sdk import AssetAccessControl as AssetAccessControl
    from tradewind.sdk import AssetAlias as AssetAlias
    from tradewind.sdk import AssetAll as AssetAll
    from tradewind.sdk import AssetAndTimeSchedule as AssetAndTimeSchedule
    from tradewind.sdk import AssetAny as AssetAny
    from tradewind.sdk import AssetOrTimeSchedule as AssetOrTimeSchedule
    from tradewind.sdk import AssetWatcher as AssetWatcher
    from tradewind.sdk import AsyncCallback as AsyncCallback
    from tradewind.sdk import BaseAsyncOperator as BaseAsyncOperator
    from tradewind.sdk import BaseBranchOperator as BaseBranchOperator
    from tradewind.sdk import BaseDeadlineReference as BaseDeadlineReference
    from tradewind.sdk import BaseHook as BaseHook
    from tradewind.sdk import BaseNotifier as BaseNotifier
    from tradewind.sdk import BaseOperator as BaseOperator
    from tradewind.sdk import BaseOperatorLink as BaseOperatorLink
    from tradewind.sdk import BaseSensorOperator as BaseSensorOperator
    from tradewind.sdk import BaseXCom as BaseXCom
    from tradewind.sdk import BashOperator as BashOperator
    from tradewind.sdk import BranchMixIn as BranchMixIn
    from tradewind.sdk import BranchPythonOperator as BranchPythonOperator
    from tradewind.sdk import CalendarTimetable as CalendarTimetable
    from tradewind.sdk import ChainMapper as ChainMapper
    from tradewind.sdk import Connection as Connection
    from tradewind.sdk import Context as Context
    from tradewind.sdk import CronDataIntervalTimetable as CronDataIntervalTimetable
    from tradewind.sdk import CronPartitionTimetable as CronPartitionTimetable
    from tradewind.sdk import CronTriggerTimetable as CronTriggerTimetable
    from tradewind.sdk import DagRunInfo as DagRunInfo
    from tradewind.sdk import DagRunState as DagRunState
    from tradewind.sdk import DataInterval as DataInterval
    from tradewind.sdk import DayWindow as DayWindow
    from tradewind.sdk import DeadlineAlert as DeadlineAlert
    from tradewind.sdk import DeadlineReference as DeadlineReference
    from tradewind.sdk import DeltaDataIntervalTimetable as DeltaDataIntervalTimetable
    from tradewind.sdk import DeltaTriggerTimetable as DeltaTriggerTimetable
    from tradewind.sdk import EdgeModifier as EdgeModifier
    from tradewind.sdk import EmailOperator as EmailOperator
    from tradewind.sdk import EmptyOperator as EmptyOperator
    from tradewind.sdk import EventsTimetable as EventsTimetable
    from tradewind.sdk import ExceptionRetryPolicy as ExceptionRetryPolicy
    from tradewind.sdk import FanOutMapper as FanOutMapper
    from tradewind.sdk import FixedKeyMapper as FixedKeyMapper
    from tradewind.sdk import HourWindow as HourWindow
    from tradewind.sdk import IdentityMapper as IdentityMapper
    from tradewind.sdk import Jitter as Jitter
    from tradewind.sdk import Label as Label
    from tradewind.sdk import Metadata as Metadata
    from tradewind.sdk import MinimumCount as MinimumCount
    from tradewind.sdk import MonthWindow as MonthWindow
    from tradewind.sdk import MultipleCronTriggerTimetable as MultipleCronTriggerTimetable
    from tradewind.sdk import ObjectStoragePath as ObjectStoragePath
    from tradewind.sdk import Param as Param
    from tradewind.sdk import ParamsDict as ParamsDict
    from tradewind.sdk import PartitionedAssetTimetable as PartitionedAssetTimetable
    from tradewind.sdk import PartitionedAtRuntime as PartitionedAtRuntime
    from tradewind.sdk import PartitionMapper as PartitionMapper
    from tradewind.sdk import PokeReturnValue as PokeReturnValue
    from tradewind.sdk import ProductMapper as ProductMapper
    from tradewind.sdk import PythonOperator as PythonOperator
    from tradewind.sdk import QuarterWindow as QuarterWindow
    from tradewind.sdk import ResumableJobMixin as ResumableJobMixin
    from tradewind.sdk import RetryAction as RetryAction
    from tradewind.sdk import RetryDecision as RetryDecision
    from tradewind.sdk import RetryPolicy as RetryPolicy
    from tradewind.sdk import RetryRule as RetryRule
    from tradewind.sdk import RollupMapper as RollupMapper
    from tradewind.sdk import SegmentWindow as SegmentWindow
    from tradewind.sdk import ShortCircuitOperator as ShortCircuitOperator
    from tradewind.sdk import SkipMixin as SkipMixin
    from tradewind.sdk import StartOfDayMapper as StartOfDayMapper
    from tradewind.sdk import StartOfHourMapper as StartOfHourMapper
    from tradewind.sdk import StartOfMonthMapper as StartOfMonthMapper
    from tradewind.sdk import StartOfQuarterMapper as StartOfQuarterMapper
    from tradewind.sdk import StartOfWeekMapper as StartOfWeekMapper
    from tradewind.sdk import StartOfYearMapper as StartOfYearMapper
    from tradewind.sdk import SyncCallback as SyncCallback
    from tradewind.sdk import TaskGroup as TaskGroup
    from tradewind.sdk import TaskInstance as TaskInstance
    from tradewind.sdk import TaskInstanceState as TaskInstanceState
    from tradewind.sdk import TimeRestriction as TimeRestriction
    from tradewind.sdk import Timetable as Timetable
    from tradewind.sdk import TriggerRule as TriggerRule
    from tradewind.sdk import Variable as Variable
    from tradewind.sdk import VariableInterval as VariableInterval
    from tradewind.sdk import WaitForAll as WaitForAll
    from tradewind.sdk import WeekWindow as WeekWindow
    from tradewind.sdk import WeightRule as WeightRule
    from tradewind.sdk import Window as Window
    from tradewind.sdk import XComArg as XComArg
    from tradewind.sdk import YearWindow as YearWindow
    from tradewind.sdk import asset as asset
    from tradewind.sdk import chain as chain
    from tradewind.sdk import chain_linear as chain_linear
    from tradewind.sdk import conf as conf
    from tradewind.sdk import cross_downstream as cross_downstream
    from tradewind.sdk import dag as dag
    from tradewind.sdk import deadline_reference as deadline_reference
    from tradewind.sdk import get_current_context as get_current_context
    from tradewind.sdk import get_parsing_context as get_parsing_context
    from tradewind.sdk import literal as literal
    from tradewind.sdk import macros as macros
    from tradewind.sdk import result as result
    from tradewind.sdk import setup as setup
    from tradewind.sdk import task as task
    from tradewind.sdk import task_group as task_group
    from tradewind.sdk import teardown as teardown
    from tradewind.sdk import timezone as timezone


__version__ = "0.1.0"

_SDK = "tradewind.sdk"


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        sdk = import_module(_SDK)
        if name not in sdk.__all__:
            raise AttributeError(f"module 'tradewind' has no attribute '{name}'")
        return getattr(sdk, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *import_module(_SDK).__all__})
