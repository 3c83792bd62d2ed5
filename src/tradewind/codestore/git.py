"""A bundle that is a Git repository: a bare mirror, and a tree for each commit that was current.

Git is asked through its own program. Nothing secret is ever an argument, nor written to the
mirror's configuration: the address and credentials are in the environment of each call.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from tradewind.codestore.bundle import BundleError, Scan
from tradewind.codestore.git_access import GitAccess
from tradewind.codestore.kept import KeptTree
from tradewind.codestore.trees import Trees, file_name
from tradewind.errors import did_you_mean

_TIMEOUT_SECONDS = 600.0
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "LC_ALL": "C",
    "GIT_LFS_SKIP_SMUDGE": "0",
}
# Nothing of a repository may run here, and nothing is thrown away behind our back.
_CONFIG = {"core.hooksPath": "/dev/null", "gc.auto": "0", "advice.detachedHead": "false"}


class GitWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of which repository is a bundle."""

    tracking_ref: str = "main"
    """Branch, tag, full ref or commit."""
    subdir: str = ""
    """The folder of Dag files; the whole repository when empty."""
    submodules: bool = False
    sparse_dirs: tuple[str, ...] = ()
    """Only these folders are checked out; all when empty."""
    prune_dotgit: bool = True
    """Whether trees come without ``.git``."""


class GitRepository:
    """A branch or tag of a repository, followed as it moves."""

    kind = "git"
    is_pinned = True

    def __init__(
        self,
        kept: KeptTree,
        access: Callable[[], GitAccess],
        trees: Trees,
        wish: GitWish,
        *,
        source: str,
        refresh_seconds: float = 300.0,
    ) -> None:
        """Fetch nothing yet.

        Args:
            kept: How trees of this bundle are looked at.
            access: Address and credentials; asked at each look, as they may change.
            trees: Where trees are kept; the mirror lies beside them.
            wish: What of the repository is wanted.
            source: Its address, without secrets.
            refresh_seconds: How often to fetch.
        """
        self._kept = kept
        self._access = access
        self._trees = trees
        self._wish = wish
        self._mirror = trees.folder / "git" / f"{file_name(kept.name)}.git"
        self.name = kept.name
        self.source = source
        self.refresh_seconds = refresh_seconds

    def scan(self) -> Scan:
        """Fetch, and keep the commit that the ref names now.

        Raises:
            BundleError: The repository cannot be read, or has no such ref or folder.
        """
        access = self._access()
        with access.opened(self._trees.folder) as environ:
            git = _Git(self._mirror, self.name, access, environ)
            self._fetch(git)
            commit = self._resolve(git)
            if not self._trees.has(self.name, commit):
                self._trees.build(
                    self.name, commit, lambda into: self._check_out(git, commit, into)
                )
        tree = self._trees.path(self.name, commit)
        return self._kept.scan(tree, commit, self._wish.subdir, commit)

    def _fetch(self, git: "_Git") -> None:
        if not (self._mirror / "HEAD").is_file():
            shutil.rmtree(self._mirror, ignore_errors=True)
            self._mirror.parent.mkdir(parents=True, exist_ok=True)
            git.run("init", "--quiet", "--bare", str(self._mirror), inside=False)
        wanted = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        ref = self._wish.tracking_ref
        if ref.startswith("refs/") and not ref.startswith(("refs/heads/", "refs/tags/")):
            wanted.append(f"+{ref}:{ref}")
        git.run("fetch", "--quiet", "--prune", "--force", "--no-auto-gc", "origin", *wanted)

    def _resolve(self, git: "_Git") -> str:
        ref = self._wish.tracking_ref.removeprefix("origin/")
        names = [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
        if _COMMIT.fullmatch(ref):
            names.append(ref)
        for name in names:
            found = git.ask("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            if found:
                return found
        there = git.ask(
            "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", "refs/tags"
        ).split("\n")
        shown = ", ".join(there[:5]) or "nothing"
        raise BundleError(
            "bundle-ref-missing",
            f"Bundle '{self.name}': {self.source} has no branch, tag or commit '{ref}'.",
            did_you_mean(ref, there) or f"There is: {shown}.",
        )

    def _check_out(self, git: "_Git", commit: str, into: Path) -> None:
        wish = self._wish
        git.run("worktree", "prune")
        git.run("worktree", "add", "--force", "--no-checkout", "--detach", str(into), commit)
        if wish.sparse_dirs:
            git.run("sparse-checkout", "set", "--cone", "--", *wish.sparse_dirs, at=into)
        git.run("checkout", "--quiet", "--force", "--detach", commit, at=into)
        if wish.submodules:
            git.run("submodule", "update", "--quiet", "--init", "--recursive", at=into)
        if wish.prune_dotgit:
            for left in (into / ".git", *into.glob("**/.git")):
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink(missing_ok=True)
            git.run("worktree", "prune")
            return
        # A tree that keeps its .git knows its mirror by the path it will have.
        final = self._trees.path(self.name, commit)
        pointer = (into / ".git").read_text().removeprefix("gitdir: ").strip()
        Path(pointer, "gitdir").write_text(f"{final / '.git'}\n")
        Path(pointer, "locked").write_text("kept by Tradewind\n")


class _Git:
    """Calls of one look at a repository."""

    def __init__(
        self, mirror: Path, name: str, access: GitAccess, environ: Mapping[str, str]
    ) -> None:
        self._mirror = mirror
        self._name = name
        self._access = access
        config = {**_CONFIG, "remote.origin.url": access.url, **access.config()}
        self._environ = _clean(os.environ) | _QUIET | dict(environ) | _as_environ(config)

    def run(self, *arguments: str, inside: bool = True, at: Path | None = None) -> str:
        """Run git; answer what it printed.

        Raises:
            BundleError: It failed, or is not installed.
        """
        done = self._call(arguments, inside, at)
        if done.returncode:
            raise BundleError(
                "bundle-not-readable",
                f"Bundle '{self._name}': git {arguments[0]} of {self._access.shown_url} failed: "
                f"{self._access.hide(_last_word(done.stderr))}",
                "See that the address, the credentials and the network let git in from here.",
            )
        return done.stdout.strip()

    def ask(self, *arguments: str) -> str:
        """Run git; answer what it printed, nothing where it refused."""
        done = self._call(arguments, True, None)
        return "" if done.returncode else done.stdout.strip()

    def _call(
        self, arguments: Sequence[str], inside: bool, at: Path | None
    ) -> subprocess.CompletedProcess[str]:
        command = ["git", *([] if not inside else ["-C", str(at or self._mirror)]), *arguments]
        try:
            return subprocess.run(
                command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise BundleError(
                "bundle-needs-git",
                f"Bundle '{self._name}' needs the program git, which is not installed here.",
                "Install git where the server runs.",
            ) from None
        except subprocess.TimeoutExpired:
            raise BundleError(
                "bundle-not-readable",
                f"Bundle '{self._name}': git {arguments[0]} of {self._access.shown_url} gave no "
                f"answer for {_TIMEOUT_SECONDS / 60:.0f} min.",
                "See that the network lets git through from here.",
            ) from None


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave out what would make git look elsewhere, as in a hook or another checkout."""
    return {name: value for name, value in environ.items() if not name.startswith("GIT_")}


def _as_environ(config: Mapping[str, str]) -> dict[str, str]:
    found = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found


def _last_word(said: str) -> str:
    """Answer the line that says most: the first ``fatal:`` or ``error:``, else the last."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))]
    found = (telling or lines[-1:] or ["it said nothing"])[0]
    return f"{found.rstrip('.')}."
