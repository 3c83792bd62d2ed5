"""A debugger at the place where a task failed, in the person's own code."""

import pdb
import sysconfig
from types import TracebackType

from tradewind.runtime.faults import is_ours

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})


def debug(error: BaseException) -> None:
    """Open pdb at the innermost line of the person's own that the error passed through.

    Whatever libraries it came up in lies deeper; the traceback in the log shows them.
    """
    trace = users_part(error.__traceback__)
    if trace is not None:
        pdb.post_mortem(trace)


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """Answer the traceback down to its innermost frame that is neither a library's nor ours.

    Without any such frame it is answered whole.
    """
    links = []
    link = trace
    while link is not None:
        links.append(link)
        link = link.tb_next
    while links and not _is_users(links[-1].tb_frame.f_code.co_filename):
        links.pop()
    kept: TracebackType | None = None
    for one in reversed(links):
        if not is_ours(one.tb_frame.f_code.co_filename):
            kept = TracebackType(kept, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return kept or trace


def _is_users(file: str) -> bool:
    return not (is_ours(file) or file.startswith(_LIBRARIES))
