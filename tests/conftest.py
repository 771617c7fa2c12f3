"""For all tests: torch's threads wait as a worker's do, so that a busy machine doesn't slow them many times over."""

from __future__ import annotations

import os

from engine.runs.client import THREAD_POLICY

if not THREAD_POLICY.keys() & os.environ.keys():
    os.environ.update(THREAD_POLICY)  # read when torch is loaded, which no test has done yet
