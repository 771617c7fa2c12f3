"""Margin heads against their formulas, and what the other heads take as an embedding."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from engine.model_settings import CosineHead as CosineSettings
from engine.model_settings import LinearHead as LinearSettings
from engine.models.heads import CosineHead, LinearHead


def head_of(**settings: object) -> CosineHead:
    torch.manual_seed(0)
    return CosineHead(CosineSettings(**{"margin_warmup": 1.0, **settings}), 6, 5).eval().double()  # type: ignore[arg-type]


@given(st.sampled_from(["additive", "angular"]), st.floats(0.01, 1.0), st.floats(0.0, 1.0), st.integers(0, 99))
def test_the_margin_makes_a_speakers_own_score_harder_and_no_other(
    kind: str, margin: float, strength: float, seed: int
) -> None:
    head = head_of(margin_kind=kind, margin=margin, scale=10.0, batch_norm=False)
    generator = torch.Generator().manual_seed(seed)
    pooled = torch.randn(4, 6, dtype=torch.float64, generator=generator)
    speakers = torch.randint(5, (4,), generator=generator)
    logits = head(pooled)
    harder = head.with_margin(logits, speakers, strength)
    for row, speaker in enumerate(speakers.tolist()):
        angle = math.acos(float(functional.cosine_similarity(pooled[row], head.speakers[speaker].detach(), dim=0)))
        for other in range(5):
            if other != speaker:
                assert harder[row, other] == logits[row, other]
        applied = strength * margin
        if kind == "additive":
            expected = math.cos(angle) - applied
        elif angle + applied <= math.pi:
            expected = math.cos(angle + applied)
        else:
            expected = math.cos(angle) - applied * math.sin(applied)
        assert harder[row, speaker].item() == pytest.approx(10 * expected, abs=1e-5)


def test_gradients_stay_finite_where_an_embedding_lies_on_its_speaker() -> None:
    head = head_of(margin_kind="angular", batch_norm=False)
    pooled = head.speakers.detach().clone().requires_grad_()
    functional.cross_entropy(head.with_margin(head(pooled), torch.arange(5), 1.0), torch.arange(5)).backward()
    assert torch.isfinite(pooled.grad).all()  # type: ignore[arg-type]


def test_the_nearest_of_a_speakers_centres_counts() -> None:
    head = head_of(sub_centres=3, batch_norm=False)
    pooled = torch.randn(4, 6, dtype=torch.float64)
    cosines = functional.cosine_similarity(pooled[:, None], head.speakers[None], dim=-1)  # (batch, speakers * centres)
    expected = torch.stack([cosines[:, 3 * speaker : 3 * speaker + 3].max(dim=1).values for speaker in range(5)], dim=1)
    torch.testing.assert_close(head(pooled), 30 * expected)


def test_the_embedding_is_what_the_last_layer_sees() -> None:
    head = head_of(embedding=3)
    pooled = torch.randn(4, 6, dtype=torch.float64)
    embedding = head.embed(pooled)
    assert embedding.shape == (4, 3)
    torch.testing.assert_close(
        head(pooled), 30 * functional.normalize(embedding) @ functional.normalize(head.speakers).T
    )
    linear = LinearHead(LinearSettings(), 6, 5).double()
    assert linear.embed(pooled) is pooled
    assert linear.with_margin(pooled, torch.arange(4), 1.0) is pooled


def test_the_margin_rises_over_the_stated_share_of_the_run_and_stays() -> None:
    head = head_of(margin_kind="additive", margin=0.4, margin_warmup=0.2, scale=1.0)
    logits, speakers = torch.zeros(1, 5, dtype=torch.float64), torch.tensor([2])
    lost = [-head.with_margin(logits, speakers, done)[0, 2].item() for done in (0.0, 0.1, 0.2, 0.7)]
    assert lost == pytest.approx([0.0, 0.2, 0.4, 0.4])
    always = head_of(margin_kind="additive", margin=0.4, margin_warmup=0.0, scale=1.0)
    assert -always.with_margin(logits, speakers, 0.0)[0, 2].item() == pytest.approx(0.4)
