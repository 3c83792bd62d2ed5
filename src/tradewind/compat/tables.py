"""Which name of the field's modules is which of ours: ``module -> {name: "our.module:name"}``.

Literal on purpose: a test resolves every row. Three groups: the present author's interface, the
paths older files use, and the operators of the standard provider while that is not installed.
"""

from collections.abc import Mapping

from tradewind.sdk import EXPORTS

COMPAT_LEVEL = "3.3.2"
"""The version provider packages and Dag files are told they run on."""

_EDGES = "tradewind.sdk.edges"
_ENUMS = "tradewind.sdk.enums"
_ERRORS = "tradewind.sdk.exceptions"
_SENSOR = "tradewind.sdk.sensor"
_TRIGGERS = "tradewind.sdk.triggers.base"
_TIMETABLES = "tradewind.sdk.timetables"
_TIMETABLE = "tradewind.sdk.timetable"
_PARTITION_TIMETABLES = "tradewind.sdk.partition_timetables"
_NOTIFIER = "tradewind.sdk.notifier:BaseNotifier"
_DEADLINES = "tradewind.sdk.deadlines"
_EMAIL = "tradewind.sdk.operators.email:EmailOperator"
_BASH = "tradewind.sdk.operators.bash:BashOperator"
_EMPTY = "tradewind.sdk.operators.empty:EmptyOperator"
_PYTHON = "tradewind.sdk.operators.python:PythonOperator"
_TRIGGER = "tradewind.sdk.operators.trigger_dag_run:TriggerDagRunOperator"
_DATE_BRANCHES = "tradewind.sdk.operators.date_branches"
_LATEST_ONLY = "tradewind.sdk.operators.latest_only:LatestOnlyOperator"
_BACKENDS = "tradewind.sdk.secrets_backends"
_DAG = "tradewind.sdk.dags:DAG"
_OPERATOR = "tradewind.sdk.operator:BaseOperator"
_HOOK = "tradewind.sdk.hook:BaseHook"
_XCOM_ARG = "tradewind.sdk.references:XComArg"
_VARIABLE = "tradewind.sdk.variable:Variable"
_CONNECTION = "tradewind.sdk.connection:Connection"
_PARAM = "tradewind.sdk.params:Param"
_PARAMS = "tradewind.sdk.params:ParamsDict"
_INSTANCE = "tradewind.sdk.task_instance"
_RUN = "tradewind.sdk.dag_run:DagRun"
_CONTEXT = "tradewind.sdk.context:get_current_context"
_MASKING = {name: f"tradewind.sdk.secrets:{name}" for name in ("mask_secret", "redact")}
_LOGGING = "tradewind.sdk.log:LoggingMixin"

_CHAINS = {
    "chain": f"{_EDGES}:chain",
    "chain_linear": f"{_EDGES}:chain_linear",
    "cross_downstream": f"{_EDGES}:cross_downstream",
}

_DECORATORS = {
    "dag": "tradewind.sdk.dags:dag",
    "setup": "tradewind.sdk.decorators:setup",
    "task": "tradewind.sdk.decorators:task",
    "task_group": "tradewind.sdk.decorators:task_group",
    "teardown": "tradewind.sdk.decorators:teardown",
}

_EXCEPTIONS = {
    name: f"{_ERRORS}:{name}"
    for name in (
        "AirflowBadRequest",
        "AirflowConfigException",
        "AirflowDagCycleException",
        "AirflowException",
        "AirflowFailException",
        "AirflowInactiveAssetInInletOrOutletException",
        "AirflowInternalRuntimeError",
        "AirflowNotFoundException",
        "AirflowOptionalProviderFeatureException",
        "AirflowProviderDeprecationWarning",
        "AirflowRescheduleException",
        "AirflowRuntimeError",
        "AirflowSensorTimeout",
        "AirflowSkipException",
        "AirflowClusterPolicyError",
        "AirflowClusterPolicySkipDag",
        "AirflowClusterPolicyViolation",
        "AirflowTaskTerminated",
        "AirflowTaskTimeout",
        "AirflowTimetableInvalid",
        "DagNotFound",
        "DagRunAlreadyExists",
        "DagRunNotFound",
        "DagRunTriggerException",
        "DeserializingResultError",
        "DownstreamTasksSkipped",
        "DuplicateTaskIdFound",
        "ErrorType",
        "FailFastDagInvalidTriggerRule",
        "HITLTimeoutError",
        "ParamValidationError",
        "PoolNotFound",
        "RemovedInAirflow4Warning",
        "TaskAlreadyInTaskGroup",
        "TaskAlreadyRunningError",
        "TaskAwaitingInput",
        "TaskDeferralError",
        "TaskDeferralTimeout",
        "TaskDeferred",
        "TaskInstanceNotFound",
        "TaskItemNotFound",
        "TaskNotFound",
        "UnmappableXComLengthPushed",
        "UnmappableXComTypePushed",
        "XComForMappingNotPushed",
        "XComNotFound",
    )
}

