"""What of variables and connections is secret, told by the names of the things."""

import json
from collections.abc import Iterator
from typing import Any

_TELLING = (
    "access_token",
    "api_key",
    "apikey",
    "authorization",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
    "keyfile_json",
    "service_account",
)


def is_sensitive(name: str) -> bool:
    """Tell whether a thing of that name holds a secret.

    Example:
        >>> is_sensitive("aws_Secret-Key"), is_sensitive("region")
        (True, False)
    """
    plain = name.lower().replace("-", "_")
    return any(word in plain for word in _TELLING)


def secrets_in(value: Any, name: str | None = None) -> Iterator[str]:
    """Find the secret texts of a value: those below a sensitive name; a text without a name is one.

    Example:
        >>> list(secrets_in({"region": "eu", "auth": {"token": "abc"}}, "extra"))
        ['abc']
        >>> list(secrets_in(["one", "two"]))
        ['one', 'two']
    """
    if isinstance(value, dict):
        is_below = name is not None and is_sensitive(name)
        for key, inner in value.items():
            yield from secrets_in(inner, name if is_below else str(key))
    elif isinstance(value, str):
        if value and (name is None or is_sensitive(name)):
            yield value
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from secrets_in(inner, name)


def secrets_of_connection(password: str | None, extra: str | None) -> tuple[str, ...]:
    """Answer the secret texts of a connection; an extra that is no JSON is one as a whole.

    Example:
        >>> secrets_of_connection("s3cret", '{"region": "eu", "token": "abc"}')
        ('s3cret', 'abc')
    """
    found = [password] if password else []
    if extra:
        try:
            found += secrets_in(json.loads(extra), "extra")
        except ValueError:
            found.append(extra)
    return tuple(found)


def secrets_of_variable(key: str, text: str | None) -> tuple[str, ...]:
    """Answer the secret texts of a variable: all of it, and each text of its JSON, by their names.

    Example:
        >>> secrets_of_variable("db", '{"host": "a", "password": "s3cret"}')
        ('s3cret',)
        >>> secrets_of_variable("api_key", "abc")
        ('abc',)
    """
    if not text:
        return ()
    found = list(secrets_in(text, key))
    if text.lstrip().startswith(("{", "[")):
        try:
            found += secrets_in(json.loads(text), key)
        except ValueError:
            return tuple(found)
    return tuple(found)


def secrets_of_backend(text: str | None) -> tuple[str, ...]:
    """Answer what is secret in what a secrets backend keeps: all of it, whatever it is named.

    Example:
        >>> secrets_of_backend('{"host": "a", "port": 1}')
        ('{"host": "a", "port": 1}', 'a')
    """
    if not text:
        return ()
    found = [text]
    if text.lstrip().startswith(("{", "[", '"')):
        try:
            found += _texts_in(json.loads(text))
        except ValueError:
            return tuple(found)
    return tuple(found)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(inner)
