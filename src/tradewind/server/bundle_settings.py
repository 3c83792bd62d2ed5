"""Which bundles the settings name, in our form or in Airflow's."""

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from tradewind.config import Settings
from tradewind.errors import UsageError, did_you_mean

LOCAL_BUNDLE = "dags-folder"
"""Name of the bundle that is the Dags folder, where the settings name no bundles."""

Kind = Literal["local", "git", "zip", "s3", "gcs", "remote"]


class BundleSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table ``[bundles.NAME]``."""

    kind: Kind = "local"
    path: str = ""
    """Of kinds local and zip. Empty for local: the Dags folder."""
    url: str = ""
    """Of kinds git, s3, gcs and remote; empty where a connection names the repository."""
    ref: str = "main"
    subdir: str = ""
    conn_id: str = ""
    submodules: bool = False
    sparse_dirs: tuple[str, ...] = ()
    prune_dotgit: bool = True
    pin: bool | None = None
    """Of kind local; None: as ``[core] pin`` says."""
    refresh_seconds: float | None = None
    options: dict[str, Any] = {}
    """Of kinds s3, gcs and remote: what the file system is made with."""


class _Entry(msgspec.Struct, frozen=True):
    """One bundle of Airflow's list."""

    name: str
    classpath: str
    kwargs: dict[str, Any] = {}
    refresh_interval: float | None = None
    team_name: str | None = None


_CLASSES: dict[str, Kind] = {
    "airflow.dag_processing.bundles.local.LocalDagBundle": "local",
    "airflow.providers.git.bundles.git.GitDagBundle": "git",
    "airflow.providers.amazon.aws.bundles.s3.S3DagBundle": "s3",
    "airflow.providers.google.cloud.bundles.gcs.GCSDagBundle": "gcs",
}
_ARGUMENTS: dict[str, dict[str, str]] = {
    "local": {"path": "path"},
    "git": {
        "tracking_ref": "ref",
        "subdir": "subdir",
        "git_conn_id": "conn_id",
        "repo_url": "url",
        "submodules": "submodules",
        "prune_dotgit_folder": "prune_dotgit",
        "sparse_dirs": "sparse_dirs",
    },
    "s3": {"aws_conn_id": "conn_id"},
    "gcs": {"gcp_conn_id": "conn_id"},
}
_PASSED_OVER = frozenset({"view_url_template", "version"})
_SCHEMES = {"s3": "s3", "gcs": "gs"}
T = TypeVar("T")

_GIT_CONNECTION = "git_default"


def read_bundle_settings(settings: Settings) -> dict[str, BundleSetting]:
    """Answer the bundles by name: those the settings name, else the Dags folder alone.

    Raises:
        UsageError: A bundle is not written as it must be.
    """
    found: dict[str, BundleSetting] = {}
    for name, table in settings.bundles.items():
        found[name] = _checked(name, _convert(f"[bundles.{name}]", table, BundleSetting))
    if settings.dag_bundle_config_list.strip():
        for entry in _read_list(settings.dag_bundle_config_list):
            if entry.name in found:
                raise _bad(f"Two bundles are called '{entry.name}'.", "Rename one of them.")
            found[entry.name] = _checked(entry.name, _translate(entry))
    return found or {LOCAL_BUNDLE: BundleSetting(refresh_seconds=None)}


def _read_list(text: str) -> list[_Entry]:
    try:
        raw = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise _bad(
            f"[dag_processor] dag_bundle_config_list is not JSON: {error}.",
            'Use a list such as [{"name": "sales", "classpath": "...", "kwargs": {}}].',
        ) from error
    return _convert("[dag_processor] dag_bundle_config_list", raw, list[_Entry])


def _translate(entry: _Entry) -> BundleSetting:
    kind = _CLASSES.get(entry.classpath)
    if kind is None:
        raise _bad(
            f"Bundle '{entry.name}': the class {entry.classpath} is not known here.",
            did_you_mean(entry.classpath, _CLASSES) or f"There are: {', '.join(_CLASSES)}.",
        )
    kwargs = {k: v for k, v in entry.kwargs.items() if v is not None and k not in _PASSED_OVER}
    fields: dict[str, Any] = {"kind": kind}
    fields["refresh_seconds"] = kwargs.pop("refresh_interval", entry.refresh_interval)
    if kind in _SCHEMES:
        bucket, prefix = str(kwargs.pop("bucket_name", "")), str(kwargs.pop("prefix", ""))
        fields["url"] = f"{_SCHEMES[kind]}://{bucket}/{prefix}".rstrip("/") if bucket else ""
    known = _ARGUMENTS[kind]
    for name, value in kwargs.items():
        if name not in known:
            raise _bad(
                f"Bundle '{entry.name}': {entry.classpath} takes no '{name}'.",
                did_you_mean(name, known),
            )
        fields[known[name]] = value
    if kind == "git" and not fields.get("url"):
        fields.setdefault("conn_id", _GIT_CONNECTION)
    return _convert(f"Bundle '{entry.name}'", fields, BundleSetting)


def _checked(name: str, given: BundleSetting) -> BundleSetting:
    if not name.strip():
        raise _bad("A bundle has no name.", "Name it.")
    if given.kind == "git" and not (given.url or given.conn_id):
        raise _bad(f"Bundle '{name}' names no repository.", "Set url, or conn_id.")
    if given.kind in ("s3", "gcs", "remote") and "://" not in given.url:
        raise _bad(f"Bundle '{name}' names no place.", "Set url, such as s3://bucket/dags.")
    if given.kind == "zip" and not given.path:
        raise _bad(f"Bundle '{name}' names no archive.", "Set path.")
    if Path(given.subdir).is_absolute() or ".." in Path(given.subdir).parts:
        raise _bad(f"Bundle '{name}': subdir '{given.subdir}' lies outside.", "Name one inside.")
    if given.refresh_seconds is not None and given.refresh_seconds < 1:
        raise _bad(f"Bundle '{name}' is refreshed too often.", "Use 1 second or more.")
    return given


def _convert(where: str, raw: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _bad(f"{where}: {error}.", "See the guide to bundles.") from error


def _bad(message: str, hint: str) -> UsageError:
    return UsageError("bad-bundle", message, hint)
