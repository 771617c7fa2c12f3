"""The doctor on made figures: what it finds, what it says of it, and what it must never take for a divergence."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from scipy.stats import binom

from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.training.divergence import Doctor, Facts, Memory, chance_limit
from engine.training.findings import Finding, Wording, cure
from engine.training.measures import Units
from engine.training.windows import Sums

STEPS, BATCH, SPEAKERS = 50, 32, 600
GUESS = math.log(SPEAKERS)
FINE = Units(segments=32, difference=0.3, stuck=0.0, stuck_hidden=0.1)


def doctor(**facts: float) -> Doctor:
    usual = Facts(SPEAKERS, 1 / SPEAKERS, warmup=1000, steps=70_000, batch_size=BATCH, look_every=STEPS)
    return Doctor(structs.replace(usual, **facts), Wording(find_preset("transformer-154k")))


def window(loss: float, accuracy: float = 0.2, norm: float = 2.0) -> Sums:
    return Sums(STEPS, STEPS, STEPS * loss, round(STEPS * BATCH * accuracy), STEPS * norm)


def fed(made: Doctor, windows: list[Sums], units: Units | None = FINE, first: int = 1) -> list[tuple[int, Finding]]:
    """All findings, with the number of the window."""
    numbered = enumerate(windows, start=first)
    return [(number, one) for number, sums in numbered for one in made.judge_window(number * STEPS, sums, units)]


def names(found: list[tuple[int, Finding]]) -> list[str]:
    return [finding.name for _, finding in found]


def errors(found: list[tuple[int, Finding]]) -> list[str]:
    return [finding.name for _, finding in found if finding.severity == "error"]


@settings(max_examples=40, deadline=None)
@given(
    noise=st.lists(st.floats(-0.35, 0.35), min_size=30, max_size=50),
    spikes=st.dictionaries(st.integers(0, 59).map(lambda place: place // 5 * 5), st.floats(0, 20)),
    learned=st.floats(0, GUESS),
    over=st.integers(3, 40),
)
def test_a_healthy_curve_with_noise_and_single_spikes_is_never_an_error(
    noise: list[float], spikes: dict[int, float], learned: float, over: int
) -> None:
    windows = []
    for place, more in enumerate(noise):
        share = min(1.0, place / over)
        loss = max(0.0, GUESS - learned * share + more) + spikes.get(place, 0.0)
        accuracy = 1 / SPEAKERS + 0.5 * share * learned / GUESS
        windows.append(window(loss, accuracy * (1 + more / 2), norm=2.0 * math.exp(more)))
    assert errors(fed(doctor(), windows)) == []


@given(st.integers(2, 2000))
def test_a_guesser_is_at_chance_and_twice_as_good_is_not_taken_for_one(speakers: int) -> None:
    segments = STEPS * BATCH * 5
    limit = chance_limit(segments, 1 / speakers)
    assert binom.sf(limit, segments, 1 / speakers) < 0.003
    if speakers <= 100:  # with more, so many segments don't tell
        assert binom.cdf(limit, segments, 2 / speakers) < 0.001


def test_a_loss_that_rises_and_stays_is_found_and_a_rise_that_passes_is_not() -> None:
    down = [window(GUESS - 0.1 * number) for number in range(30)]  # to 3.5
    assert fed(doctor(), [*down, window(9.0), window(9.0), *down[-10:]]) == []
    (number, found), *_ = fed(doctor(), [*down, *[window(7.0)] * 5])
    assert (number, found.name, found.severity) == (33, "loss far above its best", "error")
    assert "its best (step 1500): 7 against 3.7 nats" in found.text


def test_a_loss_above_that_of_guessing_is_an_error_only_when_something_should_have_been_learned() -> None:
    made = doctor(steps=10_000)
    found = fed(made, [window(GUESS + 3, accuracy=1 / SPEAKERS)] * 60)
    assert errors(found) == ["loss far above its best"]
    number, error = next((number, one) for number, one in found if one.severity == "error")
    assert number * STEPS > 2000
    assert "above that of guessing" in error.text


def test_accuracy_that_falls_to_chance_is_an_error_and_one_that_never_left_it_a_warning() -> None:
    learned = [window(GUESS - 0.5, accuracy=0.02)] * 10
    guessing = [window(GUESS, accuracy=1 / SPEAKERS)] * 60
    found = fed(doctor(), [*learned, *guessing])
    assert errors(found) == names(found) == ["accuracy fallen to chance"]
    assert "of the last 8000 segments right, where guessing gets 13; it had been 0.02" in found[0][1].text
    made = doctor(steps=10_000)
    (number, never), *more = fed(made, guessing)
    assert (never.name, never.severity, more) == ("accuracy still at chance", "warning", [])
    assert 2000 < number * STEPS <= 2100
    assert not made.sound


def test_a_slow_learner_near_chance_is_left_alone() -> None:
    near = [window(GUESS - 0.05, accuracy=accuracy) for accuracy in (0.0015, 0.003, 0.002, 0.0035) * 20]
    assert errors(fed(doctor(), near)) == []


def test_gradients_that_rise_are_told_once_and_exploded_ones_are_an_error_where_nothing_is_learned() -> None:
    calm = [window(4.0)] * 25
    found = fed(doctor(), [*calm, *[window(4.0, norm=70.0)] * 8])
    assert names(found) == ["gradients rising"]
    assert "the gradient norm rises: 70 in the last windows" in found[0][1].text
    assert fed(doctor(), [window(4.0, norm=0.01)] * 25 + [window(4.0, norm=0.5)] * 8) == []
    found = fed(doctor(), [window(GUESS, accuracy=1 / SPEAKERS, norm=1e7)] * 6)
    assert errors(found) == ["gradients exploded"]


def test_units_and_utterances_are_warned_of_while_nothing_is_learned_and_a_final_collapse_is_an_error() -> None:
    at_chance = [window(GUESS, accuracy=1 / SPEAKERS)]
    early = fed(doctor(), at_chance, Units(32, 0.006, 0.0, 0.62))
    assert names(early) == ["utterances alike", "units stuck"]
    assert "0.006 of their squared length differs" in early[0][1].text
    assert "62% of the head's hidden units" in early[1][1].text
    assert fed(doctor(), at_chance, Units(32, 0.034, 0.0, 0.45)) == []
    assert fed(doctor(), [window(3.0)], Units(32, 0.006, 0.0, 0.62)) == []
    found = fed(doctor(), at_chance * 6, Units(32, 0.005, 0.0, 1.0))
    assert [(number, one.name) for number, one in found if one.severity == "error"] == [
        (5, "nothing left to learn from")
    ]


def test_validation_far_below_training_is_a_warning_that_keeps_no_state_from_being_healthy() -> None:
    made = doctor()
    fed(made, [window(0.5, accuracy=0.9)] * 5)
    assert made.judge_validation(250, 1.0, 0.6, 800) == []
    (found,) = made.judge_validation(300, 5.0, 0.3, 800)
    assert "0.3 of 800 segments right, 0.9 there" in found.text
    assert made.sound
    assert made.judge_validation(350, 5.0, 0.3, 800) == []  # told once while it stands
    assert made.judge_validation(4000, 1.0, 0.6, 800) == []
    assert [one.name for one in made.judge_validation(4050, 5.0, 0.3, 800)] == ["validation below training"]
    assert made.judge_validation(400, 5.0, 0.0, 2) == []


@pytest.mark.parametrize(
    ("before", "last", "units"),
    [
        (window(3.0), window(9.0), FINE),
        (window(3.0), window(3.0, norm=1e6), FINE),
        (window(GUESS, 1 / SPEAKERS), window(GUESS, 1 / SPEAKERS), Units(32, 0.03, 0.0, 1.0)),
    ],
    ids=["loss", "gradients", "units"],
)
def test_a_state_on_the_way_down_is_none_to_go_back_to(before: Sums, last: Sums, units: Units) -> None:
    made = doctor()
    fed(made, [before] * 10)
    assert made.sound
    assert [one for one in made.judge_window(550, last, units) if one.severity == "error"] == []
    assert not made.sound


def test_a_memory_that_was_written_and_read_finds_the_same() -> None:
    down = [window(GUESS - 0.1 * number) for number in range(30)]
    up = [window(7.0)] * 5
    whole, halved = doctor(), doctor()
    expected = fed(whole, [*down, *up])
    fed(halved, [*down, *up[:1]])
    resumed = doctor()
    resumed.memory = msgspec.json.decode(msgspec.json.encode(halved.memory), type=Memory)
    assert fed(resumed, up[1:], first=32) == expected
    assert resumed.memory == whole.memory


def test_a_new_cosine_may_begin_with_a_higher_loss() -> None:
    made = doctor()
    fed(made, [window(0.1, accuracy=0.95)] * 30)
    made.expect_a_rise()
    assert fed(made, [window(4.0, accuracy=0.5)] * 10, first=31) == []


@pytest.mark.parametrize(
    ("name", "changes", "first"),
    [
        ("transformer-154k", [], "try BatchNorm before the classifier (head.kind = batchnorm_linear), a longer"),
        ("transformer-normed-154k", [], "BatchNorm before the classifier is there already"),
        (
            "transformer-154k",
            ["head.kind=cosine", "head.batch_norm=false"],
            "try BatchNorm before the classifier (head.b",
        ),
    ],
)
def test_advice_begins_with_what_the_preset_lacks(name: str, changes: list[str], first: str) -> None:
    preset = with_overrides(find_preset(name), [*changes, "optimizer.clip_norm=0"])
    text = cure(preset)
    assert text.startswith(first)
    assert "schedule.warmup_steps (now 1000)" in text
    assert "optimizer.learning_rate (now 0.001)" in text
    assert text.endswith("optimizer.clip_norm = 1")
