"""Finding the policies of an installation, and asking them about what a Dag file holds."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from tradewind.protocol.orders import BundleRef
from tradewind.sdk import policies
from tradewind.sdk.dags import DAG
from tradewind.sdk.exceptions import AirflowClusterPolicySkipDag
from tradewind.sdk.installed import installed

MODULES = ("tradewind_local_settings", "airflow_local_settings")
FOLDER = "config"
"""Of a bundle, or of ``AIRFLOW_HOME``, where the module may lie."""

_TAKEN = ("queue", "pool", "pool_slots", "priority_weight", "executor", "executor_config")
_loaded: dict[str, bool] = {}


def load_policies(bundle: BundleRef) -> None:
    """Import what there is, once in a process.

    Raises:
        BaseException: Whatever the module raises: Dags must not pass unseen.
    """
    if _loaded.setdefault(bundle.root, False):
        return
    _search_in(bundle)
    found: list[Any] = [
        importlib.import_module(name) for name in MODULES if importlib.util.find_spec(name)
    ]
    found += [point.load() for point in installed("airflow.policy")]
    policies.POLICIES[:] = found
    _loaded[bundle.root] = True


def apply_policies(dags: dict[str, DAG]) -> dict[str, DAG]:
    """Ask the policies about each Dag and its tasks; answer the Dags that are not to be left out.

    Raises:
        AirflowClusterPolicyViolation: A rule is broken.
    """
    if not policies.POLICIES:
        return dags
    kept = {}
    for dag_id, dag in dags.items():
        try:
            for task in dag.tasks:
                _ask_about(task)
            policies.dag_policy(dag)
        except AirflowClusterPolicySkipDag:
            continue
        kept[dag_id] = dag
    return kept


class _Instance:
    """What a task's instances will be, as far as it is known before there is a run."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.dag_id = task.dag_id
        self.task_id = task.task_id
        self.run_id = ""
        self.map_index = -1
        self.try_number = 1
        self.operator = task.task_type
        for name in _TAKEN:
            setattr(self, name, getattr(task, name))


def _ask_about(task: Any) -> None:
    before = dict(vars(task))
    policies.task_policy(task)
    if policies.has_policy("task_instance_mutation_hook"):
        instance = _Instance(task)
        policies.task_instance_mutation_hook(instance)
        for name in _TAKEN:
            if getattr(instance, name) != getattr(task, name):
                setattr(task, name, getattr(instance, name))
    if task.is_mapped:
        # What was set on the mapped task is set on each of its instances.
        changed = {k: v for k, v in vars(task).items() if before.get(k, task) is not v}
        task.partial_kwargs.update(changed)


def _search_in(bundle: BundleRef) -> None:
    home = os.environ.get("AIRFLOW_HOME", "")
    for folder in (Path(bundle.root, FOLDER), *([Path(home, FOLDER)] if home else [])):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.append(str(folder))
