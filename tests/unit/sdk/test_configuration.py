"""``conf``: settings as Dag files and providers read them."""

import datetime as dt
from pathlib import Path

import pytest

from tradewind.config import read_settings
from tradewind.sdk.configuration import Configuration
from tradewind.sdk.exceptions import AirflowConfigException


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    return Configuration()


def test_a_setting_is_looked_up_from_the_nearest_to_the_farthest(
    conf: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("core", "default_timezone")
    assert conf.get(*where) == "UTC"
    (tmp_path / "airflow.cfg").write_text("[core]\ndefault_timezone = Asia/Tokyo\n")
    assert conf.get(*where) == "Asia/Tokyo"
    (tmp_path / "tradewind.toml").write_text('[core]\ndefault_timezone = "Europe/Paris"\n')
    assert conf.get(*where) == "Europe/Paris"
    monkeypatch.setenv("AIRFLOW__CORE__DEFAULT_TIMEZONE_CMD", "echo Europe/Rome")
    assert conf.get(*where) == "Europe/Rome"
    monkeypatch.setenv("AIRFLOW__CORE__DEFAULT_TIMEZONE", "Europe/Berlin")
    assert conf.get(*where) == "Europe/Berlin"
    monkeypatch.setenv("TRADEWIND__CORE__DEFAULT_TIMEZONE", "Europe/Vienna")
    assert conf.get(*where) == "Europe/Vienna"


def test_an_option_of_ours_is_found_under_the_fields_name(
    conf: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert conf.getint("common.io", "xcom_objectstorage_threshold") == 1024 * 1024
    monkeypatch.setenv("TRADEWIND__XCOM__STORAGE_THRESHOLD", "7")
    assert conf.getint("common.io", "xcom_objectstorage_threshold") == 7


def test_each_reader_answers_its_type_or_refuses(
    conf: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert conf.getint("core", "max_map_length") == 1024
    assert conf.getboolean("core", "unit_test_mode") is False
    assert conf.gettimedelta("core", "default_task_retry_delay") == dt.timedelta(minutes=5)
    assert conf.gettimedelta("core", "default_task_execution_timeout") is None
    assert conf.getjson("secrets", "backend_kwargs", fallback={}) == {}
    assert conf.getimport("core", "xcom_backend").__name__ == "BaseXCom"
    assert conf.has_option("core", "parallelism")
    assert not conf.has_option("core", "no_such_thing")
    monkeypatch.setenv("AIRFLOW__SHOP__SIZE", "large")
    assert conf.getsection("shop") == {"size": "large"}
    for reader in (conf.getint, conf.getboolean, conf.getjson, conf.getimport):
        with pytest.raises(AirflowConfigException, match="'large'"):
            reader("shop", "size")


def test_what_nobody_says_is_refused_or_the_fallback(conf: Configuration) -> None:
    assert conf.get("shop", "size", fallback="small") == "small"
    assert conf.get("shop", "size", fallback=None) is None
    with pytest.raises(AirflowConfigException, match=r"shop/size"):
        conf.get("shop", "size")


@pytest.mark.parametrize("name", ["CAPACITY", "DEFAULT_CAPACITY"])
def test_how_many_triggers_a_worker_runs_is_found_under_both_names_of_the_field(
    tmp_path: Path, name: str
) -> None:
    env = {"TRADEWIND_HOME": str(tmp_path), f"AIRFLOW__TRIGGERER__{name}": "12"}
    assert read_settings(env, tmp_path).trigger_slots == 12
    assert read_settings({**env, "AIRFLOW__TRIGGERER__CAPACITY": "5"}, tmp_path).trigger_slots == 5
