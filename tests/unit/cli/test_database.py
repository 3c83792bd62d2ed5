"""Commands that work on the database file itself."""

import sqlite3
from pathlib import Path

import pytest

from tradewind.cli.main import run
from tradewind.config import read_settings
from tradewind.errors import TradewindError
from tradewind.server.home import lock_home
from tradewind.store.migrations import HEAD


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path))
    return tmp_path


def db(words: str) -> None:
    assert run("tradewind", ["db", *words.split()]) == 0


def refusal(words: str) -> str:
    with pytest.raises(TradewindError) as caught:
        run("tradewind", ["db", *words.split()])
    told = str(caught.value)
    assert "\n" not in told
    return told


def test_a_home_without_a_database_is_told_how_it_gets_one(home: Path) -> None:
    assert refusal("check") == (
        f"There is no database at {home}/tradewind.db. 'db migrate' makes it, and so does "
        "'standalone'."
    )
    assert "not made yet" in refusal("check-migrations -t 0")


def test_a_database_is_made_checked_and_taken_back(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db("migrate")
    db("migrate")
    db("check")
    db("check-migrations")
    db("downgrade --to-revision 0003 --yes")
    db("check --fast")
    said = capsys.readouterr().out
    assert f"from revision none to {HEAD}" in said
    assert "nothing to do" in said
    assert f"is sound: revision {HEAD}" in said
    assert f"from revision {HEAD} back to 0003" in said
    assert f"'db migrate' brings it to revision {HEAD}" in said
    assert "at revision 0003" in refusal("check-migrations -t 0")
    assert "works with revision" in refusal("migrate --to-revision 0002")
    assert "Missing option '--to-revision'" in refusal("downgrade")
    assert "no revision '0000'" in refusal("downgrade -r 0000 -y")


def test_sql_is_shown_and_not_run(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db("migrate --show-sql-only")
    assert "CREATE TABLE run (" in capsys.readouterr().out
    db("migrate")
    db("downgrade -r 0001 -s")
    db("check")
    said = capsys.readouterr().out
    assert "DROP TABLE deadline;" in said
    assert f"revision {HEAD}" in said


def test_a_file_that_is_no_database_is_told_and_reset(home: Path) -> None:
    file = home / "tradewind.db"
    file.write_bytes(b"not a database, but long enough to be read as if it were one" * 100)
    for words in ("check", "migrate", "downgrade -r 0001 -y", "check-migrations -t 0", "shell"):
        assert "cannot be opened: file is not a database" in refusal(words)
    db("reset --yes")
    db("check")


def test_a_damaged_file_is_told(home: Path) -> None:
    db("migrate")
    file = home / "tradewind.db"
    raw = bytearray(file.read_bytes())
    middle = len(raw) // 2 // 4096 * 4096
    raw[middle : middle + 40_960] = b"\xff" * 40_960
    file.write_bytes(raw)
    assert "is damaged" in refusal("check")


def test_a_read_only_place_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db("migrate")
    (home / "tradewind.db").chmod(0o400)
    monkeypatch.setattr("os.access", lambda path, _mode: not str(path).endswith(".db"))
    assert "tradewind.db cannot be written" in refusal("check")


def test_a_locked_database_is_told_and_tried_again(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db("migrate")
    other = sqlite3.connect(home / "tradewind.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "keeps" in refusal("check --fast --retry 1 --retry-delay 0")
    assert "Trying again in 0 s." in capsys.readouterr().err
    other.execute("ROLLBACK")
    other.close()


def test_databases_of_others_are_told_apart(home: Path) -> None:
    other = sqlite3.connect(home / "tradewind.db", isolation_level=None)
    other.execute("CREATE TABLE theirs (x)")
    assert "that of another program" in refusal("check")
    assert "that of another program" in refusal("migrate")
    other.execute("CREATE TABLE alembic_version (version_num)")
    other.execute("INSERT INTO alembic_version VALUES ('1cdc775ca98f')")
    assert "that of another program" in refusal("check")
    other.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "at revision 9999, which this version does not know" in refusal("check")
    other.close()


def test_a_reset_takes_the_logs_of_runs_along_and_leaves_the_key(home: Path) -> None:
    db("migrate")
    log = home / "logs" / "dag_id=a" / "run_id=b"
    log.mkdir(parents=True)
    (home / "secret.key").write_text("k")
    db("reset --yes --skip-init")
    assert not log.exists()
    assert not (home / "tradewind.db").exists()
    assert (home / "secret.key").exists()


def test_nothing_is_done_beside_another_process(home: Path) -> None:
    db("migrate")
    with lock_home(read_settings().home):
        for words in ("migrate", "downgrade -r 0001 -y", "reset -y"):
            assert "Stop it first" in refusal(words)
        db("check")