_SENSORS = {name: f"{_SENSOR}:{name}" for name in ("BaseSensorOperator", "PokeReturnValue")}

SDK: Mapping[str, Mapping[str, str]] = {
    "airflow": {
        "DAG": _DAG,
        "XComArg": _XCOM_ARG,
    },
    "airflow.sdk": {name: f"{module}:{name}" for name, module in EXPORTS.items()},
    "airflow.sdk.bases": {},
    "airflow.sdk.bases.decorator": {
        "DecoratedOperator": "tradewind.sdk.decorated:DecoratedOperator",
        "TaskDecorator": "tradewind.sdk.decorated:TaskDecorator",
        "get_unique_task_id": "tradewind.sdk.decorated:get_unique_task_id",
        "task_decorator_factory": "tradewind.sdk.decorated:task_decorator_factory",
    },
    "airflow.sdk.bases.hook": {"BaseHook": _HOOK},
    "airflow.sdk.bases.operator": {"BaseOperator": _OPERATOR, **_CHAINS},
    "airflow.sdk.bases.sensor": _SENSORS | {"poke_mode_only": f"{_SENSOR}:poke_mode_only"},
    "airflow.sdk.definitions": {},
    "airflow.sdk.definitions.connection": {"Connection": _CONNECTION},
    "airflow.sdk.definitions.context": {
        "Context": "tradewind.sdk.context:Context",
        "get_current_context": _CONTEXT,
        "get_parsing_context": "tradewind.sdk.context:get_parsing_context",
    },
    "airflow.sdk.bases.notifier": {"BaseNotifier": _NOTIFIER},
    "airflow.sdk.definitions.callback": {
        name: f"{_DEADLINES}:{name}" for name in ("AsyncCallback", "SyncCallback")
    },
    "airflow.sdk.definitions.deadline": {
        name: f"{_DEADLINES}:{name}"
        for name in (
            "AsyncCallback",
            "BaseDeadlineReference",
            "DeadlineAlert",
            "DeadlineReference",
            "SyncCallback",
            "VariableInterval",
            "deadline_reference",
        )
    },
    "airflow.sdk.definitions.notifier": {"BaseNotifier": _NOTIFIER},
    "airflow.sdk.definitions.dag": {"DAG": _DAG, "dag": "tradewind.sdk.dags:dag"},
    "airflow.sdk.definitions.decorators": _DECORATORS,
    "airflow.sdk.definitions.edges": {
        "EdgeModifier": f"{_EDGES}:EdgeModifier",
        "Label": f"{_EDGES}:Label",
    },
    "airflow.sdk.definitions.mappedoperator": {
        "MappedOperator": "tradewind.sdk.mapped:MappedOperator",
        "OperatorPartial": "tradewind.sdk.mapped:OperatorPartial",
    },
    "airflow.sdk.definitions.param": {"Param": _PARAM, "ParamsDict": _PARAMS},
    "airflow.sdk.definitions.taskgroup": {"TaskGroup": "tradewind.sdk.group:TaskGroup"},
    "airflow.sdk.definitions.template": {"literal": "tradewind.sdk.templating:literal"},
    "airflow.sdk.definitions.variable": {"Variable": _VARIABLE},
    "airflow.sdk.definitions.xcom_arg": {"XComArg": _XCOM_ARG},
    "airflow.sdk.exceptions": _EXCEPTIONS,
    "airflow.sdk.execution_time.secrets_masker": _MASKING,
    "airflow.sdk.execution_time.lazy_sequence": {
        "LazyXComSequence": "tradewind.sdk.xcom_access:LazyXComSequence",
    },
    "airflow.sdk.execution_time.task_runner": {
        "RuntimeTaskInstance": f"{_INSTANCE}:RuntimeTaskInstance",
    },
    "airflow.sdk.log": _MASKING,
    "airflow.sdk.types": {
        "DagRunState": f"{_ENUMS}:DagRunState",
        "RuntimeTaskInstanceProtocol": f"{_INSTANCE}:RuntimeTaskInstance",
        "TaskInstanceState": f"{_ENUMS}:TaskInstanceState",
    },
    "airflow.sdk.bases.xcom": {"BaseXCom": "tradewind.sdk.xcom:BaseXCom"},
    "airflow.sdk.configuration": {"conf": "tradewind.sdk.configuration:conf"},
    "airflow.sdk.definitions.asset": {
        "Asset": "tradewind.sdk.assets:Asset",
        "AssetAccessControl": "tradewind.sdk.assets:AssetAccessControl",
        "AssetAlias": "tradewind.sdk.assets:AssetAlias",
        "AssetAll": "tradewind.sdk.assets:AssetAll",
        "AssetAny": "tradewind.sdk.assets:AssetAny",
        "AssetRef": "tradewind.sdk.assets:AssetRef",
        "AssetUniqueKey": "tradewind.sdk.assets:AssetUniqueKey",
        "AssetWatcher": "tradewind.sdk.assets:AssetWatcher",
        "BaseAsset": "tradewind.sdk.assets:BaseAsset",
        "Dataset": "tradewind.sdk.assets:Dataset",
        "Model": "tradewind.sdk.assets:Model",
    },
    "airflow.sdk.definitions.asset.decorators": {
        "asset": "tradewind.sdk.asset_dags:asset",
        "AssetDefinition": "tradewind.sdk.asset_dags:AssetDefinition",
        "MultiAssetDefinition": "tradewind.sdk.asset_dags:MultiAssetDefinition",
    },
    "airflow.sdk.definitions.asset.metadata": {"Metadata": "tradewind.sdk.assets:Metadata"},
    "airflow.sdk.execution_time.xcom": {
        "BaseXCom": "tradewind.sdk.xcom:BaseXCom",
        "XCom": "tradewind.sdk.xcom:XCom",
    },
    "airflow.sdk.serde": {
        "serialize": "tradewind.sdk.serde:serialize",
        "deserialize": "tradewind.sdk.serde:deserialize",
    },
    "airflow.sdk.io": {
        "ObjectStoragePath": "tradewind.sdk.object_storage:ObjectStoragePath",
        "attach": "tradewind.sdk.object_storage:attach",
    },
    "airflow.sdk.io.path": {"ObjectStoragePath": "tradewind.sdk.object_storage:ObjectStoragePath"},
    "airflow.sdk.execution_time.context": {
        "NEVER_EXPIRE": "tradewind.sdk.state_store:NEVER_EXPIRE",
        "TaskStateStoreAccessor": "tradewind.sdk.state_store:StateStore",
        "AssetStateStoreAccessors": "tradewind.sdk.state_store:AssetStateStores",
        "OutletEventAccessors": "tradewind.sdk.asset_events:OutletEvents",
        "InletEventsAccessors": "tradewind.sdk.asset_events:InletEvents",
    },
}
"""The present author's interface."""

