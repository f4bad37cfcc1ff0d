"""Base images: the specified one, verified, or a MediaFault that names the defect."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from fixtures.catalog.image_sources import BuiltImage
from fixtures.core.errors import MediaFault, NoSpace
from fixtures.core.file_digest import file_digest
from fixtures.media import apt_sources, base_images
from fixtures.media.base_images import prepare, verify
from fixtures.media.image_recipe import recipe_of
from fixtures.media.overlay import create_overlay
from suites.selftest.support.machine_sample import guest, no_progress

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.media.disk_plan import DiskPlan


def qemu_img(*arguments: object) -> str:
    done = subprocess.run(["qemu-img", *map(str, arguments)], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def qcow2(tmp_path: Path) -> Path:
    """A qcow2 image with a MiB of data."""
    raw = tmp_path / "raw"
    raw.write_bytes(b"data" * (1 << 18))
    path = tmp_path / "disk.qcow2"
    qemu_img("convert", "-f", "raw", "-O", "qcow2", raw, path)
    raw.unlink()
    return path


def test_an_intact_image(qcow2: Path) -> None:
    expected = f"sha256:{hashlib.sha256(qcow2.read_bytes()).hexdigest()}"
    assert verify(qcow2, "qcow2", None, "g") == verify(qcow2, "qcow2", expected, "g") == expected


def test_a_truncated_image(qcow2: Path) -> None:
    content = qcow2.read_bytes()
    for size in (len(content) // 2, 200_000, 70_000, 1000, 80, 4):
        qcow2.write_bytes(content[:size])
        with pytest.raises(MediaFault, match=f"image of g: {qcow2} is (damaged or truncated|of format raw)"):
            verify(qcow2, "qcow2", None, "g")


def test_an_image_with_leaked_clusters_is_intact(qcow2: Path) -> None:
    """Leaked clusters waste space, but the data is complete."""
    with qcow2.open("r+b") as file:
        content = file.read()
        table = int.from_bytes(content[48:56], "big")
        block = int.from_bytes(content[table : table + 8], "big")
        unused = next(at for at in range(block, block + 65536, 2) if content[at : at + 2] == b"\0\0")
        file.seek(unused)
        file.write(b"\0\1")
        file.truncate(max(len(content), ((unused - block) // 2 + 1) * 65536))
    assert (
        subprocess.run(["qemu-img", "check", "-q", qcow2], check=False, capture_output=True).returncode == 3
    )
    verify(qcow2, "qcow2", None, "g")


def test_the_wrong_format(qcow2: Path) -> None:
    with pytest.raises(MediaFault, match="is of format qcow2, its YAML says raw"):
        verify(qcow2, "raw", None, "g")
    qcow2.write_bytes(b"\0" * 4096)
    with pytest.raises(MediaFault, match="is of format raw, its YAML says qcow2"):
        verify(qcow2, "qcow2", None, "g")


def test_the_wrong_digest(qcow2: Path) -> None:
    expected = "sha256:" + "0" * 64
    with pytest.raises(MediaFault, match=f"expected {expected}, found {file_digest(qcow2)}"):
        verify(qcow2, "qcow2", expected, "g")


def test_a_missing_image(tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match="missing does not exist"):
        verify(tmp_path / "missing", "raw", None, "g")
    with pytest.raises(MediaFault, match="is a directory"):
        verify(tmp_path, "raw", None, "g")


def test_an_image_with_data_in_another_file(qcow2: Path, tmp_path: Path) -> None:
    overlay = create_overlay(qcow2, "qcow2", tmp_path / "overlay.qcow2")
    with pytest.raises(MediaFault, match=r"has a backing file, '.*disk\.qcow2', and the digest of the"):
        verify(overlay, "qcow2", None, "g")
    split = tmp_path / "split.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-o", f"data_file={tmp_path}/data.raw", split, "1M")
    with pytest.raises(MediaFault, match="has an external data file"):
        verify(split, "qcow2", None, "g")


def test_writing_to_an_overlay_does_not_change_its_base(qcow2: Path, tmp_path: Path) -> None:
    before = file_digest(qcow2)
    qcow2.chmod(0o444)
    overlay = create_overlay(qcow2, "qcow2", tmp_path / "overlay.qcow2")
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64k", overlay], check=True, capture_output=True
    )
    assert file_digest(qcow2) == before
    information = json.loads(qemu_img("info", "--output=json", overlay))
    assert information["full-backing-filename"] == str(qcow2)
    assert information["backing-filename-format"] == "qcow2"


def test_a_local_image(qcow2: Path, tmp_path: Path) -> None:
    image = prepare(guest(path=str(qcow2)), no_progress, tmp_path / "cache")
    assert (image.path, image.format, image.source) == (qcow2, "qcow2", "disk.qcow2")
    assert image.digest == file_digest(qcow2)


def test_a_fetched_image_is_fetched_once_and_again_when_it_is_damaged(qcow2: Path, tmp_path: Path) -> None:
    spec = guest(url=qcow2.as_uri(), checksum=file_digest(qcow2))
    messages: list[str] = []
    image = prepare(spec, messages.append, tmp_path / "cache")
    assert image.path.read_bytes() == qcow2.read_bytes()
    hidden = qcow2.rename(tmp_path / "away")
    assert prepare(spec, messages.append, tmp_path / "cache") == image
    assert messages == []
    image.path.chmod(0o644)
    image.path.write_bytes(b"rot")
    hidden.rename(qcow2)
    assert prepare(spec, messages.append, tmp_path / "cache") == image
    assert file_digest(image.path) == image.digest
    assert "is damaged" in messages[0]
    assert messages[0].endswith("it is built again")


def test_a_fetched_file_of_the_wrong_format(tmp_path: Path) -> None:
    source = tmp_path / "page.html"
    source.write_text("<html>")
    with pytest.raises(MediaFault, match="has no known format, no boot sector"):
        prepare(guest(url=source.as_uri(), checksum=file_digest(source)), no_progress, tmp_path / "cache")


@pytest.fixture
def _no_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the query of apt's package sources, which takes a second."""
    monkeypatch.setattr(apt_sources, "debian_sources", lambda suite: ())


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.usefixtures("_no_apt")
def test_a_build_checks_the_free_space_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10 << 30, 9 << 30, 1 << 30))
    monkeypatch.setattr(base_images, "build_disk", lambda *_: pytest.fail("there was no space"))
    with pytest.raises(NoSpace, match=r"building nothing needs 5.0 GiB in .*; free there: 1.0 GiB"):
        prepare(guest(build="debian", suite="bookworm"), no_progress, tmp_path / "cache")


