"""QEMU takes the seed's medium on every bus: a read-only disk, a CD, or an item of its firmware configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.instance.seed_medium import create_seed, keep_seed, planned_seed
from suites.selftest.support import machine_sample
from suites.selftest.support.described_instance import described_instance

if TYPE_CHECKING:
    from pathlib import Path

BUSES: dict[str, dict[str, Any]] = {
    "IDE": {"devices": {"disk": "ide-hd"}},
    "AHCI": {"machine": "q35", "devices": {"disk": "ide-hd"}},
    "an AHCI controller": {"machine": "q35", "devices": {"disk": "ide-hd", "sata": "ich9-ahci"}},
    "virtio-blk": {"machine": "q35", "devices": {"disk": "virtio-blk-pci"}},
    "virtio-scsi": {"machine": "q35", "devices": {"disk": "scsi-hd", "scsi": "virtio-scsi-pci"}},
    "lsi53c895a": {"devices": {"disk": "scsi-hd", "scsi": "lsi53c895a"}},
    "NVMe": {"machine": "q35", "devices": {"disk": "nvme"}},
    "USB": {"machine": "q35", "devices": {"disk": "usb-storage", "usb": "qemu-xhci"}},
}


def start(instance: GuestInstance) -> GuestInstance:
    """A machine with the guest's seed, paused."""
    seed = planned_seed(instance.cell, instance.directories.work)
    hardware = replace(instance.hardware, seed=seed)
    create_seed(hardware)
    instance.end()
    started = GuestInstance(hardware, instance.image, replace(instance.directories, keep=True))
    started.machine.start()
    return started


@pytest.mark.parametrize("bus", BUSES)
def test_a_seed_for_cloud_init(bus: str, tmp_path: Path) -> None:
    description: dict[str, Any] = {"seed": {"nocloud": {}}}
    with described_instance(tmp_path, machine_sample.HANG, description, **BUSES[bus]) as instance:
        instance.keep_files()
        started = start(instance)
        try:
            nodes = started.machine.execute("query-named-block-nodes", {"flat": True})
            (node,) = [node for node in nodes if node["node-name"] == "seed"]
            assert (node["ro"], node["drv"]) == (True, "raw")
            assert node["image"]["filename"].endswith("seed.iso")
        finally:
            started.end()


def test_a_seed_for_ignition(tmp_path: Path) -> None:
    description: dict[str, Any] = {"seed": {"ignition": {}}}
    with described_instance(tmp_path, machine_sample.HANG, description) as instance:
        instance.keep_files()
        started = start(instance)
        try:
            (word,) = [word for word in started.machine.argv if word.startswith("name=opt/com.coreos/config")]
            assert word.endswith("seed.ign")
        finally:
            started.end()


def test_the_evidence_has_the_seed_without_the_hash(tmp_path: Path) -> None:
    with described_instance(
        tmp_path, machine_sample.HANG, {"seed": {"nocloud": {"hostname": "x"}}}
    ) as instance:
        keep_seed(instance.cell.guest, tmp_path / "machine")
    files = {path.name: path.read_text() for path in (tmp_path / "machine" / "seed").iterdir()}
    assert sorted(files) == ["meta-data", "user-data"]
    assert "hashed_passwd: <redacted>" in files["user-data"]
    assert "$6$" not in "".join(files.values())
