"""`python -m spk_tui` is the same program as `spk-tui`."""

from __future__ import annotations

import sys

from spk_tui.cli import main

sys.exit(main())
