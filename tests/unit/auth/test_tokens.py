"""Which header opens the server."""

import pytest

from tradewind.auth.tokens import is_bearer, new_token


def test_a_new_token_is_long_and_like_no_other() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 43


@pytest.mark.parametrize("header", ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret "])
def test_the_token_opens(header: str) -> None:
    assert is_bearer(header, "s3cret")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "s3cret",
        "Basic s3cret",
        "Bearer",
        "Bearer s3cre",
        "Bearer s3crets",
        "Bearer sécret",
    ],
)
def test_nothing_else_does(header: str | None) -> None:
    assert not is_bearer(header, "s3cret")


def test_a_server_without_a_token_stays_closed() -> None:
    assert not is_bearer("Bearer ", "")
