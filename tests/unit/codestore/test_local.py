"""Local folders: their root, what of them counts, and which files may hold Dags."""

import logging
import os
from pathlib import Path

import pytest

from tradewind.codestore.bundle import Scan
from tradewind.codestore.local import LocalFolder, find_root
from tradewind.codestore.rules import IgnoreSyntax

DAG = "from airflow.sdk import DAG\n"


def write(root: Path, *paths: str, text: str = DAG) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def scan(folder: Path, *, syntax: IgnoreSyntax = "glob") -> Scan:
    return LocalFolder("main", folder, ignore_syntax=syntax).scan()


def counted(folder: Path) -> set[str]:
    return set(scan(folder).manifest.files)


def dag_files(folder: Path, *, syntax: IgnoreSyntax = "glob") -> set[str]:
    return set(scan(folder, syntax=syntax).manifest.dag_files)


@pytest.mark.parametrize(
    ("there", "root"),
    [
        (["project/tradewind.toml", "project/src/dags/a.py"], "project"),
        (["project/dags/a.py", "project/include/lib.py"], "project"),
        (["project/dags/a.py", "project/plugins/p.py"], "project"),
        (["project/dags/a.py", "project/pyproject.toml"], "project"),
        (["project/dags/a.py", "project/other.py"], "project/dags"),
        (["project/flows/a.py", "project/pyproject.toml"], "project/flows"),
        (["project/tradewind.toml", "project/1/2/3/4/dags/a.py"], "project/1/2/3/4/dags"),
    ],
)
def test_the_root_of_a_dags_folder(tmp_path: Path, there: list[str], root: str) -> None:
    write(tmp_path, *there)
    folder = next((tmp_path / path).parent for path in there if path.endswith("a.py"))
    assert find_root(folder) == tmp_path / root


def test_the_users_home_is_never_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, "tradewind.toml", "dags/a.py")
    assert find_root(tmp_path / "dags") == tmp_path / "dags"


def test_paths_are_relative_to_the_root_and_dags_lie_in_their_folder(tmp_path: Path) -> None:
    write(tmp_path, "dags/team/a.py", "include/b.py", "pyproject.toml")
    found = scan(tmp_path / "dags")
    assert found.root == tmp_path
    assert set(found.manifest.files) == {"dags/team/a.py", "include/b.py", "pyproject.toml"}
    assert found.manifest.dag_files == {"dags/team/a.py"}


def test_what_does_not_count(tmp_path: Path) -> None:
    write(
        tmp_path,
        *("a.py", "sql/q.sql", "conf.yaml", "data/seed.py", "Makefile"),
        *(".git/x.py", "__pycache__/a.py", "node_modules/x.js", ".venv/b.py"),
        *("myenv/pyvenv.cfg", "myenv/lib/c.py", "sales.csv", "data/rows.json", "out.log", "t.db"),
    )
    (tmp_path / "big.json").write_bytes(b" " * 1_000_001)
    (tmp_path / "big.py").write_bytes(b" " * 1_000_001)
    os.mkfifo(tmp_path / "pipe.py")
    assert counted(tmp_path) == {"a.py", "sql/q.sql", "conf.yaml", "data/seed.py", "big.py"}


def test_folders_that_are_not_the_bundles_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "runs/b.py")
    found = LocalFolder("main", tmp_path, exclude=[tmp_path / "runs"]).scan()
    assert set(found.manifest.files) == {"a.py"}


def test_the_dags_count_wherever_they_lie_but_not_what_lies_beside_their_way(
    tmp_path: Path,
) -> None:
    write(tmp_path, "tradewind.toml", ".home/dags/a.py", ".home/logs/b.py", ".other/c.py")
    write(tmp_path, "runs/dags/a.py", "runs/logs/b.py")
    assert counted(tmp_path / ".home/dags") == {"tradewind.toml", ".home/dags/a.py"} | {
        "runs/dags/a.py",
        "runs/logs/b.py",
    }
    found = LocalFolder("main", tmp_path / "runs/dags", exclude=[tmp_path / "runs"]).scan()
    assert set(found.manifest.files) == {"tradewind.toml", "runs/dags/a.py"}