LEGACY: Mapping[str, Mapping[str, str]] = {
    "airflow.decorators": _DECORATORS,
    "airflow.decorators.base": {
        "DecoratedOperator": "tradewind.sdk.decorated:DecoratedOperator",
        "TaskDecorator": "tradewind.sdk.decorated:TaskDecorator",
        "get_unique_task_id": "tradewind.sdk.decorated:get_unique_task_id",
        "task_decorator_factory": "tradewind.sdk.decorated:task_decorator_factory",
    },
    "airflow.decorators.task_group": {"task_group": "tradewind.sdk.decorators:task_group"},
    "airflow.exceptions": {
        **_EXCEPTIONS,
        "AirflowFailFastException": f"{_ERRORS}:AirflowFailException",
    },
    "airflow.hooks": {},
    "airflow.hooks.base": {"BaseHook": _HOOK},
    "airflow.hooks.base_hook": {"BaseHook": _HOOK},
    "airflow.listeners": {"hookimpl": "tradewind.sdk.listeners:hookimpl"},
    "airflow.models": {
        "BaseOperator": _OPERATOR,
        "Connection": _CONNECTION,
        "DAG": _DAG,
        "DagRun": _RUN,
        "MappedOperator": "tradewind.sdk.mapped:MappedOperator",
        "Param": _PARAM,
        "TaskInstance": f"{_INSTANCE}:TaskInstance",
        "Variable": _VARIABLE,
        "XComArg": _XCOM_ARG,
    },
    "airflow.models.abstractoperator": {
        "AbstractOperator": "tradewind.sdk.node:AbstractOperator",
        "DEFAULT_OWNER": "tradewind.sdk.node:DEFAULT_OWNER",
        "DEFAULT_POOL_SLOTS": "tradewind.sdk.node:DEFAULT_POOL_SLOTS",
        "DEFAULT_PRIORITY_WEIGHT": "tradewind.sdk.node:DEFAULT_PRIORITY_WEIGHT",
        "DEFAULT_QUEUE": "tradewind.sdk.node:DEFAULT_QUEUE",
        "DEFAULT_RETRIES": "tradewind.sdk.node:DEFAULT_RETRIES",
        "DEFAULT_TRIGGER_RULE": "tradewind.sdk.node:DEFAULT_TRIGGER_RULE",
    },
    "airflow.models.baseoperator": {"BaseOperator": _OPERATOR, **_CHAINS},
    "airflow.models.connection": {"Connection": _CONNECTION},
    "airflow.models.dag": {"DAG": _DAG, "dag": "tradewind.sdk.dags:dag"},
    "airflow.models.dagrun": {"DagRun": _RUN, "DagRunType": f"{_ENUMS}:DagRunType"},
    "airflow.models.mappedoperator": {"MappedOperator": "tradewind.sdk.mapped:MappedOperator"},
    "airflow.models.param": {"Param": _PARAM, "ParamsDict": _PARAMS},
    "airflow.models.taskinstance": {"TaskInstance": f"{_INSTANCE}:TaskInstance"},
    "airflow.models.taskmixin": {"DependencyMixin": f"{_EDGES}:DependencyMixin"},
    "airflow.models.variable": {"Variable": _VARIABLE},
    "airflow.models.xcom_arg": {"XComArg": _XCOM_ARG},
    "airflow.notifications": {},
    "airflow.notifications.basenotifier": {"BaseNotifier": _NOTIFIER},
    "airflow.operators": {},
    "airflow.operators.bash": {"BashOperator": _BASH},
    "airflow.operators.bash_operator": {"BashOperator": _BASH},
    "airflow.operators.datetime": {
        "BranchDateTimeOperator": f"{_DATE_BRANCHES}:BranchDateTimeOperator",
    },
    "airflow.operators.weekday": {
        "BranchDayOfWeekOperator": f"{_DATE_BRANCHES}:BranchDayOfWeekOperator",
    },
    "airflow.operators.dagrun_operator": {"TriggerDagRunOperator": _TRIGGER},
    "airflow.operators.trigger_dagrun": {"TriggerDagRunOperator": _TRIGGER},
    "airflow.operators.latest_only": {"LatestOnlyOperator": _LATEST_ONLY},
    "airflow.operators.latest_only_operator": {"LatestOnlyOperator": _LATEST_ONLY},
    "airflow.utils.weekday": {"WeekDay": "tradewind.sdk.weekdays:WeekDay"},
    "airflow.operators.dummy": {"DummyOperator": _EMPTY, "EmptyOperator": _EMPTY},
    "airflow.operators.dummy_operator": {"DummyOperator": _EMPTY, "EmptyOperator": _EMPTY},
    "airflow.operators.email": {"EmailOperator": _EMAIL},
    "airflow.operators.email_operator": {"EmailOperator": _EMAIL},
    "airflow.operators.empty": {"EmptyOperator": _EMPTY},
    "airflow.operators.python": {"PythonOperator": _PYTHON, "get_current_context": _CONTEXT},
    "airflow.operators.python_operator": {"PythonOperator": _PYTHON},
    "airflow.plugins_manager": {"AirflowPlugin": "tradewind.sdk.plugins:AirflowPlugin"},
    "airflow.timetables": {},
    "airflow.timetables.base": {
        name: f"{_TIMETABLE}:{name}"
        for name in ("DagRunInfo", "DataInterval", "TimeRestriction", "Timetable")
    },
    "airflow.sdk.definitions.timetables": {},
    "airflow.sdk.definitions.timetables.assets": {
        "AssetOrTimeSchedule": f"{_PARTITION_TIMETABLES}:AssetOrTimeSchedule",
        "AssetTriggeredTimetable": f"{_TIMETABLES}:AssetTriggeredTimetable",
    },
    "airflow.timetables.events": {"EventsTimetable": f"{_TIMETABLES}:EventsTimetable"},
    "airflow.timetables.interval": {
        "CronDataIntervalTimetable": f"{_TIMETABLES}:CronDataIntervalTimetable",
        "DeltaDataIntervalTimetable": f"{_TIMETABLES}:DeltaDataIntervalTimetable",
    },
    "airflow.timetables.simple": {
        "AssetTriggeredTimetable": f"{_TIMETABLES}:AssetTriggeredTimetable",
        "PartitionedAssetTimetable": f"{_PARTITION_TIMETABLES}:PartitionedAssetTimetable",
        "PartitionAtRuntime": f"{_PARTITION_TIMETABLES}:PartitionedAtRuntime",
        "ContinuousTimetable": f"{_TIMETABLES}:ContinuousTimetable",
        "NullTimetable": f"{_TIMETABLES}:NullTimetable",
        "OnceTimetable": f"{_TIMETABLES}:OnceTimetable",
    },
    "airflow.timetables.trigger": {
        "CronPartitionTimetable": f"{_PARTITION_TIMETABLES}:CronPartitionTimetable",
        "CronTriggerTimetable": f"{_TIMETABLES}:CronTriggerTimetable",
        "DeltaTriggerTimetable": f"{_TIMETABLES}:DeltaTriggerTimetable",
        "MultipleCronTriggerTimetable": f"{_TIMETABLES}:MultipleCronTriggerTimetable",
    },
    "airflow.sensors": {},
    "airflow.sensors.base": _SENSORS | {"poke_mode_only": f"{_SENSOR}:poke_mode_only"},
    "airflow.sensors.base_sensor_operator": {"BaseSensorOperator": f"{_SENSOR}:BaseSensorOperator"},
    "airflow.triggers": {},
    "airflow.triggers.base": {
        name: f"{_TRIGGERS}:{name}"
        for name in (
            "BaseEventTrigger",
            "BaseTaskEndEvent",
            "BaseTrigger",
            "StartTriggerArgs",
            "TaskFailedEvent",
            "TaskSkippedEvent",
            "TaskSuccessEvent",
            "TriggerEvent",
        )
    },
    "airflow.utils": {},
    "airflow.utils.context": {"Context": "tradewind.sdk.context:Context"},
    "airflow.utils.email": {"send_email": "tradewind.sdk.mail:send_email"},
    "airflow.utils.dates": {
        "datetime": "datetime:datetime",
        "days_ago": "tradewind.compat.dates:days_ago",
        "timedelta": "datetime:timedelta",
    },
    "airflow.utils.edgemodifier": {
        "EdgeModifier": f"{_EDGES}:EdgeModifier",
        "Label": f"{_EDGES}:Label",
    },
    "airflow.utils.helpers": _CHAINS,
    "airflow.utils.log": {},
    "airflow.utils.log.secrets_masker": _MASKING,
    "airflow.utils.log.logging_mixin": {"LoggingMixin": _LOGGING},
    "airflow.utils.state": {
        "DagRunState": f"{_ENUMS}:DagRunState",
        "State": f"{_ENUMS}:State",
        "TaskInstanceState": f"{_ENUMS}:TaskInstanceState",
    },
    "airflow.utils.task_group": {"TaskGroup": "tradewind.sdk.group:TaskGroup"},
    "airflow.utils.template": {"literal": "tradewind.sdk.templating:literal"},
    "airflow.utils.trigger_rule": {"TriggerRule": f"{_ENUMS}:TriggerRule"},
    "airflow.utils.types": {
        "DagRunType": f"{_ENUMS}:DagRunType",
        "NOTSET": "tradewind.sdk.sentinels:NOTSET",
        "ArgNotSet": "tradewind.sdk.sentinels:ArgNotSet",
    },
    "airflow.utils.weight_rule": {"WeightRule": f"{_ENUMS}:WeightRule"},
    "airflow.utils.xcom": {"XCOM_RETURN_KEY": "tradewind.sdk.references:XCOM_RETURN_KEY"},
    "airflow.version": {"version": "tradewind.compat.tables:COMPAT_LEVEL"},
    "airflow.assets": {},
    "airflow.assets.metadata": {"Metadata": "tradewind.sdk.assets:Metadata"},
    "airflow.configuration": {
        "AirflowConfigException": "tradewind.sdk.exceptions:AirflowConfigException",
        "conf": "tradewind.sdk.configuration:conf",
    },
    "airflow.datasets": {
        "Dataset": "tradewind.sdk.assets:Dataset",
        "DatasetAlias": "tradewind.sdk.assets:AssetAlias",
        "DatasetAll": "tradewind.sdk.assets:AssetAll",
        "DatasetAny": "tradewind.sdk.assets:AssetAny",
    },
    "airflow.datasets.metadata": {"Metadata": "tradewind.sdk.assets:Metadata"},
    "airflow.models.xcom": {
        "BaseXCom": "tradewind.sdk.xcom:BaseXCom",
        "XCom": "tradewind.sdk.xcom:XCom",
        "XCOM_RETURN_KEY": "tradewind.sdk.references:XCOM_RETURN_KEY",
    },
    "airflow.serialization": {},
    "airflow.serialization.serde": {
        "serialize": "tradewind.sdk.serde:serialize",
        "deserialize": "tradewind.sdk.serde:deserialize",
    },
    "airflow.timetables.assets": {
        "AssetOrTimeSchedule": "tradewind.sdk.partition_timetables:AssetOrTimeSchedule"
    },
    "airflow.timetables.datasets": {
        "DatasetOrTimeSchedule": "tradewind.sdk.partition_timetables:AssetOrTimeSchedule"
    },
    "airflow.utils.module_loading": {"import_string": "tradewind.sdk.configuration:import_string"},
    "airflow.io": {"attach": "tradewind.sdk.object_storage:attach"},
    "airflow.io.path": {"ObjectStoragePath": "tradewind.sdk.object_storage:ObjectStoragePath"},
    "airflow.secrets": {"BaseSecretsBackend": f"{_BACKENDS}:BaseSecretsBackend"},
    "airflow.secrets.base_secrets": {"BaseSecretsBackend": f"{_BACKENDS}:BaseSecretsBackend"},
    "airflow.secrets.environment_variables": {
        "EnvironmentVariablesBackend": f"{_BACKENDS}:EnvironmentVariablesBackend"
    },
    "airflow.secrets.local_filesystem": {
        "LocalFilesystemBackend": f"{_BACKENDS}:LocalFilesystemBackend"
    },
    "airflow.utils.json": {
        "XComEncoder": "tradewind.sdk.xcom_json:XComEncoder",
        "XComDecoder": "tradewind.sdk.xcom_json:XComDecoder",
    },
}
"""Paths that older files use."""

