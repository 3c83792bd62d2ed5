"""E-mail, handed in to a real server on this machine."""

import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.unit.runtime.tasks import run
from tradewind import DAG, PythonOperator
from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException
from tradewind.sdk.mail import mail_server, send_email
from tradewind.sdk.operators.email import EmailOperator


class Mailbox:
    """What a server was handed in."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], Message]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 OK"


def authenticate(server: Any, session: Any, envelope: Any, how: str, given: Any) -> AuthResult:
    is_right = isinstance(given, LoginPassword) and given.password == b"right"
    return AuthResult(success=is_right, handled=False)


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=port,
        authenticator=authenticate,
        auth_require_tls=False,
    )
    controller.start()
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_PORT", str(port))
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_STARTTLS", "False")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_MAIL_FROM", "dags@example.org")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_RETRY_LIMIT", "1")
    try:
        yield box
    finally:
        controller.stop()


def test_a_mail_arrives_with_what_is_attached(mailbox: Mailbox, tmp_path: Path) -> None:
    file = tmp_path / "sums.csv"
    file.write_text("a,b\n")
    send_email(
        "one@example.org; two@example.org",
        "Süm is ready",
        "<b>See</b> below",
        files=[file],
        cc=["three@example.org"],
        bcc="four@example.org",
        custom_headers={"X-Dag": "sales"},
    )
    ((to, mail),) = mailbox.mails
    assert sorted(to) == [f"{who}@example.org" for who in ("four", "one", "three", "two")]
    assert mail["From"] == "dags@example.org"
    assert mail["X-Dag"] == "sales"
    assert "four" not in mail.as_string()
    body, attached = list(mail.walk())[1:]
    assert body.get_content_type() == "text/html"
    assert body.get_payload(decode=True) == b"<b>See</b> below\r\n"
    assert attached.get_filename() == "sums.csv"


def test_a_server_may_ask_for_a_password(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_USER", "dags")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_PASSWORD", "right")
    send_email("one@example.org", "s", "b")
    assert len(mailbox.mails) == 1
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_PASSWORD", "wrong")
    with pytest.raises(OSError, match="Authentication credentials invalid"):
        send_email("one@example.org", "s", "b")


def test_a_connection_comes_before_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mail_server().host == "localhost"
    extra = {"from_email": "a@b.c", "disable_ssl": True, "timeout": 5}
    conn = Connection(conn_id="x", conn_type="smtp", host="mx", login="me", extra=extra)
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", conn.get_uri())
    found = mail_server()
    assert (found.host, found.port, found.user, found.mail_from) == ("mx", 25, "me", "a@b.c")
    assert (found.ssl, found.starttls, found.timeout_seconds) == (False, True, 5)
    with pytest.raises(AirflowNotFoundException):
        mail_server("nope")


def test_what_cannot_be_sent_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowException, match="addressed to nobody"):
        send_email([], "s", "b")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_PORT", "mail")
    with pytest.raises(AirflowException, match="should be a whole number"):
        send_email("a@b.c", "s", "b")


def test_a_task_can_send_one(mailbox: Mailbox) -> None:
    EmailOperator(task_id="t", to="one@example.org", subject="s", html_content="b").execute({})
    assert mailbox.mails[0][0] == ["one@example.org"]


@pytest.mark.parametrize(("retries", "says"), [(0, "failed in"), (1, "is tried again")])
def test_a_failed_try_is_mailed(mailbox: Mailbox, retries: int, says: str) -> None:
    def fails() -> None:
        raise ValueError("<no> use")

    with DAG("sales"):
        fails_always = PythonOperator(
            task_id="load", python_callable=fails, retries=retries, email=["one@example.org"]
        )
    assert run(fails_always, max_tries=retries).outcome == "failed"
    ((to, mail),) = mailbox.mails
    assert to == ["one@example.org"]
    assert "sales.load" in mail["Subject"]
    assert says in mail["Subject"]
    body = mail.get_payload(decode=True)
    assert b"&lt;no&gt; use" in body


def test_nobody_is_mailed_who_said_no(mailbox: Mailbox) -> None:
    def fails() -> None:
        raise ValueError

    with DAG("sales"):
        quiet = PythonOperator(
            task_id="load", python_callable=fails, email="one@example.org", email_on_failure=False
        )
    run(quiet)
    assert mailbox.mails == []
