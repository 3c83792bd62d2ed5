"""What a worker tells of a try for people to look at: fields without secrets, label, links."""

from collections.abc import Callable

import msgspec
import pytest

from tests.conformance.worker.conftest import Bundle, WorkerProcess
from tests.conformance.worker.scripted_server import ScriptedServer
from tradewind.core.states import LegState

pytestmark = pytest.mark.process
Start = Callable[..., WorkerProcess]

DEMO = """
    from airflow.sdk import DAG, BaseHook, BaseOperator, BaseOperatorLink, get_parsing_context

    ASKED = get_parsing_context()

    class Job(BaseOperatorLink):
        name = "Job"

        def get_link(self, operator, *, ti_key):
            return f"https://jobs.example/{ti_key.task_id}?token={operator.key}"

    class Query(BaseOperator):
        template_fields = ("sql", "env")
        operator_extra_links = (Job(),)

        def __init__(self, sql, env, **kwargs):
            super().__init__(**kwargs)
            self.sql, self.env, self.key = sql, env, ""

        def execute(self, context):
            self.key = BaseHook.get_connection("shop").password
            return list(ASKED)

    with DAG("demo", schedule=None):
        Query(
            task_id="query",
            sql="select '{{ ds }}' -- {{ conn.shop.password }}",
            env={"API_TOKEN": "plain", "region": "eu"},
        )
"""


def test_what_a_try_leaves_is_told_without_secrets(
    server: ScriptedServer, bundle: Bundle, start_worker: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", '{"conn_type": "http", "password": "hush-no-9"}')
    file = bundle.write("demo.py", DEMO)
    start_worker()
    order = bundle.order(file, "query")
    server.give(order)
    finish = server.wait_recorded(order)

    assert finish.outcome is LegState.SUCCESS, finish.error
    fields = msgspec.json.decode(finish.rendered)
    assert fields["sql"].endswith("-- ***")
    assert fields["env"] == {"API_TOKEN": "***", "region": "eu"}
    assert finish.links == {"Job": "https://jobs.example/query?token=***"}
    # The file asked for which task it was imported, so a process of its own told it.
    (pushed,) = (xcom.value for xcom in finish.xcoms if xcom.key == "return_value")
    assert msgspec.json.decode(pushed) == ["demo", "query"]
