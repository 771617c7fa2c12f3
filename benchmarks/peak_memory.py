"""The memory that packing takes, measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PACK_AND_MEASURE = """
import resource, sys
from pathlib import Path
from engine.corpus.preparing import prepare_corpus
from engine.preset import Data, Features

prepare_corpus(sys.argv[1], Features(), data=Data(speakers=int(sys.argv[2])))
status = Path("/proc/self/status")  # ru_maxrss counts what the process was forked from
if status.exists():
    print(next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def peak_memory(root: Path, room: Path | None = None, speakers: int = 0) -> float:
    """MiB that a process takes at most to pack so many speakers of a corpus (0: all). room: where the cache may lie."""
    with tempfile.TemporaryDirectory(dir=room) as cache:
        printed = subprocess.run(
            [sys.executable, "-c", PACK_AND_MEASURE, str(root), str(speakers)],
            env={**os.environ, "SPK_TUI_CACHE": cache},
            stdout=subprocess.PIPE,
            check=True,
        )
    return float(printed.stdout)
