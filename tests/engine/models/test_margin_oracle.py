"""The margin head against the losses of pytorch-metric-learning: same vectors in, same loss and gradients out.

Their weights are (width, speakers) where ours are (speakers, width), and ArcFace's margin is in degrees. Beyond half a
turn both go on along the same line. Where they differ is the very end, an angle of nought: `SMALLEST_ANGLE`.
"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss, SubCenterArcFaceLoss
from torch import Tensor, nn
from torch.nn import functional

from engine.model_settings import CosineHead as CosineSettings
from engine.models.heads import CosineHead

SMALLEST_ANGLE = math.acos(1 - 1e-7)
"""Radians. The angle's slope is infinite at nought, so ours takes no angle for smaller than this; theirs does."""

MARGINS = st.floats(0.01, 1.0)
SCALES = st.floats(1.0, 64.0)
DONE = st.floats(0.0, 1.0)
SEEDS = st.integers(0, 999)
BATCHES = st.lists(st.floats(0.001, math.pi - 0.001), min_size=1, max_size=8)


def head_of(kind: str, margin: float, scale: float, width: int, speakers: int, sub_centres: int = 1) -> CosineHead:
    chosen = CosineSettings(
        batch_norm=False,
        margin_kind=kind,  # type: ignore[arg-type]
        margin=margin,
        scale=scale,
        margin_warmup=1.0,
        sub_centres=sub_centres,
    )
    return CosineHead(chosen, width, speakers).double()


def at_angles(centres: Tensor, angles: list[float]) -> Tensor:
    """Vectors of any length that lie at these angles from these centres: (batch, width)."""
    own = functional.normalize(centres)
    other = torch.randn_like(own)
    across = functional.normalize(other - (other * own).sum(dim=1, keepdim=True) * own)
    turn = torch.tensor(angles, dtype=own.dtype)[:, None]
    return (turn.cos() * own + turn.sin() * across) * torch.rand(len(own), 1, dtype=own.dtype).add(0.1)


def assert_the_same(head: CosineHead, theirs: nn.Module, pooled: Tensor, own: Tensor, done: float = 1.0) -> None:
    """Loss, and its gradients by the vectors and by the centres."""
    theirs.W.data = head.speakers.detach().T.clone()
    ours_in, theirs_in = pooled.clone().requires_grad_(), pooled.clone().requires_grad_()
    our_loss = functional.cross_entropy(head.with_margin(head(ours_in), own, done), own)
    their_loss = theirs(theirs_in, own)
    torch.testing.assert_close(our_loss, their_loss, rtol=1e-8, atol=1e-8)
    our_loss.backward()
    their_loss.backward()
    torch.testing.assert_close(ours_in.grad, theirs_in.grad, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(head.speakers.grad, theirs.W.grad.T, rtol=1e-5, atol=1e-7)


@settings(deadline=None, max_examples=100)
@given(MARGINS, SCALES, DONE, BATCHES, SEEDS)
def test_the_additive_margin_is_cosface(
    margin: float, scale: float, done: float, angles: list[float], seed: int
) -> None:
    torch.manual_seed(seed)
    head = head_of("additive", margin, scale, width=6, speakers=5)
    own = torch.randint(5, (len(angles),))
    theirs = CosFaceLoss(num_classes=5, embedding_size=6, margin=margin * done, scale=scale)
    assert_the_same(head, theirs, at_angles(head.speakers.detach()[own], angles), own, done)


@settings(deadline=None, max_examples=100)
@given(MARGINS, SCALES, DONE, BATCHES, SEEDS)
def test_the_angular_margin_is_arcface_beyond_half_a_turn_too(
    margin: float, scale: float, done: float, angles: list[float], seed: int
) -> None:
    assume(
        all(abs(angle - (math.pi - margin * done)) > 1e-6 for angle in angles)
    )  # both jump there, a rounding decides
    torch.manual_seed(seed)
    head = head_of("angular", margin, scale, width=6, speakers=5)
    own = torch.randint(5, (len(angles),))
    theirs = ArcFaceLoss(num_classes=5, embedding_size=6, margin=math.degrees(margin * done), scale=scale)
    assert_the_same(head, theirs, at_angles(head.speakers.detach()[own], angles), own, done)


@settings(deadline=None, max_examples=50)
@given(MARGINS, SCALES, st.integers(1, 4), st.integers(2, 7), st.integers(1, 16), SEEDS)
def test_the_nearest_of_several_centres_is_sub_centre_arcface(
    margin: float, scale: float, sub_centres: int, speakers: int, batch: int, seed: int
) -> None:
    torch.manual_seed(seed)
    head = head_of("angular", margin, scale, 6, speakers, sub_centres)
    theirs = SubCenterArcFaceLoss(
        num_classes=speakers,
        embedding_size=6,
        margin=math.degrees(margin),
        scale=scale,
        sub_centers=sub_centres,
    )
    assert_the_same(head, theirs, torch.randn(batch, 6, dtype=torch.float64), torch.randint(speakers, (batch,)))


@pytest.mark.parametrize("toward", [1.0, -1.0])
def test_on_a_centre_ours_keeps_a_gradient_and_theirs_does_not(toward: float) -> None:
    """Ours says what the smallest angle says, which is near enough: at most scale * SMALLEST_ANGLE away."""
    torch.manual_seed(0)
    margin, scale = 0.3, 30.0
    head = head_of("angular", margin, scale, width=6, speakers=5)
    theirs = ArcFaceLoss(num_classes=5, embedding_size=6, margin=math.degrees(margin), scale=scale).double()
    head.speakers.data = functional.normalize(torch.eye(5, 6, dtype=torch.float64))
    theirs.W.data = head.speakers.detach().T.clone()
    own, on = torch.arange(5), toward * head.speakers.detach()
    ours_in, theirs_in = on.clone().requires_grad_(), on.clone().requires_grad_()
    harder = head.with_margin(head(ours_in), own, 1.0)
    nearest = SMALLEST_ANGLE if toward > 0 else math.pi - SMALLEST_ANGLE
    expected = math.cos(nearest + margin) if toward > 0 else math.cos(nearest) - margin * math.sin(margin)
    torch.testing.assert_close(harder.diagonal(), torch.full((5,), scale * expected, dtype=torch.float64))
    our_loss, their_loss = functional.cross_entropy(harder, own), theirs(theirs_in, own)
    assert abs(our_loss - their_loss) < scale * SMALLEST_ANGLE
    our_loss.backward()
    their_loss.backward()
    assert torch.isfinite(ours_in.grad).all()  # type: ignore[arg-type]
    assert not torch.isfinite(theirs_in.grad).all()  # type: ignore[arg-type]
