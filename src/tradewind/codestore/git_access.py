"""How a Git repository is reached: its address, a password or token, an SSH key."""

import base64
import contextlib
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import msgspec


class GitAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Address and credentials of a repository.

    The secrets go to git by its environment, which other users of the machine cannot read: never
    as arguments, nor into the mirror's configuration.
    """

    url: str
    """As git takes it; what it holds of a password belongs into ``password`` instead."""
    user: str = ""
    password: str = ""
    private_key: str = ""
    """Text of an SSH key."""
    key_file: str = ""
    """Path of an SSH key."""
    passphrase: str = ""
    known_hosts_file: str = ""
    strict_host_key_checking: str = "accept-new"

    @property
    def shown_url(self) -> str:
        """Answer the address without secrets."""
        return without_secrets(self.url)

    def hide(self, text: str) -> str:
        """Answer a text without the secrets of this access."""
        for secret in (self.password, self.passphrase, self._header()):
            if secret:
                for shape in (secret, quote(secret, safe="")):
                    text = text.replace(shape, "***")
        return text

    def config(self) -> dict[str, str]:
        """Answer what git is to know for this call only."""
        found: dict[str, str] = {}
        parts = urlsplit(self.url)
        if self.password and parts.scheme in ("http", "https"):
            # Bound to the host: a redirect elsewhere does not take it along.
            base = urlunsplit((parts.scheme, parts.netloc, "/", "", ""))
            found[f"http.{base}.extraHeader"] = f"Authorization: Basic {self._header()}"
        if parts.scheme in ("", "file"):
            # Whoever names a local repository trusts the submodules that lie beside it.
            found["protocol.file.allow"] = "always"
        return found

    @contextlib.contextmanager
    def opened(self, folder: Path) -> Iterator[Mapping[str, str]]:
        """Answer git's environment; a key given as text lies in a file of ours as long as this."""
        if not (self.private_key or self.key_file or self.known_hosts_file):
            yield {}
            return
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".key-", dir=folder) as held:
            # Made for its owner alone (0700), and so are the files in it.
            key = self.key_file
            if self.private_key:
                key = str(Path(held, "key"))
                Path(key).touch(mode=0o600)
                Path(key).write_text(f"{self.private_key.strip()}\n")
            yield {**self._ssh(key), **self._ask_passphrase(Path(held))}

    def _ssh(self, key: str) -> dict[str, str]:
        checks = self.strict_host_key_checking
        command = ["ssh", "-o", f"StrictHostKeyChecking={checks}"]
        if not self.passphrase:
            command += ["-o", "BatchMode=yes"]
        if key:
            command += ["-i", key, "-o", "IdentitiesOnly=yes"]
        if self.known_hosts_file:
            command += ["-o", f"UserKnownHostsFile={self.known_hosts_file}"]
        return {"GIT_SSH_COMMAND": shlex.join(command)}

    def _ask_passphrase(self, held: Path) -> dict[str, str]:
        if not self.passphrase:
            return {}
        program = held / "ask"
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$TRADEWIND_PASSPHRASE"\n')
        program.chmod(0o700)
        return {
            "SSH_ASKPASS": str(program),
            "SSH_ASKPASS_REQUIRE": "force",
            "TRADEWIND_PASSPHRASE": self.passphrase,
        }

    def _header(self) -> str:
        if not self.password:
            return ""
        user = self.user or "x-access-token"
        return base64.b64encode(f"{user}:{self.password}".encode()).decode()


def split_secrets(url: str) -> tuple[str, str, str]:
    """Answer an address without user and password, the user, and the password.

    Example:
        >>> split_secrets("https://ann:s%20t@git.example/a.git")
        ('https://git.example/a.git', 'ann', 's t')
        >>> split_secrets("git@git.example:a.git")
        ('git@git.example:a.git', '', '')
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return url, "", ""
    user = unquote(parts.username or "")
    password = unquote(parts.password or "")
    host = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((parts.scheme, host, parts.path, parts.query, parts.fragment))
    # A token alone may stand where the user does.
    return (bare, user, password) if password else (bare, "", user)


def without_secrets(url: str) -> str:
    """Answer an address that may be shown."""
    return split_secrets(url)[0]
