"""What importing really loads, in fresh interpreters: a wall between engine and screen, and PyTorch for training only.

import-linter holds the same wall for the text of the imports (pyproject.toml); this shows what happens when they run.
"""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

import engine

BATCHES = tuple(
    f"engine.corpus.{name}" for name in ("augment", "batches", "frame_store", "normalising", "ready_frames")
)
METER = ("engine.budget", "engine.dry_run", "engine.step_memory", "engine.fit", "engine.trial")
USE = tuple(
    f"engine.use.{name}"
    for name in (
        "embedding", "embedding_cache", "embedding_file", "enrolling", "evaluating", "identifying", "loading",
        "predicting", "recognizer", "reference",
    )
)  # fmt: skip
VERIFY = tuple(f"engine.use.{name}" for name in ("cohort", "trial_recordings", "trial_task", "verifying"))
EXPORT = tuple(f"engine.use.{name}" for name in ("export_formats", "export_graph", "exporting", "importing"))
TRAINING = ("engine.models", "engine.training", *BATCHES, *METER, *USE, *VERIFY, *EXPORT)
"""What may load PyTorch; nothing else may."""

ENGINE = [
    module.name for module in pkgutil.walk_packages(engine.__path__, "engine.") if not module.name.endswith("__main__")
]
WITHOUT_TORCH = [
    name for name in ENGINE if not any(name == part or name.startswith(f"{part}.") for part in TRAINING)
] + ["spk_tui.cli", "spk_tui.app", "spk_tui.notebook", "spk_tui.commands.training", "spk_tui.commands.looking"]


def loaded_by(*modules: str) -> set[str]:
    """The names of all modules in memory after these were imported."""
    program = f"import sys, json, importlib\nfor name in {modules!r}: importlib.import_module(name)\n"
    program += "print(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stdout.splitlines()[-1]))


def test_nothing_but_training_loads_torch() -> None:
    guilty = sorted({name for name in WITHOUT_TORCH if "torch" in loaded_by(name)} if _any_torch() else set())
    assert guilty == []


def _any_torch() -> bool:
    """One interpreter for all; only when it finds torch is each looked at alone, to name the guilty."""
    return "torch" in loaded_by(*WITHOUT_TORCH)


def test_the_training_modules_are_the_ones_that_load_torch() -> None:
    """Else the list above would be a way to hide something."""
    for part in TRAINING:
        below = [name for name in ENGINE if name == part or name.startswith(f"{part}.")]
        assert below, f"{part} is gone; take it off the list"
    assert "torch" in loaded_by("engine.models.speaker_model")


@pytest.mark.parametrize("screen", ["textual", "rich", "tqdm", "cyclopts", "spk_tui"])
def test_the_engine_loads_nothing_that_draws(screen: str) -> None:
    light = [name for name in ENGINE if name in WITHOUT_TORCH]
    assert screen not in loaded_by(*light)


def test_the_whole_engine_loads_no_textual() -> None:
    loaded = loaded_by(*ENGINE)
    assert "textual" not in loaded
    assert "spk_tui" not in loaded


def test_the_help_of_a_command_loads_nothing_that_it_does_not_show() -> None:
    commands = (
        "training", "steering", "looking", "evaluating", "verifying", "identifying", "predicting", "embedding",
    )  # fmt: skip
    loaded = loaded_by(*(f"spk_tui.commands.{name}" for name in commands))
    assert loaded.isdisjoint({"textual", "numpy", "tqdm", "soundfile", "msgspec"})


def test_the_bare_program_waits_for_no_argument_parser_and_no_screen() -> None:
    loaded = loaded_by("spk_tui.cli")
    assert loaded.isdisjoint({"cyclopts", "rich", "textual", "numpy", "tqdm"})
