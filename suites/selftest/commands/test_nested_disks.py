"""The disks of ``ci/nested``: the run goes to the host on one, and its bundle comes back on another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.catalog.specs import Cell
from fixtures.commands.nested import run_disk
from fixtures.commands.nested.file_systems import make_file_system, take_directory
from fixtures.core.errors import (
    MediaFault,
)
from fixtures.media.base_images import Image
from fixtures.media.prepared_images import PreparedImages, hand_over
from suites.selftest.support.machine_sample import cell, guest, no_progress
from suites.selftest.support.paths import ROOT


def test_a_directory_comes_back_from_a_file_system(tmp_path: Path) -> None:
    content = tmp_path / "content"
    (content / "bundle/evidence/a b").mkdir(parents=True)
    (content / "bundle/report.json").write_text("{}")
    (content / "bundle/evidence/a b/answers.jsonl").write_bytes(b"\0answer" * 99_999)
    (content / "cache").mkdir()
    disk = tmp_path / "disk.raw"
    make_file_system(content, disk, 64 << 20)
    assert take_directory(disk, "bundle", tmp_path / "out")
    came = {
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert came == {"report.json", "evidence/a b/answers.jsonl"}
    assert (tmp_path / "out/evidence/a b/answers.jsonl").read_bytes() == b"\0answer" * 99_999
    assert not take_directory(disk, "cache", tmp_path / "nothing")
    assert not take_directory(disk, "absent", tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(MediaFault, match="disk small.raw of the nested host"):
        make_file_system(content, tmp_path / "small.raw", 256 << 10)


def test_the_checkout_is_handed_over_as_it_is_now(tmp_path: Path) -> None:
    run_disk.copy_project(tmp_path / "checkout")
    # This file may be new and not committed.
    assert (tmp_path / "checkout/suites/selftest/commands" / Path(__file__).name).read_bytes() == Path(
        __file__
    ).read_bytes()
    assert os.access(tmp_path / "checkout/ci/setup", os.X_OK)
    assert not list((tmp_path / "checkout/.venv").iterdir())
    script = "from fixtures.run.run_start import checkout; print(checkout())"
    command = [sys.executable, "-P", "-c", script]
    seen = [
        subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=True
        ).stdout
        for root in (ROOT, tmp_path / "checkout")
    ]
    assert seen[0].split(",")[0] == seen[1].split(",")[0]


def test_images_are_used_as_they_were_handed_over(tmp_path: Path) -> None:
    disk, handed, work = tmp_path / "disk.raw", tmp_path / "handed", tmp_path / "work"
    handed.mkdir()
    work.mkdir()
    disk.write_bytes(b"data" * 512)
    spec = guest(path=str(disk), format="raw")
    one = Cell.of(spec, cell().platform)
    image = PreparedImages(work, no_progress).image_of(one)
    hand_over(image, one, handed)
    hand_over(image, one, handed)
    disk.unlink()
    (tmp_path / "host").mkdir()
    taken = PreparedImages(tmp_path / "host", no_progress, handed_in=handed).image_of(one)
    assert taken == Image(
        handed / f"image-{spec.id}.disk", "raw", image.digest, image.source, image.customisations
    )
    (handed / f"image-{spec.id}.disk").write_bytes(b"else" * 512)
    (tmp_path / "next").mkdir()
    with pytest.raises(MediaFault, match=r"expected sha256:\w+, found sha256:\w+"):
        PreparedImages(tmp_path / "next", no_progress, handed_in=handed).image_of(one)
