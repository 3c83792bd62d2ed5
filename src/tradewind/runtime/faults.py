"""What is told of user code that went wrong: its own traceback, our frames folded."""

import traceback
from pathlib import Path
from types import TracebackType

_OURS = str(Path(__file__).resolve().parent.parent)
_FOLDED = ("<frozen importlib",)


def user_traceback(error: BaseException) -> str:
    """Answer the traceback as the author wants it: from the first frame of code that is theirs.

    Frames of Tradewind and of the import machinery are left out, unless there is nothing else.
    """
    told = traceback.TracebackException.from_exception(error)
    _fold(told)
    return "".join(told.format())


def _fold(told: traceback.TracebackException) -> None:
    kept = [frame for frame in told.stack if not is_ours(frame.filename)]
    if kept:
        told.stack = traceback.StackSummary.from_list(kept)
    for linked in (told.__cause__, told.__context__):
        if linked is not None:
            _fold(linked)


def line_in(error: BaseException, file: str) -> int | None:
    """Answer the line of this file at which the error came up, innermost first."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    line = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def files_in(error: BaseException) -> set[str]:
    """Answer the files that an error passed through."""
    files = {error.filename} if isinstance(error, SyntaxError) and error.filename else set()
    trace = error.__traceback__
    while trace is not None:
        files.add(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    return files


def one_line(error: BaseException) -> str:
    """Answer the exception and its message in one line.

    Example:
        >>> one_line(ValueError("no file  for today"))
        'ValueError: no file for today'
    """
    message = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {message}" if message else name


def is_ours(filename: str) -> bool:
    """Say whether a frame is of Tradewind itself or of the import machinery."""
    return filename.startswith((_OURS, *_FOLDED))
