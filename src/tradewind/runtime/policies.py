"""Finding the policies of an installation, and asking them about what a Dag file holds."""

import importlib
import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tradewind.protocol.orders import BundleRef
from tradewind.sdk import policies
from tradewind.sdk.dags import DAG
from tradewind.sdk.exceptions import AirflowClusterPolicySkipDag, AirflowTaskTimeout
from tradewind.sdk.installed import installed

MODULES = ("tradewind_local_settings", "airflow_local_settings")
FOLDER = "config"
"""Of a bundle, or of ``AIRFLOW_HOME``, where the module may lie."""

_TAKEN = ("queue", "pool", "pool_slots", "priority_weight", "executor", "executor_config")
_USED = (*_TAKEN, "max_tries")
_loaded: dict[str, bool] = {}

log = logging.getLogger("tradewind.task")


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


@contextmanager
def import_limit(path: Path, most: float) -> Iterator[None]:
    """Import a Dag file in the block, within the seconds that a policy allows it.

    Only fewer than ``most`` matter: whoever started this process ends it then.

    Raises:
        AirflowTaskTimeout: It takes longer.
        TypeError: The policy answers no number.
    """
    seconds = policies.get_dagbag_import_timeout(str(path)) if most else None
    if seconds is None or seconds >= most:
        yield
        return

    def expire(number: int, frame: FrameType | None) -> None:
        raise AirflowTaskTimeout(
            f"{path.name} takes longer to import than the {seconds:g} s that "
            "get_dagbag_import_timeout() allows it"
        )

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def ask_about_instance(instance: Any, task: Any) -> None:
    """Ask the policies about a task instance that is about to run, and is executed by ``task``.

    They may change the task. What the server has used before it was claimed stays as it was.

    Raises:
        AirflowClusterPolicyViolation: A rule is broken.
    """
    if not policies.has_policy("task_instance_mutation_hook"):
        return
    for name in _TAKEN:
        vars(instance).setdefault(name, getattr(task, name))
    before = {name: getattr(instance, name) for name in _USED}
    policies.task_instance_mutation_hook(instance)
    changed = [name for name, value in before.items() if getattr(instance, name) != value]
    if changed:
        vars(instance).update(before)
        log.warning(
            "task_instance_mutation_hook() changes %s of '%s': that has no effect when it is about "
            "to run. Change it for all tries: the hook is asked when the Dag file is read, too.",
            " and ".join(changed),
            instance.task_id,
        )


class _Instance:
    """What a task's instances will be, as far as it is known before there is a run."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.dag_id = task.dag_id
        self.task_id = task.task_id
        self.run_id = ""
        self.map_index = -1
        self.try_number = 1
        self.max_tries = task.retries
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
        if instance.max_tries != task.retries:
            task.retries = instance.max_tries
    if task.is_mapped:
        # What was set on the mapped task is set on each of its instances.
        changed = {k: v for k, v in vars(task).items() if before.get(k, task) is not v}
        task.partial_kwargs.update(changed)


def _search_in(bundle: BundleRef) -> None:
    home = os.environ.get("AIRFLOW_HOME", "")
    for folder in (Path(bundle.root, FOLDER), *([Path(home, FOLDER)] if home else [])):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.append(str(folder))
