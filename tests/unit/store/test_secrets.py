"""Secrets at rest, and the key they lie under."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tradewind.errors import RefusedError, UsageError
from tradewind.store.secrets import Vault


def test_the_key_is_made_when_first_needed_and_readable_by_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secret.key"
    vault = Vault("", path)
    assert not path.exists()
    token = vault.encrypt("geheim")
    assert b"geheim" not in token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret.key"]
    assert Vault("", path).decrypt(token) == "geheim"


def test_of_two_that_make_the_key_at_once_both_use_one(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    first = Vault._make_key_file(path, Fernet.generate_key())
    second = Vault._make_key_file(path, Fernet.generate_key())
    assert first == second


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    token = Vault(old).encrypt("x")
    both = Vault(f"{new}, {old}")
    assert both.decrypt(token) == "x"
    assert Vault(new).decrypt(both.encrypt("y")) == "y"


def test_a_secret_of_another_key_is_refused_with_the_way_out(tmp_path: Path) -> None:
    token = Vault(Fernet.generate_key().decode()).encrypt("x")
    path = tmp_path / "secret.key"
    with pytest.raises(RefusedError, match=f"cannot be read with {path}"):
        Vault("", path).decrypt(token)


@pytest.mark.parametrize("keys", ["nonsense", "a,b", ","])
def test_what_is_no_key_is_refused(keys: str) -> None:
    with pytest.raises(UsageError, match="no Fernet key"):
        Vault(keys).encrypt("x")


def test_without_a_key_and_a_place_for_one_nothing_is_encrypted() -> None:
    with pytest.raises(UsageError):
        Vault("").encrypt("x")
