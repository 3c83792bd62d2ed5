"""Policies of an installation, and what a task is told by its environment."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.runtime.tasks import returned, run
from tradewind import DAG, PythonOperator
from tradewind.protocol.orders import BundleRef, ParseOrder
from tradewind.runtime.parsing import parse_file
from tradewind.sdk import policies
from tradewind.sdk.context import get_parsing_context, importing_for
from tradewind.sdk.exceptions import AirflowClusterPolicyViolation

SETTINGS = """
from airflow.exceptions import AirflowClusterPolicySkipDag, AirflowClusterPolicyViolation

def task_policy(task):
    if task.owner == "nobody":
        raise AirflowClusterPolicyViolation(f"Task {task.task_id} needs an owner")
    task.pool = "of_all"

def dag_policy(dag):
    if "draft" in dag.tags:
        raise AirflowClusterPolicySkipDag
    dag.tags.add("seen")

def task_instance_mutation_hook(task_instance):
    if task_instance.operator == "BashOperator":
        task_instance.queue = "shell"
    else:
        task_instance.max_tries = 4
"""

DAGS = """
from airflow.sdk import DAG, task
from airflow.providers.standard.operators.bash import BashOperator

with DAG("one", tags=["a"]):
    BashOperator(task_id="sh", bash_command="true")

    @task(owner={owner!r})
    def each(n):
        return n

    each.expand(n=[1, 2])

with DAG("two", tags=["draft"]):
    BashOperator(task_id="sh", bash_command="true")
"""


@pytest.fixture
def no_policies():
    """Leave no policy of a test to others."""
    before = policies.POLICIES[:]
    policies.POLICIES.clear()
    yield
    policies.POLICIES[:] = before
    sys.modules.pop("airflow_local_settings", None)


@pytest.fixture
def bundle(tmp_path, no_policies, monkeypatch):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "airflow_local_settings.py").write_text(SETTINGS)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def parse(root, owner="me"):
    (root / "dags.py").write_text(DAGS.format(owner=owner))
    ref = BundleRef(name="b", root=str(root), dags_folder=str(root))
    return parse_file(ParseOrder(job_id=1, epoch=1, bundle=ref, file="dags.py"))


def test_policies_change_tasks_and_leave_dags_out(bundle):
    report = parse(bundle)

    (dag,) = report.dags
    assert report.faults == ()
    assert (dag.dag_id, sorted(dag.tags)) == ("one", ["a", "seen"])
    assert {one.task_id: (one.pool, one.queue) for one in dag.tasks} == {
        "sh": ("of_all", "shell"),
        "each": ("of_all", "default"),
    }
    assert {one.task_id: one.retry.retries for one in dag.tasks} == {"sh": 0, "each": 4}
    assert "config/airflow_local_settings.py" in report.closure.files


def test_a_broken_rule_refuses_the_file_with_its_sentence(bundle):
    (fault,) = parse(bundle, owner="nobody").faults
    assert fault.message == "AirflowClusterPolicyViolation: Task each needs an owner"


def test_policies_that_cannot_be_imported_let_no_dag_pass(bundle):
    (bundle / "config" / "airflow_local_settings.py").write_text("import nowhere")
    (fault,) = parse(bundle).faults
    assert "nowhere" in fault.message


def test_the_policies_that_the_document_shows_are_some(bundle):
    page = Path(__file__).parents[3] / "docs" / "how-to" / "plugins-and-listeners.md"
    code = page.read_text().partition("## Policies")[2].split("```python\n")[1].split("```")[0]
    (bundle / "config" / "airflow_local_settings.py").write_text(code)
    assert parse(bundle).dags == ()
    assert policies.get_airflow_context_vars({"task": python(dict)}) == {"TEAM": "me"}
    task = python(dict)
    policies.task_policy(task)
    assert task.execution_timeout == timedelta(hours=2)


TIMEOUT = """
def get_dagbag_import_timeout(dag_file_path):
    return {answer} if dag_file_path.endswith("/dags.py") else 0.001
