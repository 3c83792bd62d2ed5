"""A task that sends an e-mail."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

from tradewind.sdk.mail import send_email
from tradewind.sdk.operator import BaseOperator


class EmailOperator(BaseOperator):
    """Sends an e-mail by SMTP.

    Args:
        to: Addresses: a list, or text that separates them by comma or semicolon.
        subject: The subject.
        html_content: The body, in HTML; a name ending in ``.html`` is read as a file.
        files: Paths of what to attach.
        cc: Addresses of a copy.
        bcc: Addresses of a copy that nobody else sees.
        mime_subtype: Kind of the multipart that attachments are in.
        mime_charset: Charset of the body.
        conn_id: Connection of the mail server; else ``smtp_default``, else the settings.
        custom_headers: Further headers.
        from_email: Who it is from; else what the settings say.
    """

    template_fields: Sequence[str] = (
        "to",
        "subject",
        "html_content",
        "files",
        "cc",
        "bcc",
        "from_email",
        "custom_headers",
    )
    template_fields_renderers = {"html_content": "html"}  # noqa: RUF012 - as in the field
    template_ext: Sequence[str] = (".html",)
    ui_color = "#e6faf9"

    def __init__(
        self,
        *,
        to: list[str] | str,
        subject: str,
        html_content: str,
        files: Sequence[str | PathLike[str]] | None = None,
        cc: list[str] | str | None = None,
        bcc: list[str] | str | None = None,
        mime_subtype: str = "mixed",
        mime_charset: str = "utf-8",
        conn_id: str | None = None,
        custom_headers: dict[str, str] | None = None,
        from_email: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.subject = subject
        self.html_content = html_content
        self.files = files
        self.cc = cc
        self.bcc = bcc
        self.mime_subtype = mime_subtype
        self.mime_charset = mime_charset
        self.conn_id = conn_id
        self.custom_headers = custom_headers
        self.from_email = from_email

    def execute(self, context: Any) -> None:
        """Send it.

        Raises:
            smtplib.SMTPException: The server refused it.
        """
        send_email(
            self.to,
            self.subject,
            self.html_content,
            files=self.files,
            cc=self.cc,
            bcc=self.bcc,
            mime_subtype=self.mime_subtype,
            mime_charset=self.mime_charset,
            conn_id=self.conn_id,
            custom_headers=self.custom_headers,
            from_email=self.from_email,
        )
