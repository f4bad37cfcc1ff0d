"""Screenshots in report.html: only PNG files of the evidence, within limits of size."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.evidence.result import Failure
from fixtures.report.bundle.report_files import write_report
from fixtures.report.html.render import render_html
from fixtures.report.html.screenshots import MAX_SCREENSHOT_BYTES, evidence_reader
from suites.selftest.support import report_sample as sample
from suites.selftest.support.html_reader import read_html

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.report.model.report import Report


def picture(width: int = 2, height: int = 2, padding: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(3 * width)) * min(height, 100))
    padded = chunk(b"tEXt", bytes(padding)) if padding else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + padded + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def failed_with(path: str) -> Report:
    results = sample.good_results()
    results[0] = replace(results[0], outcome="FAIL", failure=Failure("X", "x"), evidence=(path,))
    return sample.report_of(results)


def test_a_screenshot_of_the_evidence_is_embedded(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "screen.png").write_bytes(picture())
    write_report(failed_with("evidence/screen.png"), tmp_path)
    reader = read_html((tmp_path / "report.html").read_text(encoding="utf-8"))
    sources = [value for tag, name, value in reader.attributes if (tag, name) == ("img", "src")]
    assert len(sources) == 1
    assert sources[0].startswith("data:image/png;base64,iVBOR")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg onload=x>",
        picture()[:20],
        picture(100_000, 2),
        picture(2, 0),
        picture(padding=MAX_SCREENSHOT_BYTES),
    ],
    ids=["empty", "no picture", "cut off", "too wide", "flat", "too large"],
)
def test_an_unfit_picture_is_only_linked(content: bytes) -> None:
    html = render_html(failed_with("evidence/screen.png"), read=lambda _: content)
    assert "<img" not in html
    assert 'href="evidence/screen.png"' in html


@pytest.mark.parametrize("path", ["../screen.png", "/etc/screen.png", "evidence/screen.png/"])
def test_a_picture_outside_the_bundle_is_not_read(path: str) -> None:
    assert "<img" not in render_html(failed_with(path), read=lambda _: picture())


def test_a_symbolic_link_in_the_evidence_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture())
    bundle = tmp_path / "bundle"
    (bundle / "evidence").mkdir(parents=True)
    (bundle / "evidence" / "screen.png").symlink_to(tmp_path / "secret.png")
    assert evidence_reader(bundle)("evidence/screen.png") is None
    assert evidence_reader(bundle)("../secret.png") is None


def test_the_screenshots_of_a_page_have_a_total_limit() -> None:
    large = picture(padding=MAX_SCREENSHOT_BYTES - 1000)
    failure = Failure("X", "x")
    results = [
        replace(item, outcome="FAIL", failure=failure, evidence=(f"evidence/{number}/screen.png",))
        for number, item in enumerate(sample.good_results())
    ]
    assert render_html(sample.report_of(results), read=lambda _: large).count("<img") == 4
