"""What every pinned bundle promises, whatever it comes from."""

from pathlib import Path

import pytest

from tests.conformance.bundles.kinds import KINDS, Files, Source
from tradewind.codestore.bundle import Bundle, BundleError, Scan
from tradewind.codestore.trees import Trees

DAG = "from airflow.sdk import DAG\n"
FIRST: Files = {"sales.py": DAG, "lib/util.py": "ONE = 1\n", "lib/query.sql": "select 1\n"}


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path / "code")


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, tmp_path: Path, trees: Trees) -> Source:
    return KINDS[request.param](tmp_path, trees)


def texts(scan: Scan) -> dict[str, str]:
    return {path: (scan.root / path).read_text() for path in scan.manifest.files}


def fails(bundle: Bundle) -> bool:
    try:
        return bundle.scan().is_missing
    except BundleError as error:
        return str(error).startswith("Bundle 'main'")


def test_what_a_bundle_holds(source: Source) -> None:
    source.write({**FIRST, "data.bin": "x"})
    found = source.bundle().scan()

    assert texts(found) == FIRST
    assert found.manifest.dag_files == {"sales.py"}
    assert found.dags_folder == found.root
    # What does not count is reached all the same.
    assert (found.root / "data.bin").read_text() == "x"


def test_a_change_is_another_tree_and_leaves_the_old_one_as_it_was(source: Source) -> None:
    source.write(FIRST)
    bundle = source.bundle()
    before = bundle.scan()
    source.write({**FIRST, "lib/util.py": "ONE = 2\n", "new.py": DAG})
    after = bundle.scan()

    assert texts(before) == FIRST
    assert texts(after) == {**FIRST, "lib/util.py": "ONE = 2\n", "new.py": DAG}
    assert after.manifest.digest != before.manifest.digest
    assert after.manifest.dag_files == {"new.py", "sales.py"}


def test_nothing_changed_is_the_same_tree_after_a_restart_too(source: Source) -> None:
    source.write(FIRST)
    bundle = source.bundle()
    first = bundle.scan()

    for again in (bundle.scan(), source.bundle().scan()):
        assert (again.root, again.manifest) == (first.root, first.manifest)


def test_a_file_that_went_and_came_back(source: Source) -> None:
    bundle = source.bundle()
    source.write({**FIRST, "other.py": DAG})
    with_it = bundle.scan().manifest
    source.write(FIRST)
    assert bundle.scan().manifest.dag_files == {"sales.py"}
    source.write({**FIRST, "other.py": DAG})

    assert bundle.scan().manifest.files == with_it.files


def test_ignore_files_are_heeded(source: Source) -> None:
    source.write({**FIRST, "team/x.py": DAG, "team/y.py": DAG, "team/.airflowignore": "x.py\n"})

    assert source.bundle().scan().manifest.dag_files == {"sales.py", "team/y.py"}


def test_a_source_that_cannot_be_reached_leaves_what_was_there(source: Source) -> None:
    source.write(FIRST)
    bundle = source.bundle()
    good = bundle.scan()

    source.take_away()
    assert fails(bundle)
    assert fails(source.bundle())
    assert texts(good) == FIRST

    source.write({**FIRST, "sales.py": f"{DAG}# new\n"})
    assert texts(bundle.scan())["sales.py"] == f"{DAG}# new\n"


def test_equal_files_of_many_trees_are_one_on_disk(source: Source) -> None:
    source.write(FIRST)
    bundle = source.bundle()
    one = bundle.scan().root / "lib/query.sql"
    source.write({**FIRST, "new.py": DAG})
    other = bundle.scan().root / "lib/query.sql"

    assert one != other
    assert one.samefile(other)
    assert not one.stat().st_mode & 0o222


def test_a_tree_that_nobody_needs_goes_with_what_only_it_held(source: Source, trees: Trees) -> None:
    source.write(FIRST)
    bundle = source.bundle()
    old = bundle.scan().root
    source.write({"sales.py": f"{DAG}# new\n"})
    new = bundle.scan()

    trees.put_away(old)
    trees.sweep((), before=0)

    assert not old.exists()
    assert texts(new) == {"sales.py": f"{DAG}# new\n"}
    objects = [path for path in (trees.folder / "objects").rglob("*") if path.is_file()]
    assert [path.read_text() for path in objects] == [f"{DAG}# new\n"]


def test_a_build_that_was_broken_off_is_made_again(source: Source, trees: Trees) -> None:
    def break_off(into: Path) -> None:
        (into / "half.py").write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        trees.build("main", "d", break_off)

    assert not trees.has("main", "d")
    assert [path.name for path in (trees.folder / "trees/main").iterdir()] == []
