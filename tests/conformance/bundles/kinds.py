"""Every kind of bundle over a source that a test can write, take away and bring back."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec

from tradewind.codestore.archive import Archive
from tradewind.codestore.bundle import Bundle
from tradewind.codestore.git import GitRepository, GitWish
from tradewind.codestore.git_access import GitAccess
from tradewind.codestore.kept import KeptTree
from tradewind.codestore.local import LocalFolder
from tradewind.codestore.remote import RemoteFolder
from tradewind.codestore.snapshots import Snapshots
from tradewind.codestore.trees import Trees

Files = Mapping[str, str]


class Source:
    """Where one bundle comes from."""

    def __init__(self, folder: Path, trees: Trees) -> None:
        self.folder = folder
        self.trees = trees

    def write(self, files: Files) -> None:
        """Make these files all there is."""
        raise NotImplementedError

    def take_away(self) -> None:
        """Make it unreachable, until it is written again."""
        shutil.rmtree(self.folder / "source")

    def bundle(self) -> Bundle:
        """Answer a bundle over it, as a server that was just started would."""
        raise NotImplementedError

    def kept(self) -> KeptTree:
        return KeptTree("main")


def fill(folder: Path, files: Files) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


class PinnedFolder(Source):
    def write(self, files: Files) -> None:
        shutil.rmtree(self.folder / "source", ignore_errors=True)
        fill(self.folder / "source", files)

    def bundle(self) -> Bundle:
        return Snapshots(LocalFolder("main", self.folder / "source"), self.trees)


class Repository(Source):
    @property
    def repo(self) -> Path:
        return self.folder / "source"

    def write(self, files: Files) -> None:
        away = self.folder / "away"
        if away.exists():
            away.rename(self.repo)
        if not self.repo.exists():
            self.git("init", "--quiet", "--initial-branch=main", str(self.repo), at=self.folder)
        for path in self.repo.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        fill(self.repo, files)
        self.commit()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str, at: Path | None = None) -> str:
        plain = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b"}
        who |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
        # Submodules of local paths are refused unless asked for.
        config = ["-c", "protocol.file.allow=always"]
        done = subprocess.run(
            ["git", *config, *arguments],
            cwd=at or self.repo,
            env=plain | who,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def take_away(self) -> None:
        self.repo.rename(self.folder / "away")

    def bundle(self, **wish: Any) -> GitRepository:
        return GitRepository(
            self.kept(),
            lambda: GitAccess(url=f"file://{self.repo}"),
            self.trees,
            GitWish(**wish),
            source=f"file://{self.repo}",
        )


class ZipFile(Source):
    def write(self, files: Files) -> None:
        (self.folder / "source").mkdir(exist_ok=True)
        fresh = self.folder / "source/new.zip"
        with zipfile.ZipFile(fresh, "w") as archive:
            for path, text in sorted(files.items()):
                # A time of its own would make other bytes of the same files.
                archive.writestr(zipfile.ZipInfo(path), text)
        fresh.rename(self.folder / "source/dags.zip")

    def bundle(self) -> Bundle:
        return Archive(self.kept(), self.folder / "source/dags.zip", self.trees)


class Remote(Source):
    protocol = "memory"

    @property
    def url(self) -> str:
        return f"memory://{self.folder.name}/dags"

    def write(self, files: Files) -> None:
        system, base = fsspec.url_to_fs(self.url)
        if system.exists(base):
            system.rm(base, recursive=True)
        for path, text in files.items():
            system.makedirs(os.path.dirname(f"{base}/{path}"), exist_ok=True)
            system.pipe_file(f"{base}/{path}", text.encode())

    def take_away(self) -> None:
        system, base = fsspec.url_to_fs(self.url)
        system.rm(base, recursive=True)

    def bundle(self) -> Bundle:
        return RemoteFolder(self.kept(), self.url, self.trees)


class RemoteDisk(Remote):
    @property
    def url(self) -> str:
        return f"file://{self.folder}/source"


DAG_FILES: Files = {
    "sales.py": "from airflow.sdk import DAG\n",
    "lib/util.py": "ONE = 1\n",
    "lib/query.sql": "select 1\n",
}

KINDS = {
    "pinned": PinnedFolder,
    "git": Repository,
    "zip": ZipFile,
    "memory": Remote,
    "file": RemoteDisk,
}
