"""What is told of a Dag file: its Dags, its faults, what it read, whether it may be forked."""

import json
import subprocess
import sys
import textwrap

import msgspec
import pytest

from tradewind.core.spec import structure_hash
from tradewind.protocol.orders import BundleRef, ParseOrder
from tradewind.protocol.reports import ParseReport
from tradewind.runtime.parsing import parse_file

_PARSE = """
import sys, msgspec
from tradewind.protocol.orders import ParseOrder
from tradewind.runtime.parsing import parse_file
order = msgspec.json.decode(sys.argv[1], type=ParseOrder)
report = parse_file(order)
sys.stdout.buffer.write(b"\\n=====" + msgspec.json.encode(report))
"""


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "dags").mkdir()

    def write(**files):
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return BundleRef(name="b", root=str(tmp_path), dags_folder=str(tmp_path / "dags"))

    return write


def parse(bundle: BundleRef, file: str = "dags/a.py") -> ParseReport:
    """Parse in a process of its own, as a worker does."""
    order = ParseOrder(job_id=4, epoch=2, bundle=bundle, file=file)
    done = subprocess.run(
        [sys.executable, "-c", _PARSE, msgspec.json.encode(order)],
        capture_output=True,
        check=False,
    )
    assert b"=====" in done.stdout, done.stderr.decode()
    return msgspec.json.decode(done.stdout.partition(b"=====")[2], type=ParseReport)


def test_dags_are_found_in_globals_in_blocks_and_from_calls(bundle):
    report = parse(
        bundle(
            dags__a="""
            from tradewind import DAG, dag, task

            kept = DAG("kept")
            with DAG("block"):
                pass

            def factory():
                @dag(schedule=None)
                def called():
                    pass
                called()
                with DAG("hidden", auto_register=False):
                    pass

            factory()
            """
        )
    )

    assert {dag.dag_id for dag in report.dags} == {"kept", "block", "called"}
    assert (report.job_id, report.epoch, report.faults, report.fork_unsafe) == (4, 2, (), "")
    assert report.seconds > 0


def test_code_beside_the_dags_folder_can_be_imported_and_is_in_the_closure(bundle):
    report = parse(
        bundle(
            dags__a="""
            import helper
            from include import names
            from tradewind import DAG, Variable, Connection

            Variable.get("region", "eu")
            try:
                Connection.get("shop")
            except Exception:
                pass
            DAG(names.DAG_ID)
            d = DAG(names.DAG_ID + helper.SUFFIX)
            """,
            dags__helper="SUFFIX = '_2'",
            include__names="DAG_ID = 'named'",
        )
    )

    assert [dag.dag_id for dag in report.dags] == ["named_2"]
    assert report.closure.files == ("dags/a.py", "dags/helper.py", "include/names.py")
    assert report.closure.variables == ("region",)
    assert report.closure.connections == ("shop",)


def test_a_fault_has_line_and_the_authors_own_traceback(bundle):
    report = parse(
        bundle(
            dags__a="""\
            from tradewind import DAG, PythonOperator
            from include.deep import fail

            with DAG("d"):
                fail()
            """,
            include__deep="""\
            from tradewind import PythonOperator
            def fail():
                PythonOperator(task_id="t", python_calable=print)
            """,
        )
    )
    (fault,) = report.faults

    assert (fault.file, fault.line, report.dags) == ("dags/a.py", 5, ())
    assert fault.message == "TypeError: PythonOperator of task 't' needs 'python_callable'"
    assert "include/deep.py" in fault.traceback
    assert "tradewind/sdk" not in fault.traceback
    assert "importlib" not in fault.traceback
    assert report.closure.files == ("dags/a.py", "include/deep.py")


def test_a_helper_that_is_broken_is_in_the_closure_so_that_fixing_it_is_seen(bundle):
    report = parse(bundle(dags__a="import include.bad", include__bad="def f(:\n    pass"))

    assert report.faults[0].message.startswith("SyntaxError")
    assert report.closure.files == ("dags/a.py", "include/bad.py")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\ndef f(:", 2, "SyntaxError"),
        ("import sys\nsys.exit(3)", 2, "The file ended the process while it was imported"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt"),
        ("import nowhere_to_be_found", 1, "ModuleNotFoundError: No module named"),
        ("from airflow.models import Nope", 1, "ImportError: Tradewind has no 'Nope'"),
    ],
)
def test_whatever_importing_raises_is_told(bundle, text, line, message):
    (fault,) = parse(bundle(dags__a=text)).faults

    assert fault.line == line
    assert fault.message.startswith(message)


def test_two_dags_of_one_id_in_a_file_are_a_fault(bundle):
    report = parse(bundle(dags__a="from tradewind import DAG\na = DAG('x')\nb = DAG('x')"))

    assert "dags/a.py has two Dags with the id 'x'" in report.faults[0].message


def test_one_dag_that_cannot_run_leaves_the_others(bundle):
    report = parse(
        bundle(
            dags__a="""
            from tradewind import DAG, EmptyOperator, Param
            with DAG("circle"):
                a, b = EmptyOperator(task_id="a"), EmptyOperator(task_id="b")
                a >> b >> a
            with DAG("needy", schedule="@daily", params={"x": Param(type="string")}):
                EmptyOperator(task_id="a")
            with DAG("hasty", fail_fast=True):
                EmptyOperator(task_id="a", trigger_rule="all_done")
            with DAG("set"):
                EmptyOperator(task_id="a").as_setup() >> EmptyOperator(
                    task_id="b", trigger_rule="all_done"
                )
            with DAG("good"):
                EmptyOperator(task_id="a")
            """
        )
    )

    assert [dag.dag_id for dag in report.dags] == ["good"]
    told = " ".join(fault.message for fault in report.faults)
    assert "circle: a -> b -> a" in told
    assert "needs a default that fits: Invalid input for param 'x'" in told
    assert "'hasty' is fail_fast" in told
    assert "follows the setup 'a'" in told


