"""The files of the gallery's guests with a real kernel, taken from the image of the guest ``debian-12-busybox``.

Nothing in them is changed. The kernel is unpacked on the host, which takes a third of the time of a boot under
software emulation. A kit stays in the cache, so one image is built and unpacked once for all tests.
"""

from __future__ import annotations

import gzip
import lzma
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fixtures.catalog.catalog import Catalog
from fixtures.core.file_digest import file_digest
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.host.qemu import find_qemu_img
from fixtures.host.tools import require_tool
from fixtures.media import disk_layout
from fixtures.media.base_images import prepare
from fixtures.media.cache import Cache, cache_key
from suites.selftest.support.machine_sample import no_progress

GUEST = "debian-12-busybox"
_XZ = b"\xfd7zXZ\x00"
_CORE_START, _CORE_SIZE = 1 << 20, 1 << 20
_DISK_SIZE = disk_layout.ROOT_START + (32 << 20)
_ROOT_UUID = "06d5e1a4-5f0b-4a39-9f0e-9a8b4d1c7e21"


@dataclass(frozen=True)
class KernelKit:
    """The directory of a kit. The properties are the paths of its files."""

    directory: Path

    @property
    def kernel(self) -> Path:
        """The kernel as an ELF program, which QEMU starts by the entry for PVH."""
        return self.directory / "vmlinux"

    @property
    def packed_kernel(self) -> Path:
        """The kernel as Debian ships it, which QEMU starts as a boot loader does; it uses the VGA screen."""
        return self.directory / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        """The initramfs as a cpio archive that is not packed."""
        return self.directory / "initramfs.cpio"

    def module(self, name: str) -> bytes:
        """A module of the kernel: ``virtio_console`` or ``crc32c_generic``."""
        return (self.directory / f"{name}.ko").read_bytes()

    def grub_disk(self, directory: Path, configuration: str, archive: bytes, missing: str = "") -> Path:
        """A disk in ``directory`` on which GRUB boots with this grub.cfg, without its module ``missing``.

        The kernel is ``/boot/vmlinuz``, the initramfs ``/boot/initrd.img``, and ``archive`` is ``/boot/script.img``.
        """
        boot = directory / "root" / "boot"
        boot.mkdir(parents=True)
        shutil.unpack_archive(self.directory / "grub.tar", boot / "grub")
        for name in ("vmlinuz", "initrd.img"):
            shutil.copyfile(self.directory / name, boot / name)
        (boot / "script.img").write_bytes(archive)
        (boot / "grub" / "grub.cfg").write_text(configuration)
        if missing:
            (boot / "grub" / "i386-pc" / f"{missing}.mod").unlink()
        disk = directory / "grub.raw"
        size = disk_layout.partition(disk, _DISK_SIZE)
        disk_layout.create_root_file_system(disk, directory, "root", _ROOT_UUID, size)
        disk_layout.install_bios_boot(
            disk, (self.directory / "boot.img").read_bytes(), (self.directory / "core.img").read_bytes()
        )
        return disk


@cache
def kernel_kit() -> KernelKit:
    """The kit of the guest's present image; it is made, and the image built, if they are not in the cache."""
    image = prepare(Catalog.load([SHIPPED_GUESTS]).guests[GUEST], no_progress)
    key = cache_key({"image": image.digest, "kit": file_digest(Path(__file__))})
    return KernelKit(
        Cache("gallery").entry(
            key, lambda directory: _fill(image.path, directory), "kernels of the gallery", no_progress
        )
    )


def _fill(image: Path, directory: Path) -> None:
    for name in ("vmlinuz", "initrd.img"):
        shutil.copyfile(image.with_name(name), directory / name)
    packed = (directory / "vmlinuz").read_bytes()
    # The packed kernel is followed by the checksum that ends the file.
    kernel = lzma.LZMADecompressor().decompress(packed[packed.index(_XZ) :])
    (directory / "vmlinux").write_bytes(kernel)
    (directory / "initramfs.cpio").write_bytes(gzip.decompress((directory / "initrd.img").read_bytes()))
    disk = directory / "disk.raw"
    subprocess.run([find_qemu_img(), "convert", "-O", "raw", image, disk], check=True)
    with disk.open("rb") as file:
        (directory / "boot.img").write_bytes(file.read(disk_layout.SECTOR))
        file.seek(_CORE_START)
        (directory / "core.img").write_bytes(file.read(_CORE_SIZE))
    release = next(
        line for line in _debugfs(disk, "ls -p /lib/modules").split("/") if line.endswith("-amd64")
    )
    modules = f"/lib/modules/{release}/kernel"
    for module in ("drivers/char/virtio_console.ko", "crypto/crc32c_generic.ko"):
        _debugfs(disk, f"dump {modules}/{module} {directory / Path(module).name}")
    grub = directory / "grub"
    grub.mkdir()
    _debugfs(disk, f"rdump /boot/grub/i386-pc {grub}")
    shutil.make_archive(str(grub), "tar", grub)
    shutil.rmtree(grub)
    disk.unlink()


def _debugfs(disk: Path, request: str) -> str:
    """The answer of debugfs to a request about the root file system of ``disk``."""
    source = f"{disk}?offset={disk_layout.ROOT_START}"
    done = subprocess.run(
        [require_tool("debugfs"), "-R", request, source], capture_output=True, text=True, check=True
    )
    return done.stdout
