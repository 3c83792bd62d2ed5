"""The log of a process that stays: all of it in a file of the home folder, warnings on stderr too.

What tasks say is not in it; see ``worker.logs``.
"""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_MAX_BYTES = 5 * 1024 * 1024
_OLD_FILES = 3


def start_process_log(folder: Path, name: str) -> None:
    """Log to ``<folder>/<name>.log``, a bounded size of it; say warnings on stderr as well.

    Where the file cannot be written, everything goes to stderr.
    """
    on_stderr = logging.StreamHandler()
    handlers: list[logging.Handler] = [on_stderr]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = RotatingFileHandler(
            folder / f"{name}.log", maxBytes=_MAX_BYTES, backupCount=_OLD_FILES, encoding="utf-8"
        )
    except OSError as error:
        logging.basicConfig(level=logging.INFO, format=_FORMAT, handlers=handlers)
        logging.getLogger(__name__).warning("Logging to stderr: %s", error)
        return
    on_stderr.setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, format=_FORMAT, handlers=[*handlers, file])
