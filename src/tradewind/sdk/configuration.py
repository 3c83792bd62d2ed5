"""``conf``: settings as Dag files and provider packages read them.

Looked up in this order: ``TRADEWIND__SECTION__KEY``, ``AIRFLOW__SECTION__KEY``, its ``_CMD`` and
``_SECRET`` forms, our own option of that meaning (``tradewind.toml`` too), ``airflow.cfg`` where
``AIRFLOW_HOME`` has one, what an installed provider says, the field's default.
"""

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

from tradewind.config import OPTIONS, find_home
from tradewind.sdk import providers
from tradewind.sdk.configuration_defaults import DEFAULTS
from tradewind.sdk.exceptions import AirflowConfigException
from tradewind.sdk.sentinels import NOTSET, is_arg_set

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

_TRUE, _FALSE = ("t", "true", "1", "yes", "on"), ("f", "false", "0", "no", "off")
_OURS = {option.legacy or (option.section, option.key): option for option in OPTIONS}
_OURS.update({(option.section, option.key): option for option in OPTIONS})
_COMMAND_SECONDS = 30


class Configuration:
    """Reads settings, and nothing else; every read looks at the environment anew.

    Example:
        >>> conf.getint("core", "max_active_tasks_per_dag"), conf.getboolean("lineage", "no", False)
        (16, False)
    """

    def __init__(self) -> None:
        self._files: dict[Path, tuple[float, dict[str, dict[str, str]]]] = {}

    def get(
        self, section: str, key: str, fallback: Any = NOTSET, suppress_warnings: bool = False
    ) -> Any:
        """Answer a setting as text, or the fallback.

        Raises:
            AirflowConfigException: Nobody says what it is, and there is no fallback.
        """
        section, key = section.lower(), key.lower()
        for source in (self._from_environment, self._from_files, self._from_defaults):
            found = source(section, key)
            if found is not None:
                return found
        if is_arg_set(fallback):
            return fallback
        raise AirflowConfigException(f"section/key [{section}/{key}] not found in config")

    def get_mandatory_value(self, section: str, key: str, fallback: Any = NOTSET) -> str:
        """Answer a setting that must not be missing.

        Raises:
            ValueError: It is missing.
        """
        found = self.get(section, key, fallback)
        if found is None:
            raise ValueError(f"The value {section}/{key} should be set!")
        return str(found)

    def getboolean(self, section: str, key: str, fallback: Any = NOTSET) -> bool:
        """Answer a setting as true or false.

        Raises:
            AirflowConfigException: It is neither.
        """
        text = str(self.get(section, key, fallback)).partition("#")[0].strip().lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise _unreadable(section, key, text, "true or false")

    def getint(self, section: str, key: str, fallback: Any = NOTSET) -> int:
        """Answer a setting as a whole number.

        Raises:
            AirflowConfigException: It is none.
        """
        return self._converted(section, key, fallback, int, "a whole number")

    def getfloat(self, section: str, key: str, fallback: Any = NOTSET) -> float:
        """Answer a setting as a number.

        Raises:
            AirflowConfigException: It is none.
        """
        return self._converted(section, key, fallback, float, "a number")

    def getlist(
        self, section: str, key: str, fallback: Any = NOTSET, delimiter: str = ","
    ) -> list[str] | None:
        """Answer a setting as texts, cut at the delimiter."""
        found = self.get(section, key, fallback)
        if found is None or isinstance(found, list):
            return found
        return [part.strip() for part in str(found).split(delimiter) if part.strip()]

    get_mandatory_list_value = getlist

    def getenum(self, section: str, key: str, enum_class: type[E], fallback: Any = NOTSET) -> E:
        """Answer a setting as a member of an enum, by name.

        Raises:
            AirflowConfigException: It names none.
        """
        found = self.get(section, key, fallback)
        if isinstance(found, enum_class):
            return found
        names = [member.name for member in enum_class]
        if str(found) not in names:
            raise _unreadable(section, key, found, f"one of {', '.join(names)}")
        return enum_class[str(found)]

    def getjson(self, section: str, key: str, fallback: Any = NOTSET) -> Any:
        """Answer a setting that is JSON; the fallback where it is empty.

        Raises:
            AirflowConfigException: It is not JSON.
        """
        found = self.get(section, key, fallback)
        if not isinstance(found, str):
            return found
        if not found.strip():
            return fallback if is_arg_set(fallback) else None
        return self._converted(section, key, found, json.loads, "JSON", text=found)

    def getimport(self, section: str, key: str, fallback: Any = NOTSET) -> Any:
        """Answer what the dotted path in a setting names; None where it is empty.

        Raises:
            AirflowConfigException: It cannot be imported.
        """
        path = self.get(section, key, fallback)
        if not path:
            return None
        try:
            return import_string(str(path))
        except ImportError as error:
            raise _unreadable(section, key, path, f"importable ({error})") from None

    def gettimedelta(self, section: str, key: str, fallback: Any = NOTSET) -> dt.timedelta | None:
        """Answer a setting in seconds as a span; None where it is empty.

        Raises:
            AirflowConfigException: It is no number.
        """
        found = self.get(section, key, fallback)
        if found is None or found == "" or isinstance(found, dt.timedelta):
            return found or None
        return dt.timedelta(seconds=self.getfloat(section, key, fallback))

    def getsection(self, section: str) -> dict[str, Any] | None:
        """Answer all that is known of a section; None where it has nothing."""
        keys = dict.fromkeys(self._keys(section.lower()))
        return {key: self.get(section, key) for key in keys} or None

    def has_option(self, section: str, option: str) -> bool:
        """Say whether anybody says what a setting is."""
        return self.get(section, option, fallback=None) is not None

    def has_section(self, section: str) -> bool:
        """Say whether anything is known of a section."""
        return next(self._keys(section.lower()), None) is not None

    def sections(self) -> list[str]:
        """Answer the names of the sections with defaults, and of those in ``airflow.cfg``."""
        own = [option.section for option in OPTIONS]
        return sorted({*DEFAULTS, *own, *providers.config_defaults(), *self._airflow_cfg()})

    def _converted(
        self,
        section: str,
        key: str,
        fallback: Any,
        convert: Callable[[str], T],
        wanted: str,
        text: str | None = None,
    ) -> T:
        found: Any = self.get(section, key, fallback) if text is None else text
        if not isinstance(found, str):
            return cast(T, found)
        try:
            return convert(found.strip())
        except ValueError:
            raise _unreadable(section, key, found, wanted) from None

    def _from_environment(self, section: str, key: str) -> str | None:
        name = f"{section.replace('.', '_')}__{key}".upper()
        for variable in (f"TRADEWIND__{name}", f"AIRFLOW__{name}"):
            if variable in os.environ:
                return os.environ[variable]
        command = os.environ.get(f"AIRFLOW__{name}_CMD")
        if command:
            return _output_of(command)
        secret = os.environ.get(f"AIRFLOW__{name}_SECRET")
        if secret:
            return _secret_at(secret)
        option = _OURS.get((section, key))
        if option is None:
            return None
        return os.environ.get(f"TRADEWIND__{option.section.upper()}__{option.key.upper()}")

    def _from_files(self, section: str, key: str) -> str | None:
        option = _OURS.get((section, key))
        if option is not None:
            found = self._tradewind_toml().get(option.section, {}).get(option.key)
            if found is not None:
                return found
        return self._airflow_cfg().get(section, {}).get(key)

    def _from_defaults(self, section: str, key: str) -> str | None:
        option = _OURS.get((section, key))
        if option is not None:
            return str(option.default)
        known = DEFAULTS.get(section, {}).get(key)
        return known if known is not None else providers.config_defaults().get(section, {}).get(key)

    def _keys(self, section: str) -> Iterator[str]:
        yield from self._airflow_cfg().get(section, {})
        yield from (option.key for option in OPTIONS if option.section == section)
        yield from DEFAULTS.get(section, {})
        yield from providers.config_defaults().get(section, {})
        prefixes = [f"{who}__{section.replace('.', '_').upper()}__" for who in _PREFIXES]
        for name in os.environ:
            for prefix in prefixes:
                if name.startswith(prefix):
                    yield name.removeprefix(prefix).lower()

    def _tradewind_toml(self) -> Mapping[str, Mapping[str, str]]:
        return self._read(find_home(os.environ, Path.cwd()) / "tradewind.toml", _read_toml)

    def _airflow_cfg(self) -> Mapping[str, Mapping[str, str]]:
        home = os.environ.get("AIRFLOW_HOME")
        named = os.environ.get("AIRFLOW_CONFIG") or (home and str(Path(home, "airflow.cfg")))
        return self._read(Path(named).expanduser(), _read_cfg) if named else {}

    def _read(
        self, path: Path, reader: Callable[[Path], dict[str, dict[str, str]]]
    ) -> Mapping[str, Mapping[str, str]]:
        try:
            changed_at = path.stat().st_mtime
        except OSError:
            return {}
        known = self._files.get(path)
        if known is None or known[0] != changed_at:
            known = self._files[path] = (changed_at, reader(path))
        return known[1]


