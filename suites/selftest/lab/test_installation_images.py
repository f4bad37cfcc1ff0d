"""Installed images in the cache: installed once, complete or not at all, and read-only."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import InstallerNotStarted, InstallerRefused, MediaAbsent, MediaFault
from fixtures.core.file_digest import file_digest
from fixtures.lab.installation.installer import recipe_of
from fixtures.media.iso import write_iso
from fixtures.media.prepared_images import PreparedImages
from suites.selftest.support.inner_run import PROJECT
from suites.selftest.support.installed_sample import KEY, PASSWORD, install, installed, installer
from suites.selftest.support.machine_sample import no_progress
from suites.selftest.support.simulated_installer import SimulatedInstaller

GOOD = SimulatedInstaller(starts=2)
MACHINE = {"machine": "q35", "devices": {"disk": "ide-hd"}}


def disk_of(image: Path, raw: Path) -> bytes:
    subprocess.run(["qemu-img", "convert", "-O", "raw", image, raw], check=True)
    return raw.read_bytes()


def entries(directory: Path) -> list[str]:
    """The entries of the cache, without their lock files and the records of their verification."""
    files = (directory / "cache/images").iterdir()
    return sorted(path.name for path in files if path.suffix not in {".lock", ".verified"})


def test_an_image_is_installed_once_and_kept(tmp_path: Path) -> None:
    medium = GOOD.write(tmp_path / "medium.iso")
    messages: list[str] = []
    image = install(tmp_path, medium, messages, product_key=KEY)
    assert disk_of(image.path, tmp_path / "raw")[512] == 2
    assert (image.format, image.digest) == ("qcow2", file_digest(image.path))
    assert image.source == f"installed from medium.iso ({file_digest(medium)}) on bare"
    assert ("a product key is set", "autounattend.xml") in image.customisations
    assert not image.path.stat().st_mode & 0o222
    later_messages: list[str] = []
    assert install(tmp_path, medium, later_messages, product_key=KEY) == image
    assert later_messages == ["medium medium.iso: taking its digest"]
    assert [line for line in messages if line.startswith("image")] == [
        "image nothing@bare: installing from medium.iso; this takes a while",
        "image nothing@bare: installed",
    ]


def test_no_secret_stays_in_a_file(tmp_path: Path) -> None:
    messages: list[str] = []
    image = install(tmp_path, GOOD.write(tmp_path / "medium.iso"), messages, product_key=KEY)
    assert not any((tmp_path / "work").rglob("*.iso"))
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".iso"]
    assert image.path in files
    assert [
        path for path in files if PASSWORD.encode() in path.read_bytes() or KEY.encode() in path.read_bytes()
    ] == []
    assert not any(PASSWORD in line or KEY in line for line in messages)


def test_a_damaged_image_is_installed_again(tmp_path: Path) -> None:
    medium = GOOD.write(tmp_path / "medium.iso")
    image = install(tmp_path, medium, [])
    image.path.chmod(0o600)
    image.path.write_bytes(b"damaged")
    messages: list[str] = []
    reinstalled = install(tmp_path, medium, messages)
    assert disk_of(reinstalled.path, tmp_path / "raw")[512] == 2
    assert any("is damaged" in line for line in messages)


def test_two_threads_install_an_image_once(tmp_path: Path) -> None:
    medium = GOOD.write(tmp_path / "medium.iso")
    messages: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(install, tmp_path, medium, messages) for _ in range(2)]
        first, second = (job.result() for job in jobs)
    assert first == second
    assert messages.count("image nothing@bare: installed") == 1
    assert len(entries(tmp_path)) == 1


def test_a_failed_installation_leaves_only_evidence(tmp_path: Path) -> None:
    medium = SimulatedInstaller(words="IRONGUEST-SETUP failed: no such edition\r\n").write(
        tmp_path / "medium.iso"
    )
    for _ in range(2):
        with pytest.raises(InstallerRefused, match="no such edition") as caught:
            install(tmp_path, medium, [])
        assert entries(tmp_path) == []
    assert caught.value.postmortem is not None
    paths = dict(caught.value.postmortem.paths)
    assert "no such edition" in Path(paths["console"]).read_text()


def test_a_killed_installation_starts_again(tmp_path: Path) -> None:
    medium = SimulatedInstaller(starts=1).write(tmp_path / "medium.iso")
    command = [sys.executable, "-m", "suites.selftest.support.installed_sample", str(tmp_path), str(medium)]
    with subprocess.Popen(command, cwd=PROJECT) as process:
        deadline = Deadline.after(60.0)
        while not list(tmp_path.glob("cache/images/.*.partial/disk.qcow2")) and not deadline.expired:
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
        process.send_signal(signal.SIGKILL)
    assert [name[-8:] for name in entries(tmp_path)] == [".partial"]
    image = install(tmp_path, medium, [])
    assert disk_of(image.path, tmp_path / "raw")[512] == 1
    assert len(entries(tmp_path)) == 1


def test_a_medium_that_the_firmware_cannot_boot_is_named(tmp_path: Path) -> None:
    medium = GOOD.write(tmp_path / "medium.iso")
    platform = {**MACHINE, "firmware": "uefi", "memory": "256M"}
    with pytest.raises(
        InstallerNotStarted, match="the firmware could not start medium.iso, and is in its own shell"
    ):
        installer(tmp_path, [])(*installed(medium, platform))


def test_inputs_that_make_another_image(tmp_path: Path) -> None:
    medium = GOOD.write(tmp_path / "medium.iso")
    other = SimulatedInstaller(starts=1).write(tmp_path / "other.iso")

    def recipe(path: Path = medium, platform: dict[str, object] | None = None, **image: object) -> str:
        return json.dumps(recipe_of(*installed(path, {**MACHINE, **(platform or {})}, **image), no_progress))

    same = recipe()
    assert recipe() == same
    # The location, the timeouts, and devices that an installed system does not depend on do not matter.
    (tmp_path / "elsewhere").mkdir()
    moved = medium.rename(tmp_path / "elsewhere/moved.iso")
    assert recipe(moved, within="1min") == same
    assert recipe(moved, {"cpus": 2, "memory": "32M", "devices": {"disk": "ide-hd", "nic": "e1000e"}}) == same
    others = [
        recipe(other),
        recipe(moved, index=2),
        recipe(moved, locale="de-DE"),
        recipe(moved, size="2M"),
        recipe(moved, product_key=KEY),
        recipe(moved, {"firmware": "uefi"}),
        recipe(moved, {"machine": "pc"}),
        recipe(moved, {"devices": {"disk": "nvme"}}),
    ]
    assert len({same, *others}) == len(others) + 1


def test_a_medium_with_another_checksum_is_refused(tmp_path: Path) -> None:
    medium = GOOD.write(tmp_path / "medium.iso")
    wrong = f"sha256:{'0' * 64}"
    with pytest.raises(MediaFault, match=f"medium.iso: expected {wrong}, found {file_digest(medium)}"):
        install(tmp_path, medium, [], checksum=wrong)
    assert install(tmp_path, medium, [], checksum=file_digest(medium)).format == "qcow2"


def test_the_answers_include_drivers_that_the_platform_needs(tmp_path: Path) -> None:
    medium, drivers = GOOD.write(tmp_path / "medium.iso"), tmp_path / "virtio-win.iso"
    files = {
        "viostor/2k22/amd64/viostor.inf": b"",
        "viostor/2k22/amd64/viostor.pdb": b"",
        "NetKVM/w10/x": b"",
    }
    write_iso(drivers, "VIRTIO-WIN", files)
    offered = {"path": str(drivers), "folder": "2k22"}
    accelerated = {**MACHINE, "devices": {"disk": "virtio-blk-pci"}}
    image = installer(tmp_path, [])(*installed(medium, accelerated, drivers=offered))
    assert (
        "virtio-win's driver viostor is offered to Setup and installed",
        "autounattend.xml",
    ) in image.customisations
    plain = installer(tmp_path, [])(*installed(medium, MACHINE, drivers=offered))
    assert not any("virtio-win" in change for change, _ in plain.customisations)
    assert plain.path != image.path
    missing = {**MACHINE, "devices": {"disk": "virtio-blk-pci", "nic": "virtio-net-pci"}}
    with pytest.raises(
        MediaFault, match=r"expected a driver \(\*\.inf\) in NetKVM/2k22/amd64; found nothing"
    ):
        installer(tmp_path, [])(*installed(medium, missing, drivers=offered))


def test_a_failed_installation_is_not_repeated_in_a_run(tmp_path: Path) -> None:
    medium = SimulatedInstaller(words="IRONGUEST-SETUP failed: no such edition\r\n").write(
        tmp_path / "medium.iso"
    )
    messages: list[str] = []
    (tmp_path / "run").mkdir()
    images = PreparedImages(tmp_path / "run", messages.append, installer(tmp_path, messages))
    for _ in range(2):
        with pytest.raises(InstallerRefused, match="no such edition"):
            images.image_of(installed(medium)[0])
    assert len([line for line in messages if "installing from" in line]) == 1


def test_missing_media_are_skips(tmp_path: Path) -> None:
    images = PreparedImages(tmp_path, no_progress)
    gone, unset = tmp_path / "gone.iso", "${NO_SUCH_VARIABLE}/windows.iso"
    cases = [
        (installed(gone), f"the installation medium {gone} does not exist"),
        (installed(tmp_path), f"the installation medium {tmp_path} is no file"),
        (
            installed(Path(unset)),
            f"the installation medium is {unset}, and the environment variable NO_SUCH_VARIABLE is not set",
        ),
        (
            installed(GOOD.write(tmp_path / "medium.iso"), features=str(gone)),
            f"the medium of the features on demand {gone} does not exist",
        ),
        (
            installed(tmp_path / "medium.iso", product_key="${NO_SUCH_VARIABLE}"),
            "the product key needs the environment variable NO_SUCH_VARIABLE",
        ),
    ]
    for (cell, _), message in cases:
        with pytest.raises(MediaAbsent) as caught:
            images.image_of(cell)
        assert (caught.value.message, caught.value.reason) == (message, "license_media_absent")
    assert list(tmp_path.glob("image-*")) == []


def test_an_existing_installed_image_is_used(tmp_path: Path) -> None:
    path = tmp_path / "windows.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"], check=True)
    cell, _ = installed(tmp_path / "gone.iso", installed=str(path))
    image = PreparedImages(tmp_path, no_progress).image_of(cell)
    assert (image.path, image.digest) == (path, file_digest(path))
    assert [change for change, _ in image.customisations] == ["installed and configured before it came here"]
