"""Git: what only a repository can do, or have done to it."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.conformance.bundles.kinds import DAG_FILES as FIRST
from tests.conformance.bundles.kinds import Repository
from tradewind.codestore.bundle import BundleError
from tradewind.codestore.git import GitRepository, GitWish
from tradewind.codestore.git_access import GitAccess
from tradewind.codestore.kept import KeptTree
from tradewind.codestore.trees import Trees


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path / "code")


@pytest.fixture
def repo(tmp_path: Path, trees: Trees) -> Repository:
    made = Repository(tmp_path, trees)
    made.write(FIRST)
    return made


def fault_of(bundle: GitRepository) -> str:
    with pytest.raises(BundleError) as caught:
        bundle.scan()
    return str(caught.value)


def test_the_version_is_the_commit(repo: Repository) -> None:
    commit = repo.git("rev-parse", "HEAD")
    found = repo.bundle().scan()

    assert found.version == found.manifest.digest == commit
    assert not (found.root / ".git").exists()


def test_branches_tags_and_commits_can_be_followed(repo: Repository) -> None:
    commit = repo.git("rev-parse", "HEAD")
    repo.git("tag", "-a", "v1", "-m", "one")
    repo.git("branch", "team/dev")
    repo.write({"other.py": FIRST["sales.py"]})
    newest = repo.git("rev-parse", "HEAD")

    for ref in ("v1", "team/dev", commit, commit[:10], "refs/heads/team/dev", "origin/team/dev"):
        assert repo.bundle(tracking_ref=ref).scan().version == commit
    assert repo.bundle().scan().version == newest


def test_a_ref_that_is_not_there(repo: Repository) -> None:
    assert fault_of(repo.bundle(tracking_ref="mian")) == (
        f"Bundle 'main': file://{repo.repo} has no branch, tag or commit 'mian'. "
        "Did you mean 'main'?"
    )
    assert "There is: main." in fault_of(repo.bundle(tracking_ref="xyz-123"))
    assert "no branch" in fault_of(repo.bundle(tracking_ref="--upload-pack=x"))


def test_a_branch_that_was_forced_elsewhere_is_followed_and_the_old_commit_stays(
    repo: Repository,
) -> None:
    bundle = repo.bundle()
    old = bundle.scan()
    repo.git("checkout", "--quiet", "--orphan", "fresh")
    repo.write({"sales.py": f"{FIRST['sales.py']}# rewritten\n"})
    repo.git("branch", "--force", "main", "fresh")
    new = bundle.scan()

    assert new.version == repo.git("rev-parse", "main") != old.version
    assert (old.root / "sales.py").read_text() == FIRST["sales.py"]


def test_a_branch_that_is_removed_leaves_the_last_version(repo: Repository) -> None:
    repo.git("branch", "dev")
    bundle = repo.bundle(tracking_ref="dev")
    last = bundle.scan()
    repo.git("branch", "-D", "dev")

    assert "has no branch, tag or commit 'dev'" in fault_of(bundle)
    assert (last.root / "sales.py").exists()
    repo.git("branch", "dev")
    assert bundle.scan().version == last.version


def test_a_repository_that_is_broken(repo: Repository) -> None:
    bundle = repo.bundle()
    bundle.scan()
    (repo.repo / ".git/HEAD").unlink()

    assert fault_of(bundle).startswith(f"Bundle 'main': git fetch of file://{repo.repo} failed: ")
    assert "\n" not in fault_of(bundle)


def test_a_mirror_that_was_cut_off_is_made_anew(repo: Repository, trees: Trees) -> None:
    half = trees.folder / "git/main.git"
    half.mkdir(parents=True)
    (half / "config").write_text("half")

    assert repo.bundle().scan().manifest.dag_files == {"sales.py"}


def test_a_folder_of_the_repository(repo: Repository) -> None:
    repo.write({"dags/a.py": FIRST["sales.py"], "include/lib.py": "X = 1\n", "other.py": "dag\n"})
    found = repo.bundle(subdir="dags").scan()

    # What lies beside belongs to it, as in a local folder.
    assert found.dags_folder == found.root / "dags"
    assert set(found.manifest.files) == {"dags/a.py", "include/lib.py", "other.py"}
    assert found.manifest.dag_files == {"dags/a.py"}
    assert "has no folder 'dgas'" in fault_of(repo.bundle(subdir="dgas"))


def test_only_some_folders_are_checked_out(repo: Repository) -> None:
    repo.write({"dags/a.py": FIRST["sales.py"], "big/b.py": "B = 1\n", "lib/c.py": "C = 1\n"})
    found = repo.bundle(subdir="dags", sparse_dirs=("dags", "lib")).scan()

    tree = found.dags_folder.parent
    assert (tree / "lib/c.py").exists()
    assert not (tree / "big").exists()


def test_submodules_come_along(repo: Repository, tmp_path: Path, trees: Trees) -> None:
    (tmp_path / "sub").mkdir()
    other = Repository(tmp_path / "sub", trees)
    other.write({"shared.py": "S = 1\n"})
    repo.git("submodule", "--quiet", "add", f"file://{other.repo}", "lib/shared")
    repo.commit()

    assert (repo.bundle(submodules=True).scan().root / "lib/shared/shared.py").exists()
    other.write({"shared.py": "S = 2\n"})
    repo.git("-C", "lib/shared", "pull", "--quiet", "origin", "main")
    repo.commit()
    newer = repo.bundle(submodules=True).scan().root
    assert (newer / "lib/shared/shared.py").read_text() == "S = 2\n"
    assert not list(newer.rglob(".git"))


def test_the_git_folder_can_stay(repo: Repository) -> None:
    tree = repo.bundle(prune_dotgit=False).scan().root
    assert repo.git("log", "-1", "--format=%s", at=tree) == "change"
    assert repo.git("status", "--porcelain", at=tree) == ""


def test_what_the_repository_says_to_run_is_not_run(repo: Repository, trees: Trees) -> None:
    bundle = repo.bundle()
    bundle.scan()
    hook = trees.folder / "git/main.git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {trees.folder}/ran\n")
    hook.chmod(0o755)
    repo.write({"sales.py": "dag airflow\n"})
    bundle.scan()

    assert not (trees.folder / "ran").exists()


def test_executables_links_and_odd_names(repo: Repository) -> None:
    repo.write({**FIRST, "bin/go.sh": "#!/bin/sh\n", "a b/ü.py": "X = 1\n"})
    (repo.repo / "bin/go.sh").chmod(0o755)
    (repo.repo / "link.py").symlink_to("sales.py")
    repo.commit()
    tree = repo.bundle().scan().root

    assert (tree / "bin/go.sh").stat().st_mode & stat.S_IXUSR
    assert (tree / "link.py").is_symlink()
    assert (tree / "a b/ü.py").read_text() == "X = 1\n"


def spying_git(folder: Path) -> str:
    """Answer a search path on which ``git`` writes down its arguments."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/said\nexec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_secrets_are_neither_arguments_nor_kept_nor_told(
    tmp_path: Path, trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", spying_git(tmp_path / "bin"))
    access = GitAccess(
        url="https://127.0.0.1:1/team/dags.git", user="ann", password="s3cr3t/tok", passphrase="pp"
    )
    bundle = GitRepository(KeptTree("main"), lambda: access, trees, GitWish(), source="x")
    fault = fault_of(bundle)

    said = (tmp_path / "bin/said").read_text()
    assert "fetch" in said
    kept = [path.read_text(errors="replace") for path in trees.folder.rglob("*") if path.is_file()]
    header = access.config()["http.https://127.0.0.1:1/.extraHeader"].split()[-1]
    for text in (fault, said, *kept):
        assert "s3cr3t" not in text
        assert header not in text
        assert "pp" not in text.split()


def test_a_key_is_in_a_file_of_its_owner_only_while_it_is_needed(tmp_path: Path) -> None:
    access = GitAccess(url="git@host:a.git", private_key="KEY", passphrase="secret words")
    with access.opened(tmp_path) as environ:
        command = environ["GIT_SSH_COMMAND"].split()
        key = Path(command[command.index("-i") + 1])
        assert key.read_text() == "KEY\n"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
        assert "secret words" not in " ".join(command)
        assert "secret" not in Path(environ["SSH_ASKPASS"]).read_text()

    assert list(tmp_path.iterdir()) == []
    assert "secret words" not in access.hide("it said: secret words")