_PREFIXES = ("TRADEWIND", "AIRFLOW")

conf = Configuration()
"""The settings of this process."""


def import_string(path: str) -> Any:
    """Answer what a dotted path names.

    Raises:
        ImportError: The module does not exist, or has no such name.

    Example:
        >>> import_string("datetime.timedelta")
        <class 'datetime.timedelta'>
    """
    module, _, name = path.rpartition(".")
    if not module:
        raise ImportError(f"{path} does not look like a module path")
    try:
        return getattr(import_module(module), name)
    except AttributeError:
        raise ImportError(f"Module '{module}' has no '{name}'") from None


def _unreadable(section: str, key: str, value: Any, wanted: str) -> AirflowConfigException:
    return AirflowConfigException(f"[{section}] {key} is '{value}'; it should be {wanted}")


def _output_of(command: str) -> str:
    # Here and below: what reads files and runs commands is of no use to most tasks.
    import shlex  # noqa: PLC0415
    import subprocess  # noqa: PLC0415

    done = subprocess.run(
        shlex.split(command),
        capture_output=True,
        text=True,
        check=False,
        timeout=_COMMAND_SECONDS,
    )
    if done.returncode:
        raise AirflowConfigException(
            f"Cannot execute {command}. Error code is: {done.returncode}. {done.stderr.strip()}"
        )
    return done.stdout.strip()


