"""Secrets at rest: Fernet under the user's keys, or under a key made for this home."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class Vault:
    """Encrypts and decrypts texts for the store. The first key encrypts, any of them decrypts."""

    def __init__(self, keys: str, key_file: Path | None = None) -> None:
        """Remember where the keys are; nothing is read or made before the first secret.

        Args:
            keys: Fernet keys separated by commas; empty to use the file's.
            key_file: Holds one such line; made, readable by its user alone, when first needed.
        """
        self._keys = keys
        self._key_file = key_file
        self._fernet: MultiFernet | None = None

    def encrypt(self, text: str) -> bytes:
        """Answer the text as a token that only these keys open.

        Raises:
            UsageError: A key is not a Fernet key.
        """
        return self._open().encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        """Answer the text of a token.

        Raises:
            RefusedError: None of the keys opens it; it was written under another one.
            UsageError: A key is not a Fernet key.
        """
        # Late, as in _open.
        from cryptography.fernet import InvalidToken  # noqa: PLC0415

        try:
            return self._open().decrypt(token).decode()
        except InvalidToken:
            raise RefusedError(
                "secret-unreadable",
                f"A stored secret cannot be read with {self._source()}.",
                "Name the key it was written under as well, after the present one and a comma.",
            ) from None

    def _open(self) -> "MultiFernet":
        # Late: it takes 100 ms to import, which every start would pay and most never need.
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415

        if self._fernet is None:
            text = self._keys or self._read_key_file(Fernet.generate_key())
            try:
                keys = [Fernet(key.strip()) for key in text.split(",") if key.strip()]
                self._fernet = MultiFernet(keys)
            except ValueError:
                raise UsageError(
                    "bad-secret-key",
                    f"{self._source()} holds no Fernet key.",
                    "A key is 32 random bytes in URL-safe base64.",
                ) from None
        return self._fernet

    def _source(self) -> str:
        return "setting [secrets] key" if self._keys else str(self._key_file)

    def _read_key_file(self, fresh: bytes) -> str:
        if self._key_file is None:
            raise UsageError("bad-secret-key", "No key for secrets is set.", "Set [secrets] key.")
        try:
            return self._key_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return self._make_key_file(self._key_file, fresh)

    @staticmethod
    def _make_key_file(path: Path, fresh: bytes) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(fresh + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link refuses to replace: of two processes that start at once, both use one key.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text(encoding="ascii").strip()
