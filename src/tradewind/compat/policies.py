"""What a platform's owner has to say about the work of others, where a module says it."""

from importlib import import_module
from typing import Any


def pod_mutation_hook(pod: Any) -> None:
    """Have ``airflow_local_settings`` change a Kubernetes pod before it is started, if it does."""
    try:
        settings = import_module("airflow_local_settings")
    except ModuleNotFoundError:
        return
    hook = getattr(settings, "pod_mutation_hook", None)
    if hook is not None:
        hook(pod)
