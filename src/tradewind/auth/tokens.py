"""The local server's bearer token: whoever can read it may do everything, nobody else anything."""

import hmac
import secrets

_BYTES = 32


def new_token() -> str:
    """Make a token of 256 random bits that fits a URL, a header and a JSON file."""
    return secrets.token_urlsafe(_BYTES)


def is_bearer(header: str | None, token: str) -> bool:
    """Tell whether an ``Authorization`` header carries this token.

    The time it takes does not depend on how much of the token was guessed. An empty token opens
    nothing, so that a server which failed to make one stays closed.

    Example:
        >>> is_bearer("Bearer abc", "abc"), is_bearer("bearer abc", "abc"), is_bearer(None, "abc")
        (True, True, False)
        >>> is_bearer("Bearer ", "")
        False
    """
    scheme, _, given = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return False
    return hmac.compare_digest(given.strip().encode(), token.encode())
