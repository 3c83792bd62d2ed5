"""More rows of the tables: where branching, skipping, retry policies and their like are imported.

``AUTHORING`` are paths of the present interface, ``OLDER`` those of earlier versions, ``MOVED``
names that provider packages have taken over: they work where that package is installed, and name
it where it is not.
"""

from collections.abc import Mapping

_SDK = "tradewind.sdk"
_PYTHON = f"{_SDK}.operators.python"
_OTHER = f"{_SDK}.operators.interpreters"
_POLICIES = f"{_SDK}.retry_policies"
_BRANCHING = f"{_SDK}.branching"
_ENUMS = f"{_SDK}.enums"
_NODE = f"{_SDK}.node"
_FUNCTIONS = "tradewind.compat.functions"

_BRANCH = {
    "BaseBranchOperator": f"{_BRANCHING}:BaseBranchOperator",
    "BranchMixIn": f"{_BRANCHING}:BranchMixIn",
}
_SKIP = {"SkipMixin": f"{_SDK}.skipping:SkipMixin"}
_PYTHON_OPERATORS = {
    "BranchExternalPythonOperator": f"{_OTHER}:BranchExternalPythonOperator",
    "BranchPythonOperator": f"{_PYTHON}:BranchPythonOperator",
    "BranchPythonVirtualenvOperator": f"{_OTHER}:BranchPythonVirtualenvOperator",
    "ExternalPythonOperator": f"{_OTHER}:ExternalPythonOperator",
    "PythonOperator": f"{_PYTHON}:PythonOperator",
    "PythonVirtualenvOperator": f"{_OTHER}:PythonVirtualenvOperator",
    "ShortCircuitOperator": f"{_PYTHON}:ShortCircuitOperator",
}
_SENSOR = {"PythonSensor": f"{_SDK}.sensors.python:PythonSensor"}
_SENTINELS = {
    name: f"{_SDK}.sentinels:{name}"
    for name in ("ArgNotSet", "NOTSET", "SET_DURING_EXECUTION", "is_arg_set")
}
_DEFAULTS = {
    name: f"{_NODE}:{name}"
    for name in (
        "DEFAULT_OWNER",
        "DEFAULT_POOL_NAME",
        "DEFAULT_POOL_SLOTS",
        "DEFAULT_PRIORITY_WEIGHT",
        "DEFAULT_QUEUE",
        "DEFAULT_RETRIES",
        "DEFAULT_TRIGGER_RULE",
    )
}
_VARS = {
    name: f"{_SDK}.context_vars:{name}"
    for name in (
        "AIRFLOW_VAR_NAME_FORMAT_MAPPING",
        "DEFAULT_FORMAT_PREFIX",
        "ENV_VAR_FORMAT_PREFIX",
        "context_to_airflow_vars",
    )
}
_CALLING = {
    name: f"{_SDK}.calling:{name}"
    for name in ("KeywordParameters", "determine_kwargs", "is_async_callable")
}
_PROVIDERS = "tradewind.compat.providers_manager:ProvidersManager"
_MERGE = {"context_merge": f"{_SDK}.context_vars:context_merge"}
_TIMEOUT = {"timeout": f"{_SDK}.timeouts:timeout"}
_STATS = {"Stats": f"{_SDK}.stats:Stats"}
_LINEAGE = {
    name: f"{_SDK}.lineage:{name}"
    for name in (
        "HookLineage",
        "HookLineageCollector",
        "HookLineageReader",
        "NoOpCollector",
        "get_hook_lineage_collector",
    )
}
_IMPORT = {name: f"{_FUNCTIONS}:{name}" for name in ("import_string", "iter_namespace", "qualname")}
_PLACES = {name: f"tradewind.compat.places:{name}" for name in ("AIRFLOW_HOME", "TIMEZONE")}
_SUBPROCESS = {
    name: f"{_SDK}.subprocesses:{name}" for name in ("SubprocessHook", "SubprocessResult")
}
_CONF = {"conf": f"{_SDK}.configuration:conf"}
_XCOM = {"XCom": f"{_SDK}.xcom:XCom", "BaseXCom": f"{_SDK}.xcom:BaseXCom"}
_STRATEGY = {"PriorityWeightStrategy": f"{_SDK}.weights:PriorityWeightStrategy"}

_LINK = {"BaseOperatorLink": f"{_SDK}.operator_link:BaseOperatorLink"}
_KEY = {"TaskInstanceKey": f"{_SDK}.instance_key:TaskInstanceKey"}
_HOOKS = {
    name: f"{_SDK}.policies:{name}"
    for name in (
        "dag_policy",
        "get_airflow_context_vars",
        "get_dagbag_import_timeout",
        "pod_mutation_hook",
        "task_instance_mutation_hook",
        "task_policy",
    )
}

