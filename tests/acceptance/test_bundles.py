"""Bundles as a person has them: a repository that moves on under a run."""

import json
import os
import subprocess
from pathlib import Path

from tests.acceptance.conftest import Shell, standalone, wait_until

SLOW = """
from pathlib import Path
from time import monotonic

from tradewind import dag, task
from values import VALUE

GO = Path("{go}")


@dag(schedule=None, is_paused_upon_creation=False)
def slow():
    @task.sensor(poke_interval=0.1, mode="reschedule")
    def wait():
        return GO.exists()

    @task
    def tell():
        print(f"the value is {{VALUE}}")

    wait() >> tell()


slow()
"""


def git(repo: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "-C", str(repo), *who, *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(repo: Path, value: str) -> str:
    (repo / "dags/values.py").write_text(f"VALUE = {value!r}\n")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", value)
    return git(repo, "rev-parse", "HEAD")


def bundle(shell: Shell) -> dict[str, str]:
    told = shell.run("tradewind bundles list -o json").out
    found: dict[str, str] = json.loads(told)[0] if told else {}
    return found


def test_a_repository_that_moves_on_under_a_run(tmp_path: Path, programs: Path) -> None:
    repo, go = tmp_path / "repo", tmp_path / "go"
    (repo / "dags").mkdir(parents=True)
    git(repo, "init", "--quiet", "--initial-branch=main")
    (repo / "dags/slow.py").write_text(SLOW.format(go=go))
    old = commit(repo, "old")
    table = {"kind": "git", "url": f"file://{repo}", "subdir": "dags", "refresh_seconds": 1}
    settings = {"TRADEWIND__BUNDLES__REPO": json.dumps(table)}
    shell = Shell(tmp_path / "home", programs, tmp_path / "none", settings)

    # Commands know the bundle without a server too.
    assert [one["dag_id"] for one in json.loads(shell.ok("tradewind dags list -o json").out)] == [
        "slow"
    ]
    with standalone(shell):
        shell.ok("tradewind dags trigger slow --run-id first")
        new = commit(repo, "new")
        wait_until(lambda: bundle(shell).get("version") == new, 60, "the new commit is there")
        wait_until(lambda: _parsed_in(shell, new), 60, "the Dag is parsed in it")
        shell.ok("tradewind dags trigger slow --run-id second")
        git(repo, "branch", "-m", "main", "gone")
        wait_until(
            lambda: bool(bundle(shell).get("fault")), 60, "it is told that the branch is gone"
        )
        said = shell.run("tradewind health")
        assert "has no branch, tag or commit 'main'" in said.err
        assert said.code == 0

        go.touch()
        runs: dict[str, dict[str, str]] = {}

        def are_done() -> bool:
            told = shell.ok("tradewind dags list-runs slow -o json").out
            runs.update({one["run_id"]: one for one in json.loads(told)})
            return {one["state"] for one in runs.values()} == {"success"}

        wait_until(are_done, 60, "both runs are done")

    assert runs["first"]["bundle_version"] == old
    assert runs["second"]["bundle_version"] == new
    logs = {run: _logs(shell.home / "logs" / f"dag_id=slow/run_id={run}") for run in runs}
    assert "the value is old" in logs["first"]
    assert "the value is new" in logs["second"]
    # The code changed, the structure did not.
    versions = json.loads(shell.ok("tradewind dags versions slow -o json").out)
    assert [one["version_number"] for one in versions] == [1]
    assert shell.ok("tradewind dags source slow").out == SLOW.format(go=go)


def _parsed_in(shell: Shell, version: str) -> bool:
    (dag,) = json.loads(shell.ok("tradewind dags list -o json").out)
    return bool(dag["bundle_version"] == version)


def _logs(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*.log"))
