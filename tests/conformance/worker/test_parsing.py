"""Files to parse: good ones, and those that hang, exit or eat memory."""

from collections.abc import Callable

import pytest

from tests.conformance.worker.conftest import Bundle, WorkerProcess
from tests.conformance.worker.scripted_server import ScriptedServer
from tradewind.protocol.orders import ParseOrder
from tradewind.protocol.reports import ParseReport

pytestmark = pytest.mark.process
Start = Callable[..., WorkerProcess]

GOOD = """
    from tradewind import DAG, EmptyOperator

    with DAG("good", schedule=None):
        EmptyOperator(task_id="nothing")
"""


def report_of(server: ScriptedServer, order: ParseOrder) -> ParseReport:
    found = server.wait_for(lambda: [r for r in server.reports if r.job_id == order.job_id])
    assert len(found) == 1
    report: ParseReport = found[0]
    return report


def test_a_file_is_described(server: ScriptedServer, bundle: Bundle, start_worker: Start) -> None:
    start_worker()
    order = bundle.parse_order(bundle.write("good.py", GOOD))
    server.give_parse(order)
    report = report_of(server, order)
    assert [dag.dag_id for dag in report.dags] == ["good"]
    assert report.faults == ()


def test_a_file_that_hangs_harms_nothing_else(
    server: ScriptedServer, bundle: Bundle, start_worker: Start
) -> None:
    start_worker()
    hangs = bundle.parse_order(
        bundle.write("hangs.py", "import time\ntime.sleep(60)\n"), timeout_seconds=0.5
    )
    good = bundle.parse_order(bundle.write("good.py", GOOD))
    server.give_parse(hangs, good)
    assert report_of(server, good).faults == ()
    (fault,) = report_of(server, hangs).faults
    assert fault.message == "dags/hangs.py takes longer than 0.5 s to import"


def test_a_file_that_ends_its_process_is_a_fault(
    server: ScriptedServer, bundle: Bundle, start_worker: Start
) -> None:
    start_worker()
    order = bundle.parse_order(
        bundle.write("exits.py", "import os\nprint('going', flush=True)\nos._exit(3)\n")
    )
    server.give_parse(order)
    (fault,) = report_of(server, order).faults
    assert fault.message == "The process that imported dags/exits.py exited with code 3"
    assert "going" in fault.traceback


def test_a_file_that_eats_memory_is_a_fault(
    server: ScriptedServer, bundle: Bundle, start_worker: Start
) -> None:
    start_worker()
    order = bundle.parse_order(
        bundle.write("eats.py", "x = []\nwhile True:\n    x.append(bytearray(1 << 24))\n"),
        memory_mb=400,
    )
    server.give_parse(order)
    (fault,) = report_of(server, order).faults
    assert "MemoryError" in fault.message


def test_a_variable_is_asked_for_on_behalf_of_the_parse_job(
    server: ScriptedServer, bundle: Bundle, start_worker: Start
) -> None:
    server.variables["name"] = "ada"
    start_worker()
    text = """
        from tradewind import DAG, Variable, EmptyOperator

        with DAG(Variable.get("name"), schedule=None):
            EmptyOperator(task_id="nothing")
    """
    order = bundle.parse_order(bundle.write("reads.py", text))
    server.give_parse(order)
    report = report_of(server, order)
    assert [dag.dag_id for dag in report.dags] == ["ada"]
    assert report.closure.variables == ("name",)
    assert [call.job_id for call in server.calls] == [order.job_id]


def test_more_files_than_slots_are_all_parsed(
    server: ScriptedServer, bundle: Bundle, start_worker: Start
) -> None:
    start_worker(parse_slots=2)
    orders = [
        bundle.parse_order(bundle.write(f"good{n}.py", GOOD.replace('"good"', f'"good{n}"')))
        for n in range(6)
    ]
    server.give_parse(*orders)
    for n, order in enumerate(orders):
        assert [dag.dag_id for dag in report_of(server, order).dags] == [f"good{n}"]
