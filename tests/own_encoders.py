"""Encoders of a user's own for tests: the one of the document, good small ones, and each of the known traps."""

from __future__ import annotations

import re
from pathlib import Path

from engine.own_code import OwnCode, read_code
from engine.preset import Preset
from engine.preset_file import parse_preset
from engine.trust import trust

DOCUMENT = Path(__file__).parent.parent / "docs" / "own-encoder.md"

HEAD = "import torch\nfrom torch import nn\nfrom torch.nn import functional\n\n\n"
GOOD = (
    HEAD
    + """class Mine(nn.Module):
    def __init__(self, input_width, width=12, dropout=0.0):
        super().__init__()
        self.inner = nn.Linear(input_width, width)
        self.mix = nn.Conv1d(width, width, 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.output_width = width

    def forward(self, frames, mask):
        frames = self.dropout(torch.relu(self.inner(frames)))
        if mask is not None:
            frames = frames * mask[:, :, None]
        return self.mix(frames.transpose(1, 2)).transpose(1, 2)
"""
)
"""Takes whatever comes, keeps every rule."""

ATTENTION = (
    HEAD
    + """class Mine(nn.Module):
    def __init__(self, input_width, heads=2):
        super().__init__()
        self.attention = nn.MultiheadAttention(input_width, heads, batch_first={batch_first})
        self.output_width = input_width

    def forward(self, frames, mask):
        padding = {padding}
        return frames + self.attention(frames, frames, frames, key_padding_mask=padding)[0]
"""
)

PRESET = """
[preset]
name = "mine"

[encoder]
kind = "{kind}"
{options}

[pooling]
kind = "mean"

[head]
kind = "linear"

[segments]
frames = 32
batch_size = 8

[optimizer]
learning_rate = 1e-3

[schedule]
warmup_steps = 4

[validation]
every = 10

[run]
steps = 20
threads = 1
device = "cpu"
{more}
"""


def attention(*, batch_first: bool = True, padding: str = "None if mask is None else ~mask") -> str:
    """Attention by torch's own class, rightly or wrongly used."""
    return ATTENTION.replace("{batch_first}", str(batch_first)).replace("{padding}", padding)


def write_code(folder: Path, text: str = GOOD, name: str = "mine.py", *, trusted: bool = True) -> OwnCode:
    """A Python file in a folder, which somebody trusts or nobody."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    code = read_code(folder / name)
    if trusted:
        trust(code)
    return code


def preset_text(kind: str = "mine.py:Mine", options: str = "", more: str = "") -> str:
    """A small preset with an encoder of one's own."""
    return PRESET.replace("{kind}", kind).replace("{options}", options).replace("{more}", more)


def preset_for(code: OwnCode, options: str = "", more: str = "") -> Preset:
    """The preset whose encoder is the class Mine of a file."""
    return parse_preset(preset_text(f"{code.path}:Mine", options, more), "test")


def from_the_document(folder: Path) -> Path:
    """Writes the document's class and preset as it says, and returns the preset's path."""
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "my_encoder.py").write_text(blocks["python"], encoding="utf-8")
    path = folder / "my-encoder.toml"
    path.write_text(blocks["toml"], encoding="utf-8")
    return path