STANDARD: Mapping[str, Mapping[str, str]] = {
    "airflow.providers": {},
    "airflow.providers.standard": {},
    "airflow.providers.standard.operators": {},
    "airflow.providers.standard.operators.bash": {"BashOperator": _BASH},
    "airflow.providers.standard.operators.datetime": {
        "BranchDateTimeOperator": f"{_DATE_BRANCHES}:BranchDateTimeOperator",
    },
    "airflow.providers.standard.operators.weekday": {
        "BranchDayOfWeekOperator": f"{_DATE_BRANCHES}:BranchDayOfWeekOperator",
    },
    "airflow.providers.standard.operators.latest_only": {"LatestOnlyOperator": _LATEST_ONLY},
    "airflow.providers.standard.operators.trigger_dagrun": {
        "DagIsPaused": f"{_ERRORS}:DagIsPaused",
        "TriggerDagRunOperator": _TRIGGER,
    },
    "airflow.providers.standard.triggers": {},
    "airflow.providers.standard.triggers.external_task": {
        "DagStateTrigger": "tradewind.sdk.triggers.runs:DagStateTrigger",
    },
    "airflow.providers.standard.operators.smooth": {
        "SmoothOperator": "tradewind.sdk.operators.smooth:SmoothOperator",
    },
    "airflow.providers.standard.utils": {},
    "airflow.providers.standard.utils.weekday": {"WeekDay": "tradewind.sdk.weekdays:WeekDay"},
    "airflow.providers.standard.operators.empty": {"EmptyOperator": _EMPTY},
    "airflow.providers.standard.operators.python": {
        "PythonOperator": _PYTHON,
        "get_current_context": _CONTEXT,
    },
}
"""Served only where the real provider package is not installed."""

WHOLE: Mapping[str, str] = {
    "airflow.macros": "tradewind.sdk.macros",
    "airflow.sdk.macros": "tradewind.sdk.macros",
    "airflow.sdk.execution_time.macros": "tradewind.sdk.macros",
    "airflow.sdk.timezone": "tradewind.sdk.timezone",
    "airflow.utils.timezone": "tradewind.sdk.timezone",
    "airflow.utils.yaml": "yaml",
}
"""Modules that are one of ours, name by name."""

CONSTANTS: Mapping[str, Mapping[str, str]] = {"airflow": {"__version__": COMPAT_LEVEL}}
"""Names whose value stands here."""
