"""A preset in sentences: the data, the model and the training, each a paragraph in the report's language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import tomli

from engine.model_settings import (
    Blocks,
    CosineHead,
    EcapaTdnn,
    Encoder,
    OwnEncoder,
    XVectorTdnn,
    kind_of,
)
from engine.preset import Preset
from engine.preset_file import to_toml
from spk_tui.report.facts import RunFacts, Value
from spk_tui.report.words import Words
from spk_tui.wording import corpus_words, count, encoder_words, learning_rate, percent

ALWAYS = (
    "segments.frames", "segments.batch_size", "optimizer.learning_rate", "optimizer.weight_decay", "schedule.kind",
    "schedule.warmup_steps", "validation.every", "validation.best_by", "run.steps", "run.seed",
)  # fmt: skip
"""Keys that are shown also where they have their defaults; all of the model's are."""
MODEL = ("front_end", "encoder", "pooling", "head")
ORDER = (
    *MODEL, "features", "segments", "augment", "optimizer", "schedule", "validation", "divergence", "run", "data",
    "budget",
)  # fmt: skip


def corpus_name(corpus: str, words: Words) -> str:
    """What a corpus is called."""
    return words("corpus.demo") if corpus == "demo" else corpus_words(corpus)


def encoder_name(encoder: Encoder) -> str:
    """What an encoder is called."""
    return encoder_words(kind_of(encoder))


def data(run: RunFacts, words: Words) -> str:
    """What was trained on, what was held out, and what frames were made of it."""
    preset = run.preset
    validation, features = preset.validation, preset.features
    return words.sentences(
        words(
            "data.sizes", corpus=corpus_name(run.corpus, words), speakers=count(run.speakers),
            train=count(run.train_utterances), validation=count(run.validation_utterances),
        ),
        words("data.split", share=percent(validation.share), split=validation.split, seed=validation.seed),
        words("data.features", **msgspec.structs.asdict(features)),
    )  # fmt: skip


def model(preset: Preset, words: Words) -> str:
    """What the model computes, part by part."""
    return words.sentences(
        words(f"front_end.{_kind(preset.front_end)}"),
        *_encoder(preset.encoder, words),
        words(f"pooling.{_kind(preset.pooling)}", **msgspec.structs.asdict(preset.pooling)),
        *_head(preset, words),
    )


def training(run: RunFacts, words: Words) -> str:
    """How it was trained."""
    preset = run.preset
    optimizer, segments, augment = preset.optimizer, preset.segments, preset.augment
    sentences = [
        words(
            "training.batch", steps=count(run.steps), batch_size=segments.batch_size, frames=segments.frames,
            precision=run.machine.precision, seed=preset.run.seed,
        ),
        words("training.batch_lengths", **msgspec.structs.asdict(segments)) if segments.shortest else "",
        words(
            f"training.{optimizer.matrices}", rate=learning_rate(optimizer.learning_rate),
            weight_decay=optimizer.weight_decay,
        ),
        words("training.clip", clip_norm=optimizer.clip_norm) if optimizer.clip_norm else "",
        words("training.average", average=optimizer.average) if optimizer.average else "",
        words(f"training.{preset.schedule.kind}", warmup=count(preset.warmup_steps)),
    ]  # fmt: skip
    if augment.time_masks or augment.frequency_masks:
        sentences.append(words("training.masks", time=augment.time_masks, frequency=augment.frequency_masks))
    if augment.speeds or augment.noise or augment.reverberation:
        sentences.append(words("training.copies"))
    return words.sentences(*sentences)


def settings(preset: Preset, *, every_key: bool = False) -> dict[str, Value]:
    """The keys to show: those of the model, those that decide most, and those that differ from their defaults."""
    tables = tomli.loads(preset_text(preset))
    if isinstance(preset.encoder, OwnEncoder):
        tables["encoder"]["kind"] = kind_of(preset.encoder)
    usual = _defaults(preset)
    found = {}
    for section in ORDER:
        for key, value in tables[section].items():
            name = f"{section}.{key}"
            if every_key or section in MODEL or name in ALWAYS or value != usual[section].get(key):
                found[name] = ", ".join(map(str, value)) if isinstance(value, list) else value
    return found


def preset_text(preset: Preset) -> str:
    """The preset as TOML; a user's own encoder is named as if it lay beside it."""
    encoder = preset.encoder
    return to_toml(preset, Path(encoder.file).parent if isinstance(encoder, OwnEncoder) else None)


def _defaults(preset: Preset) -> dict[str, dict[str, Any]]:
    sections = {name: getattr(preset, name) for name in preset.__struct_fields__ if name not in ("preset", *MODEL)}
    usual = {name: type(section)() for name, section in sections.items()}
    return msgspec.json.decode(msgspec.json.encode(usual), type=dict[str, dict[str, Any]])  # lists, as TOML has them


def _kind(section: Any) -> str:
    return str(section.__struct_config__.tag)


def _encoder(encoder: Encoder, words: Words) -> list[str]:
    if isinstance(encoder, OwnEncoder):
        return [words("encoder.own", name=kind_of(encoder))]
    keys = msgspec.structs.asdict(encoder)
    name = f"encoder.{_kind(encoder)}"
    if not words.knows(name):
        listed = ", ".join(f"{key} = {value}" for key, value in keys.items())
        return [words("encoder.other", name=encoder_name(encoder), settings=listed)]
    sentences = [words(name, **keys)]
    if not isinstance(encoder, EcapaTdnn | XVectorTdnn):
        sentences.append(words("encoder.shared" if encoder.share_layers else "encoder.apart", layers=encoder.layers))
    if isinstance(encoder, Blocks):
        sentences.append(words("encoder.aggregate") if encoder.aggregate else "")
        sentences.append(words("encoder.relative") if encoder.positions == "relative" else "")
    if isinstance(encoder, EcapaTdnn) and encoder.sum_residuals:
        sentences.append(words("encoder.sum_residuals"))
    sentences += [words(f"encoder.{key}", **keys) for key in ("dropout", "stochastic_depth") if keys.get(key)]
    return sentences


def _head(preset: Preset, words: Words) -> list[str]:
    head = preset.head
    sentences = [words(f"head.{_kind(head)}", **msgspec.structs.asdict(head))]
    if isinstance(head, CosineHead) and head.margin_kind != "none":
        sentences.append(words(f"head.margin_{head.margin_kind}", margin=head.margin))
    return sentences
