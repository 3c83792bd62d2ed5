"""What templates may say: the rows JIN-1 to JIN-5 of the specification, each by an example."""

from datetime import timedelta

import pytest

from tests.unit.runtime.tasks import DAY, returned, run
from tradewind import DAG, BaseOperator, literal
from tradewind.protocol.questions import GetPreviousRun, RunView
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.connection import Connection
from tradewind.sdk.context import CONTEXT_KEYS

BEFORE = RunView(
    dag_id="d",
    run_id="r",
    run_type="scheduled",
    state="success",
    run_after=DAY,
    data_interval_start=DAY - timedelta(days=2),
    data_interval_end=DAY - timedelta(days=1),
    start_date=DAY - timedelta(hours=2),
    end_date=DAY - timedelta(hours=1),
)


class Said(BaseOperator):
    """Returns what its template became."""

    template_fields = ("text",)
    template_ext = (".sql",)

    def __init__(self, text, **kwargs):
        super().__init__(**kwargs)
        self.text = text

    def execute(self, context):
        return self.text


class Box:
    """A value with a template field of its own."""

    template_fields = ("inner",)

    def __init__(self, inner):
        self.inner = inner


def port():
    found = MemoryPort(
        {"region": "eu", "limits": '{"high": 5}'},
        {"shop": Connection(conn_id="shop", conn_type="http", host="shop.example", password="p")},
    )
    found.answers[GetPreviousRun] = lambda _: BEFORE
    return found


def render(text, *, dag=None, task=None, **order):
    with DAG("d", **(dag or {})):
        operator = Said(text=text, task_id="t", **(task or {}))
    done = run(operator, port(), **order)
    assert done.outcome == "success", done.error
    return returned(done)


def fails(text, *, dag=None, **order):
    with DAG("d", **(dag or {})):
        operator = Said(text=text, task_id="t")
    done = run(operator, port(), **order)
    assert done.outcome == "failed"
    return done.error


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{{ conn.shop.host }}", "shop.example"),
        ("{{ conn.get('nope', 'none') }}", "none"),
        ("{{ dag.dag_id }}", "d"),
        ("{{ dag_run.run_type }}", "manual"),
        ("{{ data_interval_start }}", "2026-04-20 00:00:00+00:00"),
        ("{{ data_interval_end | ds }}", "2026-04-20"),
        ("{{ ds }}", "2026-04-20"),
        ("{{ ds_nodash }}", "20260420"),
        ("{{ ts }}", "2026-04-20T00:00:00+00:00"),
        ("{{ ts_nodash }}", "20260420T000000"),
        ("{{ ts_nodash_with_tz }}", "20260420T000000+0000"),
        ("{{ logical_date.add(days=1).day_of_week.name }}", "TUESDAY"),
        ("{{ expanded_ti_count }}", "None"),
        ("{{ inlets }}{{ outlets }}", "[][]"),
        ("{{ map_index_template }}", "None"),
        ("{{ params.colour }}", "red"),
        ("{{ partition_key }}{{ partition_date }}", "NoneNone"),
        ("{{ prev_data_interval_start_success | ds }}", "2026-04-18"),
        ("{{ prev_data_interval_end_success | ds }}", "2026-04-19"),
        ("{{ prev_start_date_success.hour }}", "22"),
        ("{{ prev_end_date_success.hour }}", "23"),
        ("{{ run_id }}", "manual__2026-04-20T00:00:00+00:00"),
        ("{{ task.task_id }} {{ ti.task_id }} {{ task_instance.try_number }}", "t t 1"),
        ("{{ task_instance_key_str }}", "d__t__20260420"),
        ("{{ task_reschedule_count }}", "0"),
        ("{{ templates_dict }}", "None"),
        ("{{ test_mode }}", "False"),
        ("{{ triggering_asset_events | length }}", "0"),
        ("{{ try_number }}", "1"),
        ("{{ var.value.region }}", "eu"),
        ("{{ var.value.get('x', 'd') }}", "d"),
        ("{{ var.json.limits.high }}", "5"),
        ("{{ var.json.get('x', {'high': 1}).high }}", "1"),
    ],
)
def test_each_key_has_its_value(template, rendered):
    assert render(template, task={"params": {"colour": "red"}}) == rendered


@pytest.mark.parametrize(
    "key",
    [
        "ds",
        "ds_nodash",
        "ts",
        "ts_nodash",
        "ts_nodash_with_tz",
        "logical_date",
        "data_interval_start",
        "data_interval_end",
        "prev_data_interval_start_success",
        "prev_data_interval_end_success",
    ],
)
def test_jin_1_what_needs_a_logical_date_is_missing_without_one(key, caplog):
    error = fails(f"{{{{ {key} }}}}", logical_date=None)

    assert error == f"UndefinedError: '{key}' is undefined"
    detail = next(r.error_detail for r in caplog.records if hasattr(r, "error_detail"))
    assert f"'{key}' needs a logical date, and this run has none" in detail
    assert "template field 'text' of 't'" in detail


def test_jin_1_all_else_is_there_without_a_logical_date():
    assert render("{{ task_instance_key_str }}", logical_date=None) == (
        "d__t__manual__2026-04-20T00:00:00+00:00"
    )
    assert render("{{ prev_end_date_success.hour }}", logical_date=None) == "23"


