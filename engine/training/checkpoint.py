"""The two checkpoints: `last`, the full training state to resume from, and `best`, self-contained weights to use.

Both are written whole or not at all. Nothing is unpickled: `last` is loaded with weights_only=True, `best` is
safetensors with everything else in its metadata as text, and is loaded by `engine.use.loading`.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
import torch
from msgspec import Struct, field
from torch import Tensor, nn

from engine.errors import InputError
from engine.files import replacing, write_atomically
from engine.model_settings import OwnEncoder
from engine.models.own_encoder import code_behind
from engine.models.registry import HEADS
from engine.models.speaker_model import SpeakerModel
from engine.models.weights import each_once
from engine.preset import Preset
from engine.preset_file import to_toml
from engine.saved_model import FORMAT
from engine.training.averaging import WeightAverage
from engine.training.distributed import ALONE, Ranks
from engine.training.divergence import Memory
from engine.training.optimisation import LearningRate
from engine.training.recovery import Content, HealthyState


class Best(Struct, frozen=True):
    """The best validation so far. A later one is better when its accuracy is higher, or equal with a lower loss."""

    step: int
    accuracy: float
    loss: float

    def beaten_by(self, accuracy: float, loss: float) -> bool:
        """Whether a new validation is better than this one."""
        return (accuracy, -loss) > (self.accuracy, -self.loss)


class TrainingState(Struct, frozen=True):
    """What `last` holds beside weights, optimizer and random state; `ranks` is how many processes trained."""

    step: int
    validated_step: int
    best: Best | None
    learning_rate: LearningRate
    speakers: list[str]
    ranks: int = 1
    doctor: Memory = field(default_factory=Memory)


def last_of(
    state: TrainingState,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage | None = None,
    healthy: HealthyState | None = None,
    ranks: Ranks = ALONE,
) -> Content:
    """What `last` holds after `state.step` steps, and the state to go back to.

    Its tensors are those being trained: copy them to keep them. Every rank takes part.
    """
    content = content_of(state, model, optimizer, average, ranks)
    if healthy is not None:
        content["healthy"] = healthy.beside(state.step)
    return content


def content_of(
    state: TrainingState,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage | None = None,
    ranks: Ranks = ALONE,
) -> Content:
    """What `last` holds of one state. Its tensors are those being trained, no copies. Every rank takes part."""
    random, *random_of_others = ranks.gather(random_state(next(model.parameters()).device))
    content: Content = {
        "format": FORMAT,
        "state": msgspec.json.encode(state).decode(),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": random,
    }
    if random_of_others:
        content["random_of_others"] = random_of_others
    if average is not None:
        content["average"] = average.state()
    return content


def write_last(path: Path, content: Content) -> None:
    """Replaces `last`. Raises `OSError` and leaves the one before when the disk is full, or whatever else is wrong."""
    # To memory first: writing a file itself, torch says of a full disk no more than that something failed.
    serialised = io.BytesIO()
    torch.save(content, serialised)
    with replacing(path) as temporary:
        temporary.write_bytes(serialised.getbuffer())


def load_last(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    speakers: list[str],
    average: WeightAverage | None = None,
    healthy: HealthyState | None = None,
    ranks: Ranks = ALONE,
) -> TrainingState:
    """Puts weights, optimizer, random state and the state to go back to back and returns the rest.

    speakers: those of the corpus as it is now. The random state is left alone when another number of ranks saved it.
    Raises `InputError`, also when the run began with other speakers.
    """
    content = _read_last(path, device)
    try:
        state = msgspec.json.decode(content["state"], type=TrainingState)
        if state.speakers != speakers:
            raise InputError(_other_speakers(state.speakers, speakers))
        if healthy is not None:
            before = content.pop("healthy", None) or content
            healthy.keep(msgspec.json.decode(before["state"], type=TrainingState).step, before)
        return put_back(content, model, optimizer, device, average, ranks)
    except (KeyError, IndexError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: doesn't fit this run's preset ({_first_line(error)})") from None


def put_back(
    content: Content,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    average: WeightAverage | None = None,
    ranks: Ranks = ALONE,
) -> TrainingState:
    """Puts weights, optimizer and random state of a `content_of` back and returns the rest.

    The optimizer goes on with the content's own tensors. The random state is left alone when another number of ranks
    made it. Raises what torch raises when it is another model's.
    """
    state = msgspec.json.decode(content["state"], type=TrainingState)
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    if average is not None:
        average.restore(content["average"])
    if state.ranks == ranks.size:
        _set_random_state([content["random"], *content.get("random_of_others", [])][ranks.rank], device)
    return state


def _other_speakers(before: list[str], now: list[str]) -> str:
    """What has changed, by the first speaker who went and the first who came."""
    gone, come = [name for name in before if name not in now], [name for name in now if name not in before]
    changes = [f"'{gone[0]}' is gone" if gone else "", f"'{come[0]}' is new" if come else ""]
    return (
        f"the corpus has {len(now)} speakers now and had {len(before)} when the run began"
        f" ({', '.join(filter(None, changes))}); restore it and resume, or start a new run"
    )


def _read_last(path: Path, device: torch.device) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no checkpoint to resume from; the run ended before its first one") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror or error})") from None
    except (RuntimeError, EOFError, pickle.UnpicklingError, ValueError):  # torch's own words advise to trust the file
        raise InputError(f"{path}: can't be read as a checkpoint; it is damaged, or not this program's") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: is not a checkpoint of this program")
    return content


def save_best(
    path: Path, model: SpeakerModel, preset: Preset, speakers: list[str], scores: dict[str, float], step: int
) -> None:
    """Replaces `best` with a copy of the model's weights as they are now, with the classes of `speakers` alone."""
    weights = each_once(_weights_for(model, preset, len(speakers)))
    tensors = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    metadata = {
        "format": FORMAT,
        "preset": to_toml(preset, _folder_of_own(preset)),
        "features": msgspec.json.encode(preset.features).decode(),
        "speakers": msgspec.json.encode(speakers).decode(),
        "step": str(step),
        "scores": msgspec.json.encode(scores).decode(),
    }
    code = code_behind(model.encoder)
    if code is not None:
        metadata |= {"encoder_file": code.name, "encoder_sha256": code.sha256}
    write_atomically(path, safetensors.torch.save(tensors, metadata))


def _weights_for(model: SpeakerModel, preset: Preset, speakers: int) -> dict[str, Tensor]:
    """The model's weights with its first `speakers` classes alone, as a model has them that never had more.

    Further classes are speakers at another speed, which help while training and which nobody can ask for afterwards.
    Cutting them off changes no logit of a real speaker, and what is saved is an ordinary model that needs no word of
    explanation. Every head has its classes in the first dimension of whatever tensors they enlarge.
    """
    with torch.device("meta"):
        head = HEADS[type(preset.head)](preset.head, model.pooling.output_width, speakers)
    wanted = {f"head.{name}": tensor.shape for name, tensor in head.state_dict().items()}
    weights = {}
    for name, tensor in model.state_dict().items():
        same = tensor.shape == wanted.get(name, tensor.shape)
        weights[name] = tensor if same else tensor[: wanted[name][0]]
    return weights


def _folder_of_own(preset: Preset) -> Path | None:
    """Where the file of a user's own encoder lies: a checkpoint names it without its folder."""
    return Path(preset.encoder.file).parent if isinstance(preset.encoder, OwnEncoder) else None


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """The generators that dropout draws from: the CPU's, and the training device's own."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def _set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"].cpu())


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