AUTHORING: Mapping[str, Mapping[str, str]] = {
    "airflow.sdk._shared.listeners": {"hookimpl": f"{_SDK}.listeners:hookimpl"},
    "airflow.sdk._shared.module_loading": _IMPORT,
    "airflow.sdk.types": _KEY,
    "airflow.sdk.bases.operatorlink": _LINK,
    "airflow.sdk.plugins_manager": {"AirflowPlugin": f"{_SDK}.plugins:AirflowPlugin"},
    "airflow.sdk.bases.branch": _BRANCH,
    "airflow.sdk.bases.decorator": {
        **_CALLING,
        "DecoratedMappedOperator": f"{_SDK}.mapped:MappedOperator",
    },
    "airflow.sdk.bases.operator": {"BaseAsyncOperator": f"{_SDK}.asynchronous:BaseAsyncOperator"},
    "airflow.sdk.bases.skipmixin": _SKIP,
    "airflow.sdk.configuration": _CONF,
    "airflow.sdk.execution_time.xcom": _XCOM,
    "airflow.sdk.bases.xcom": {"BaseXCom": f"{_SDK}.xcom:BaseXCom"},
    "airflow.sdk.definitions._internal.abstractoperator": {
        **_DEFAULTS,
        "AbstractOperator": f"{_NODE}:AbstractOperator",
    },
    "airflow.sdk.definitions._internal.types": _SENTINELS,
    "airflow.sdk.definitions.context": _MERGE,
    "airflow.sdk.definitions.retry_policy": {
        name: f"{_POLICIES}:{name}"
        for name in (
            "ExceptionRetryPolicy",
            "RetryAction",
            "RetryDecision",
            "RetryPolicy",
            "RetryRule",
        )
    },
    "airflow.sdk.execution_time.callback_runner": {
        name: f"tradewind.compat.callables:{name}"
        for name in (
            "AsyncExecutionCallableRunner",
            "ExecutionCallableRunner",
            "create_async_executable_runner",
            "create_executable_runner",
        )
    },
    "airflow.sdk.execution_time.context": {
        **_VARS,
        "context_get_outlet_events": "tradewind.compat.callables:context_get_outlet_events",
    },
    "airflow.sdk.execution_time.timeout": _TIMEOUT,
    "airflow.sdk.lineage": _LINEAGE,
    "airflow.sdk.module_loading": _IMPORT,
    "airflow.sdk.providers_manager_runtime": {"ProvidersManagerTaskRuntime": _PROVIDERS},
    "airflow.sdk.observability.stats": _STATS,
    "airflow.task.priority_strategy": _STRATEGY,
    "airflow.task.trigger_rule": {"TriggerRule": f"{_ENUMS}:TriggerRule"},
    "airflow.task.weight_rule": {"WeightRule": f"{_ENUMS}:WeightRule"},
    "airflow.providers.standard.hooks.subprocess": _SUBPROCESS,
    "airflow.providers.standard.operators.branch": _BRANCH,
    "airflow.providers.standard.operators.python": _PYTHON_OPERATORS,
    "airflow.providers.standard.sensors.python": _SENSOR,
    "airflow.providers.standard.utils.skipmixin": _SKIP,
}
"""Paths of the present interface."""

OLDER: Mapping[str, Mapping[str, str]] = {
    "airflow.models.taskinstancekey": _KEY,
    "airflow.models.baseoperatorlink": _LINK,
    "airflow.policies": {**_HOOKS, "hookimpl": f"{_SDK}.policies:hookimpl"},
    "airflow": {
        "AirflowException": f"{_SDK}.exceptions:AirflowException",
        "Dataset": f"{_SDK}.assets:Dataset",
        "Variable": f"{_SDK}.variable:Variable",
    },
    "airflow.decorators": {"TaskDecorator": f"{_SDK}.decorated:TaskDecorator"},
    "airflow.hooks.subprocess": _SUBPROCESS,
    "airflow.lineage.hook": _LINEAGE,
    "airflow.models.dataset": {"Dataset": f"{_SDK}.assets:Dataset"},
    "airflow.models.skipmixin": _SKIP,
    "airflow.models.taskinstance": {"Context": f"{_SDK}.context:Context", **_KEY},
    "airflow.configuration": {**_CONF, "AIRFLOW_HOME": _PLACES["AIRFLOW_HOME"]},
    "airflow.models": {"XCom": f"{_SDK}.xcom:XCom"},
    "airflow.models.xcom": {**_XCOM, "XCOM_RETURN_KEY": f"{_SDK}.references:XCOM_RETURN_KEY"},
    "airflow.operators": {
        "BashOperator": f"{_SDK}.operators.bash:BashOperator",
        "DummyOperator": f"{_SDK}.operators.empty:EmptyOperator",
        "PythonOperator": f"{_PYTHON}:PythonOperator",
    },
    "airflow.operators.branch": _BRANCH,
    "airflow.operators.branch_operator": _BRANCH,
    "airflow.operators.python": {**_PYTHON_OPERATORS, **_SKIP},
    "airflow.operators.python_operator": _PYTHON_OPERATORS,
    "airflow.sensors.python": _SENSOR,
    "airflow.providers_manager": {"ProvidersManager": _PROVIDERS},
    "airflow.settings": {**_PLACES, **_HOOKS},
    "airflow.stats": _STATS,
    "airflow.utils.context": _MERGE,
    "airflow.utils.dag_parsing_context": {
        "get_parsing_context": f"{_SDK}.context:get_parsing_context",
    },
    "airflow.utils.decorators": {"apply_defaults": f"{_FUNCTIONS}:apply_defaults"},
    "airflow.utils.deprecation_tools": {
        "add_deprecated_classes": f"{_FUNCTIONS}:add_deprecated_classes",
    },
    "airflow.utils.email": {"build_mime_message": f"{_SDK}.mail:build_mime_message"},
    "airflow.utils.file": {
        "get_unique_dag_module_name": f"{_FUNCTIONS}:get_unique_dag_module_name",
    },
    "airflow.utils.hashlib_wrapper": {"md5": f"{_FUNCTIONS}:md5"},
    "airflow.utils.helpers": {
        name: f"{_FUNCTIONS}:{name}"
        for name in (
            "at_most_one",
            "chunks",
            "exactly_one",
            "merge_dicts",
            "prune_dict",
            "validate_key",
        )
    },
    "airflow.utils.module_loading": _IMPORT,
    "airflow.utils.net": {"get_hostname": f"{_FUNCTIONS}:get_hostname"},
    "airflow.utils.operator_helpers": {**_CALLING, **_VARS},
    "airflow.utils.platform": {"getuser": f"{_FUNCTIONS}:getuser"},
    "airflow.utils.strings": {"to_boolean": f"{_FUNCTIONS}:to_boolean"},
    "airflow.utils.timeout": _TIMEOUT,
}
"""Paths of earlier versions."""