class Builder:
    """Replaces the build of an image and counts its calls."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, plan: DiskPlan, directory: Path, progress: object) -> None:
        self.count += 1
        (directory / "work").mkdir()
        (directory / "work/tree").touch()
        (directory / "disk.qcow2").write_bytes(plan.root.encode())


@pytest.mark.usefixtures("_no_apt")
def test_a_built_image_is_built_once_and_again_when_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = Builder()
    monkeypatch.setattr(base_images, "build_disk", builder)
    monkeypatch.setattr(base_images, "require_space", lambda *_: None)
    spec = guest(build="debian", suite="bookworm")
    image = prepare(spec, no_progress, tmp_path)
    assert prepare(spec, no_progress, tmp_path) == image
    assert builder.count == 1
    assert sorted(path.name for path in image.path.parent.iterdir()) == ["disk.qcow2", "image.json"]
    for damage in ("disk.qcow2", "image.json"):
        (image.path.parent / damage).unlink()
        assert prepare(spec, no_progress, tmp_path) == image
    image.path.chmod(0o644)
    image.path.write_bytes(b"rot")
    assert prepare(spec, no_progress, tmp_path) == image
    assert builder.count == 4


@pytest.mark.usefixtures("_no_apt")
def test_an_image_that_is_damaged_again_after_its_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_images, "build_disk", Builder())
    monkeypatch.setattr(base_images, "require_space", lambda *_: None)
    monkeypatch.setattr(
        base_images, "write_description", lambda directory, description: _write_wrong_digest(directory)
    )
    with pytest.raises(
        MediaFault, match="damaged again just after it was built: expected .*; is the host's disk failing"
    ):
        prepare(guest(build="debian", suite="bookworm"), no_progress, tmp_path)


def _write_wrong_digest(directory: Path) -> None:
    (directory / "image.json").write_text(json.dumps({"digest": "sha256:something else"}))


@pytest.mark.usefixtures("_no_apt")
def test_the_cache_key_depends_on_the_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = guest(build="debian", suite="bookworm")
    other = spec.model_copy(update={"login": spec.login.model_copy(update={"password": "other"})})
    image = spec.image
    assert isinstance(image, BuiltImage)
    assert recipe_of(image, spec.login) != recipe_of(image, other.login)
    assert recipe_of(image, spec.login) == recipe_of(image, spec.login)


def test_an_archive_is_refused_before_anything_boots(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(gzip.compress(bytes(1 << 20)))
    with pytest.raises(MediaFault, match=r"disk\.img is a gzip archive, not a disk image; its YAML says raw"):
        verify(path, "raw", None, "g")


def test_a_damaged_image_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "disk.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-o", "preallocation=full", path, "16M")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 4)
    with pytest.raises(MediaFault, match=r"is damaged or truncated: [^\n]+ \(and \d+ more lines\)$"):
        verify(path, "qcow2", None, "g")
