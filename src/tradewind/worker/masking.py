"""Hides secret values in text before it is written anywhere.

A secret is hidden as it is and in the forms it commonly travels in: base64 (also in the middle of a
longer encoded text, as in a Basic auth header), quoted for a URL, escaped for JSON.
"""

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"
MIN_SECRET_LENGTH = 3
"""Hiding every 'a' would hide the log, not the secret."""

_MIN_LINE_LENGTH = 8


class Masker:
    """The secrets known so far, as one pattern."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Start with these values."""
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.longest = 0
        """Length of the longest form: text cut closer than this may cut one in two."""
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these values too, from now on."""
        forms = {form for secret in secrets for form in _forms_of(secret)}
        if forms <= self._forms:
            return
        self._forms |= forms
        # The longest first: hiding a prefix would leave the rest of a longer secret readable.
        ordered = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered)))
        self.longest = len(ordered[0])

    def hide(self, text: str) -> str:
        """Answer the text without any known secret.

        Example:
            >>> Masker(["s3cret"]).hide("login with s3cret")
            'login with ***'
        """
        return self._pattern.sub(MASK, text) if self._pattern else text

    def cut_before(self, text: str, wish: int) -> int:
        """Answer the last place at or before ``wish`` where no secret would be cut in two.

        Example:
            >>> Masker(["s3cret"]).cut_before("my s3cret", 5)
            3
        """
        if self._pattern is None:
            return wish
        for found in self._pattern.finditer(text):
            if found.start() < wish < found.end():
                return found.start()
        # One may begin before the end of the text and go on in the next chunk.
        return max(0, min(wish, len(text) - self.longest + 1))


def _forms_of(secret: str) -> set[str]:
    if len(secret) < MIN_SECRET_LENGTH:
        return set()
    lines = {line for line in secret.splitlines() if len(line) >= _MIN_LINE_LENGTH}
    forms = {secret} | (lines if "\n" in secret else set())
    forms |= {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    forms |= {repr(secret)[1:-1]}
    return {form for form in forms | _base64_forms(secret) if len(form) >= MIN_SECRET_LENGTH}


def _base64_forms(secret: str) -> set[str]:
    """Answer the characters that depend on the secret alone, for each place it can begin at."""
    raw = secret.encode(errors="replace")
    forms: set[str] = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode()
        first, last = -(-offset * 8 // 6), (offset + len(raw)) * 8 // 6
        form = encoded[first:last]
        # Shorter ones are found by chance in any text.
        if len(form) >= 4:
            forms |= {form, form.replace("+", "-").replace("/", "_")}
    return forms
