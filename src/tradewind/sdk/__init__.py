"""What a Dag author imports; each name is loaded when it is first used.

``from tradewind import dag, task`` and ``from tradewind.sdk import dag, task`` are the same.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind.sdk import macros as macros
    from tradewind.sdk import timezone as timezone
    from tradewind.sdk.asynchronous import BaseAsyncOperator as BaseAsyncOperator
    from tradewind.sdk.branching import BaseBranchOperator as BaseBranchOperator
    from tradewind.sdk.branching import BranchMixIn as BranchMixIn
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
    from tradewind.sdk.operator import BaseOperator as BaseOperator
    from tradewind.sdk.operators.bash import BashOperator as BashOperator
    from tradewind.sdk.operators.email import EmailOperator as EmailOperator
    from tradewind.sdk.operators.empty import EmptyOperator as EmptyOperator
    from tradewind.sdk.operators.python import BranchPythonOperator as BranchPythonOperator
    from tradewind.sdk.operators.python import PythonOperator as PythonOperator
    from tradewind.sdk.operators.python import ShortCircuitOperator as ShortCircuitOperator
    from tradewind.sdk.params import Param as Param
    from tradewind.sdk.params import ParamsDict as ParamsDict
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
    from tradewind.sdk.task_instance import TaskInstance as TaskInstance
    from tradewind.sdk.templating import literal as literal
    from tradewind.sdk.timetables import CronDataIntervalTimetable as CronDataIntervalTimetable
    from tradewind.sdk.timetables import CronTriggerTimetable as CronTriggerTimetable
    from tradewind.sdk.timetables import DeltaDataIntervalTimetable as DeltaDataIntervalTimetable
    from tradewind.sdk.timetables import DeltaTriggerTimetable as DeltaTriggerTimetable
    from tradewind.sdk.timetables import EventsTimetable as EventsTimetable
    from tradewind.sdk.timetables import (
        MultipleCronTriggerTimetable as MultipleCronTriggerTimetable,
    )
    from tradewind.sdk.variable import Variable as Variable

EXPORTS = {
    "AirflowException": "tradewind.sdk.exceptions",
    "AirflowFailException": "tradewind.sdk.exceptions",
    "AirflowPlugin": "tradewind.sdk.plugins",
    "AirflowSkipException": "tradewind.sdk.exceptions",
    "AsyncCallback": "tradewind.sdk.deadlines",
    "BaseAsyncOperator": "tradewind.sdk.asynchronous",
    "BaseBranchOperator": "tradewind.sdk.branching",
    "BaseDeadlineReference": "tradewind.sdk.deadlines",
    "BaseHook": "tradewind.sdk.hook",
    "BaseNotifier": "tradewind.sdk.notifier",
    "BaseOperator": "tradewind.sdk.operator",
    "BaseSensorOperator": "tradewind.sdk.sensor",
    "BashOperator": "tradewind.sdk.operators.bash",
    "BranchMixIn": "tradewind.sdk.branching",
    "BranchPythonOperator": "tradewind.sdk.operators.python",
    "Connection": "tradewind.sdk.connection",
    "Context": "tradewind.sdk.context",
    "CronDataIntervalTimetable": "tradewind.sdk.timetables",
    "CronTriggerTimetable": "tradewind.sdk.timetables",
    "DAG": "tradewind.sdk.dags",
    "DagRunState": "tradewind.sdk.enums",
    "DeadlineAlert": "tradewind.sdk.deadlines",
    "DeadlineReference": "tradewind.sdk.deadlines",
    "DeltaDataIntervalTimetable": "tradewind.sdk.timetables",
    "DeltaTriggerTimetable": "tradewind.sdk.timetables",
    "EdgeModifier": "tradewind.sdk.edges",
    "EmailOperator": "tradewind.sdk.operators.email",
    "EmptyOperator": "tradewind.sdk.operators.empty",
    "EventsTimetable": "tradewind.sdk.timetables",
    "ExceptionRetryPolicy": "tradewind.sdk.retry_policies",
    "Label": "tradewind.sdk.edges",
    "MultipleCronTriggerTimetable": "tradewind.sdk.timetables",
    "Param": "tradewind.sdk.params",
    "ParamsDict": "tradewind.sdk.params",
    "PokeReturnValue": "tradewind.sdk.sensor",
    "PythonOperator": "tradewind.sdk.operators.python",
    "RetryAction": "tradewind.sdk.retry_policies",
    "RetryDecision": "tradewind.sdk.retry_policies",
    "RetryPolicy": "tradewind.sdk.retry_policies",
    "RetryRule": "tradewind.sdk.retry_policies",
    "ShortCircuitOperator": "tradewind.sdk.operators.python",
    "SkipMixin": "tradewind.sdk.skipping",
    "SyncCallback": "tradewind.sdk.deadlines",
    "TaskGroup": "tradewind.sdk.group",
    "TaskInstance": "tradewind.sdk.task_instance",
    "TaskInstanceState": "tradewind.sdk.enums",
    "TriggerRule": "tradewind.sdk.enums",
    "Variable": "tradewind.sdk.variable",
    "VariableInterval": "tradewind.sdk.deadlines",
    "WeightRule": "tradewind.sdk.enums",
    "XComArg": "tradewind.sdk.references",
    "chain": "tradewind.sdk.edges",
    "chain_linear": "tradewind.sdk.edges",
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
