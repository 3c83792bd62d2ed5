"""Paths of any store, tried on files and in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tradewind.sdk.object_storage import ObjectStoragePath, attach
from tradewind.sdk.serde import decode, encode


@pytest.fixture(params=["file", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStoragePath]:
    place = str(tmp_path / "store") if request.param == "file" else "/bucket"
    path = ObjectStoragePath(f"{request.param}://{place}")
    path.mkdir(parents=True, exist_ok=True)
    yield path
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.fixture
def elsewhere(tmp_path: Path) -> ObjectStoragePath:
    return ObjectStoragePath(f"file://{tmp_path}/elsewhere")


def test_it_reads_and_writes_like_a_path(folder: ObjectStoragePath) -> None:
    file = folder / "a" / "b.txt"
    file.parent.mkdir(parents=True)
    file.write_text("hello")

    assert file.read_bytes() == b"hello"
    assert file.size() == file.stat().st_size == 5
    assert file.read_block(1, 3) == b"ell"
    with file.open("ab") as stream:
        stream.write(b"!")
    assert file.read_text() == "hello!"
    assert [one.name for one in folder.iterdir()] == ["a"]
    assert [one.name for one in folder.glob("**/*.txt")] == ["b.txt"]
    assert (file.is_file(), file.exists(), folder.is_dir()) == (True, True, True)
    file.unlink()
    assert not file.exists()


def test_files_are_renamed_and_replaced(
    folder: ObjectStoragePath, elsewhere: ObjectStoragePath
) -> None:
    one, other = folder / "a.bin", folder / "deep" / "b.txt"
    one.write_bytes(b"one")
    other.parent.mkdir()
    other.write_text("other")
    assert sorted(file.name for file in folder.rglob("*.*")) == ["a.bin", "b.txt"]

    assert one.rename(folder / "c.bin").read_bytes() == b"one"
    assert not one.exists()
    assert other.replace(folder / "c.bin") == folder / "c.bin"
    assert (folder / "c.bin").read_text() == "other"
    elsewhere.mkdir(parents=True)
    assert (folder / "c.bin").replace(elsewhere / "c.bin").read_text() == "other"
    assert [file.name for file in folder.iterdir()] == ["deep"]


def test_folders_are_copied_and_moved_across_stores(
    folder: ObjectStoragePath, elsewhere: ObjectStoragePath
) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.txt").write_text("a")
    (folder / "b.txt").write_text("b")

    folder.copy(elsewhere)
    assert (elsewhere / "in" / "a.txt").read_text() == "a"
    landed = (folder / "b.txt").copy(elsewhere / "in")
    assert landed == elsewhere / "in" / "b.txt"
    (folder / "b.txt").copy(folder / "c.txt")
    assert (folder / "c.txt").read_text() == "b"
    (folder / "b.txt").move(elsewhere / "moved.txt")
    assert (elsewhere / "moved.txt").read_text() == "b"
    assert not (folder / "b.txt").exists()
    with pytest.raises(ValueError, match="cannot be copied to a file"):
        folder.copy(elsewhere / "moved.txt")
    with pytest.raises(FileNotFoundError):
        (folder / "none").copy(elsewhere)


def test_sync_copies_what_differs_and_removes_what_is_gone(
    folder: ObjectStoragePath, elsewhere: ObjectStoragePath
) -> None:
    (folder / "a.txt").write_text("a")
    (folder / "b.txt").write_text("b")

    assert len(folder.sync(elsewhere)) == 2
    assert folder.sync(elsewhere) == []
    (elsewhere / "a.txt").write_text("longer")
    (elsewhere / "c.txt").write_text("c")
    assert [one.name for one in folder.sync(elsewhere, delete=True)] == ["a.txt"]
    assert sorted(one.name for one in elsewhere.iterdir()) == ["a.txt", "b.txt"]


def test_the_user_of_a_url_names_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STORE", "generic://?note=x")
    path = ObjectStoragePath("memory://store@bucket/dir/key.txt")

    assert path.conn_id == "store"
    assert (path / "x").parent.parent.conn_id == "store"
    assert path == ObjectStoragePath("memory://bucket/dir/key.txt", conn_id="store")
    assert path.storage_options["note"] == "x"
    assert (path.bucket, path.key) == ("bucket", "dir/key.txt")
    assert not path.samestore(ObjectStoragePath("memory://bucket/dir"))
    back = decode(encode({"at": path}))["at"]
    assert back == path
    assert b"note" not in encode(path)


def test_a_store_may_be_attached_under_a_name_of_its_own() -> None:
    class Shelf(MemoryFileSystem):  # type: ignore[misc]
        protocol = "shelf"

    opened = attach("shelf", fs=Shelf())
    path = ObjectStoragePath("shelf://box/a.txt")
    path.write_text("x")

    assert isinstance(path.fs, Shelf)
    assert attach("shelf") is opened
    with pytest.raises(ValueError, match="no protocol"):
        attach()
