"""No secret leaves in clear, in any common form, however its text was cut."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.protocol.masking import Masker

SECRETS = st.text(min_size=4, max_size=40).filter(
    lambda text: text.strip() == text and "*" not in text
)


@given(secret=SECRETS, before=st.text(max_size=10), after=st.text(max_size=10))
def test_a_secret_is_hidden_in_any_text(secret: str, before: str, after: str) -> None:
    hidden = Masker([secret]).hide(f"{before}{secret}{after}")
    assert secret not in hidden


@pytest.mark.parametrize("prefix", ["", "u", "us", "user:"])
def test_base64_is_hidden_wherever_the_secret_begins(prefix: str) -> None:
    secret = "correct-horse"
    encoded = base64.b64encode(f"{prefix}{secret}".encode()).decode()
    hidden = Masker([secret]).hide(f"Authorization: Basic {encoded}")
    assert encoded not in hidden
    assert "***" in hidden


def test_quoted_forms_are_hidden() -> None:
    secret = 'p@ss/w"rd é'
    masker = Masker([secret])
    for form in (quote(secret), quote(secret, safe=""), json.dumps(secret), repr(secret)):
        assert "***" in masker.hide(f"see {form}!"), form


def test_each_line_of_a_key_is_hidden() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----"
    assert Masker([key]).hide("MIIEvQIBADANBg") == "***"


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert Masker(["pass", "password"]).hide("my password") == "my ***"


def test_what_is_too_short_is_no_secret() -> None:
    assert Masker(["ab", ""]).hide("about") == "about"


@given(
    secret=st.text("abcdef", min_size=4, max_size=8),
    text=st.text("abcdef", max_size=40),
    wish=st.integers(0, 40),
)
def test_a_cut_never_parts_a_secret(secret: str, text: str, wish: int) -> None:
    masker = Masker([secret])
    cut = masker.cut_before(text, wish)
    assert cut <= wish
    # Whatever comes next, the parts hide what the whole does.
    for tail in ("", secret):
        rest = text[cut:] + tail
        assert masker.hide(text[:cut]) + masker.hide(rest) == masker.hide(text + tail)


def test_what_is_lent_is_hidden_until_it_is_given_back() -> None:
    masker = Masker(["own-secret"])
    masker.lend(1, ["first", "shared"])
    masker.lend(2, ["shared"])
    assert masker.hide("own-secret first shared") == "*** *** ***"
    masker.take_back(1)
    assert masker.hide("own-secret first shared") == "*** first ***"
    masker.take_back(2)
    masker.take_back(3)
    assert masker.hide("own-secret first shared") == "*** first shared"
    assert masker.longest == Masker(["own-secret"]).longest
