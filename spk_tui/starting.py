"""What stands between a preset and a run: the corpus is looked at, and a preset's own code is asked about.

Both the first screen and the editor start and try presets this way; what they show meanwhile is theirs.
"""

from __future__ import annotations

from engine.errors import InputError
from engine.preset import Data, Preset
from engine.runs.directory import RunDirectory
from engine.trial_client import Trial
from spk_tui.screens.room import Room
from spk_tui.screens.trust_question import may_run
from spk_tui.trials import try_in_thread
from spk_tui.widgets.corpus_picker import DEMO


def size_of_corpus(corpus: str, data: Data) -> tuple[int, int]:
    """Speakers and utterances of a corpus, of the part that is asked for. Raises `InputError`. Blocks on the disk."""
    from engine.corpus.opening import open_corpus

    opened = open_corpus(corpus, data)
    return len(opened.speakers), len(opened.utterances)


async def start(room: Room, preset: Preset, corpus: str, *, queued: bool = False) -> RunDirectory | None:
    """Starts a run, at once or when it is its turn; None when its own code may not run.

    Raises `InputError`. To be awaited in a Textual worker.
    """
    if not corpus:
        raise InputError("no corpus is chosen: type the path of a folder, or take the demo corpus")
    if corpus != DEMO:
        await room.in_thread(size_of_corpus, corpus, preset.data)
    if not await may_run(room.app, preset):
        return None
    return await room.in_thread(room.dashboard.queue_run if queued else room.dashboard.start_run, preset, corpus)


async def try_out(room: Room, preset: Preset, speakers: int | None) -> Trial | None:
    """Tries a preset for two seconds and remembers what came of it; None when its own code may not run.

    Raises `InputError`. To be awaited in a Textual worker.
    """
    if not await may_run(room.app, preset):
        return None
    trial = await room.in_thread(try_in_thread, preset, speakers, lambda: room.is_here)
    room.dashboard.trials.keep(preset, trial, room.dashboard.clock())
    return trial
