"""Which class stands behind each kind that a preset can name: the one place to add an encoder, a pooling or a head.

The settings of each kind are declared in `engine/model_settings.py`, which loads no torch, and are the keys here.
"""

from __future__ import annotations

from torch import nn

from engine import model_settings as settings
from engine.models.branchformer import BranchformerEncoder
from engine.models.conformer import ConformerEncoder
from engine.models.e_branchformer import EBranchformerEncoder
from engine.models.ecapa_tdnn import EcapaTdnnEncoder
from engine.models.front_end import ConvolutionFrontEnd, LinearFrontEnd, NoFrontEnd
from engine.models.heads import BatchNormLinearHead, CosineHead, Head, LinearHead, MlpHead
from engine.models.homework_conformer import HomeworkConformerEncoder
from engine.models.homework_sample import HomeworkSampleEncoder
from engine.models.homework_transformer import HomeworkTransformerEncoder
from engine.models.pooling import (
    AttentiveStatisticsPooling,
    MeanPooling,
    MultiQueryAttentivePooling,
    SelfAttentivePooling,
    StatisticsPooling,
)
from engine.models.transformer import TransformerEncoder
from engine.models.x_vector_tdnn import XVectorTdnnEncoder
from engine.section import Section

FRONT_ENDS: dict[type[Section], type[nn.Module]] = {
    settings.LinearFrontEnd: LinearFrontEnd,
    settings.ConvolutionFrontEnd: ConvolutionFrontEnd,
    settings.NoFrontEnd: NoFrontEnd,
}
ENCODERS: dict[type[Section], type[nn.Module]] = {
    settings.HomeworkSample: HomeworkSampleEncoder,
    settings.HomeworkTransformer: HomeworkTransformerEncoder,
    settings.HomeworkConformer: HomeworkConformerEncoder,
    settings.Transformer: TransformerEncoder,
    settings.Conformer: ConformerEncoder,
    settings.Branchformer: BranchformerEncoder,
    settings.EBranchformer: EBranchformerEncoder,
    settings.EcapaTdnn: EcapaTdnnEncoder,
    settings.XVectorTdnn: XVectorTdnnEncoder,
}
POOLINGS: dict[type[Section], type[nn.Module]] = {
    settings.MeanPooling: MeanPooling,
    settings.StatisticsPooling: StatisticsPooling,
    settings.SelfAttentivePooling: SelfAttentivePooling,
    settings.AttentiveStatisticsPooling: AttentiveStatisticsPooling,
    settings.MultiQueryAttentivePooling: MultiQueryAttentivePooling,
}
HEADS: dict[type[Section], type[Head]] = {
    settings.MlpHead: MlpHead,
    settings.LinearHead: LinearHead,
    settings.BatchNormLinearHead: BatchNormLinearHead,
    settings.CosineHead: CosineHead,
}
