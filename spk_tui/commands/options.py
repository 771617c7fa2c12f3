"""The options that several commands share, each declared once: its name, its type and its line of help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

RunName: TypeAlias = Annotated[str, Parameter(help="a run's name, the beginning of one, its folder, or 'last'")]
PresetName: TypeAlias = Annotated[str, Parameter(help="a preset's name ('spk-tui presets' lists them) or a .toml file")]
Overrides: TypeAlias = Annotated[
    list[str] | None,
    Parameter(name="--set", negative=(), help="replace one key, such as encoder.layers=4; may be given again"),
]
Runs: TypeAlias = Annotated[
    Path | None, Parameter(help="folder of run directories (default: SPK_TUI_RUNS, or the user's data directory)")
]
RunOrder: TypeAlias = Annotated[
    Literal["newest", "best", "preset", "corpus", "steps", "parameters", "state"],
    Parameter(help="what comes first: the newest, the best accuracy, ..."),
]
Reverse: TypeAlias = Annotated[
    bool, Parameter(negative=(), show_default=False, help="the same order the other way round")
]
KeptRuns: TypeAlias = Annotated[
    str, Parameter(name="--filter", show_default=False, help='which runs, such as "tag:baseline state:finished"')
]
AsJson: TypeAlias = Annotated[
    bool, Parameter(name="--json", negative=(), show_default=False, help="answer in JSON on stdout")
]
DisplayName: TypeAlias = Literal["auto", "bars", "plain", "json"]
DisplayChoice: TypeAlias = Annotated[
    DisplayName,
    Parameter(help="auto takes bars in a terminal or notebook, else plain lines; json: events on stdout"),
]
EventsAsJson: TypeAlias = Annotated[
    bool, Parameter(name="--json", negative=(), show_default=False, help="the same as --display json")
]
Detach: TypeAlias = Annotated[
    bool, Parameter(negative=(), show_default=False, help="leave the run training in the background and end")
]
InQueue: TypeAlias = Annotated[
    bool,
    Parameter(
        name="--queue", negative=(), show_default=False, help="wait until it is the run's turn on its device, and end"
    ),
]
LayoutName: TypeAlias = Annotated[
    str | None, Parameter(help="how the corpus lies on disk (default: as in the preset, else recognised)")
]
Speakers: TypeAlias = Annotated[
    int | None, Parameter(validator=Number(gte=0), help="take so many speakers, those with most utterances; 0: all")
]
MostUtterances: TypeAlias = Annotated[
    int | None, Parameter(validator=Number(gte=0), help="take at most so many utterances of each; 0: all")
]
MachineCount: TypeAlias = Annotated[
    int, Parameter(validator=Number(gte=1), help="how many machines train together, this one included")
]
Rendezvous: TypeAlias = Annotated[
    str, Parameter(show_default=False, help="HOST:PORT of this machine, where the others join (docs/distributed.md)")
]
Trust: TypeAlias = Annotated[
    bool,
    Parameter(
        negative=(), show_default=False, help="let the preset's own Python file run without asking, and remember"
    ),
]
Full: TypeAlias = Annotated[
    bool, Parameter(negative=(), show_default=False, help="decode everything once, keep it, and name all problems")
]
