"""A report says the same in every language: the same texts with the same places, and a name for every key."""

from __future__ import annotations

from importlib import import_module
from string import Formatter
from typing import get_args

import msgspec
import pytest
from msgspec import structs

from engine import model_settings
from engine.preset import Preset
from engine.preset_library import find_preset, list_presets
from engine.section import Section
from spk_tui.report import describing
from spk_tui.report.encoder_pictures import picture_of
from spk_tui.report.words import LANGUAGES, Language, Words, en

OTHERS = [language for language in LANGUAGES if language != "en"]
NAMELESS = {"preset", *describing.MODEL}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_texts_with_the_same_places(language: Language) -> None:
    module = import_module(LANGUAGES[language])
    assert {name: places(text) for name, text in module.TEXTS.items()} == {
        name: places(text) for name, text in en.TEXTS.items()
    }
    assert set(module.SETTINGS) == set(en.SETTINGS)
    assert all(module.SETTINGS.values())


def test_every_key_of_a_preset_has_a_name() -> None:
    sections = {item.name: item.type for item in msgspec.structs.fields(Preset) if item.name not in NAMELESS}
    for section in ("front_end", "encoder", "pooling", "head"):
        union = {"front_end": "FrontEnd"}.get(section, section.capitalize())
        for kind in get_args(getattr(model_settings, union)):
            if section != "encoder" or f"encoder.{kind.__struct_config__.tag}" in en.TEXTS:  # a new one needs no words
                sections[f"{section} {kind.__name__}"] = kind
    keys = {f"{name.split()[0]}.{key}" for name, kind in sections.items() for key in kind.__struct_fields__}
    keys -= {"encoder.name", "encoder.options"}  # of a user's own encoder, which names its keys itself
    assert keys - set(en.SETTINGS) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_preset_can_be_described(language: Language) -> None:
    words = Words(language)
    texts = {found.name: describing.model(found.preset, words) for found in list_presets() if found.preset}
    assert "BatchNorm" in texts["conformer-225k"] or "batch normalisation" in texts["conformer-225k"]
    assert all("{" not in text for text in texts.values())


class NewEncoder(Section, frozen=True, tag_field="kind", tag="new_kind"):
    """One that nobody has written a sentence or drawn a picture for."""

    d_model: int = 80
    dropout: float = 0.1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_kind_of_encoder_is_told_by_its_keys(language: Language) -> None:
    preset = structs.replace(find_preset("conformer-225k"), encoder=NewEncoder())
    assert "d_model = 80, dropout = 0.1" in describing.model(preset, Words(language))
    assert picture_of(NewEncoder(), 80).before == ("new_kind(d_model = 80, dropout = 0.1)",)  # type: ignore[arg-type]


def test_a_duration_has_its_two_largest_units() -> None:
    english, chinese = Words("en"), Words("zh-TW")
    assert [english.duration(seconds) for seconds in (None, 0, 59.6, 7260, 90_000)] == [
        "–", "0 s", "1 min", "2 h 1 min", "1 d 1 h",
    ]  # fmt: skip
    assert chinese.duration(7260) == "2 小時 1 分"
