"""E-mail by SMTP: where the server is, and how a message is made and sent.

The server is that of the connection asked for, of ``smtp_default`` where there is one, or of the
settings ``AIRFLOW__SMTP__SMTP_HOST``, ``..._PORT``, ``..._USER``, ``..._PASSWORD``,
``..._MAIL_FROM``, ``..._STARTTLS``, ``..._SSL``, ``..._TIMEOUT`` and ``..._RETRY_LIMIT``. They are
read in the process that sends: a worker's.
"""

import logging
import mimetypes
import os
import smtplib
import ssl
from collections.abc import Iterable, Mapping, Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

import msgspec

from tradewind.sdk.configuration import conf
from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException

DEFAULT_CONNECTION = "smtp_default"

log = logging.getLogger(__name__)


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail is handed in, and how."""

    host: str = "localhost"
    port: int = 25
    user: str | None = None
    password: str | None = None
    mail_from: str = "tradewind@localhost"
    starttls: bool = False
    ssl: bool = False
    timeout_seconds: float = 30.0
    tries: int = 5


def mail_server(conn_id: str | None = None) -> MailServer:
    """Answer the server to use.

    Args:
        conn_id: A connection that must exist; without one ``smtp_default``, where it does, else the
            settings.

    Raises:
        AirflowNotFoundException: There is no connection of that id.
        AirflowException: A setting cannot be read.
    """
    if conn_id is not None:
        return _of_connection(Connection.get(conn_id))
    try:
        return _of_connection(Connection.get(DEFAULT_CONNECTION))
    except AirflowNotFoundException:
        return _of_settings()


def send_email(
    to: str | Iterable[str],
    subject: str,
    html_content: str,
    files: Sequence[str | os.PathLike[str]] | None = None,
    dryrun: bool = False,
    cc: str | Iterable[str] | None = None,
    bcc: str | Iterable[str] | None = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    conn_id: str | None = None,
    custom_headers: Mapping[str, str] | None = None,
    from_email: str | None = None,
    **_: Any,
) -> None:
    """Send an e-mail of HTML, with files attached.

    Args:
        to: Addresses: a list, or text that separates them by comma or semicolon.
        subject: The subject.
        html_content: The body.
        files: Paths of what to attach.
        dryrun: Make the message and send nothing.
        cc: Addresses of a copy.
        bcc: Addresses of a copy that nobody else sees.
        mime_subtype: Kind of the multipart that attachments are in.
        mime_charset: Charset of the body.
        conn_id: Connection of the server; see ``mail_server``.
        custom_headers: Further headers.
        from_email: Who it is from; else what the settings say.

    Raises:
        AirflowException: There is nobody to send to, or a setting cannot be read.
        smtplib.SMTPException: The server refused it.
        OSError: The server cannot be reached, or a file cannot be read.
    """
    server = mail_server(conn_id)
    message, everybody = build_mime_message(
        from_email or server.mail_from,
        to,
        subject,
        html_content,
        files,
        cc,
        bcc,
        mime_subtype,
        mime_charset,
        custom_headers,
    )
    if not everybody:
        raise AirflowException(f"The e-mail '{subject}' is addressed to nobody")
    if not dryrun:
        _send(server, message, everybody)


def build_mime_message(
    mail_from: str | None,
    to: str | Iterable[str],
    subject: str,
    html_content: str,
    files: Sequence[str | os.PathLike[str]] | None = None,
    cc: str | Iterable[str] | None = None,
    bcc: str | Iterable[str] | None = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    custom_headers: Mapping[str, str] | None = None,
) -> tuple[EmailMessage, list[str]]:
    """Answer an e-mail of HTML, and the addresses of all who are to get it.

    Raises:
        OSError: A file cannot be read.
    """
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = mail_from
    message["To"] = ", ".join(addresses(to))
    if cc:
        message["Cc"] = ", ".join(addresses(cc))
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid()
    for name, value in (custom_headers or {}).items():
        message[name] = value
    message.set_content(html_content, subtype="html", charset=mime_charset)
    for file in files or ():
        _attach(message, Path(file))
    if files and mime_subtype != "mixed":
        message.set_type(f"multipart/{mime_subtype}")
    return message, [*addresses(to), *addresses(cc or ()), *addresses(bcc or ())]


def addresses(given: str | Iterable[str]) -> list[str]:
    """Answer e-mail addresses, each once.

    Example:
        >>> addresses("a@example.org; b@example.org,a@example.org")
        ['a@example.org', 'b@example.org']
    """
    texts = [given] if isinstance(given, str) else list(given)
    found = [one.strip() for text in texts for one in text.replace(";", ",").split(",")]
    return list(dict.fromkeys(one for one in found if one))


def _attach(message: EmailMessage, path: Path) -> None:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    main, _, sub = kind.partition("/")
    message.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name)


def _send(server: MailServer, message: EmailMessage, everybody: Sequence[str]) -> None:
    for left in reversed(range(server.tries)):
        try:
            with _open(server) as smtp:
                smtp.send_message(message, to_addrs=everybody)
            break
        except OSError as error:
            if left == 0 or not _may_pass(error):
                raise
            log.warning("The mail server %s gave up: %s; once more", server.host, error)
    log.info("Sent e-mail '%s' to %s", message["Subject"], ", ".join(everybody))


def _may_pass(error: OSError) -> bool:
    """Tell whether trying again is of use: not when the server refused what it was given."""
    passing = (smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError)
    return isinstance(error, passing) or not isinstance(error, smtplib.SMTPException)


def _open(server: MailServer) -> smtplib.SMTP:
    timeout = server.timeout_seconds
    safe = ssl.create_default_context()
    smtp: smtplib.SMTP
    if server.ssl:
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=safe)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=timeout)
    try:
        if server.starttls and not server.ssl:
            smtp.starttls(context=safe)
        if server.user:
            smtp.login(server.user, server.password or "")
    except BaseException:
        smtp.close()
        raise
    return smtp


def _of_connection(conn: Connection) -> MailServer:
    extra = conn.extra_dejson
    is_ssl = not extra.get("disable_ssl", False)
    return MailServer(
        host=conn.host or "localhost",
        port=conn.port or (465 if is_ssl else 25),
        user=conn.login or None,
        password=conn.password or None,
        mail_from=extra.get("from_email") or "tradewind@localhost",
        starttls=not is_ssl and not extra.get("disable_tls", False),
        ssl=is_ssl,
        timeout_seconds=float(extra.get("timeout", 30)),
        tries=max(1, int(extra.get("retry_limit", 5))),
    )


def _of_settings() -> MailServer:
    def text(name: str) -> str | None:
        return conf.get("smtp", f"smtp_{name}", fallback=None) or None

    # As in the field, TLS is on unless it is said to be off; on this machine it rarely is there.
    is_named = conf.get("smtp", "smtp_host", fallback="localhost") != "localhost"
    is_told = "AIRFLOW__SMTP__SMTP_STARTTLS" in os.environ
    return MailServer(
        host=text("host") or "localhost",
        port=conf.getint("smtp", "smtp_port", fallback=25),
        user=text("user"),
        password=text("password"),
        mail_from=text("mail_from") or "tradewind@localhost",
        starttls=(is_named or is_told) and conf.getboolean("smtp", "smtp_starttls", fallback=True),
        ssl=conf.getboolean("smtp", "smtp_ssl", fallback=False),
        timeout_seconds=conf.getfloat("smtp", "smtp_timeout", fallback=30.0),
        tries=max(1, conf.getint("smtp", "smtp_retry_limit", fallback=5)),
    )
