"""Task decorators that come with provider packages: found by name, imported when they are used."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tradewind.sdk.providers import provider_infos

_KNOWN = {
    "agent": "common-ai",
    "analytics": "common-sql",
    "dataframe": "common-sql",
    "docker": "docker",
    "kubernetes": "cncf-kubernetes",
    "kubernetes_cmd": "cncf-kubernetes",
    "llm": "common-ai",
    "llm_batch": "common-ai",
    "llm_branch": "common-ai",
    "llm_file_analysis": "common-ai",
    "llm_schema_compare": "common-ai",
    "llm_sql": "common-ai",
    "pyspark": "apache-spark",
    "snowpark": "snowflake",
    "sql": "common-sql",
}
"""Decorator: the provider package that has it."""


def find_decorator(name: str) -> Callable[..., Any] | None:
    """Answer the task decorator of that name that an installed provider package has, or None."""
    target = _paths().get(name)
    if target is None:
        return None
    module, _, attribute = target.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(module), attribute)
    return found


def where_to_get(name: str) -> str:
    """Answer which package has the decorator, in a sentence; empty where nobody knows."""
    provider = _KNOWN.get(name)
    if provider is None:
        return ""
    return f"It comes with the package apache-airflow-providers-{provider}, which is not installed."


def provided_names() -> list[str]:
    """Answer the names of all decorators that installed provider packages have."""
    return sorted(_paths())


def _paths() -> dict[str, str]:
    found: dict[str, str] = {}
    for info in provider_infos().values():
        for row in info.get("task-decorators", ()):
            found.setdefault(row["name"], row["class-name"])
    return found
