"""More rows of the tables: the sensors, triggers, hooks and exceptions of the standard provider.

Served at the provider's own paths while it is not installed, and at the paths older files use.
"""

from collections.abc import Mapping

_SDK = "tradewind.sdk"
_MOMENTS = f"{_SDK}.sensors.moments"
_EXTERNAL = f"{_SDK}.sensors.external_task"
_ERRORS = f"{_SDK}.standard_exceptions"

_BASH = {"BashSensor": f"{_SDK}.sensors.bash:BashSensor"}
_DATE_TIME = {name: f"{_MOMENTS}:{name}" for name in ("DateTimeSensor", "DateTimeSensorAsync")}
_TIME = {name: f"{_MOMENTS}:{name}" for name in ("TimeSensor", "TimeSensorAsync")}
_DELTA = {
    name: f"{_MOMENTS}:{name}" for name in ("TimeDeltaSensor", "TimeDeltaSensorAsync", "WaitSensor")
}
_DAY = {"DayOfWeekSensor": f"{_SDK}.sensors.week:DayOfWeekSensor"}
_FILE = {"FileSensor": f"{_SDK}.sensors.files:FileSensor"}
_TASK = {
    name: f"{_EXTERNAL}:{name}"
    for name in ("ExternalDagLink", "ExternalTaskMarker", "ExternalTaskSensor")
}
_PYTHON = {"PythonSensor": f"{_SDK}.sensors.python:PythonSensor"}
_OF_RUNS = {
    "DagStateTrigger": f"{_SDK}.triggers.runs:DagStateTrigger",
    "WorkflowTrigger": f"{_SDK}.triggers.external:WorkflowTrigger",
}
_OF_FILES = {
    name: f"{_SDK}.triggers.files:{name}"
    for name in ("DirectoryFileDeleteTrigger", "FileDeleteTrigger", "FileTrigger")
}
_OF_TIME = {
    name: f"{_SDK}.triggers.temporal:{name}" for name in ("DateTimeTrigger", "TimeDeltaTrigger")
}
_FS_HOOK = {"FSHook": f"{_SDK}.hooks.filesystem:FSHook"}
_INDEX_HOOK = {"PackageIndexHook": f"{_SDK}.hooks.package_index:PackageIndexHook"}
_DAG_RUN = {
    "DagIsPaused": f"{_SDK}.exceptions:DagIsPaused",
    "TriggerDagRunOperator": f"{_SDK}.operators.trigger_dag_run:TriggerDagRunOperator",
}

_SCRIPT = {"write_python_script": "tradewind.compat.scripts:write_python_script"}

_HITL = f"{_SDK}.operators.hitl"

_FUNCTIONS = "tradewind.compat.functions"
_DATABASE = "tradewind.compat.database"
_SESSION = {
    name: f"{_DATABASE}:{name}" for name in ("NEW_SESSION", "create_session", "provide_session")
}

