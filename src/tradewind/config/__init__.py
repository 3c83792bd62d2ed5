"""One frozen Settings, read once at the edge of a process and handed down.

Each option has one name, ``[section] key``, found in this order: ``TRADEWIND__SECTION__KEY`` in the
environment; the name existing installations use (``AIRFLOW__SECTION__KEY``), where there is one;
``tradewind.toml`` in the home folder; the default.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tradewind.config.options import OPTIONS as OPTIONS
from tradewind.config.options import Option as Option
from tradewind.errors import UsageError, did_you_mean

_SHORTEST_LEASE = 6
"""Below, one slow answer would cost a worker its tasks."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What this process was told. See ``OPTIONS`` for each field's meaning and names."""

    home: Path
    dags_folder: Path
    load_examples: bool
    dags_are_paused_at_creation: bool
    default_timezone: str
    default_pool_slots: int
    max_map_length: int
    host: str
    port: int
    durability: str
    retention_days: int
    worker_lease_seconds: int
    worker_slots: int
    parse_slots: int
    queues: str
    trigger_slots: int
    drain_seconds: int
    parse_timeout_seconds: int
    parse_memory_mb: int
    reparse_seconds: int
    pin: bool
    ignore_syntax: str
    safe_mode: bool
    dag_bundle_config_list: str
    refresh_seconds: int
    disable_bundle_versioning: bool
    secret_key: str
    conf_overrides_params: bool
    max_consecutive_failed_dag_runs: int
    allowed_run_id_pattern: str
    rerun_with_latest_version: bool
    xcom_backend: str
    max_xcom_bytes: int
    allowed_deserialization_classes: str
    xcom_storage_path: str
    xcom_storage_threshold: int
    xcom_storage_compression: str
    secrets_backend: str
    secrets_backend_kwargs: str
    state_retention_days: int
    state_clear_on_success: bool
    bundles: dict[str, Any] = {}
    """Tables ``[bundles.NAME]``, as written; see the server's reading of them."""
    sources: dict[str, str] = {}
    """Field -> where its value came from, for ``config list``."""

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self.home / "tradewind.db"

    @property
    def log_root(self) -> Path:
        """The folder task logs lie under."""
        return self.home / "logs"

    @property
    def code_folder(self) -> Path:
        """The folder in which bytes of bundles are kept."""
        return self.home / "code"

    @property
    def server_file(self) -> Path:
        """Where a running server says its URL and token, readable by its user alone."""
        return self.home / "server.json"


def find_home(environ: Mapping[str, str], cwd: Path) -> Path:
    """Answer the home folder: ``TRADEWIND_HOME``, else the nearest ``.tradewind`` at or above here.

    With neither, it is ``~/.tradewind``.
    """
    named = environ.get("TRADEWIND_HOME")
    if named:
        return Path(named).expanduser().absolute()
    for folder in (cwd, *cwd.parents):
        if (folder / ".tradewind").is_dir():
            return folder / ".tradewind"
    return Path(environ.get("HOME", "~")).expanduser() / ".tradewind"


