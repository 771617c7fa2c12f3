"""The command that takes another program's weights in: `import`.

A child process reads them (`engine.use.importing`); here is what is asked of it, and how it is told what went where.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from spk_tui.commands.options import AsJson, Overrides, Trust
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from engine.use.export_results import Imported


def import_model(
    weights: Annotated[Path, Parameter(help="a file of torch.save(model.state_dict(), ...), such as model.ckpt")],
    /,
    *,
    preset: str,
    out: Path,
    speakers: Path | None = None,
    moves: Annotated[list[str] | None, Parameter(name="--map", negative=())] = None,
    overrides: Overrides = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> int:
    """Makes a checkpoint of another program's weights, which evaluate and the other uses take like any.

    Nothing in the file is run. Tensors are recognised by our names, by those of the course's sample program, or by
    their shapes and order; what could go to two places is refused.

    JSON: {"file", "preset", "speakers", "named", "parameters", "placed": [{"theirs", "ours", "shape", "way"}]};
    "ours" is empty for what was left out, and "named" tells whether --speakers was given.

    Parameters
    ----------
    preset
        the model that the weights are for: a preset's name or a .toml file, your own encoder's too
    out
        the checkpoint to write, which ends in .safetensors
    speakers
        who the classes are: the homework's mapping.json or its folder, or the corpus that was trained on
    moves
        theirs=ours, one+another=ours for what is one tensor here, or theirs= to leave one out; may be given again
    """
    from engine.errors import InputError
    from engine.files import user_path
    from engine.preset_file import to_toml
    from engine.use.client import ask
    from engine.use.export_results import Imported
    from engine.use.orders import Import
    from engine.use.speaker_names import speaker_names
    from spk_tui.commands.answers import say, say_json
    from spk_tui.commands.corpus_report import progress
    from spk_tui.commands.training import prepare_preset
    from spk_tui.commands.trusting import settle_trust

    place = user_path(out).absolute()
    if place.suffix != ".safetensors":
        raise InputError(f"--out {out}: a checkpoint ends in .safetensors")
    if not place.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {place.parent}")
    settings = prepare_preset(preset, overrides or [])
    settle_trust(settings, trust)
    names = speaker_names(user_path(speakers), settings.data) if speakers is not None else []
    source = str(user_path(weights).absolute())
    with progress() as show:
        imported = ask(Import(source, to_toml(settings), str(place), names, moves or []), Imported, show)
    if as_json:
        say_json(imported)
    else:
        say(_report(imported))
    return WELL


def _report(imported: Imported) -> str:
    from engine.errors import shown
    from spk_tui.commands.answers import table
    from spk_tui.commands.corpus_report import wrapped

    rows = [
        [shown(one.theirs), one.ours or "(left out)", " x ".join(map(str, one.shape)), one.way]
        for one in imported.placed
    ]
    lines = [
        table(["IN THE FILE", "IN THE MODEL", "SHAPE", "KNOWN BY"], rows),
        "",
        f"{imported.preset}: {imported.parameters:,} parameters, {imported.speakers:,} speakers; written to"
        f" {imported.file}",
    ]
    if any(one.way == "its place in the order" for one in imported.placed):
        lines += wrapped("Some are known by their order alone; 'spk-tui evaluate' shows whether that was right.")
    if not imported.named:
        lines += wrapped("Its speakers are only numbered; --speakers mapping.json names them, which evaluate needs.")
    return "\n".join(lines)
