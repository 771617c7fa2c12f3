"""Events as lines: what scripts rely on, non-finite numbers, torn and foreign lines."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs import event_log
from engine.runs import events as e
from engine.runs.event_log import EventReader, EventWriter

PROGRESS = {"steps": 1, "steps_per_second": 2.0, "accuracy": 0.5, "learning_rate": 1e-3, "gradient_norm": 1.0}


def test_the_fields_that_scripts_rely_on() -> None:
    promised = {
        "progress": {"steps_per_second", "loss", "accuracy", "learning_rate"},
        "validated": {"loss", "segment_accuracy", "utterance_accuracy", "utterances_per_second"},
        "checkpoint": {"kind", "path", "accuracy"},
        "finished": {"reason", "best_accuracy", "best_step", "run"},
        "preparing": {"stage", "done", "total"},
        "answered": {"request", "ok", "message"},
    }
    by_name = {kind.__struct_config__.tag: kind for kind in e.AnyEvent.__args__}
    for name, fields in promised.items():
        assert fields | {"time", "step"} <= set(by_name[name].__struct_fields__)
    line = json.loads(e.encode_event(e.Progress(step=7, loss=1.5, **PROGRESS)))
    assert line["event"] == "progress"
    assert line["step"] == 7
    assert line["time"] > 1_700_000_000


@given(st.floats(), st.integers(0, 2**53))
def test_any_number_survives_and_every_line_is_strict_json(loss: float, step: int) -> None:
    event = e.Progress(step=step, loss=loss, **PROGRESS)
    line = e.encode_event(event)
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    again = e.decode_event(line)
    assert isinstance(again, e.Progress)
    assert again.step == step
    assert again.loss == loss or (math.isnan(loss) and math.isnan(again.loss))


@given(st.binary(max_size=60))
def test_no_line_makes_the_decoder_fail_in_another_way(line: bytes) -> None:
    with pytest.raises(e.BadEvent):
        e.decode_event(line)


def test_a_later_version_may_add_fields() -> None:
    line = b'{"event":"paused","step":3,"time":1.0,"reason":"new in a later version"}'
    assert e.decode_event(line) == e.Paused(step=3, time=1.0)


def test_a_long_file_is_read_in_parts_and_a_line_longer_than_a_part_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "PART", 500)
    events: list[e.AnyEvent] = [e.Progress(step=step, loss=1.5, **PROGRESS) for step in range(50)]
    events.insert(25, e.Failed(step=25, cause="error", message="long " * 500))
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(e.encode_event(event) + b"\n" for event in events))
    parts = [part for part in EventReader(path).parts() if part]
    assert [event for part in parts for event in part] == events
    assert len(parts) > 10


def test_a_reader_waits_for_the_end_of_a_line_and_counts_bad_ones(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    assert reader.read() == []
    whole = e.encode_event(e.Paused(step=1, time=1.0))
    path.write_bytes(whole[:10])
    assert reader.read() == []
    path.write_bytes(whole + b"\nnonsense\n" + whole[:5])
    assert reader.read() == [e.Paused(step=1, time=1.0)]
    assert reader.bad_lines == 1
    assert reader.read() == []


def test_a_new_writer_ends_the_torn_line_of_a_killed_one(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(e.encode_event(e.Paused(step=1)) + b'\n{"event":"prog')
    writer = EventWriter(path)
    writer.write(e.Paused(step=2))
    writer.close()
    reader = EventReader(path)
    assert [event.step for event in reader.read()] == [1, 2]
    assert reader.bad_lines == 1


@given(st.lists(st.integers(0, 99), min_size=1, max_size=20), st.data())
def test_reading_in_pieces_gives_every_event_once(steps: list[int], data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        content = b"".join(e.encode_event(e.Paused(step=step, time=1.0)) + b"\n" for step in steps)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
        reader, seen, written = EventReader(path), [], 0
        for cut in [*cuts, len(content)]:
            with path.open("ab") as file:
                file.write(content[written:cut])
            written = cut
            seen += [event.step for event in reader.read()]
        assert seen == steps
        assert reader.bad_lines == 0
