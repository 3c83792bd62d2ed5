"""Zip archives among Dag files."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.runtime.test_parsing import parse
from tradewind.codestore.archives import read_file
from tradewind.codestore.local import LocalFolder
from tradewind.codestore.snapshots import Snapshots
from tradewind.codestore.trees import Trees
from tradewind.core.spec import structure_hash
from tradewind.protocol.orders import BundleRef

DAG = """
from tradewind import BaseOperator, DAG
import rates_in_zip

class Own(BaseOperator):
    def execute(self, context): ...

with DAG("zipped", schedule=None):
    Own(task_id=rates_in_zip.NAME)
"""
FILES = {
    "sales.py": DAG,
    "rates_in_zip.py": "NAME = 'load'\n",
    "lib/deep.py": "import dag # airflow",
}


def pack(path: Path, files: Mapping[str, str] = FILES) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_modules_at_the_top_may_hold_dags(tmp_path: Path) -> None:
    pack(tmp_path / "team/sales.zip")
    pack(tmp_path / "data.zip", {"rows.csv": "1", "code.py": "X = 1"})
    found = LocalFolder("main", tmp_path).scan()

    assert found.manifest.dag_files == {"team/sales.zip/sales.py"}
    assert set(found.manifest.files) == {f"team/sales.zip/{name}" for name in FILES}
    assert read_file(tmp_path, "team/sales.zip/sales.py").decode() == DAG


def test_a_change_of_a_member_is_seen(tmp_path: Path) -> None:
    pack(tmp_path / "a.zip")
    folder = LocalFolder("main", tmp_path)
    before = folder.scan().manifest
    pack(tmp_path / "a.zip", {**FILES, "rates_in_zip.py": "NAME = 'extract'\n"})
    after = folder.scan().manifest

    assert after.digest != before.digest
    changed = {path for path in after.files if after.files[path] != before.files[path]}
    assert changed == {"a.zip/rates_in_zip.py"}


def test_an_archive_or_a_member_can_be_ignored(tmp_path: Path) -> None:
    pack(tmp_path / "a.zip")
    pack(tmp_path / "b.zip", {"x.py": DAG, "y.py": DAG})
    (tmp_path / ".airflowignore").write_text("a.zip\nb.zip/x.py\n")
    assert LocalFolder("main", tmp_path).scan().manifest.dag_files == {"b.zip/y.py"}


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_what_is_no_archive_is_passed_over_aloud(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    assert LocalFolder("main", tmp_path).scan().manifest.files == {}
    assert "cannot be read (File is not a zip file)" in caplog.text


def test_a_pinned_folder_keeps_its_archives(tmp_path: Path) -> None:
    pack(tmp_path / "dags/a.zip")
    bundle = Snapshots(LocalFolder("main", tmp_path / "dags"), Trees(tmp_path / "code"))
    before = bundle.scan()
    pack(tmp_path / "dags/a.zip", {**FILES, "sales.py": f"{DAG}# new"})
    bundle.scan()

    assert read_file(before.root, "a.zip/sales.py").decode() == DAG


def test_a_dag_in_an_archive_is_parsed(tmp_path: Path) -> None:
    reports = []
    for name in ("one", "two"):
        pack(tmp_path / name / "a.zip")
        root = str(tmp_path / name)
        ref = BundleRef(name="b", root=root, dags_folder=root)
        reports.append(parse(ref, "a.zip/sales.py"))
    report = reports[0]

    assert not report.faults
    (spec,) = report.dags
    assert [task.task_id for task in spec.tasks] == ["load"]
    assert set(report.closure.files) == {"a.zip/sales.py", "a.zip/rates_in_zip.py"}
    # A class of the file is the same wherever the file lies.
    assert structure_hash(spec) == structure_hash(reports[1].dags[0])


def test_a_fault_in_an_archive_names_its_line(tmp_path: Path) -> None:
    pack(tmp_path / "a.zip", {"bad.py": "from airflow.sdk import dag\n1 / 0\n"})
    report = parse(
        BundleRef(name="b", root=str(tmp_path), dags_folder=str(tmp_path)), "a.zip/bad.py"
    )
    assert (report.faults[0].line, report.faults[0].message) == (
        2,
        "ZeroDivisionError: division by zero",
    )
