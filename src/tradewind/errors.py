"""The error tree: every refusal a person can meet, with a code, what happened and the way out.

    TradewindError
    ├── UsageError            the command or request itself is wrong      CLI exit 2   HTTP 422
    ├── NotFoundError         the thing named does not exist              CLI exit 1   HTTP 404
    ├── ConflictError         it exists already, or its state forbids it  CLI exit 1   HTTP 409
    ├── RefusedError          well formed, but it could not work          CLI exit 1   HTTP 400
    ├── UnauthorizedError     no or wrong token                           CLI exit 1   HTTP 401
    └── UnavailableError      server, database or worker out of reach     CLI exit 1   HTTP 503

The API answers each as problem details with the same code, the CLI prints message and hint. Errors
in user code are not of this tree: they keep the user's own traceback.
"""

from collections.abc import Iterable


class TradewindError(Exception):
    """A refusal that says what happened and what to do about it.

    Attributes:
        code: Kebab-case and stable, the same in API, CLI and docs.
        message: One sentence naming the thing and what is wrong with it.
        hint: What to do next; empty when the message already says it.
    """

    status = 500
    exit_code = 1

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        """Bind the three parts; ``str()`` of the error is message and hint in one line."""
        super().__init__(f"{message} {hint}".strip())
        self.code = code
        self.message = message
        self.hint = hint


class UsageError(TradewindError):
    """The command or the request itself is malformed."""

    status = 422
    exit_code = 2


class NotFoundError(TradewindError):
    """The thing named does not exist."""

    status = 404


class ConflictError(TradewindError):
    """The thing exists already, or its present state forbids the wish."""

    status = 409


class RefusedError(TradewindError):
    """A well-formed wish that could not do what its author expects."""

    status = 400


class UnauthorizedError(TradewindError):
    """No token, or one that opens nothing here."""

    status = 401


class ForbiddenError(TradewindError):
    """Whoever asks is known, and this is not theirs to do."""

    status = 403


class UnavailableError(TradewindError):
    """The server, the database or a worker cannot be reached now."""

    status = 503


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Answer the hint that names the nearest right answer, or nothing.

    Example:
        >>> did_you_mean("lod", ["load", "extract"])
        "Did you mean 'load'?"
        >>> did_you_mean("zzz", ["load"])
        ''
    """
    # 150 kB that only a refusal needs, and every process has this module.
    from difflib import get_close_matches  # noqa: PLC0415

    near = get_close_matches(wrong, list(known), n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else ""