@pytest.mark.parametrize(
    "key", ["execution_date", "next_ds", "prev_ds", "yesterday_ds", "tomorrow_ds_nodash"]
)
def test_jin_2_keys_of_old_are_gone(key):
    assert fails(f"{{{{ {key} }}}}") == f"UndefinedError: '{key}' is undefined"
    assert key not in CONTEXT_KEYS


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{{ macros.datetime(2026, 1, 2).day }}", "2"),
        ("{{ macros.timedelta(days=2).days }}", "2"),
        ("{{ macros.dateutil.parser.parse('2026-01-02').year }}", "2026"),
        ("{{ macros.time.gmtime(0).tm_year }}", "1970"),
        ("{{ macros.uuid.UUID(int=1).int }}", "1"),
        ("{{ 0 <= macros.random() < 1 }}", "True"),
        ("{{ macros.json.dumps([1]) }}", "[1]"),
        ("{{ macros.yaml.safe_load('a: 1').a }}", "1"),
        ("{{ macros.ds_add(ds, -5) }}", "2026-04-15"),
        ("{{ macros.ds_format(ds, '%Y-%m-%d', '%m/%d/%y') }}", "04/20/26"),
        ("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'd MMMM y', 'fr') }}", "20 avril 2026"),
        (
            "{{ macros.datetime_diff_for_humans(logical_date, logical_date.add(days=3)) }}",
            "3 days before",
        ),
    ],
)
def test_jin_3_macros(template, rendered):
    assert render(template) == rendered


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{{ logical_date | ds }}", "2026-04-20"),
        ("{{ logical_date | ds_nodash }}", "20260420"),
        ("{{ logical_date | ts }}", "2026-04-20T00:00:00+00:00"),
        ("{{ logical_date | ts_nodash }}", "20260420T000000"),
        ("{{ logical_date | ts_nodash_with_tz }}", "20260420T000000+0000"),
        ("{{ dag_run.end_date | ds }}", "None"),
        ("{{ ds | replace('-', '/') | upper }}", "2026/04/20"),
        ("{{ 3 | twice }} {{ hello('you') }}", "6 hi you"),
    ],
)
def test_jin_4_filters(template, rendered):
    own = {
        "user_defined_filters": {"twice": lambda n: n * 2},
        "user_defined_macros": {"hello": "hi {}".format, "ds": "hidden by the context"},
    }
    assert render(template, dag=own) == rendered


class Guarded:
    """A value with names that templates may, and may not, reach."""

    _single = "seen"
    __double = "hidden"


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("{{ nope }}", "UndefinedError: 'nope' is undefined"),
        ("{{ params.nope }}", "UndefinedError: 'dict object' has no attribute 'nope'"),
        ("{{ thing.__class__ }}", "SecurityError"),
        ("{{ thing._Guarded__double }}", ""),
        ("{{ ''.__class__.__mro__ }}", "SecurityError"),
    ],
)
def test_jin_5_what_is_unknown_or_internal_is_refused(template, error):
    own = {"user_defined_macros": {"thing": Guarded()}}
    if error:
        assert error in fails(template, dag=own)
    else:
        assert render(template, dag=own) == "hidden"


def test_jin_5_names_with_one_underscore_are_allowed():
    own = {"user_defined_macros": {"thing": Guarded()}}
    assert render("{{ thing._single }}", dag=own) == "seen"


def test_jin_5_another_undefined_can_be_chosen():
    # As Dag files do: the class of Jinja's that lets unknown names pass.
    import jinja2  # noqa: PLC0415

    assert render("<{{ nope }}>", dag={"template_undefined": jinja2.Undefined}) == "<>"


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{{ [1, 2] }}", [1, 2]),
        ("{{ {'a': 1}.a }}", 1),
        ("{{ ds }}!", "2026-04-20!"),
        ("{{ params }}", {"colour": "red"}),
    ],
)
def test_jin_5_native_mode_gives_objects(template, rendered):
    task = {"params": {"colour": "red"}}
    native = {"render_template_as_native_obj": True}
    assert render(template, dag=native, task=task) == rendered
    assert render(template, task={**task, **native}) == rendered


def test_jin_5_a_task_may_leave_native_mode():
    dag = {"render_template_as_native_obj": True}
    assert render("{{ [1] }}", dag=dag, task={"render_template_as_native_obj": False}) == "[1]"


def test_jin_5_files_are_read_from_the_search_path(tmp_path):
    (tmp_path / "load.sql").write_text("select '{{ ds }}' {% include 'tail.sql' %}")
    (tmp_path / "tail.sql").write_text("-- {{ try_number }}")
    dag = {"template_searchpath": str(tmp_path)}

    assert render("load.sql", dag=dag) == "select '2026-04-20' -- 1"
    assert render(["load.sql", {"k": "tail.sql"}], dag=dag)[1] == {"k": "-- 1"}
    assert "TemplateNotFound: 'nope.sql'" in fails("nope.sql", dag=dag)


def test_jin_5_what_is_nested_is_rendered():
    nested = [{"k": ("{{ ds }}", {"{{ try_number }}"}), "box": Box(Box("{{ ds }}"))}]
    seen = []
    with DAG("d"):
        hook = lambda context, result: seen.extend(result)  # noqa: E731
        operator = Said(text=nested, task_id="t", do_xcom_push=False, post_execute=hook)
    assert run(operator, port()).outcome == "success"
    assert seen[0]["k"] == ("2026-04-20", {"1"})
    assert seen[0]["box"].inner.inner == "2026-04-20"


def test_jin_5_literals_stay_as_they_are():
    assert render(["{{ ds }}", literal("{{ ds }}")]) == ["2026-04-20", "{{ ds }}"]


def test_a_template_asks_only_for_what_it_names():
    silent = MemoryPort({"region": "eu"})
    silent.answers[GetPreviousRun] = lambda _: pytest.fail("nothing named this")
    with DAG("d"):
        operator = Said(text="{{ ds }} {{ var.value.region }}", task_id="t")
    assert returned(run(operator, silent)) == "2026-04-20 eu"
