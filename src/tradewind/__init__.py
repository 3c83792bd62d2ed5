"""Tradewind: the whole life of a data pipeline. ``from tradewind import dag, task``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind.sdk import *  # noqa: F403

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    sdk = import_module("tradewind.sdk")
    if name not in sdk.__all__:
        raise AttributeError(f"module 'tradewind' has no attribute '{name}'")
    return getattr(sdk, name)