def _secret_at(path: str) -> str | None:
    for backend in backends_of(conf):
        found: str | None = backend.get_config(path)
        if found is not None:
            return found
    return None


def backends_of(settings: Configuration) -> list[Any]:
    """Answer the secrets backend that the settings name, made anew, or none.

    Raises:
        AirflowConfigException: It cannot be imported or made.
    """
    made = []
    for section, prefix in (("workers", "secrets_"), ("secrets", "")):
        path = settings.get(section, f"{prefix}backend", fallback="")
        if not path:
            continue
        arguments = settings.getjson(section, f"{prefix}backend_kwargs", fallback={}) or {}
        arguments |= _single_arguments() if section == "secrets" else {}
        try:
            made.append(import_string(path)(**arguments))
        except (ImportError, TypeError) as error:
            raise AirflowConfigException(f"[{section}] {prefix}backend: {error}") from None
    return made


def _single_arguments() -> dict[str, str]:
    prefix = "AIRFLOW__SECRETS__BACKEND_KWARG__"
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in os.environ.items()
        if name.startswith(prefix)
    }


def _read_toml(path: Path) -> dict[str, dict[str, str]]:
    import tomllib  # noqa: PLC0415

    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise AirflowConfigException(f"{path} is not valid TOML: {error}") from None
    return {
        section: {key: str(value) for key, value in body.items()}
        for section, body in found.items()
        if isinstance(body, dict)
    }


def _read_cfg(path: Path) -> dict[str, dict[str, str]]:
    from configparser import ConfigParser  # noqa: PLC0415

    parser = ConfigParser(interpolation=None, strict=False)
    parser.read(path, encoding="utf-8")
    return {section.lower(): dict(parser.items(section)) for section in parser.sections()}
