"""The table of all commands, and the first page of help that is made of it.

Plain text from a constant, so that `spk-tui --help` answers at once; `spk-tui COMMAND --help` is the parser's work.
"""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """A command: the function as "module:name", what it takes, one line on what it does, and its heading."""

    function: str
    takes: str
    summary: str
    heading: str


_TRAIN, _STEER, _LOOK = "Train", "A run, from any terminal", "Look before you train"
_USE = "Use a trained model"
_OWN = "The dashboard, your way"

COMMANDS: dict[str, Command] = {
    "train": Command("spk_tui.commands.training:train", "PRESET", "train a preset and follow it", _TRAIN),
    "resume": Command("spk_tui.commands.training:resume", "RUN", "go on from the last checkpoint", _TRAIN),
    "sweep": Command("spk_tui.commands.sweeping:sweep", "PRESET", "queue a run for each combination of values", _TRAIN),
    "runs": Command("spk_tui.commands.looking:runs", "", "list all runs with their state and best accuracy", _STEER),
    "queue": Command(
        "spk_tui.commands.queueing:queue", "[move|remove RUN]", "who waits for a device, in which order", _STEER
    ),
    "compare": Command("spk_tui.commands.comparing:compare", "RUN RUN...", "settings and results side by side", _STEER),
    "label": Command("spk_tui.commands.labelling:label", "RUN", "give a run a name, a note or tags", _STEER),
    "attach": Command("spk_tui.commands.training:attach", "RUN", "watch a run that goes on in the background", _STEER),
    "pause": Command("spk_tui.commands.steering:pause", "RUN", "make a run wait", _STEER),
    "continue": Command("spk_tui.commands.steering:continue_run", "RUN", "let a paused run go on", _STEER),
    "stop": Command("spk_tui.commands.steering:stop", "RUN", "stop a run and save its state", _STEER),
    "save": Command("spk_tui.commands.steering:save", "RUN PATH", "copy the best checkpoint to a path", _STEER),
    "evaluate": Command("spk_tui.commands.evaluating:evaluate", "RUN", "how good a trained model is", _USE),
    "verify": Command("spk_tui.commands.verifying:verify", "RUN", "how well a model tells one speaker from two", _USE),
    "enroll": Command("spk_tui.commands.identifying:enroll", "NAME FILES...", "remember a person's voice", _USE),
    "identify": Command("spk_tui.commands.identifying:identify", "FILES...", "who speaks, and when", _USE),
    "predict": Command("spk_tui.commands.predicting:predict", "RUN", "the speaker of each utterance, as CSV", _USE),
    "embed": Command("spk_tui.commands.embedding:embed", "RUN", "a corpus as embeddings, and a picture", _USE),
    "export": Command("spk_tui.commands.exporting:export", "RUN", "a model for other programs, or its curves", _USE),
    "import": Command("spk_tui.commands.importing:import_model", "FILE", "a model of another program", _USE),
    "report": Command(
        "spk_tui.commands.reporting:report", "RUN...", "runs, results and changes, as one hands them in", _USE
    ),
    "presets": Command("spk_tui.commands.looking:presets", "", "list the presets, yours among them", _LOOK),
    "budget": Command("spk_tui.commands.looking:budget", "PRESET", "count a preset's parameters, part by part", _LOOK),
    "trial": Command(
        "spk_tui.commands.trying:trial", "PRESET", "train for two seconds, to know what a run would take", _LOOK
    ),
    "check": Command(
        "spk_tui.commands.checking:check", "PRESET", "try an encoder, and say what is wrong with it", _LOOK
    ),
    "fit": Command("spk_tui.commands.fitting:fit", "", "find sizes of an encoder that use up a budget", _LOOK),
    "download": Command("spk_tui.commands.downloading:download", "[NAME]", "get a public corpus, or list them", _LOOK),
    "data": Command("spk_tui.commands.looking:data", "PATH", "what is in a corpus, and what is wrong with it", _LOOK),
    "settings": Command("spk_tui.commands.settings:settings", "", "colours, keys and notifications, and where", _OWN),
    "serve": Command("spk_tui.commands.serving:serve", "", "the dashboard in a browser of this machine", _OWN),
}


def overview() -> str:
    """The first page of help."""
    width = max(len(f"{name} {command.takes}") for name, command in COMMANDS.items())
    lines = [
        "spk-tui: a terminal laboratory for small speaker encoders",
        "",
        "  spk-tui                      opens the dashboard (--runs DIR, --fps N, --tour)",
        "  spk-tui COMMAND [OPTIONS]    does one thing and ends; COMMAND --help tells what it takes",
    ]
    heading = ""
    for name, command in COMMANDS.items():
        if command.heading != heading:
            heading = command.heading
            lines += ["", f"{heading}:"]
        lines.append(f"  {f'{name} {command.takes}':<{width}}   {command.summary}")
    lines += [
        "",
        "RUN is a run's name, the beginning of one, its folder, or 'last'. Every command takes --json.",
        "Runs go to --runs DIR or SPK_TUI_RUNS, packed corpora to SPK_TUI_CACHE, settings to SPK_TUI_CONFIG.",
        "Exit codes: 0 well, 2 bad input, 3 the run failed or diverged, 1 our fault, 130 left with Ctrl+C.",
        "",
    ]
    return "\n".join(lines)