"""


def parse_slowly(root, answer, limit):
    (root / "config" / "airflow_local_settings.py").write_text(TIMEOUT.format(answer=answer))
    (root / "dags.py").write_text("import signal\nsignal.sigtimedwait([], 0.05)\n")
    ref = BundleRef(name="b", root=str(root), dags_folder=str(root))
    order = ParseOrder(job_id=1, epoch=1, bundle=ref, file="dags.py", timeout_seconds=limit)
    return [fault.message for fault in parse_file(order).faults]


@pytest.mark.parametrize(
    ("answer", "limit", "told"),
    [
        ("0.01", 30, "dags.py takes longer to import than the 0.01 s that"),
        ("60", 30, None),
        ("0", 30, None),
        ("-1", 30, None),
        ("None", 30, None),
        ("'2 s'", 30, "TypeError: get_dagbag_import_timeout() must answer a number of seconds"),
    ],
)
def test_a_policy_says_how_long_a_file_may_take(bundle, answer, limit, told):
    faults = parse_slowly(bundle, answer, limit)

    assert len(faults) == (told is not None)
    assert told is None or told in faults[0]


class Hook:
    """A policy that sees every instance before it runs."""

    def __init__(self):
        self.seen = []

    def task_instance_mutation_hook(self, ti):
        self.seen.append((ti.task_id, ti.run_id, ti.map_index, ti.try_number, ti.pool_slots))
        ti.task.op_args = ["{{ ds }}"]
        if ti.try_number > 1:
            ti.queue, ti.max_tries = "retries", 7


@pytest.fixture
def hook(no_policies):
    policies.POLICIES.append(made := Hook())
    return made


def test_an_instance_that_is_about_to_run_is_shown_to_the_policies(hook):
    assert returned(run(python(lambda day: day))) == "2026-04-20"
    assert hook.seen == [("t", "manual__2026-04-20T00:00:00+00:00", -1, 1, 1)]


def test_what_the_server_has_used_is_not_changed_any_more(hook, caplog):
    def look(day, ti=None):
        return [ti.queue, ti.max_tries]

    assert returned(run(python(look), try_number=2, max_tries=1)) == ["default", 1]
    assert "changes queue and max_tries of 't': that has no effect" in caplog.text


def test_an_instance_that_a_policy_refuses_fails(no_policies):
    class Strict:
        """A policy that lets nothing run."""

        @staticmethod
        def task_instance_mutation_hook(ti):
            raise AirflowClusterPolicyViolation(f"{ti.task_id} is not to run today")

    policies.POLICIES.append(Strict)
    done = run(python(dict))
    assert (done.outcome, done.error) == (
        "failed",
        "AirflowClusterPolicyViolation: t is not to run today",
    )


def test_a_pod_is_shown_to_every_policy(no_policies):
    class One:
        """Adds a label."""

        @staticmethod
        def pod_mutation_hook(pod):
            pod["labels"].append("one")

    class Two:
        """Adds another."""

        @staticmethod
        def pod_mutation_hook(pod):
            pod["labels"].append("two")

    policies.POLICIES += [One, Two]
    pod: dict[str, list[str]] = {"labels": []}
    policies.pod_mutation_hook(pod)
    assert pod["labels"] == ["one", "two"]


def python(function):
    with DAG("d"):
        return PythonOperator(task_id="t", python_callable=function, owner="me")


def environment():
    code = "import os; print({k: v for k, v in os.environ.items() if 'CTX' in k})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout


def test_what_a_task_starts_knows_of_which_run_it_is(no_policies):
    class Own:
        """A policy that adds a variable."""

        @staticmethod
        def get_airflow_context_vars(context):
            return {"MY_CTX_TEAM": context["dag"].dag_id}

    policies.POLICIES.append(Own)
    said = returned(run(python(environment)))
    for name, value in {
        "AIRFLOW_CTX_DAG_ID": "d",
        "AIRFLOW_CTX_TASK_ID": "t",
        "AIRFLOW_CTX_LOGICAL_DATE": "2026-04-20T00:00:00+00:00",
        "AIRFLOW_CTX_TRY_NUMBER": "1",
        "AIRFLOW_CTX_DAG_RUN_ID": "manual__2026-04-20T00:00:00+00:00",
        "AIRFLOW_CTX_DAG_OWNER": "me",
        "MY_CTX_TEAM": "d",
    }.items():
        assert f"'{name}': '{value}'" in said


def test_a_variable_that_is_no_text_is_refused(no_policies):
    class Own:
        """A policy that answers a number."""

        @staticmethod
        def get_airflow_context_vars(context):
            return {"N": 1}

    policies.POLICIES.append(Own)
    assert "must answer texts by name" in run(python(environment)).error


def test_an_import_knows_for_which_task_it_is_done():
    assert get_parsing_context().dag_id is None
    with importing_for("d", "t"):
        assert get_parsing_context() == ("d", "t")
    assert get_parsing_context().task_id is None