MOVED: Mapping[str, Mapping[str, str]] = {
    "airflow.contrib.hooks.ssh_hook": {"SSHHook": "airflow.providers.ssh.hooks.ssh:SSHHook"},
    "airflow.hooks.S3_hook": {"S3Hook": "airflow.providers.amazon.aws.hooks.s3:S3Hook"},
    "airflow.hooks.http_hook": {"HttpHook": "airflow.providers.http.hooks.http:HttpHook"},
    "airflow.hooks.mssql_hook": {
        "MsSqlHook": "airflow.providers.microsoft.mssql.hooks.mssql:MsSqlHook",
    },
    "airflow.hooks.mysql_hook": {"MySqlHook": "airflow.providers.mysql.hooks.mysql:MySqlHook"},
    "airflow.hooks.oracle_hook": {
        "OracleHook": "airflow.providers.oracle.hooks.oracle:OracleHook",
    },
    "airflow.hooks.postgres_hook": {
        "PostgresHook": "airflow.providers.postgres.hooks.postgres:PostgresHook",
    },
    "airflow.kubernetes.secret": {"Secret": "airflow.providers.cncf.kubernetes.secret:Secret"},
    "airflow.operators.docker_operator": {
        "DockerOperator": "airflow.providers.docker.operators.docker:DockerOperator",
    },
    "airflow.operators.email": {
        "EmailOperator": "airflow.providers.smtp.operators.smtp:EmailOperator",
    },
    "airflow.operators.email_operator": {
        "EmailOperator": "airflow.providers.smtp.operators.smtp:EmailOperator",
    },
    "airflow.operators.hive_operator": {
        "HiveOperator": "airflow.providers.apache.hive.operators.hive:HiveOperator",
    },
    "airflow.operators.slack_operator": {
        "SlackAPIPostOperator": "airflow.providers.slack.operators.slack:SlackAPIPostOperator",
    },
    "airflow.operators.sql": {
        name: f"airflow.providers.common.sql.operators.sql:{name}"
        for name in (
            "BranchSQLOperator",
            "SQLCheckOperator",
            "SQLColumnCheckOperator",
            "SQLIntervalCheckOperator",
            "SQLTableCheckOperator",
            "SQLThresholdCheckOperator",
            "SQLValueCheckOperator",
        )
    },
    "airflow.sensors.http_sensor": {
        "HttpSensor": "airflow.providers.http.sensors.http:HttpSensor",
    },
    "airflow.sensors.s3_key_sensor": {
        "S3KeySensor": "airflow.providers.amazon.aws.sensors.s3:S3KeySensor",
    },
    "airflow.sensors.sql": {"SqlSensor": "airflow.providers.common.sql.sensors.sql:SqlSensor"},
}
"""Names that provider packages have taken over."""

NO_DATABASE = (
    "Dag files and tasks reach no database here. Ask through ti, Variable, Connection and XCom, or "
    "call the REST API."
)

UNREACHABLE = frozenset(
    {
        "airflow.jobs",
        "airflow.models.DagBag",
        "airflow.models.DagTag",
        "airflow.models.ImportError",
        "airflow.models.Log",
        "airflow.models.Pool",
        "airflow.models.RenderedTaskInstanceFields",
        "airflow.models.SlaMiss",
        "airflow.models.TaskFail",
        "airflow.models.TaskReschedule",
        "airflow.models.Trigger",
        "airflow.settings.Session",
        "airflow.settings.engine",
    }
)
"""Names that lead to the database; they are missing on purpose."""
