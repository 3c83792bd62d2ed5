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

from tradewind.errors import UsageError, did_you_mean


class Option(msgspec.Struct, frozen=True):
    """One setting: where it is looked up, what it is when nobody says, what it does."""

    field: str
    section: str
    key: str
    kind: type
    default: Any
    doc: str
    legacy: tuple[str, str] | None = None
    """Section and key of the ``AIRFLOW__`` variable that is honoured too."""
    former: tuple[str, str] | None = None
    """An older name of that, honoured where the newer is not given."""


OPTIONS: tuple[Option, ...] = (
    Option(
        "dags_folder",
        "core",
        "dags_folder",
        str,
        "",
        "Folder of Dag files; <home>/dags when empty.",
        ("core", "dags_folder"),
    ),
    Option(
        "load_examples",
        "core",
        "load_examples",
        bool,
        False,
        "Also load the Dags that come with Tradewind.",
        ("core", "load_examples"),
    ),
    Option(
        "dags_are_paused_at_creation",
        "core",
        "dags_are_paused_at_creation",
        bool,
        True,
        "New Dags wait until somebody unpauses them.",
        ("core", "dags_are_paused_at_creation"),
    ),
    Option(
        "default_timezone",
        "core",
        "default_timezone",
        str,
        "UTC",
        "Zone of dates that name none.",
        ("core", "default_timezone"),
    ),
    Option(
        "default_pool_slots",
        "core",
        "default_pool_slots",
        int,
        128,
        "Slots of default_pool when the database is made.",
        ("core", "default_pool_task_slot_count"),
    ),
    Option(
        "max_map_length",
        "core",
        "max_map_length",
        int,
        1024,
        "A value with more items is taken for a mistake where a task is mapped over it.",
        ("core", "max_map_length"),
    ),
    Option(
        "host", "api", "host", str, "127.0.0.1", "Address the server listens on.", ("api", "host")
    ),
    Option("port", "api", "port", int, 8080, "Port the server listens on.", ("api", "port")),
    Option(
        "durability",
        "database",
        "durability",
        str,
        "process",
        "'process' survives any process death; 'power' also waits for the disk at each commit.",
    ),
    Option(
        "retention_days",
        "database",
        "retention_days",
        int,
        0,
        "The server deletes runs that ended so many days ago, with their logs, as 'db clean "
        "--skip-archive' does; 0: never.",
    ),
    Option(
        "worker_lease_seconds",
        "scheduler",
        "worker_lease_seconds",
        int,
        30,
        "A worker that is silent this long loses its tasks; it has ended them itself by then. At "
        "least 6.",
    ),
    Option(
        "worker_slots",
        "worker",
        "slots",
        int,
        32,
        "Tasks one worker runs at once.",
        ("core", "parallelism"),
    ),
    Option(
        "parse_slots",
        "worker",
        "parse_slots",
        int,
        2,
        "Files one worker parses at once.",
        ("dag_processor", "parsing_processes"),
    ),
    Option(
        "queues",
        "worker",
        "queues",
        str,
        "default",
        "Queues a worker takes tasks from, separated by commas.",
    ),
    Option(
        "trigger_slots",
        "triggerer",
        "capacity",
        int,
        10_000,
        "Triggers one worker runs at once; one that only waits costs a few kilobytes.",
        ("triggerer", "capacity"),
        ("triggerer", "default_capacity"),
    ),
    Option(
        "drain_seconds",
        "worker",
        "drain_seconds",
        int,
        10,
        "How long a worker that is asked to stop waits for its tasks before it ends them.",
    ),
    Option(
        "parse_timeout_seconds",
        "parsing",
        "timeout_seconds",
        int,
        30,
        "A Dag file that imports longer than this is ended.",
        ("core", "dagbag_import_timeout"),
    ),
    Option(
        "parse_memory_mb",
        "parsing",
        "memory_mb",
        int,
        4096,
        "Address space a Dag file may take while it is imported.",
    ),
    Option(
        "reparse_seconds",
        "parsing",
        "reparse_seconds",
        int,
        300,
        "An unchanged Dag file is parsed again this often, as it may read things that change.",
        ("dag_processor", "min_file_process_interval"),
    ),
    Option(
        "pin",
        "core",
        "pin",
        bool,
        False,
        "Keep each state of local folders of Dag files: a run goes on in the bytes it was made "
        "with. Bundles of other kinds always do.",
    ),
    Option(
        "ignore_syntax",
        "core",
        "dag_ignore_file_syntax",
        str,
        "glob",
        "How .airflowignore files are written: 'glob', as .gitignore files are, or 'regexp'.",
        ("core", "dag_ignore_file_syntax"),
    ),
    Option(
        "safe_mode",
        "core",
        "dag_discovery_safe_mode",
        bool,
        True,
        "Parse only files that speak of Dags: those that hold 'dag', and 'airflow' or 'tradewind'.",
        ("core", "dag_discovery_safe_mode"),
    ),
    Option(
        "dag_bundle_config_list",
        "dag_processor",
        "dag_bundle_config_list",
        str,
        "",
        "Bundles as Airflow's settings write them: a JSON list of name, classpath, kwargs.",
        ("dag_processor", "dag_bundle_config_list"),
    ),
    Option(
        "refresh_seconds",
        "dag_processor",
        "refresh_interval",
        int,
        300,
        "How often bundles are looked at that the file system cannot watch, unless they say.",
        ("dag_processor", "refresh_interval"),
    ),
    Option(
        "disable_bundle_versioning",
        "dag_processor",
        "disable_bundle_versioning",
        bool,
        False,
        "Runs of every bundle run what it holds at that moment, not the bytes they were made with.",
        ("dag_processor", "disable_bundle_versioning"),
    ),
    Option(
        "secret_key",
        "secrets",
        "key",
        str,
        "",
        "Fernet keys for secrets at rest, comma-separated, the first one encrypts; "
        "<home>/secret.key when empty.",
        ("core", "fernet_key"),
    ),
    Option(
        "conf_overrides_params",
        "core",
        "dag_run_conf_overrides_params",
        bool,
        True,
        "A run's conf goes over its Dag's Params; where it does not, they stay as written.",
        ("core", "dag_run_conf_overrides_params"),
    ),
    Option(
        "rerun_with_latest_version",
        "core",
        "rerun_with_latest_version",
        bool,
        False,
        "A run that is cleared moves to the newest version of its Dag; a Dag may say otherwise.",
        ("core", "rerun_with_latest_version"),
    ),
    Option(
        "max_consecutive_failed_dag_runs",
        "core",
        "max_consecutive_failed_dag_runs_per_dag",
        int,
        0,
        "A Dag that does not say is paused after so many failed runs in a row; 0: never.",
        ("core", "max_consecutive_failed_dag_runs_per_dag"),
    ),
    Option(
        "allowed_run_id_pattern",
        "scheduler",
        "allowed_run_id_pattern",
        str,
        "^[A-Za-z0-9_.~:+-]+$",
        "What run ids that people choose must match: a regular expression.",
        ("scheduler", "allowed_run_id_pattern"),
    ),
    Option(
        "xcom_backend",
        "core",
        "xcom_backend",
        str,
        "tradewind.sdk.xcom.BaseXCom",
        "Dotted path of the class that writes and reads XComs; "
        "tradewind.sdk.xcom_storage.ObjectStorageXCom keeps large ones as files.",
        ("core", "xcom_backend"),
    ),
    Option(
        "max_xcom_bytes",
        "core",
        "max_xcom_bytes",
        int,
        16 * 1024 * 1024,
        "An XCom that is larger, as JSON, is refused: it belongs into object storage.",
    ),
    Option(
        "allowed_deserialization_classes",
        "core",
        "allowed_deserialization_classes",
        str,
        "airflow.* tradewind.*",
        "Classes that an XCom may be made into again: patterns with *, separated by spaces.",
        ("core", "allowed_deserialization_classes"),
    ),
    Option(
        "xcom_storage_path",
        "xcom",
        "storage_path",
        str,
        "",
        "Where ObjectStorageXCom keeps large XComs: a URL such as s3://conn@bucket/xcoms.",
        ("common.io", "xcom_objectstorage_path"),
    ),
    Option(
        "xcom_storage_threshold",
        "xcom",
        "storage_threshold",
        int,
        1024 * 1024,
        "An XCom of at least this many bytes goes to storage_path; -1: none does.",
        ("common.io", "xcom_objectstorage_threshold"),
    ),
    Option(
        "xcom_storage_compression",
        "xcom",
        "storage_compression",
        str,
        "",
        "How XComs in storage are compressed: gzip, bz2, xz, or nothing.",
        ("common.io", "xcom_objectstorage_compression"),
    ),
    Option(
        "secrets_backend",
        "secrets",
        "backend",
        str,
        "",
        "Dotted path of a class asked first for Variables and Connections.",
        ("secrets", "backend"),
    ),
    Option(
        "secrets_backend_kwargs",
        "secrets",
        "backend_kwargs",
        str,
        "",
        "What that class is made with, as a JSON object.",
        ("secrets", "backend_kwargs"),
    ),
    Option(
        "state_retention_days",
        "state_store",
        "default_retention_days",
        int,
        30,
        "How long a value in a state store is kept unless the task says; 0: for ever.",
        ("state_store", "default_retention_days"),
    ),
    Option(
        "state_clear_on_success",
        "state_store",
        "clear_on_success",
        bool,
        False,
        "Empty a task instance's state store when it succeeds.",
        ("state_store", "clear_on_success"),
    ),
)


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
