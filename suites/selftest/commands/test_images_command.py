"""ci/images: list, fetch, verify and prune, with a server on this host and a cache of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from fixtures.catalog.catalog import Catalog
from fixtures.commands.images.command import Images, main, with_other_catalogs
from fixtures.core.project import PROJECT_ROOT, SHIPPED_GUESTS
from fixtures.media.fetched_images import Network
from fixtures.media.image_use import hold
from suites.selftest.support.publishing_server import PublishingServer, publishing_server, stalls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RAW = bytes(510) + b"\x55\xaa" + bytes(1 << 20)
GUEST = """\
id: {id}
title: A guest
system: linux
arch: x86_64
image: {image}
platforms: [pc-bios-ide]
console: serial
login: {{user: root}}
drivers: {{}}
"""
ONLINE, OFFLINE = Network(), Network(is_offline=True)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishingServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with publishing_server() as running:
        running.files |= {
            "/disk.img": RAW,
            "/sums": f"{hashlib.sha256(RAW).hexdigest()}  disk.img\n".encode(),
        }
        yield running


@pytest.fixture
def guests(tmp_path: Path) -> Path:
    directory = tmp_path / "guests"
    directory.mkdir()
    return directory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "ironguest"


def describe(guests: Path, name: str, image: str) -> None:
    (guests / f"{name}.yaml").write_text(GUEST.format(id=name, image=image))


def images(guests: Path, root: Path, network: Network = ONLINE) -> Images:
    """The images of the guests in a directory alone: the shipped ones have to be asked from apt."""
    catalog = Catalog.load([SHIPPED_GUESTS, guests])
    own = {name: catalog.guests[name] for name in catalog.guests if (guests / f"{name}.yaml").exists()}
    return Images(dataclasses.replace(catalog, guests=own), network, root)


def test_from_nothing_to_a_verified_image(
    server: PublishingServer,
    guests: Path,
    root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # The rows contain the paths of a temporary directory.
    describe(guests, "fetched", f"{{url: '{server.url()}', checksum_file: sums}}")
    assert images(guests, root, OFFLINE).show(("*",)) == 0
    assert "fetched  not in the cache  -" in capsys.readouterr().out
    assert images(guests, root, OFFLINE).fetch(["fetched"]) == 1
    error = capsys.readouterr().err
    assert "is not in the cache, and offline nothing is fetched; it needs http" in error
    assert server.requests == []

    assert images(guests, root).fetch(["fet*"]) == 0
    captured = capsys.readouterr()
    assert f"fetched: sha256:{hashlib.sha256(RAW).hexdigest()}, http" in captured.out
    assert "its checksum is from http" in captured.err
    assert images(guests, root, OFFLINE).fetch(["fetched"]) == 0
    assert images(guests, root, OFFLINE).show(["fetched"]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert "in the cache" in row
    assert " UTC" in row
    assert images(guests, root, OFFLINE).verify(("*",)) == 0
    assert "  intact  (http" in capsys.readouterr().out


def test_a_failure_does_not_keep_the_others_away(
    server: PublishingServer, guests: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checksum = f"sha256:{hashlib.sha256(RAW).hexdigest()}"
    describe(guests, "a-gone", f"{{url: '{server.url('/gone')}', checksum: '{checksum}'}}")
    describe(guests, "b-fetched", f"{{url: '{server.url()}', checksum: '{checksum}'}}")
    assert images(guests, root).fetch(["*"]) == 1
    captured = capsys.readouterr()
    assert "ci/images: image of a-gone: the download failed: http" in captured.err
    assert "b-fetched: sha256:" in captured.out


def test_damage_is_found(
    server: PublishingServer, guests: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(guests, "fetched", f"{{url: '{server.url()}', checksum_file: sums}}")
    describe(guests, "local", "{path: disk.raw, checksum: 'sha256:" + "0" * 64 + "'}")
    (guests / "disk.raw").write_bytes(RAW)
    images(guests, root).fetch(["fetched"])
    disk = root / "images" / hashlib.sha256(RAW).hexdigest() / "disk"
    disk.chmod(0o644)
    disk.write_bytes(b"rot")
    capsys.readouterr()
    assert images(guests, root).verify(("*",)) == 1
    captured = capsys.readouterr()
    assert "DAMAGED: expected sha256:" in captured.out
    assert "its next use makes it again" in captured.err
    assert "image of local: " in captured.err
    assert images(guests, root).fetch(["fetched"]) == 0
    assert images(guests, root).verify(["fetched"]) == 0


def test_only_what_no_guest_and_no_run_uses_is_removed(
    server: PublishingServer, guests: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checksums = {}
    for name in ("kept", "held", "unused"):
        content = RAW + name.encode()
        server.files[f"/{name}"] = content
        checksums[name] = hashlib.sha256(content).hexdigest()
        describe(guests, name, f"{{url: '{server.url(f'/{name}')}', checksum: 'sha256:{checksums[name]}'}}")
    images(guests, root).fetch(["*"])
    partial = root / "images" / f"{'f' * 64}.download"
    partial.write_bytes(b"part")
    fetching = root / "images" / f"{'e' * 64}.download"
    fetching.write_bytes(b"part")
    for name in ("held", "unused"):
        (guests / f"{name}.yaml").unlink()
    held = root / "images" / checksums["held"] / "disk"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(held)],
        cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None, "expected a pipe"
    assert holder.stdout.readline() == b"True\n"
    try:
        capsys.readouterr()
        assert images(guests, root).show(("*",)) == 0
        assert "4 entries that no guest here uses" in capsys.readouterr().out
        assert images(guests, root).prune(is_dry=True) == 0
        assert (root / "images" / checksums["unused"]).is_dir()
        with FileLock(root / "images" / f"{'e' * 64}.lock"):
            assert images(guests, root).prune(is_dry=False) == 0
        lines = capsys.readouterr().out
        assert f"{checksums['held'][:12]}  in use, kept" in lines
        assert f"{'e' * 12}  in use, kept" in lines
        assert f"{checksums['unused'][:12]}  removed" in lines
    finally:
        holder.communicate()
    left = {path.name for path in (root / "images").iterdir() if path.suffix not in {".lock", ".verified"}}
    assert left == {checksums["kept"], checksums["held"], fetching.name}
    images(guests, root).prune(is_dry=False)
    assert not held.exists()
    assert not hold(held)


HOLD = """
import sys
from pathlib import Path
from fixtures.media.image_use import hold
print(hold(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def test_states_of_files(guests: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (guests / "disk.raw").write_bytes(RAW)
    describe(guests, "file", "{path: disk.raw}")
    describe(guests, "gone", "{path: gone.raw}")
    describe(guests, "unset", "{path: '${IRONGUEST_TEST_UNSET}/a.raw'}")
    describe(guests, "blank", "{blank: 1M}")
    describe(guests, "medium", "{install: windows, medium: a.iso, index: 1}")
    (guests / "medium.yaml").write_text(
        (guests / "medium.yaml").read_text().replace("linux", "windows").replace("serial", "sac")
        .replace("{user: root}", "{user: Admin, password: secret-12}")
    )  # fmt: skip
    assert images(guests, root).show(("*",)) == 0
    out = capsys.readouterr().out
    rows = {
        line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines() if not line.startswith(" ")
    }
    assert rows["file"].startswith("a file of yours 1")
    assert rows["gone"].startswith("cannot be found")
    assert rows["unset"].startswith("cannot be found")
    assert rows["blank"].startswith("not in the cache")
    assert rows["medium"].startswith("installed on demand")


def test_images_of_the_other_shipped_guests_are_kept(guests: Path) -> None:
    describe(guests, "mine", "{path: disk.raw}")
    catalog = Catalog.load([SHIPPED_GUESTS, guests])
    assert {"mine", "freedos", "rocky-9"} <= set(with_other_catalogs(catalog, [guests]).guests)
    (guests / "freedos.yaml").write_text((SHIPPED_GUESTS / "examples/freedos.yaml").read_text())
    known = with_other_catalogs(Catalog.load([SHIPPED_GUESTS, guests]), [guests]).guests
    assert "debian-12-agent" not in known
    assert {"freedos", "rocky-9"} <= set(known)


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["steal"], ["fetch"], ["list", "debian-21"], ["prune", "--again"]):
        assert main(arguments) == 4
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("ci/images: ") for line in lines] == [True] * 5
    assert "guest 'debian-21' is not described" in lines[3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_the_partial_download_and_nothing_else(
    server: PublishingServer, guests: Path, root: Path, number: int
) -> None:
    checksum = hashlib.sha256(RAW).hexdigest()
    describe(guests, "fetched", f"{{url: '{server.url()}', checksum: 'sha256:{checksum}'}}")
    server.answers = [stalls(100_000, RAW)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(root.parent), "TMPDIR": str(guests.parent)}
    process = subprocess.Popen(
        [PROJECT_ROOT / "ci/images", "fetch", "--guests-dir", guests, "fetched"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    partial = root / "images" / f"{checksum}.download"
    while not partial.exists() or partial.stat().st_size == 0:
        assert process.poll() is None, process.communicate()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "ci/images: interrupted; a partial download is kept, and resumed the next time\n"
    names = {path.name for path in (root / "images").iterdir()}
    assert names == {f"{checksum}.lock", partial.name, f"{partial.name}.json"}
    assert images(guests, root).fetch(["fetched"]) == 0
    assert server.requests[-1][1]["Range"], f"expected a resumed download, found {server.requests[-1]}"
