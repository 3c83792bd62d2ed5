"""The facts of a run as environment variables, for programs that a task starts."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from tradewind.sdk.policies import POLICIES, get_airflow_context_vars

DEFAULT_FORMAT_PREFIX = "airflow.ctx."
ENV_VAR_FORMAT_PREFIX = "AIRFLOW_CTX_"
_NAMES = {
    "dag_id": "AIRFLOW_CTX_DAG_ID",
    "task_id": "AIRFLOW_CTX_TASK_ID",
    "execution_date": "AIRFLOW_CTX_EXECUTION_DATE",
    "logical_date": "AIRFLOW_CTX_LOGICAL_DATE",
    "try_number": "AIRFLOW_CTX_TRY_NUMBER",
    "dag_run_id": "AIRFLOW_CTX_DAG_RUN_ID",
    "dag_owner": "AIRFLOW_CTX_DAG_OWNER",
    "dag_email": "AIRFLOW_CTX_DAG_EMAIL",
}

AIRFLOW_VAR_NAME_FORMAT_MAPPING: Mapping[str, Mapping[str, str]] = {
    f"AIRFLOW_CONTEXT_{name.upper()}": {
        "default": f"airflow.ctx.{name}",
        "env_var_format": variable,
    }
    for name, variable in _NAMES.items()
}
"""What each fact is called: with dots, for systems that take properties, and as a variable."""


def context_to_airflow_vars(
    context: Mapping[str, Any], in_env_var_format: bool = False
) -> dict[str, str]:
    """Answer the facts of the run that is at work by name, those that it has.

    Example:
        >>> context_to_airflow_vars({}, in_env_var_format=True)
        {}
    """
    kind = "env_var_format" if in_env_var_format else "default"
    if "ti" not in context:
        return {}
    added = get_airflow_context_vars(context) if POLICIES else {}
    facts = {name: value for name, value in _facts(context).items() if value not in (None, "")}
    return added | {
        AIRFLOW_VAR_NAME_FORMAT_MAPPING[f"AIRFLOW_CONTEXT_{name.upper()}"][kind]: str(value)
        for name, value in facts.items()
    }


def _facts(context: Mapping[str, Any]) -> dict[str, Any]:
    ti, task = context.get("ti"), context.get("task")
    if ti is None:
        return {}
    email = getattr(task, "email", None)
    owner = getattr(task, "owner", None)
    return {
        "dag_id": ti.dag_id,
        "task_id": ti.task_id,
        "logical_date": _iso(context["dag_run"]),
        "try_number": ti.try_number,
        "dag_run_id": ti.run_id,
        "dag_owner": owner,
        "dag_email": email if isinstance(email, str) or email is None else ",".join(email),
    }


def _iso(run: Any) -> str | None:
    # Not "ts": the dates of a context are pendulum's, which cost 60 ms to import.
    date = run.facts.logical_date if hasattr(run, "facts") else run.logical_date
    return None if date is None else str(date.isoformat())


def context_merge(context: MutableMapping[str, Any], *additions: Any, **kwargs: Any) -> None:
    """Put more values into a context, in place.

    Raises:
        TypeError: There is nothing to put.
    """
    if not additions and not kwargs:
        raise TypeError("context_merge() needs something to put into the context")
    for addition in additions:
        context.update(addition)
    context.update(kwargs)
