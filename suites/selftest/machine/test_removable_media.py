"""QEMU's command line for CD media and for a CPU with Hyper-V enlightenments or AMD-V."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.core.errors import LaunchFailed
from fixtures.machine.command_line.argv import command_line
from fixtures.machine.hardware import CdMedium, Disk, FdMap, Hardware
from suites.selftest.support import machine_sample

if TYPE_CHECKING:
    from fixtures.host.acceleration import Accelerator

FD_MAP = FdMap(qmp=10, serial=11, port=13, agent=14, entropy=15, payloads=(12,))
DISKS = (Disk("root", Path("/w/root.qcow2"), "qcow2", "IGROOT"),)


def test_enlightenments_are_cpu_options() -> None:
    enlightenments = ("hv-relaxed", "hv-spinlocks=0x1fff")
    plain, enlightened = (
        Hardware(
            machine_sample.cell(**platform),
            Path("/q"),
            machine_sample.KVM,
            machine_sample.BIOS,
            DISKS,
            Path("/c"),
        )
        for platform in ({}, {"enlightenments": enlightenments})
    )
    for hardware, expected in ((plain, "host"), (enlightened, "host,hv-relaxed=on,hv-spinlocks=0x1fff")):
        argv = command_line(hardware, FD_MAP)
        assert argv[argv.index("-cpu") + 1] == expected


WITHOUT_XSAVE = (
    "xsave=off,xsaveopt=off,xsavec=off,xgetbv1=off,avx=off,avx2=off,fma=off,f16c=off,vaes=off,vpclmulqdq=off"
    ",pku=off"
)


@pytest.mark.parametrize(
    ("accelerator", "platform", "cpu"),
    [
        (machine_sample.TCG, {"nested": True}, f"max,svm=on,npt=on,{WITHOUT_XSAVE}"),
        (machine_sample.TCG, {"hypervisor": "hidden"}, "max,hypervisor=off,kvm=off,tcg-cpuid=off"),
        (machine_sample.TCG, {}, "max"),
        (machine_sample.TCG, {"nested": True, "cpu": "EPYC,+svm"}, "EPYC,+svm"),
        (machine_sample.KVM, {"nested": True}, "host"),
    ],
)
def test_the_cpu_of_a_guest_that_is_a_hypervisor(
    accelerator: Accelerator, platform: dict[str, Any], cpu: str
) -> None:
    hardware = Hardware(
        machine_sample.cell(**platform), Path("/q"), accelerator, machine_sample.BIOS, DISKS, Path("/c")
    )
    argv = command_line(hardware, FD_MAP)
    assert argv[argv.index("-cpu") + 1] == cpu


@pytest.mark.parametrize(
    ("platform", "addresses"),
    [
        ({"machine": "pc"}, [("ide.0", 1, 1), ("ide.1", 0, None)]),
        ({"machine": "q35"}, [("ide.1", 0, 1), ("ide.2", 0, None)]),
        ({"machine": "q35", "devices": {"disk": "nvme"}}, [("ide.0", 0, 1), ("ide.1", 0, None)]),
    ],
)
def test_cd_media_follow_the_disks_on_the_ata_controller(
    platform: dict[str, object], addresses: list[tuple[object, ...]]
) -> None:
    media = (CdMedium("installation", Path("/m/x.iso"), boot=True), CdMedium("answers", Path("/w/a.iso")))
    hardware = Hardware(
        machine_sample.cell(**platform),
        Path("/q"),
        machine_sample.TCG,
        machine_sample.BIOS,
        DISKS,
        Path("/c"),
        media,
    )
    argv = command_line(hardware, FD_MAP)
    devices = [
        json.loads(word) for before, word in itertools.pairwise(argv) if before in {"-device", "-blockdev"}
    ]
    drives = [device for device in devices if device.get("driver") == "ide-cd"]
    assert [(drive["bus"], drive["unit"], drive.get("bootindex")) for drive in drives] == addresses
    nodes = {node["node-name"]: node for node in devices if "node-name" in node}
    assert [nodes[drive["drive"]]["read-only"] for drive in drives] == [True, True]
    assert [nodes[drive["drive"]]["file"]["filename"] for drive in drives] == ["/m/x.iso", "/w/a.iso"]


def test_more_cd_media_than_ata_devices() -> None:
    media = tuple(CdMedium(str(number), Path("/m")) for number in range(4))
    hardware = Hardware(
        machine_sample.cell(),
        Path("/q"),
        machine_sample.TCG,
        machine_sample.BIOS,
        DISKS,
        Path("/c"),
        media,
    )
    with pytest.raises(
        LaunchFailed, match="platform bare: cannot add the medium 3 as ATA device 5: machine pc has"
    ):
        command_line(hardware, FD_MAP)
