"""Policies of an installation: functions that see every task and Dag before it is put to use.

They stand in a module ``airflow_local_settings`` (or ``tradewind_local_settings``) that can be
imported, as from the bundle's ``config`` folder, or in what an entry point of the group
``airflow.policy`` names. They run where Dag files are imported, never in the server.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

POLICIES: list[Any] = []
"""Modules and objects whose functions are asked, in this order; filled where user code runs."""


def hookimpl(function: _Function) -> _Function:
    """Mark a policy, as the field's plugins do; its name alone makes it one."""
    return function


def task_policy(task: Any) -> None:
    """Ask every policy about a task; it may change it.

    Raises:
        AirflowClusterPolicyViolation: A rule is broken.
    """
    ask_all("task_policy", task)


def dag_policy(dag: Any) -> None:
    """Ask every policy about a Dag; it may change it.

    Raises:
        AirflowClusterPolicyViolation: A rule is broken.
        AirflowClusterPolicySkipDag: The Dag is to be left out.
    """
    ask_all("dag_policy", dag)


def task_instance_mutation_hook(task_instance: Any) -> None:
    """Ask every policy about an instance.

    Of an instance to be, when its Dag file is read, it may change queue, pool and priority; of one
    that is about to run, the task that is executed (``task_instance.task``).
    """
    ask_all("task_instance_mutation_hook", task_instance)


def pod_mutation_hook(pod: Any) -> None:
    """Ask every policy about a Kubernetes pod that a task is about to start; it may change it."""
    ask_all("pod_mutation_hook", pod)


def get_dagbag_import_timeout(dag_file_path: str) -> float | None:
    """Answer the fewest seconds that a policy allows a Dag file for its import; None: no limit.

    Raises:
        TypeError: A policy answers something else than a number.
    """
    found = []
    for answer in ask_all("get_dagbag_import_timeout", dag_file_path):
        if not isinstance(answer, int | float | None):
            raise TypeError(
                f"get_dagbag_import_timeout() must answer a number of seconds, not {answer!r}"
            )
        # The field's word for "no limit" is zero, or less.
        if answer is not None and answer > 0:
            found.append(float(answer))
    return min(found, default=None)


def get_airflow_context_vars(context: Mapping[str, Any]) -> dict[str, str]:
    """Answer the environment variables that policies add for what a task starts.

    Raises:
        TypeError: A policy answers something else than texts by name.
    """
    found: dict[str, str] = {}
    for answer in ask_all("get_airflow_context_vars", context):
        for name, value in (answer or {}).items():
            if not (isinstance(name, str) and isinstance(value, str)):
                raise TypeError(
                    f"get_airflow_context_vars() must answer texts by name, not {name!r}: {value!r}"
                )
            found[name] = value
    return found


def has_policy(name: str) -> bool:
    """Say whether there is any policy of that name."""
    return any(callable(getattr(policy, name, None)) for policy in POLICIES)


def ask_all(name: str, value: Any) -> list[Any]:
    """Call each policy of that name; answer what they answered."""
    functions = [getattr(policy, name, None) for policy in POLICIES]
    return [function(value) for function in functions if callable(function)]