def read_settings(environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Settings:
    """Read the settings of this process, once.

    Raises:
        UsageError: A value has the wrong type, or a name in tradewind.toml or the environment is
            not an option of ours.
    """
    env = os.environ if environ is None else environ
    home = find_home(env, cwd or Path.cwd())
    file = _read_file(home / "tradewind.toml")
    _refuse_unknown(env, file)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for option in OPTIONS:
        raw, source = _look_up(option, env, file)
        values[option.field] = _convert(option, raw, source)
        sources[option.field] = source
    _refuse_impossible(values)
    folder = values["dags_folder"]
    values["dags_folder"] = Path(folder).expanduser().absolute() if folder else home / "dags"
    return Settings(home=home, sources=sources, bundles=_read_bundles(env, file), **values)


def _read_bundles(env: Mapping[str, str], file: dict[str, Any]) -> dict[str, Any]:
    """Answer the tables of bundles, those of the environment over those of the file."""
    found = file.get(_BUNDLES, {})
    if not isinstance(found, dict):
        raise UsageError("bad-setting", "[bundles] holds no tables.", "Write [bundles.NAME].")
    tables = dict(found)
    for name, raw in env.items():
        if name.startswith(_BUNDLES_PREFIX):
            try:
                tables[name.removeprefix(_BUNDLES_PREFIX).lower()] = msgspec.json.decode(raw)
            except msgspec.DecodeError as error:
                raise UsageError(
                    "bad-setting", f"{name} is not JSON: {error}.", "Use a JSON object."
                ) from error
    return tables


_BUNDLES = "bundles"
_BUNDLES_PREFIX = "TRADEWIND__BUNDLES__"


def _refuse_impossible(values: Mapping[str, Any]) -> None:
    if values["durability"] not in ("process", "power"):
        raise UsageError(
            "bad-setting",
            f"[database] durability is '{values['durability']}'.",
            "Use 'process' or 'power'.",
        )
    if values["ignore_syntax"] not in ("glob", "regexp"):
        raise UsageError(
            "bad-setting",
            f"[core] dag_ignore_file_syntax is '{values['ignore_syntax']}'.",
            "Use 'glob' or 'regexp'.",
        )
    if values["retention_days"] < 0:
        raise UsageError(
            "bad-setting",
            f"[database] retention_days is {values['retention_days']}.",
            "Use 0 to keep everything, or a number of days.",
        )
    try:
        re.compile(values["allowed_run_id_pattern"])
    except re.error as error:
        raise UsageError(
            "bad-setting",
            f"[scheduler] allowed_run_id_pattern is no regular expression: {error}.",
            "Leave it out, or mend it.",
        ) from None
    if values["worker_lease_seconds"] < _SHORTEST_LEASE:
        raise UsageError(
            "bad-setting",
            f"[scheduler] worker_lease_seconds is {values['worker_lease_seconds']}.",
            f"Use {_SHORTEST_LEASE} or more.",
        )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise UsageError("bad-settings-file", f"{path} is not valid TOML: {error}.") from error


def _look_up(option: Option, env: Mapping[str, str], file: dict[str, Any]) -> tuple[Any, str]:
    names = [f"TRADEWIND__{option.section.upper()}__{option.key.upper()}"]
    for section, key in filter(None, (option.legacy, option.former)):
        names.append(f"AIRFLOW__{section.upper()}__{key.upper()}")
    for name in names:
        if name in env:
            return env[name], name
    section = file.get(option.section, {})
    if option.key in section:
        return section[option.key], "tradewind.toml"
    return option.default, "default"


_TRUE, _FALSE = {"true", "t", "yes", "y", "1", "on"}, {"false", "f", "no", "n", "0", "off"}


def _convert(option: Option, raw: Any, source: str) -> Any:
    text = str(raw).strip()
    if option.kind is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise UsageError("bad-setting", f"{source} is '{text}'.", "Use true or false.")
    if option.kind is int:
        try:
            return int(text)
        except ValueError:
            raise UsageError("bad-setting", f"{source} is '{text}'.", "Use a number.") from None
    return text


def _refuse_unknown(env: Mapping[str, str], file: dict[str, Any]) -> None:
    known = {f"TRADEWIND__{o.section.upper()}__{o.key.upper()}" for o in OPTIONS}
    given = {
        name
        for name in env
        if name.startswith("TRADEWIND__") and not name.startswith(_BUNDLES_PREFIX)
    }
    given |= {
        f"TRADEWIND__{section.upper()}__{key.upper()}"
        for section, body in file.items()
        if section != _BUNDLES
        for key in (body if isinstance(body, dict) else {"": None})
    }
    for name in sorted(given - known):
        raise UsageError(
            "unknown-setting", f"There is no setting {name}.", did_you_mean(name, known)
        )