def test_threads_and_connections_left_open_make_forking_unsafe(bundle):
    threads = parse(
        bundle(
            dags__a="""
            import threading
            threading.Thread(target=threading.Event().wait, daemon=True, name="poller").start()
            """
        )
    )
    sockets = parse(bundle(dags__a="import socket\na, b = socket.socketpair()"))
    asking = parse(bundle(dags__a="from tradewind import get_parsing_context as g\ng()"))

    assert "poller" in threads.fork_unsafe
    assert "network connection" in sockets.fork_unsafe
    assert "for which task" in asking.fork_unsafe


def test_the_same_file_gives_the_same_version_whenever_it_is_parsed(bundle):
    text = """
    from datetime import datetime
    from tradewind import dag, task, BashOperator, TaskGroup

    @dag(schedule="@daily", start_date=datetime({year}, 1, 1), tags=["{tag}"])
    def d(n: int = {year}):
        @task
        def numbers():
            return [1]

        @task
        def show(x, f=lambda: 1): ...

        with TaskGroup("g"):
            BashOperator(task_id="b", bash_command="echo {year}")
        show.expand(x=numbers())

    d()
    """
    one = parse(bundle(dags__a=text.format(year=2026, tag="x"))).dags[0]
    two = parse(bundle(dags__a=text.format(year=2025, tag="y"))).dags[0]
    again = parse(bundle(dags__a=text.format(year=2025, tag="y"))).dags[0]

    assert structure_hash(one) == structure_hash(two)
    assert two == again
    assert one != two


BAD = """
import random, uuid
from datetime import datetime, timedelta
from tradewind import DAG, BaseOperator, EmptyOperator, Param, PythonOperator, TaskGroup

class Thing:
    pass

class Own(BaseOperator):
    template_fields = ("what",)
    def __init__(self, what, **kwargs):
        super().__init__(**kwargs)
        self.what = what
    def execute(self, context): ...

defaults = {{
    "start_date": datetime.now() - timedelta(days=1),
    "owner": str(uuid.uuid4()),
    "retry_delay": timedelta(seconds=random.random()),
    "params": {{"at": datetime.now().isoformat()}},
}}
tags = {{"b", "a", "c", "d", "e", "f"}}
with DAG(
    "bad",
    default_args=defaults,
    schedule="@daily",
    tags=tags,
    description=f"parsed {{datetime.now()}}",
    doc_md=f"{{Thing()}}",
    end_date=datetime.now() + timedelta(days=9),
    params={{"run": Param(str(uuid.uuid4()), type="string")}},
) as dag:
    ends = {{EmptyOperator(task_id=name) for name in tags}}
    with TaskGroup("g", tooltip=str(uuid.uuid4())):
        own = Own(task_id="own", what={{"at": datetime.now(), "of": Thing(), "all": tags}})
    PythonOperator(
        task_id="call",
        python_callable=lambda **kw: None,
        op_kwargs={{"now": datetime.now(), "thing": Thing(), "text": "{text}"}},
        email=f"{{random.random()}}@x.example",
    ) >> list(ends)
    own >> ends
"""


def test_what_is_another_at_each_parse_makes_no_version(tmp_path):
    """Neither does what a code change alone changes, nor where the bundle lies."""

    def parsed(name, text):
        # Each in a process of its own, with another order of sets.
        folder = tmp_path / name
        (folder / "dags").mkdir(parents=True)
        (folder / "dags/a.py").write_text(BAD.format(text=text))
        report = parse(BundleRef(name="b", root=str(folder), dags_folder=str(folder / "dags")))
        assert not report.faults
        return report.dags[0]

    specs = [parsed("one", "x"), parsed("two", "x"), parsed("three", "other code")]

    assert len({structure_hash(spec) for spec in specs}) == 1
    assert len({spec.start_date for spec in specs}) == 3


def test_a_missing_file_is_a_fault(bundle):
    report = parse(bundle(), file="dags/none.py")

    assert "There is no Dag file dags/none.py in bundle 'b'" in report.faults[0].message


def test_files_that_are_not_kept_any_more_are_named():
    report = parse(BundleRef(name="b", root="", dags_folder="", digest="0123456789abcdef"))
    assert report.faults[0].message.startswith("AirflowException: The files of bundle 'b' at 01234")


def test_the_report_is_plain_data(bundle):
    order = ParseOrder(
        job_id=1,
        epoch=1,
        bundle=bundle(dags__a="from tradewind import DAG\nDAG('a')"),
        file="dags/a.py",
    )

    assert json.loads(msgspec.json.encode(parse_file(order)))["file"] == "dags/a.py"


def test_a_file_saved_twice_within_a_second_is_read_as_it_is(bundle, monkeypatch):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    text = """
    from tradewind import DAG
    dag = DAG("{name}", schedule=None)
    """
    found = [
        [dag.dag_id for dag in parse(bundle(dags__a=text.format(name=name))).dags]
        for name in ("one", "two", "six")
    ]
    assert found == [["one"], ["two"], ["six"]]