WAITING: Mapping[str, Mapping[str, str]] = {
    "airflow.providers.standard.exceptions": {
        name: f"{_ERRORS}:{name}"
        for name in (
            "AirflowExternalTaskSensorException",
            "DuplicateStateError",
            "ExternalDagDeletedError",
            "ExternalDagFailedError",
            "ExternalDagNotFoundError",
            "ExternalTaskFailedError",
            "ExternalTaskGroupFailedError",
            "ExternalTaskGroupNotFoundError",
            "ExternalTaskNotFoundError",
            "HITLRejectException",
            "HITLTimeoutError",
            "HITLTriggerEventError",
        )
    },
    "airflow.providers.standard.hooks.filesystem": _FS_HOOK,
    "airflow.providers.standard.hooks.package_index": _INDEX_HOOK,
    "airflow.providers.standard.operators.hitl": {
        name: f"{_HITL}:{name}"
        for name in (
            "ApprovalOperator",
            "HITLBranchOperator",
            "HITLEntryOperator",
            "HITLOperator",
        )
    },
    "airflow.providers.standard.sensors.bash": _BASH,
    "airflow.providers.standard.sensors.date_time": _DATE_TIME,
    "airflow.providers.standard.sensors.external_task": _TASK,
    "airflow.providers.standard.sensors.filesystem": _FILE,
    "airflow.providers.standard.sensors.time": _TIME,
    "airflow.providers.standard.sensors.time_delta": _DELTA,
    "airflow.providers.standard.sensors.weekday": _DAY,
    "airflow.providers.standard.utils.python_virtualenv": _SCRIPT,
    "airflow.utils.python_virtualenv": _SCRIPT,
    "airflow.providers.standard.triggers.external_task": _OF_RUNS,
    "airflow.providers.standard.triggers.file": _OF_FILES,
    "airflow.providers.standard.triggers.hitl": {
        "HITLTrigger": f"{_SDK}.triggers.hitl:HITLTrigger",
    },
    "airflow.providers.standard.triggers.temporal": _OF_TIME,
    "airflow.sdk.execution_time.hitl": {
        name: f"{_SDK}.asking:{name}"
        for name in (
            "HITLUser",
            "get_hitl_detail_content_detail",
            "update_hitl_detail_response",
            "upsert_hitl_detail",
        )
    },
    "airflow.utils.file": {"correct_maybe_zipped": f"{_FUNCTIONS}:correct_maybe_zipped"},
    "airflow.utils.helpers": {
        "build_airflow_dagrun_url": f"{_FUNCTIONS}:build_airflow_dagrun_url",
    },
    "airflow.api.common.trigger_dag": {"trigger_dag": f"{_DATABASE}:trigger_dag"},
    "airflow.dag_processing.dagbag": {"DagBag": f"{_DATABASE}:DagBag"},
    "airflow.models.dagbag": {"DagBag": f"{_DATABASE}:DagBag"},
    "airflow.models": {"DagModel": f"{_DATABASE}:DagModel"},
    "airflow.models.dag": {"DagModel": f"{_DATABASE}:DagModel"},
    "airflow.models.serialized_dag": {"SerializedDagModel": f"{_DATABASE}:SerializedDagModel"},
    "airflow.utils.db": _SESSION,
    "airflow.utils.session": _SESSION,
    "airflow.hooks.filesystem": _FS_HOOK,
    "airflow.hooks.package_index": _INDEX_HOOK,
    "airflow.operators.weekday": {"WeekDay": f"{_SDK}.weekdays:WeekDay"},
    "airflow.sensors.bash": _BASH,
    "airflow.sensors.date_time": _DATE_TIME,
    "airflow.sensors.date_time_sensor": _DATE_TIME,
    "airflow.sensors.external_task": _TASK,
    "airflow.sensors.external_task_sensor": _TASK,
    "airflow.sensors.filesystem": _FILE,
    "airflow.sensors.time_delta": _DELTA,
    "airflow.sensors.time_delta_sensor": _DELTA,
    "airflow.sensors.time_sensor": _TIME,
    "airflow.sensors.weekday": _DAY,
    "airflow.triggers.external_task": _OF_RUNS,
    "airflow.triggers.file": _OF_FILES,
    "airflow.triggers.temporal": _OF_TIME,
    "airflow.contrib.hooks.fs_hook": _FS_HOOK,
    "airflow.contrib.operators.dagrun_operator": _DAG_RUN,
    "airflow.contrib.sensors.bash_sensor": _BASH,
    "airflow.contrib.sensors.file_sensor": _FILE,
    "airflow.contrib.sensors.python_sensor": _PYTHON,
    "airflow.contrib.sensors.weekday_sensor": _DAY,
    "airflow.operators.sensors": {
        **_TASK,
        "TimeDeltaSensor": f"{_MOMENTS}:TimeDeltaSensor",
        "TimeSensor": f"{_MOMENTS}:TimeSensor",
        "BaseSensorOperator": f"{_SDK}.sensor:BaseSensorOperator",
    },
    "airflow.sensors": {"BaseSensorOperator": f"{_SDK}.sensor:BaseSensorOperator"},
}
"""Sensors, triggers and hooks, by their present and their older paths."""
