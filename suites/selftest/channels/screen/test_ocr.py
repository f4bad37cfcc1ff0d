"""Screenshots: text recognition, changed blocks and colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fixtures.channels.screen.displays import FramebufferDisplay, VgaDisplay
from fixtures.channels.screen.ocr import count_changed_blocks, count_colours, recognize_text, with_numbers
from fixtures.core.deadline import Deadline
from fixtures.core.errors import HostFault, MissingTool, SuiteFault
from suites.selftest.support.machine_sample import MachineBench
from suites.selftest.support.screen_sample import printing, screen


def picture(path: Path, size: tuple[int, int] = (20, 10), **pixels: Any) -> Path:
    """A black picture; ``x3y4=(r, g, b)`` colours a pixel."""
    image = Image.new("RGB", size)
    for name, colour in pixels.items():
        x, y = name[1:].split("y")
        image.putpixel((int(x), int(y)), colour)
    image.save(path)
    return path


def test_the_text_of_a_screenshot_is_recognized(tmp_path: Path) -> None:
    """The same screen gives the same text from its picture and from the VGA card's text memory."""
    with screen(tmp_path, printing("\r\nInsert disk 2 and press ENTER\r\n")) as (bench, console):
        assert console.wait_for([b"ENTER"], Deadline.after(60.0)) == 0
        exact = VgaDisplay(bench.machine, tmp_path).read_screen()
        display = FramebufferDisplay(bench.machine, tmp_path)
        recognized = display.read_screen()
        assert (exact.kind, recognized.kind) == ("text", "picture")
        assert "Insert disk 2 and press ENTER" in exact.lines
        assert "Insert disk 2 and press ENTER" in recognized.lines


@pytest.mark.parametrize(
    ("recognized", "line"),
    [
        (
            "xc STOP: OxQQ00007B (OxF8955640, OxCO000034 , OxO0000000)",
            "xc STOP: 0x0000007B (0xF8955640, 0xC0000034 , 0x00000000)",
        ),
        ("[   12 .3456O8] BUG: unable to handle", "[   12.345608] BUG: unable to handle"),
        ("[    3.141599] Oops: O002 [#1] PREEMPT SMP", "[    3.141599] Oops: 0002 [#1] PREEMPT SMP"),
        ("Oxford, Oxbow and OX: OQ", "Oxford, Oxbow and OX: OQ"),
        ("[  OK  ] Reached target . OOOOOO", "[  OK  ] Reached target . OOOOOO"),
    ],
)
def test_the_zeros_of_numbers_are_digits(recognized: str, line: str) -> None:
    assert with_numbers(recognized) == line


def test_an_unchanged_picture_is_not_recognized_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MachineBench(tmp_path) as bench:
        display = FramebufferDisplay(bench.machine, tmp_path)
        screenshots = [
            picture(tmp_path / "a.png", x1y0=(255, 0, 0)).read_bytes(),
            picture(tmp_path / "a.png", x1y0=(255, 0, 0)).read_bytes(),
            picture(tmp_path / "a.png", x2y0=(255, 0, 0)).read_bytes(),
        ]
        monkeypatch.setattr(
            "fixtures.channels.screen.displays.screendump",
            lambda machine, path: path.write_bytes(screenshots.pop(0)),
        )
        first, second, third = display.read_screen(), display.read_screen(), display.read_screen()
    assert first is second
    assert third is not second


def test_an_empty_picture_has_no_text(tmp_path: Path) -> None:
    assert recognize_text(picture(tmp_path / "a.png", (720, 400))) == []


def test_a_missing_tesseract_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.host.tools._SYSTEM_DIRECTORIES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="apt-get install tesseract-ocr"):
        recognize_text(picture(tmp_path / "a.png"))


def test_files_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(HostFault, match=r"a\.png: tesseract cannot read the picture"):
        recognize_text(tmp_path / "a.png")
    with pytest.raises(SuiteFault, match=r"a\.png: expected a picture"):
        count_colours(tmp_path / "a.png")


def test_changed_blocks_are_counted(tmp_path: Path) -> None:
    white = (255, 255, 255)
    dark = picture(tmp_path / "a.png", (64, 64))
    cursor: dict[str, Any] = {f"x{x}y{y}": white for x in range(9, 18) for y in (14, 15)}
    assert count_changed_blocks(dark, dark) == 0
    assert count_changed_blocks(dark, picture(tmp_path / "b.png", (64, 64), **cursor)) == 2
    text: dict[str, Any] = {f"x{x}y{x % 16}": white for x in range(64)}
    assert count_changed_blocks(dark, picture(tmp_path / "b.png", (64, 64), **text)) == 8
    assert count_changed_blocks(dark, picture(tmp_path / "b.png", (32, 64))) == 32


def test_colours_are_counted(tmp_path: Path) -> None:
    assert count_colours(picture(tmp_path / "a.png")) == 1
    assert count_colours(picture(tmp_path / "a.png", x0y0=(1, 0, 0), x1y0=(0, 1, 0))) == 3