def test_only_python_that_speaks_of_dags_is_a_dag_file(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b.sql")
    write(tmp_path, "c.py", text="from TRADEWIND import dag")
    write(tmp_path, "d.py", text="import airflow")
    write(tmp_path, "e.py", text="dag = 1")
    (tmp_path / "f.py").write_bytes(b"\xff\xfe airflow DAG")
    assert dag_files(tmp_path) == {"a.py", "c.py", "f.py"}


def test_ignore_files_as_globs(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b_test.py", "old/c.py", "team/d.py", "team/keep_test.py", "team/e.py")
    write(tmp_path, ".airflowignore", text="# comment\n*_test.py\n/old/\n!\n")
    write(tmp_path, "team/.airflowignore", text="!keep_test.py\ne.py\n")
    found = scan(tmp_path).manifest
    assert found.dag_files == {"a.py", "team/d.py", "team/keep_test.py"}
    # They may be imported, so a change of one is a change of the bundle.
    assert "old/c.py" in found.files
    assert ".airflowignore" in found.files


def test_ignore_files_as_regular_expressions(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b_test.py", "old/c.py", "team/d.py")
    write(tmp_path, ".airflowignore", text="_test # tests\n^old/\n(\n")
    assert dag_files(tmp_path, syntax="regexp") == {"a.py", "team/d.py"}


def test_an_ignore_file_outside_the_dags_folder_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, "tradewind.toml", "dags/a.py")
    write(tmp_path, ".airflowignore", text="*\n")
    assert dag_files(tmp_path / "dags") == {"dags/a.py"}


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/a.py", "elsewhere/lib/b.py", "dags/c.py")
    dags = tmp_path / "dags"
    (dags / "a.py").symlink_to(tmp_path / "elsewhere/a.py")
    (dags / "lib").symlink_to(tmp_path / "elsewhere/lib")
    (dags / "again").symlink_to(dags)
    (dags / "broken.py").symlink_to(tmp_path / "none.py")
    found = scan(dags)
    assert set(found.manifest.files) == {"c.py", "a.py", "lib/b.py"}
    # So that a save of the file that is linked to is seen.
    assert str(tmp_path / "elsewhere") in {path for path, _, _ in found.places}


def test_a_linked_dags_folder(tmp_path: Path) -> None:
    write(tmp_path, "real/a.py")
    (tmp_path / "dags").symlink_to(tmp_path / "real")
    assert dag_files(tmp_path / "dags") == {"a.py"}


def test_a_python_file_that_cannot_be_read_is_left_to_its_import_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "a.py")
    bundle = LocalFolder("main", tmp_path)
    (tmp_path / "b.py").symlink_to(tmp_path / "b.py")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert bundle.scan().manifest.dag_files == {"a.py", "b.py"}
    assert [record.getMessage() for record in caplog.records] == [
        f"Bundle 'main': cannot be read (Too many levels of symbolic links): {tmp_path}/b.py"
    ]


def test_names_that_are_not_utf8_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).write_text(DAG)
    assert counted(tmp_path) == {"a.py"}


def test_a_missing_folder_is_told_apart_from_an_empty_one(tmp_path: Path) -> None:
    assert scan(tmp_path / "none").is_missing
    assert not scan(tmp_path).is_missing


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    write(tmp_path, "one/a.py", "two/a.py")
    assert scan(tmp_path / "one").manifest == scan(tmp_path / "two").manifest
    write(tmp_path, "two/a.py", text="other")
    assert scan(tmp_path / "one").manifest.digest != scan(tmp_path / "two").manifest.digest


def test_a_second_save_within_a_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    write(tmp_path, "a.py", text="x = 1")
    bundle = LocalFolder("main", tmp_path)
    first = bundle.scan().manifest
    status = (tmp_path / "a.py").stat()
    (tmp_path / "a.py").write_text("x = 2")
    os.utime(tmp_path / "a.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert bundle.scan().manifest != first


def test_changes_renames_and_deletions_are_seen(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b.py", "c.py")
    bundle = LocalFolder("main", tmp_path)
    for _ in range(3):
        before = bundle.scan().manifest
    (tmp_path / "a.py").rename(tmp_path / "d.py")
    (tmp_path / "b.py").unlink()
    write(tmp_path, ".c.py.new", text="from airflow import DAG as d\n")
    (tmp_path / ".c.py.new").replace(tmp_path / "c.py")
    after = bundle.scan().manifest
    assert set(after.files) == {"d.py", "c.py"}
    assert after.files["d.py"] == before.files["a.py"]
    assert after.files["c.py"] != before.files["c.py"]
