"""Decorators that come with the real packages of Docker and Kubernetes."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.providers.conftest import Settings
from tests.providers.dags import FAR

PODS = "airflow.providers.cncf.kubernetes.decorators"
PARSE = """
import json, pathlib
from tradewind.protocol.orders import BundleRef, ParseOrder
from tradewind.runtime.parsing import parse_file

here = str(pathlib.Path.cwd())
report = parse_file(ParseOrder(
    job_id=1, epoch=1, bundle=BundleRef(name="b", root=here, dags_folder=here), file="far.py"
))
print(json.dumps({
    "faults": [fault.message for fault in report.faults],
    "operators": {one.task_id: one.operator for dag in report.dags for one in dag.tasks},
}))
"""


RUN = """
import json
from tradewind.compat.finder import install

install()
import far

print(json.dumps({one.task_id: one.error for one in far.dag.test().get_task_instances()}))
"""
NOWHERE = {"DOCKER_HOST": "unix:///nowhere", "KUBECONFIG": "/nowhere"}


def test_their_tasks_run_until_there_is_nobody_to_run_containers(
    python: Callable[..., str], far_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "far.py").write_text(FAR)
    errors = json.loads(python(RUN, {**far_settings, **NOWHERE}).splitlines()[-1])

    assert {name: error.partition(":")[0] for name, error in errors.items()} == {
        "in_docker": "AirflowException",
        "in_pod": "ConfigException",
        "command": "ConfigException",
    }
    assert "Failed to establish connection to any given Docker hosts" in errors["in_docker"]


PODS_TRAVEL = """
from kubernetes.client import V1Container, V1ObjectMeta, V1Pod, V1PodSpec
from tradewind.sdk.serde import decode, encode

pod = V1Pod(
    metadata=V1ObjectMeta(name="load", labels={"team": "sales"}),
    spec=V1PodSpec(containers=[V1Container(name="base", image="busybox", args=["echo"])]),
)
found = decode(encode(pod))
print(type(found).__name__, found == pod, found.spec.containers[0].image)
"""


def test_a_pod_travels_as_an_xcom(python: Callable[..., str], far_settings: Settings) -> None:
    assert python(PODS_TRAVEL, far_settings) == "V1Pod True busybox\n"


def test_a_file_that_uses_them_is_parsed(
    python: Callable[..., str], far_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "far.py").write_text(FAR)
    told = json.loads(python(PARSE, far_settings).splitlines()[-1])

    assert told["faults"] == []
    assert told["operators"] == {
        "in_docker": "airflow.providers.docker.decorators.docker._DockerDecoratedOperator",
        "in_pod": f"{PODS}.kubernetes._KubernetesDecoratedOperator",
        "command": f"{PODS}.kubernetes_cmd._KubernetesCmdDecoratedOperator",
    }
