"""Batch normalisation over ranks, in a group of one: there it is torch's own, with its gradients and its memory."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import distributed, nn

from engine.models.norms import BatchNorm
from engine.models.shared_norms import share_statistics, unshared_norms


@pytest.fixture(autouse=True)
def _group_of_one() -> Iterator[None]:
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize(
    ("norm", "shape"),
    [
        (nn.BatchNorm1d(5), (8, 5)),
        (nn.BatchNorm1d(5, momentum=None), (8, 5, 7)),
        (nn.BatchNorm1d(5, affine=False), (8, 5, 7)),
        (nn.BatchNorm1d(5, track_running_stats=False), (8, 5)),
        (nn.BatchNorm2d(5), (3, 5, 7, 4)),
        (BatchNorm(5), (3, 7, 5)),
    ],
)
def test_shared_statistics_are_those_of_the_whole_batch(norm: nn.Module, shape: tuple[int, ...]) -> None:
    alone, shared = (nn.Sequential(copy.deepcopy(norm)) for _ in range(2))
    share_statistics(shared)
    assert not unshared_norms(shared)
    assert shared.state_dict().keys() == alone.state_dict().keys()
    for step in range(3):
        torch.manual_seed(step)
        frames = 50 + 3 * torch.randn(shape, dtype=torch.float32)  # a mean that is far off
        wanted, found = (compute(model, frames) for model in (alone, shared))
        for left, right in zip(wanted, found, strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(alone.state_dict(), shared.state_dict())
    alone.eval(), shared.eval()
    torch.testing.assert_close(alone(frames), shared(frames), rtol=1e-4, atol=1e-4)


def compute(model: nn.Module, frames: torch.Tensor) -> list[torch.Tensor]:
    """The output, and gradients of a sum in which every place counts differently."""
    frames = frames.clone().requires_grad_()
    output = model.train()(frames)
    weights = torch.linspace(-1, 1, output.numel()).view(output.shape)
    gradients = torch.autograd.grad((output * weights).sum(), [frames, *model.parameters()])
    return [output.detach(), *gradients]


def test_padding_counts_in_no_sum() -> None:
    alone, shared = nn.Sequential(BatchNorm(5)), nn.Sequential(BatchNorm(5))
    share_statistics(shared)
    torch.manual_seed(0)
    frames, mask = torch.randn(3, 7, 5), torch.arange(7) < torch.tensor([[7], [2], [4]])
    outputs = [model[0].train()(frames, mask)[mask] for model in (alone, shared)]
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(alone.state_dict(), shared.state_dict())


def test_a_norm_of_another_class_is_named() -> None:
    class Own(nn.BatchNorm1d):
        pass

    model = nn.ModuleDict({"known": nn.BatchNorm1d(3), "own": Own(3), "cube": nn.BatchNorm3d(3)})
    share_statistics(model)
    assert unshared_norms(model) == ["own", "cube"]
