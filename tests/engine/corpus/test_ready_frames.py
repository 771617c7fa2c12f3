"""Ready-made frames: what a .pt file may hold, what is refused and why, and that nothing in it is ever run."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.corpus.decoding import UnusableAudio
from engine.corpus.ready_frames import load_frames
from engine.corpus.saved_matrix import read_matrix

IN_TMP_PATH = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def saved(value: object, **options: Any) -> bytearray:
    """What torch.save makes of it."""
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return bytearray(buffer.getvalue())


def refusal(path: Path, content: bytes | bytearray, mel_bands: int = 4) -> tuple[str, str]:
    """The kind and the text of the error for a file with this content; warnings would be errors."""
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnusableAudio) as error:
            load_frames(path, mel_bands)
    return error.value.kind, str(error.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "uttr.pt"


FRAMES = torch.from_numpy(np.random.default_rng(0).normal(-8, 3, (30, 4)).astype(np.float32))


@IN_TMP_PATH
@given(
    dtype=st.sampled_from(FLOATS),
    rows=st.integers(1, 70_000) | st.integers(1, 300),
    columns=st.integers(1, 5),
    begin=st.integers(0, 70_000) | st.just(0),
    zipped=st.booleans(),
    grad=st.booleans(),
    transposed=st.booleans(),
)
def test_matrices_of_any_kind_of_float_are_read_as_torch_reads_them(
    path: Path, dtype: torch.dtype, rows: int, columns: int, begin: int, zipped: bool, grad: bool, transposed: bool
) -> None:
    large = torch.linspace(-20, 5, (begin + rows) * columns).to(dtype)
    matrix = large.view(columns, -1).T[begin:] if transposed else large.view(-1, columns)[begin:]
    path.write_bytes(saved(matrix.requires_grad_(grad), _use_new_zipfile_serialization=zipped))
    frames = load_frames(path, columns)
    assert frames.dtype == np.float16
    assert frames.flags.c_contiguous
    np.testing.assert_array_equal(frames, matrix.detach().half().numpy())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_what_this_torch_saves_is_read_without_it(dtype: torch.dtype) -> None:
    """The quick way is what nearly every file takes; a torch that writes another form would make packing slow."""
    for rows in (1, 200, 70_000):
        matrix = torch.linspace(-20, 5, 4 * rows).view(rows, 4).to(dtype)
        found = read_matrix(saved(matrix))
        assert found is not None
        np.testing.assert_array_equal(found, matrix.numpy())


def test_other_forms_are_left_to_torch(path: Path) -> None:
    for value in (torch.nn.Parameter(FRAMES), FRAMES.T.contiguous().T, FRAMES.bfloat16()):
        assert read_matrix(saved(value)) is None
        path.write_bytes(saved(value))
        np.testing.assert_allclose(load_frames(path, 4), FRAMES, rtol=0.01)


def test_frames_saved_from_a_graphics_card_are_read_on_any_machine(path: Path) -> None:
    on_cpu, on_card = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    for value, by_torch in ((FRAMES, False), (torch.nn.Parameter(FRAMES), True)):
        content = rezipped(saved(value), lambda text: text.replace(on_cpu, on_card))
        assert b"cuda:0" in content
        assert (read_matrix(bytearray(content)) is None) is by_torch
        path.write_bytes(content)
        np.testing.assert_array_equal(load_frames(path, 4), FRAMES.half().numpy())


def rezipped(content: bytes, change: Any, compression: int = zipfile.ZIP_STORED) -> bytes:
    """The archive with a changed data.pkl."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w", compression) as new:
        for record in old.infolist():
            data = old.read(record)
            new.writestr(record.filename, change(data) if record.filename.endswith("data.pkl") else data)
    return target.getvalue()


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (FRAMES.to(torch.int64), "wrong type", "tensor of int64"),
        (FRAMES > 0, "wrong type", "tensor of bool"),
        (FRAMES.to(torch.complex64), "wrong type", "tensor of complex64"),
        (FRAMES.to_sparse(), "wrong type", "tensor of sparse_coo"),
        (FRAMES.to("meta"), "unreadable", "more numbers than it holds"),
        ({"mel": FRAMES}, "wrong type", "holds a dict"),
        ([FRAMES], "wrong type", "holds a list"),
        ("text", "wrong type", "holds a str"),
        (FRAMES[None], "wrong shape", "(1, 30, 4)"),
        (FRAMES[0], "wrong shape", "(4,)"),
        (FRAMES.T, "wrong n_mels", "30 mel bands, the corpus has 4"),
        (FRAMES[:0], "empty", "no frames"),
        (FRAMES.index_fill(0, torch.tensor(7), float("nan")), "not finite", "not a number"),
        (FRAMES.index_fill(0, torch.tensor(7), float("-inf")), "not finite", "infinite"),
        (FRAMES.double().index_fill(0, torch.tensor(7), -1e6), "out of range", "65,504"),
        (torch.zeros(1, 1).expand(1_000_000_000, 4), "unreadable", "more numbers than it holds"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_can_not_be_frames_is_refused_by_name(path: Path, value: object, kind: str, said: str) -> None:
    found, text = refusal(path, saved(value))
    assert (found, said in text) == (kind, True), text


@pytest.mark.filterwarnings("ignore")  # torch's own, when such a tensor is made
def test_quantised_frames_are_refused_without_a_warning(path: Path) -> None:
    content = saved(torch.quantize_per_tensor(FRAMES, 0.1, 0, torch.qint8))
    assert refusal(path, content) == (
        "wrong type",
        "holds a tensor of qint8; frames are dense floating-point numbers",
    )


class CreatesAFile:
    """Would create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_file_is_run(path: Path, tmp_path: Path, zipped: bool) -> None:
    trap = tmp_path / "created"
    for value in (CreatesAFile(trap), {"frames": FRAMES, "more": CreatesAFile(trap)}):
        kind, _ = refusal(path, saved(value, _use_new_zipfile_serialization=zipped))
        assert kind == "unreadable"
    assert refusal(path, pickle.dumps(CreatesAFile(trap)))[0] == "unreadable"
    assert not trap.exists()
    pickle.loads(pickle.dumps(CreatesAFile(trap)))
    assert trap.exists()  # so the trap is a real one


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_anywhere_is_refused(path: Path, zipped: bool) -> None:
    content = saved(FRAMES, _use_new_zipfile_serialization=zipped)
    for size in range(0, len(content), 23 if zipped else 7):
        assert refusal(path, content[:size])[0] in ("unreadable", "empty")


@IN_TMP_PATH
@given(data=st.data())
def test_a_file_with_changed_bytes_is_read_or_refused(path: Path, data: st.DataObject) -> None:
    """Nothing but UnusableAudio comes out, whatever the bytes are."""
    content = saved(FRAMES, _use_new_zipfile_serialization=data.draw(st.booleans()))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        frames = load_frames(path, 4)
    except UnusableAudio:
        return
    assert frames.shape[1] == 4
    assert np.isfinite(frames).all()


LOAD_AND_MEASURE = """
import resource, sys
from pathlib import Path
from engine.corpus.decoding import UnusableAudio
from engine.corpus.ready_frames import load_frames

def peak():
    status = Path("/proc/self/status")  # ru_maxrss counts what the process was forked from
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

before = peak()
for name in sys.argv[1:]:
    try:
        load_frames(Path(name), 4)
    except UnusableAudio as error:
        print(error.kind)
print(peak() - before)
"""


def test_a_small_file_that_unfolds_into_much_takes_no_memory(tmp_path: Path) -> None:
    zeros = saved(torch.zeros(12_500_000, 4))
    (tmp_path / "compressed.pt").write_bytes(rezipped(zeros, lambda text: text, zipfile.ZIP_DEFLATED))
    assert (tmp_path / "compressed.pt").stat().st_size < 1 << 20
    thirty, billions = b"K\x1eK\x04\x86", b"J\xff\xff\xff\x7fK\x04\x86"  # rows, and 4 columns
    (tmp_path / "grown.pt").write_bytes(rezipped(saved(FRAMES), lambda text: text.replace(thirty, billions)))
    (tmp_path / "repeated.pt").write_bytes(saved(torch.zeros(1, 1).expand(2**40, 4)))
    with (tmp_path / "hole.pt").open("wb") as file:
        file.truncate(1 << 40)
    names = ["compressed.pt", "grown.pt", "repeated.pt", "hole.pt"]
    command = [sys.executable, "-c", LOAD_AND_MEASURE, *(str(tmp_path / name) for name in names)]
    *kinds, megabytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert kinds == ["unreadable", "unreadable", "unreadable", "too large"]
    assert float(megabytes) < 100


def test_a_part_of_a_large_tensor_is_only_the_part(path: Path) -> None:
    """torch.save writes the whole storage that a view belongs to."""
    large = torch.linspace(-20, 5, 4_000_000).view(-1, 4)
    path.write_bytes(saved(large[500:600]))
    assert path.stat().st_size > 16e6
    np.testing.assert_array_equal(load_frames(path, 4), large[500:600].half().numpy())


def test_loading_leaves_torch_as_it_was(path: Path) -> None:
    path.write_bytes(saved(FRAMES))
    threads = torch.get_num_threads()
    load_frames(path, 4)
    refusal(path, saved(FRAMES / 0))
    assert torch.get_num_threads() == threads
