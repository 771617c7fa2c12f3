"""For all tests: threads that wait as a worker's do, and terminals that are as large as each test makes them.

`--kills N` is for `make soak`.
"""

from __future__ import annotations

import os

import pytest

from engine.runs.client import THREAD_POLICY

if not THREAD_POLICY.keys() & os.environ.keys():
    os.environ.update(THREAD_POLICY)  # read when torch is loaded, which no test has done yet; a busy machine needs it

for name in ("COLUMNS", "LINES"):  # set where tests run on several processes, and believed before a terminal's own size
    os.environ.pop(name, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=5, help="how often tests/engine/runs/test_kills.py kills a worker")
