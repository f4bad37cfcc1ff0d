"""A run verifies each base image once, and the next run verifies it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.specs import Cell
from fixtures.core.errors import MediaFault
from fixtures.core.file_digest import file_digest
from fixtures.media.fetched_images import Network
from fixtures.media.prepared_images import PreparedImages
from suites.selftest.support.machine_sample import cell, guest, no_progress

if TYPE_CHECKING:
    from pathlib import Path


def test_processes_of_a_run_share_verified_images(tmp_path: Path) -> None:
    disk, run, next_run = tmp_path / "disk.raw", tmp_path / "run", tmp_path / "next"
    run.mkdir()
    next_run.mkdir()
    disk.write_bytes(b"data" * 512)
    spec = guest(path=str(disk), format="raw", checksum=file_digest(disk))
    image = PreparedImages(run, no_progress).image_of(Cell.of(spec, cell().platform))
    assert (image.path, image.digest) == (disk, file_digest(disk))
    disk.write_bytes(b"else" * 512)
    # The run verifies the digest again at its end. Processes that join before use the recorded image.
    assert PreparedImages(run, no_progress).image_of(Cell.of(spec, cell().platform)) == image
    with pytest.raises(MediaFault, match=r"expected sha256:\w+, found sha256:\w+"):
        PreparedImages(next_run, no_progress).image_of(Cell.of(spec, cell().platform))
    assert [path.name for path in run.iterdir()] == [f"image-{spec.id}.json"]
    assert list(next_run.iterdir()) == []


def test_offline_all_missing_images_are_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "disk.raw").write_bytes(b"data" * 512)
    specs = [
        guest(url="http://127.0.0.1:9/a", checksum="sha256:" + "a" * 64).model_copy(update={"id": "one"}),
        guest(url="http://127.0.0.1:9/b", checksum_file="S").model_copy(update={"id": "two"}),
        guest(path=str(tmp_path / "disk.raw"), format="raw").model_copy(update={"id": "local"}),
    ]
    cells = [Cell.of(spec, cell().platform) for spec in specs]
    PreparedImages(tmp_path, no_progress).require_cached(cells)
    with pytest.raises(MediaFault) as caught:
        PreparedImages(tmp_path, no_progress, network=Network(is_offline=True)).require_cached(cells)
    assert caught.value.message.splitlines() == [
        f"image of {name}: is not in the cache, and offline nothing is fetched; it needs http://127.0.0.1:9/{file}"
        for name, file in (("one", "a"), ("two", "b"))
    ]
