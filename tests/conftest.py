"""What all tests share: the option for tests with real servers, and quiet, offline, small torch."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # other tests run on the same cores; a step itself waits awake for a moment


def pytest_addoption(parser: pytest.Parser) -> None:
    """--rigs runs what starts real servers or takes minutes on public data."""
    parser.addoption("--rigs", action="store_true", help="also run tests that start real servers or take minutes")


def pytest_configure(config: pytest.Config) -> None:
    """Known markers."""
    config.addinivalue_line("markers", "rig: starts a real server or takes minutes; needs --rigs")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the rigs out unless asked for: each has its own make target."""
    if not config.getoption("--rigs"):
        chosen = [item for item in items if "rig" not in item.keywords]
        config.hook.pytest_deselected(items=[item for item in items if "rig" in item.keywords])
        items[:] = chosen
