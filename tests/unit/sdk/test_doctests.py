"""The examples in the docstrings of the author's wing hold."""

import doctest
import importlib
import pkgutil

import pytest

import tradewind.compat
import tradewind.runtime
import tradewind.sdk

SPOKEN_FOR = {"tradewind.runtime.zygote"}
MODULES = sorted(
    info.name
    for package in (tradewind.sdk, tradewind.compat, tradewind.runtime)
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if info.name not in SPOKEN_FOR
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failed, _ = doctest.testmod(importlib.import_module(name))

    assert failed == 0
