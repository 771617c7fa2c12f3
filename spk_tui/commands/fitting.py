"""The command `fit`: sizes of an encoder that use up a budget, as a table and as a preset."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

from spk_tui.commands.answers import say, say_json, table
from spk_tui.commands.options import AsJson
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from pathlib import Path

    from engine.preset import Preset

Kind: TypeAlias = Annotated[
    str | None, Parameter(help="the kind of encoder, such as e_branchformer (default: that of --near)")
]
Near: TypeAlias = Annotated[
    str | None, Parameter(help="a preset whose depth and proportions are kept (default: the kind's own)")
]
Parameters: TypeAlias = Annotated[
    int | None, Parameter(validator=Number(gte=1), help="what the encoder may have (default: the preset's budget)")
]
Pins: TypeAlias = Annotated[
    list[str] | None,
    Parameter(name="--set", negative=(), help="a key that is given, such as encoder.layers=6; may be given again"),
]
Save: TypeAlias = Annotated[str | None, Parameter(help="name of the preset of your own that is written")]


def fit(
    *,
    encoder: Kind = None,
    near: Near = None,
    parameters: Parameters = None,
    overrides: Pins = None,
    save: Save = None,
    as_json: AsJson = False,
) -> int:
    """Finds depth and widths of an encoder that use at least 97 % of a budget, and never more than it.

    Depth and proportions stay those of the kind, or of the preset that --near names, as long as they can. What is not
    [encoder] comes from that preset, or from the built-in preset of the kind whose size is nearest.

    JSON: {"kind", "budget", "parameters", "sizes": {key: value}, "near": {key: value},
    "multiply_adds_per_second_of_audio", "encoder": the section, "saved": path or null}.
    """
    from engine.budget_client import BudgetMeter
    from engine.errors import InputError
    from engine.files import write_atomically
    from engine.model_settings import kind_of
    from engine.preset_file import kinds_of, to_toml, with_overrides
    from spk_tui.wording import count

    if encoder is None and near is None:
        raise InputError(f"say what to fit: --encoder KIND ({', '.join(kinds_of('encoder'))}) or --near PRESET")
    base = with_overrides(_shape(encoder, near, parameters), overrides or [], source="--set")
    keys = [override.partition("=")[0].strip().partition(".") for override in overrides or []]
    pinned = [key for section, _, key in keys if section == "encoder"]
    budget = parameters or base.budget.encoder_parameters
    path = None if save is None else _place_for(base, save)
    meter = BudgetMeter()
    try:
        fitted = meter.fit(base, budget, pinned)
        cost = meter.count(fitted)
    finally:
        meter.close()
    if save is not None and path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, to_toml(with_overrides(fitted, [f"preset.name={json.dumps(save)}"], source="--save")))
    sizes, wished = _sizes(fitted), _sizes(base)
    if as_json:
        say_json({
            "kind": kind_of(fitted.encoder), "budget": budget, "parameters": cost.encoder, "sizes": sizes,
            "near": wished, "multiply_adds_per_second_of_audio": cost.multiply_adds_per_second_of_audio,
            "encoder": fitted.encoder, "saved": None if path is None else str(path),
        })  # fmt: skip
        return WELL
    rows = [[key, count(wished[key]), count(value), "given" if key in pinned else ""] for key, value in sizes.items()]
    say(f"{kind_of(fitted.encoder)}: {count(cost.encoder)} of {count(budget)} parameters "
        f"({100 * cost.encoder / budget:.1f} %), {cost.multiply_adds_per_second_of_audio / 1e6:,.1f} million "
        "multiply-adds a second of audio\n")  # fmt: skip
    say(table(["SIZE", "NEAR", "FITTED", ""], rows, numbers=(1, 2)))
    say(f"\nsaved as '{save}': {path}" if path is not None else f"\n{_section(fitted)}")
    return WELL


def _shape(encoder: str | None, near: str | None, budget: int | None) -> Preset:
    """The preset to start from: the one named, with another kind if one is named too, or the usual one of a kind."""
    from engine.errors import InputError
    from engine.own_kind import names_own_code
    from engine.preset import Budget
    from engine.preset_file import load_preset, with_overrides
    from engine.preset_library import built_in_folder, find_preset

    if encoder is not None and names_own_code(encoder):
        raise InputError(f"--encoder {encoder}: only that file knows its sizes, so they can't be fitted")
    if near is not None:
        preset = find_preset(near)
        return preset if encoder is None else with_overrides(preset, [f"encoder.kind={encoder}"], source="--encoder")
    wanted = Budget().encoder_parameters if budget is None else budget
    presets = [load_preset(path) for path in sorted(built_in_folder().glob("*.toml"))]
    alike = [preset for preset in presets if preset.encoder.__struct_config__.tag == encoder] or presets
    nearest = min(alike, key=lambda preset: abs((preset.preset.encoder_parameters or 0) - wanted))
    return _of_its_kind(with_overrides(nearest, [f"encoder.kind={encoder}"], source="--encoder"))


def _of_its_kind(preset: Preset) -> Preset:
    """The preset with the sizes that its kind of encoder has by itself."""
    from msgspec.structs import replace

    from engine.section import sizes_of

    structure: Any = type(preset.encoder)
    return replace(preset, encoder=structure()) if sizes_of(structure) else preset


def _place_for(preset: Preset, name: str) -> Path:
    """Where a new preset of that name goes. Raises `InputError` for one that can't be a name, or is taken."""
    from engine.errors import InputError
    from engine.preset_file import with_overrides
    from engine.preset_library import list_presets, own_folder

    with_overrides(preset, [f"preset.name={json.dumps(name)}"], source="--save")
    path = own_folder() / f"{name}.toml"
    taken = next((entry.path for entry in list_presets() if entry.name == name), str(path) if path.exists() else None)
    if taken is not None:
        raise InputError(f"--save {name}: the name is taken by {taken}; give another, or delete that file first")
    return path


def _sizes(preset: Preset) -> dict[str, int]:
    from engine.section import sizes_of

    return {size.key: getattr(preset.encoder, size.key) for size in sizes_of(type(preset.encoder))}


def _section(preset: Preset) -> str:
    """The preset's [encoder] as TOML."""
    import tomli
    import tomli_w

    from engine.preset_file import to_toml

    return tomli_w.dumps({"encoder": tomli.loads(to_toml(preset))["encoder"]}).rstrip()
