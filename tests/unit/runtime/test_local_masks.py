"""Secrets that a run in this process reads are hidden in whatever it shows."""

import io
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tradewind import DAG, BashOperator, Connection, Variable, task
from tradewind.protocol.masking import Masker
from tradewind.runtime.local_masks import HidingStream, hiding
from tradewind.sdk.secrets import mask_secret


def test_lines_pass_when_they_are_whole_or_flushed() -> None:
    real = io.StringIO()
    stream = HidingStream(real, Masker(["hunter22"]))
    stream.write("user hun")
    assert real.getvalue() == ""
    stream.write("ter22\nnext ")
    assert real.getvalue() == "user ***\n"
    stream.flush()
    assert real.getvalue() == "user ***\nnext "


def test_threads_that_print_at_once_lose_nothing() -> None:
    real = io.StringIO()
    stream = HidingStream(real, Masker())
    start = threading.Barrier(4)

    def write(name: str) -> None:
        start.wait()
        for number in range(2000):
            stream.write(f"{name} {number}\n")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = sorted(f"{name} {number}" for name in "abcd" for number in range(2000))
    assert sorted(real.getvalue().splitlines()) == wanted


def test_all_that_a_run_shows_is_hidden(
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "http://me:of-the-environment@h")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", f"{__name__}.Backend")
    (tmp_path / "v.json").write_text('{"api_token": "of-a-file", "plain": "eu"}')
    log = logging.getLogger("mine")

    with DAG("d") as dag:

        @task
        def show() -> None:
            mask_secret("of-the-code")
            sys.stdout.write(f"file {Variable.get('api_token')} {Variable.get('plain')}\n")
            sys.stderr.write(f"environment {Connection.get('shop').password}\n")
            log.warning("backend %s", Variable.get("vault_password"))
            try:
                raise ValueError("of-the-code")
            except ValueError:
                log.exception("caught")

        show() >> BashOperator(
            task_id="bash", bash_command="echo bash {{ var.value.api_token }}; exit 1"
        )

    dag.test(variable_file_path=str(tmp_path / "v.json"))

    shown = capsys.readouterr()
    everything = shown.out + shown.err + caplog.text
    for secret in ("of-a-file", "of-the-environment", "of-a-backend", "of-the-code"):
        assert secret not in everything
    assert "file *** eu\n" in shown.out
    assert "environment ***\n" in shown.err
    for line in ("backend ***", "ValueError: ***", "bash ***"):
        assert line in caplog.text


class Backend:
    def get_variable(self, key: str) -> str | None:
        return "of-a-backend" if key == "vault_password" else None

    def get_connection(self, conn_id: str) -> None:
        return None

    get_conn_value = get_connection


def test_streams_and_records_are_as_before_afterwards() -> None:
    before = sys.stdout, sys.stderr, logging.getLogRecordFactory()
    with hiding(Masker()):
        assert sys.stdout is not before[0]
    assert before == (sys.stdout, sys.stderr, logging.getLogRecordFactory())


FILE = """
import os
from tradewind import Variable, dag, task

TOKEN = Variable.get("shop_token")

@dag(schedule=None)
def shows():
    @task
    def show():
        print("token", TOKEN)
        raise ValueError(TOKEN)
    show()

here = shows()
if __name__ == "__main__":
    here.test()
"""


def test_what_is_read_before_the_run_is_hidden_in_it(tmp_path: Path) -> None:
    (tmp_path / "shows.py").write_text(FILE)
    done = subprocess.run(
        [sys.executable, "shows.py"],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "AIRFLOW_VAR_SHOP_TOKEN": "s3cret-of-today", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "token ***\n"
    assert "ValueError: ***" in done.stderr
    assert "s3cret" not in done.stderr
