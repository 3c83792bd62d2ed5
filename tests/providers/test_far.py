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
