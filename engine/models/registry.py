"""Which class stands behind each kind that a preset can name: the one place to add an encoder, a pooling or a head.

The settings of each kind are declared in `engine/preset.py`, which loads no torch, and are the keys here.
"""

from __future__ import annotations

from torch import nn

from engine import preset as settings
from engine.models.heads import BatchNormLinearHead, LinearHead, MlpHead
from engine.models.homework_conformer import HomeworkConformerEncoder
from engine.models.homework_transformer import HomeworkTransformerEncoder
from engine.models.pooling import MeanPooling

ENCODERS: dict[type[settings.Section], type[nn.Module]] = {
    settings.HomeworkTransformer: HomeworkTransformerEncoder,
    settings.HomeworkConformer: HomeworkConformerEncoder,
}
POOLINGS: dict[type[settings.Section], type[nn.Module]] = {
    settings.MeanPooling: MeanPooling,
}
HEADS: dict[type[settings.Section], type[nn.Module]] = {
    settings.MlpHead: MlpHead,
    settings.LinearHead: LinearHead,
    settings.BatchNormLinearHead: BatchNormLinearHead,
}
