"""The picture of an utterance in a terminal: half blocks, labels at its sides, and no size that it can't bear."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from spk_tui.mel_image import pixels
from spk_tui.widgets.mel_picture import MARGIN, MelFrames, MelPicture, band_labels, hertz_words, seconds_line


class Gallery(App[None]):
    """One picture that fills the terminal."""

    def compose(self) -> ComposeResult:
        yield MelPicture()


def some_frames(frames: int = 60, bands: int = 40) -> MelFrames:
    values = np.random.default_rng(1).normal(size=(frames, bands))
    return MelFrames(values, frames / 100, [100.0 * (band + 1) for band in range(bands)])


async def test_each_character_shows_two_pixels() -> None:
    async with Gallery().run_test(size=(40, 11)) as pilot:
        picture = pilot.app.query_one(MelPicture)
        shown = some_frames()
        picture.frames = shown
        await pilot.pause()
        wanted = pixels(shown.columns, 40 - MARGIN, 20)
        for row in (0, 4, 9):
            cells = [segment for segment in picture.render_line(row) if "▀" in segment.text]
            column = 0
            for cell in cells:
                assert cell.style is not None
                assert cell.style.color is not None
                assert cell.style.bgcolor is not None
                for _ in cell.text:
                    assert cell.style.color.triplet == tuple(wanted[2 * row, column])
                    assert cell.style.bgcolor.triplet == tuple(wanted[2 * row + 1, column])
                    column += 1
            assert column == 40 - MARGIN
        assert picture.render_line(0).text.startswith("3.9 kHz ▀")
        assert picture.render_line(10).text.split() == ["0", "0.5", "s"]


@pytest.mark.parametrize("size", [(1, 1), (8, 2), (16, 3), (20, 4), (300, 80)])
@pytest.mark.parametrize("frames", [1, 2, 700])
async def test_every_size_and_length_can_be_drawn(size: tuple[int, int], frames: int) -> None:
    async with Gallery().run_test(size=size) as pilot:
        picture = pilot.app.query_one(MelPicture)
        picture.frames = some_frames(frames, bands=3)
        await pilot.pause()
        assert all(picture.render_line(row).cell_length == size[0] for row in range(size[1]))
        picture.frames = None
        await pilot.pause()
        assert not picture.render_line(0).text.strip()


def test_bands_are_called_by_their_number_where_no_frequency_is_known() -> None:
    frames = MelFrames(np.zeros((10, 40)), 0.1)
    assert band_labels(frames, 20)[0] == "mel 40"
    assert min(band_labels(frames, 20).values(), key=lambda text: int(text[4:])) == "mel 8"
    assert band_labels(some_frames(), 20)[16] == "800 Hz"
    assert (hertz_words(49.6), hertz_words(1234.0)) == ("50 Hz", "1.2 kHz")


def test_seconds_stand_where_they_are() -> None:
    line = seconds_line(4.0, 40)
    assert (line.index("0"), line.index("2"), len(line)) == (0, 20, 40)
    assert line.endswith("4 s")
    assert seconds_line(0.0, 20).strip() == "0 s"
