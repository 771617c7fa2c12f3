"""What a machine's devices are asked for: here the mode in which everything repeats bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys

from engine.models.registry import ENCODERS

PROGRAM = """
import torch
from engine.preset_file import with_overrides
from engine.preset_library import list_presets
from engine.models.speaker_model import SpeakerModel
from engine.training.device import compute_repeatably

compute_repeatably()
try:
    torch.zeros(2).put_(torch.tensor([0, 0]), torch.ones(2), accumulate=False)
except RuntimeError as error:
    print("refused:", str(error).split(".")[0])
kinds = set()
for found in list_presets():
    if found.preset is not None and type(found.preset.encoder) not in kinds:
        kinds.add(type(found.preset.encoder))
        torch.manual_seed(0)
        model = SpeakerModel(found.preset, 5).train()
        model(torch.randn(4, 30, found.preset.features.mel_bands), None).sum().backward()
        print("computed:", found.name)
"""


def test_in_the_repeatable_mode_all_built_in_encoders_train_and_what_differs_each_time_is_refused() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CUBLAS_WORKSPACE_CONFIG"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, timeout=150)
    assert done.returncode == 0, done.stderr
    assert "refused: put_" in done.stdout
    assert done.stdout.count("computed: ") == len(ENCODERS)
