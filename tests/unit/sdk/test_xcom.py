"""Pushing and pulling XComs, and classes that keep them in their own way."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradewind import DAG, task
from tradewind.runtime.local import run_dag_in
from tradewind.runtime.local_record import LocalRun
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.exceptions import AirflowConfigException, AirflowException
from tradewind.sdk.timezone import datetime
from tradewind.sdk.xcom import BaseXCom, XCom, XComResult, backend, largest_xcom
from tradewind.sdk.xcom_storage import ObjectStorageXCom

START = datetime(2026, 4, 20)
BACKEND = "AIRFLOW__CORE__XCOM_BACKEND"


@pytest.fixture(autouse=True)
def _settings_are_read_anew() -> Iterator[None]:
    """A process reads them once; each test is one of its own."""
    for read in (backend, largest_xcom):
        read.cache_clear()
    yield
    for read in (backend, largest_xcom):
        read.cache_clear()


def run(*functions: Callable[..., Any], **settings: Any) -> tuple[LocalRun, MemoryPort]:
    """Run functions as tasks, one after the other."""
    port = MemoryPort()
    with DAG("values", start_date=START) as dag:
        before = None
        for function in functions:
            made = task(**settings)(function)()
            before = made if before is None else before >> made
    return run_dag_in(port, dag, logical_date=START), port


def test_every_way_to_pull() -> None:
    seen: dict[str, Any] = {}

    def first(ti: Any = None) -> int:
        ti.xcom_push("k", (1, 2))
        return 1

    def second(ti: Any = None) -> int:
        seen["own"] = ti.xcom_pull()
        seen["one"] = ti.xcom_pull("first")
        seen["list"] = ti.xcom_pull(["first", "second"])
        seen["key"] = ti.xcom_pull(task_ids="first", key="k")
        seen["default"] = ti.xcom_pull("first", key="none", default="d")
        seen["index"] = ti.xcom_pull("first", map_indexes=-1)
        seen["indexes"] = ti.xcom_pull("first", map_indexes=range(-1, 1))
        seen["prior"] = ti.xcom_pull("first", include_prior_dates=True)
        seen["run"] = ti.xcom_pull("first", run_id="another", default="none there")
        seen["class"] = XCom.get_one(key="k", dag_id=ti.dag_id, task_id="first", run_id=ti.run_id)
        seen["all"] = XCom.get_all(dag_id=ti.dag_id, task_id="first", run_id=ti.run_id)
        return 2

    async def third(ti: Any = None) -> None:
        await ti.axcom_push("a", {"b": 1})
        seen["async"] = await ti.axcom_pull("third", key="a")
        where = {"dag_id": ti.dag_id, "task_id": "first", "run_id": ti.run_id}
        XCom.set("later", [1], **where)
        seen["set"] = XCom.get_one(key="later", **where)
        XCom.delete("later", **where)
        seen["deleted"] = XCom.get_one(key="later", **where)

    done, _ = run(first, second, third)

    assert done.state == "success"
    assert seen == {
        "own": None,
        "one": 1,
        "list": [1, None],
        "key": (1, 2),
        "default": "d",
        "index": 1,
        "indexes": [1, None],
        "prior": 1,
        "run": "none there",
        "class": (1, 2),
        "all": [1],
        "async": {"b": 1},
        "set": [1],
        "deleted": None,
    }


def test_the_instances_of_a_mapped_task_are_pulled_by_index() -> None:
    seen: dict[str, Any] = {}
    with DAG("mapped", start_date=START) as dag:

        @task
        def double(x: int) -> int:
            return x * 2

        @task
        def read(ti: Any = None) -> None:
            seen["all"] = list(ti.xcom_pull("double"))
            seen["some"] = ti.xcom_pull("double", map_indexes=[2, 0])
            seen["range"] = ti.xcom_pull("double", map_indexes=range(1, 3))
            seen["one"] = ti.xcom_pull("double", map_indexes=1)

        double.expand(x=[1, 2, 3]) >> read()
    run_dag_in(MemoryPort(), dag, logical_date=START)

    assert seen == {"all": [2, 4, 6], "some": [6, 2], "range": [4, 6], "one": 4}


class Loud(BaseXCom):
    """Keeps text in capitals, as bytes that are no JSON."""

    purged: list[Any] = []  # noqa: RUF012 - the test looks

    @staticmethod
    def serialize_value(value: Any, **where: Any) -> Any:
        return f"{where['task_id']}:{value}".upper().encode()

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        return result.value.decode()

    @classmethod
    def purge(cls, xcom: Any, *args: Any) -> None:
        cls.purged.append(xcom.value)


def test_a_class_of_the_users_own_keeps_xcoms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "loud", sys.modules[__name__])
    monkeypatch.setenv(BACKEND, "loud.Loud")

    def first() -> str:
        return "hello"

    def second(ti: Any = None) -> None:
        assert ti.xcom_pull("first") == "FIRST:HELLO"
        where = {"dag_id": ti.dag_id, "task_id": "first", "run_id": ti.run_id}
        XCom.delete("return_value", **where)

    done, port = run(first, second)
    assert done.state == "success"
    assert all(json.loads(value)["__type__"] == "raw" for value in port.xcoms.values())
    assert Loud.purged == [b"FIRST:HELLO"]


@pytest.mark.parametrize("path", ["no.such.Class", "json.JSONDecoder"])
def test_a_class_that_cannot_keep_xcoms_is_refused(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BACKEND, path)
    with pytest.raises(AirflowConfigException, match="xcom_backend"):
        backend()


def test_what_is_too_large_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND__CORE__MAX_XCOM_BYTES", "1000")

    def large() -> str:
        return "x" * 999

    done, port = run(large)
    assert done.state == "failed"
    error = str(getattr(done.get_task_instance("large"), "error", ""))
    assert "1,001 bytes as JSON; 1,000 are allowed" in error
    assert "ObjectStorageXCom" in error
    assert port.xcoms == {}


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(BACKEND, "tradewind.sdk.xcom_storage.ObjectStorageXCom")
    monkeypatch.setenv("TRADEWIND__XCOM__STORAGE_PATH", f"file://{tmp_path}/xcoms")
    monkeypatch.setenv("TRADEWIND__XCOM__STORAGE_THRESHOLD", "100")
    return tmp_path / "xcoms"


VALUES: list[Any] = [
    "text é \ud800" * 50,
    b"\x00\xff" * 300,
    list(range(1000)),
    {f"k{n}": (n, None) for n in range(600)},
    {1: "x" * 200},
    ("t" * 200,),
    3,
]


@pytest.mark.parametrize("compression", ["", "gzip", "xz"])
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_large_value_travels_by_file_and_comes_back(
    value: Any, compression: str, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND__XCOM__STORAGE_COMPRESSION", compression)
    raw = backend().to_bytes(value, key="k", dag_id="d", run_id="r", task_id="t", map_index=-1)

    assert backend().from_bytes(raw) == value
    files = [path for path in storage.rglob("*") if path.is_file()]
    assert len(files) == (value != 3)
    assert len(raw) < 400


def test_an_array_travels_by_file(storage: Path) -> None:
    array = np.arange(1000, dtype="float32").reshape(10, 100)
    raw = backend().to_bytes(array.T, key="k", dag_id="d", run_id="r", task_id="t", map_index=-1)

    np.testing.assert_array_equal(backend().from_bytes(raw), array.T)


def test_a_file_goes_with_its_xcom_and_with_a_new_try(storage: Path) -> None:
    where: dict[str, Any] = {"dag_id": "d", "run_id": "r", "task_id": "t"}
    raw = backend().to_bytes("x" * 200, key="k", map_index=-1, **where)
    backend().to_bytes("y" * 200, key="other", map_index=-1, **where)

    ObjectStorageXCom.purge(XComResult("k", raw.decode()))
    assert len([path for path in storage.rglob("*") if path.is_file()]) == 1
    with pytest.raises(AirflowException, match="is gone"):
        backend().from_bytes(raw)
    ObjectStorageXCom.purge_instance("d", "r", "t", -1)
    assert not [path for path in storage.rglob("*") if path.is_file()]


def test_a_file_elsewhere_is_never_read(storage: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('{"kind":"str"}\nsecret')
    forged = {"__xcom_stored__": f"file://{tmp_path}/xcoms/../secret", "conn_id": None}

    assert backend().from_bytes(json.dumps(forged).encode()) == forged


PEAK = """
import resource, sys
from tradewind.sdk.xcom import backend
mb = 1 << 20
value = {"text": lambda: "x" * 100 * mb, "bytes": lambda: b"x" * (100 * mb),
         "rows": lambda: [{"id": n, "name": f"{n:080}"} for n in range(250_000)]}[sys.argv[1]]()
where = dict(key="k", dag_id="d", run_id="r", task_id="t", map_index=-1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
raw = backend().to_bytes(value, **where)
written = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
size, value = len(value), None
back = backend().from_bytes(raw)
assert len(back) == size
print(written - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["text", "bytes", "rows"])
def test_a_hundred_megabytes_are_never_held_twice(kind: str, storage: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PEAK, kind], capture_output=True, text=True, check=True
    )
    writing, reading = (int(kib) / 1024 for kib in done.stdout.split())

    # The value itself is there before; 100 MB more would be a second one.
    assert writing < 20, done.stdout
    assert reading < 60, done.stdout
