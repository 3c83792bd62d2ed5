"""Hiding secrets in what code of this process prints and logs, by the rules of a worker's logs.

What programs that a task starts write to the terminal by themselves does not pass through here.
"""

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from tradewind.protocol.masking import Masker

_FORMATTER = logging.Formatter()


@contextmanager
def hiding(masker: Masker) -> Iterator[None]:
    """Hide what the masker knows, or comes to know, in all that is printed and logged meanwhile.

    Records are changed as they are made, so that handlers of the caller's own show no secret.
    """
    streams = sys.stdout, sys.stderr
    make_record = logging.getLogRecordFactory()
    hidden = [HidingStream(stream, masker) for stream in streams]
    logging.setLogRecordFactory(_hiding_factory(make_record, masker))
    sys.stdout, sys.stderr = hidden
    try:
        yield
    finally:
        for stream in hidden:
            stream.flush()
        sys.stdout, sys.stderr = streams
        logging.setLogRecordFactory(make_record)


class HidingStream(io.TextIOBase):
    """Stands in for a stream: passes on whole lines, or what there is when it is flushed.

    Of everything else, as its descriptor or whether it is a terminal, the stream itself answers,
    so that a debugger's prompt works as ever.
    """

    def __init__(self, real: TextIO, masker: Masker) -> None:
        """Stand in for ``real``."""
        self._real = real
        self._masker = masker
        self._line = ""
        # Triggers print from a thread of their own.
        self._turn = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream."""
        return self._real.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """Those of the stream."""
        return self._real.errors

    def writable(self) -> bool:
        """Answer True."""
        return True

    def fileno(self) -> int:
        """Answer the stream's descriptor."""
        return self._real.fileno()

    def isatty(self) -> bool:
        """Tell whether somebody sits there."""
        return self._real.isatty()

    def write(self, text: str) -> int:
        """Take text; pass on each line that is whole."""
        with self._turn:
            lines, newline, self._line = (self._line + text).rpartition("\n")
            if newline:
                self._real.write(self._masker.hide(lines + newline))
        return len(text)

    def flush(self) -> None:
        """Pass on half a line too."""
        with self._turn:
            line, self._line = self._line, ""
            if line:
                self._real.write(self._masker.hide(line))
            self._real.flush()


def _hiding_factory(
    make_record: Callable[..., logging.LogRecord], masker: Masker
) -> Callable[..., logging.LogRecord]:
    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        try:
            text = record.getMessage()
        except Exception as error:  # noqa: BLE001 a broken log call must not fail its task
            text = f"This log call failed: {record.msg!r} with {error!r}"
            record.msg, record.args = text, None
        hidden = masker.hide(text)
        if hidden != text:
            record.msg, record.args = hidden, None
        if record.exc_info and record.exc_info[0]:
            trace = _FORMATTER.formatException(record.exc_info)
            if (hidden := masker.hide(trace)) != trace:
                # Formatters take the text that is there already.
                record.exc_text = hidden
        return record

    return make
