"""Bundles as settings name them, and what is made of them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tradewind.codestore.bundle import BundleError
from tradewind.codestore.git import GitRepository
from tradewind.config import Settings, read_settings
from tradewind.errors import UsageError
from tradewind.protocol.ports import ConnectionValue
from tradewind.server.bundle_settings import BundleSetting, read_bundle_settings
from tradewind.server.bundles import Bundles

LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
GIT = "airflow.providers.git.bundles.git.GitDagBundle"
S3 = "airflow.providers.amazon.aws.bundles.s3.S3DagBundle"
GCS = "airflow.providers.google.cloud.bundles.gcs.GCSDagBundle"


def settings(home: Path, toml: str = "", **environ: str) -> Settings:
    home.mkdir(exist_ok=True)
    (home / "tradewind.toml").write_text(toml)
    return read_settings({"TRADEWIND_HOME": str(home), **environ}, home)


def listed(home: Path, *entries: dict[str, Any]) -> dict[str, BundleSetting]:
    text = json.dumps(entries)
    name = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
    return read_bundle_settings(settings(home, **{name: text}))


def test_without_a_word_it_is_the_dags_folder(tmp_path: Path) -> None:
    assert read_bundle_settings(settings(tmp_path)) == {"dags-folder": BundleSetting()}
    (only,) = Bundles(settings(tmp_path), lambda _: None).all
    assert (only.kind, only.is_pinned, only.source) == ("local", False, str(tmp_path / "dags"))


def test_tables_of_the_file_and_of_the_environment(tmp_path: Path) -> None:
    found = read_bundle_settings(
        settings(
            tmp_path,
            '[bundles.sales]\nkind = "git"\nurl = "https://x/a.git"\nref = "dev"\n'
            "[bundles.here]\npin = true\n",
            TRADEWIND__BUNDLES__LAKE='{"kind": "s3", "url": "s3://b/dags", "refresh_seconds": 9}',
        )
    )
    assert found == {
        "sales": BundleSetting(kind="git", url="https://x/a.git", ref="dev"),
        "here": BundleSetting(pin=True),
        "lake": BundleSetting(kind="s3", url="s3://b/dags", refresh_seconds=9),
    }


def test_a_list_as_airflow_users_write_it(tmp_path: Path) -> None:
    assert listed(
        tmp_path,
        {"name": "dags-folder", "classpath": LOCAL, "kwargs": {}},
        {"name": "other", "classpath": LOCAL, "kwargs": {"path": "/x", "refresh_interval": 7}},
        {
            "name": "repo",
            "classpath": GIT,
            "refresh_interval": 60,
            "team_name": "a",
            "kwargs": {
                "tracking_ref": "main",
                "subdir": "dags",
                "git_conn_id": "g",
                "repo_url": None,
                "submodules": True,
                "sparse_dirs": ["dags"],
                "prune_dotgit_folder": False,
                "view_url_template": "https://x/{version}",
            },
        },
        {"name": "bare", "classpath": GIT, "kwargs": {"tracking_ref": "v1"}},
        {
            "name": "s3",
            "classpath": S3,
            "kwargs": {"bucket_name": "b", "prefix": "p/", "aws_conn_id": "aws"},
        },
        {"name": "gcs", "classpath": GCS, "kwargs": {"bucket_name": "b", "gcp_conn_id": "g"}},
    ) == {
        "dags-folder": BundleSetting(),
        "other": BundleSetting(path="/x", refresh_seconds=7),
        "repo": BundleSetting(
            kind="git",
            ref="main",
            subdir="dags",
            conn_id="g",
            submodules=True,
            sparse_dirs=("dags",),
            prune_dotgit=False,
            refresh_seconds=60,
        ),
        "bare": BundleSetting(kind="git", ref="v1", conn_id="git_default"),
        "s3": BundleSetting(kind="s3", url="s3://b/p", conn_id="aws"),
        "gcs": BundleSetting(kind="gcs", url="gs://b", conn_id="g"),
    }


BAD_TABLES = [
    ({"kind": "gti"}, "Invalid enum value 'gti'"),
    ({"knid": "git"}, "unknown field `knid`"),
    ({"kind": "git"}, "Bundle 'x' names no repository. Set url, or conn_id."),
    ({"kind": "s3", "url": "bucket"}, "Bundle 'x' names no place."),
    ({"kind": "zip"}, "Bundle 'x' names no archive."),
    ({"kind": "git", "url": "u", "subdir": "../y"}, "subdir '../y' lies outside"),
    ({"refresh_seconds": 0.1}, "refreshed too often"),
    ({"pin": "maybe"}, "[bundles.x]: "),
]


@pytest.mark.parametrize(("table", "said"), BAD_TABLES)
def test_a_table_that_cannot_be(tmp_path: Path, table: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        read_bundle_settings(settings(tmp_path, TRADEWIND__BUNDLES__X=json.dumps(table)))


BAD_LISTS = [
    ("[", "is not JSON"),
    ('{"name": "a"}', "Expected `array`"),
    ('[{"name": "a"}]', "missing required field `classpath`"),
    (f'[{{"name": "a", "classpath": "{GIT}x"}}]', f"Did you mean '{GIT}'?"),
    (f'[{{"name": "a", "classpath": "{GIT}", "kwargs": {{"ref": "x"}}}}]', "takes no 'ref'"),
    (f'[{{"name": " ", "classpath": "{LOCAL}"}}]', "has no name"),
    (
        f'[{{"name": "a", "classpath": "{LOCAL}"}}, {{"name": "a", "classpath": "{LOCAL}"}}]',
        "Two bundles are called 'a'",
    ),
]


@pytest.mark.parametrize(("text", "said"), BAD_LISTS)
def test_a_list_that_cannot_be(tmp_path: Path, text: str, said: str) -> None:
    name = "TRADEWIND__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
    with pytest.raises(UsageError, match=re.escape(said)):
        read_bundle_settings(settings(tmp_path, **{name: text}))


def test_a_variable_that_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="TRADEWIND__BUNDLES__X is not JSON"):
        settings(tmp_path, TRADEWIND__BUNDLES__X="{")


def test_all_local_folders_can_be_pinned(tmp_path: Path) -> None:
    given = settings(tmp_path, "[core]\npin = true\n[bundles.a]\n[bundles.b]\npin = false\n")
    pinned = {one.name: one.is_pinned for one in Bundles(given, lambda _: None).all}
    assert pinned == {"a": True, "b": False}


def test_files_are_left_out_in_the_manner_the_settings_say(tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    folder.mkdir()
    for name in ("a.py", "b.py"):
        (folder / name).write_text("dag airflow")
    (folder / "plain.py").write_text("pass")
    (folder / ".airflowignore").write_text("^a\\.py$\n")
    toml = '[core]\ndag_ignore_file_syntax = "regexp"\ndag_discovery_safe_mode = false\n'
    (only,) = Bundles(settings(tmp_path, toml), lambda _: None).all

    assert only.scan().manifest.dag_files == {"dags/b.py", "dags/plain.py"}
    with pytest.raises(UsageError, match="dag_ignore_file_syntax is 'glbo'"):
        settings(tmp_path, '[core]\ndag_ignore_file_syntax = "glbo"\n')


def test_what_is_kept_in_a_home_is_no_part_of_the_bundle_in_it(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/a.py").write_text("dag airflow")
    (only,) = Bundles(settings(tmp_path, "[core]\npin = true\n"), lambda _: None).all
    first = only.scan()
    (tmp_path / "dags/a.py").write_text("dag airflow 2")
    second = only.scan()

    for found in (first, second):
        assert set(found.manifest.files) == {"dags/a.py", "tradewind.toml"}
        assert not (found.root / "code").exists()
    assert len(list((tmp_path / "code/trees/dags-folder").iterdir())) == 2


def test_what_a_connection_says_of_a_repository(tmp_path: Path) -> None:
    held = ConnectionValue(
        conn_id="g",
        conn_type="git",
        host="https://git.example/a.git",
        login="ann",
        password="tok",
        extra='{"key_file": "/k", "strict_host_key_checking": "no"}',
    )
    given = settings(tmp_path, '[bundles.r]\nkind = "git"\nconn_id = "g"\n')
    (repo,) = Bundles(given, {"g": held}.get).all
    assert isinstance(repo, GitRepository)
    assert repo.source == "connection 'g'"
    access = repo._access()
    assert (access.url, access.user, access.password) == ("https://git.example/a.git", "ann", "tok")
    assert (access.key_file, access.strict_host_key_checking) == ("/k", "no")

    (lost,) = Bundles(given, lambda _: None).all
    with pytest.raises(BundleError, match="there is no connection 'g'"):
        lost.scan()


def test_secrets_in_an_address_are_not_shown(tmp_path: Path) -> None:
    given = settings(tmp_path, '[bundles.r]\nkind = "git"\nurl = "https://a:s3c@127.0.0.1:1/x"\n')
    (repo,) = Bundles(given, lambda _: None).all
    with pytest.raises(BundleError) as caught:
        repo.scan()
    assert "s3c" not in str(caught.value)
    assert repo.source == "https://127.0.0.1:1/x"
