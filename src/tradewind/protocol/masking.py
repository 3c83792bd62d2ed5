"""Hides secret values in text before it is written anywhere.

A secret is hidden as it is and in the forms it commonly travels in: base64 (also in the middle of a
longer encoded text, as in a Basic auth header), quoted for a URL, escaped for JSON.
"""

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from tradewind.protocol.child import Ask

MASK = "***"
MIN_SECRET_LENGTH = 3
"""Hiding every 'a' would hide the log, not the secret."""

_MIN_LINE_LENGTH = 8


class Masker:
    """The secrets known so far, as one pattern."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Start with these values."""
        self._forms: set[str] = set()
        self._lent: dict[int, set[str]] = {}
        self._pattern: re.Pattern[str] | None = None
        self.longest = 0
        """Length of the longest form: text cut closer than this may cut one in two."""
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these values too, from now on."""
        forms = {form for secret in secrets for form in _forms_of(secret)}
        if not forms <= self._forms:
            self._forms |= forms
            self._compile()

    def lend(self, owner: int, secrets: Iterable[str]) -> None:
        """Hide these values too, until their owner gives them back.

        What tasks name themselves may be new each time: it must not stay for ever.
        """
        forms = {form for secret in secrets for form in _forms_of(secret)}
        held = self._lent.setdefault(owner, set())
        if not forms <= held:
            held |= forms
            self._compile()

    def take_back(self, owner: int) -> None:
        """Forget what was lent for this owner alone."""
        if self._lent.pop(owner, None):
            self._compile()

    def _compile(self) -> None:
        forms = self._forms.union(*self._lent.values())
        # The longest first: hiding a prefix would leave the rest of a longer secret readable.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self.longest = len(ordered[0]) if ordered else 0

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
        # One may begin before the end of the text and go on in the next chunk.
        place = max(0, min(wish, len(text) - self.longest + 1))
        for found in self._pattern.finditer(text):
            if found.start() < place < found.end():
                return found.start()
        return place


def secrets_of(ask: Ask) -> list[str]:
    """Answer the values that user code wants hidden; whatever else it sent is passed over."""
    found = ask.args.get("secrets")
    return (
        [secret for secret in found if isinstance(secret, str)] if isinstance(found, list) else []
    )


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
