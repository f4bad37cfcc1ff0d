"""QEMU's command line for media in drives, and for a CPU with enlightenments."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from fixtures.core.errors import LaunchFailed
from fixtures.machine.command_line.argv import command_line
from fixtures.machine.hardware import CdMedium, Disk, FdMap, Hardware
from suites.selftest.support import machine_sample

FD_MAP = FdMap(qmp=10, serial=11, port=13, agent=14, entropy=15, payloads=(12,))
DISKS = (Disk("root", Path("/w/root.qcow2"), "qcow2", "IGROOT"),)


def test_enlightenments_are_the_cpus() -> None:
    words = ("hv-relaxed", "hv-spinlocks=0x1fff")
    plain, enlightened = (
        Hardware(
            machine_sample.cell(**platform),
            Path("/q"),
            machine_sample.KVM,
            machine_sample.BIOS,
            DISKS,
            Path("/c"),
        )
        for platform in ({}, {"enlightenments": words})
    )
    for hardware, expected in ((plain, "host"), (enlightened, "host,hv-relaxed=on,hv-spinlocks=0x1fff")):
        argv = command_line(hardware, FD_MAP)
        assert argv[argv.index("-cpu") + 1] == expected


@pytest.mark.parametrize(
    ("platform", "places"),
    [
        ({"machine": "pc"}, [("ide.0", 1, 1), ("ide.1", 0, None)]),
        ({"machine": "q35"}, [("ide.1", 0, 1), ("ide.2", 0, None)]),
        ({"machine": "q35", "devices": {"disk": "nvme"}}, [("ide.0", 0, 1), ("ide.1", 0, None)]),
    ],
)
def test_media_lie_in_drives_behind_the_disks(
    platform: dict[str, object], places: list[tuple[object, ...]]
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
    made = [
        json.loads(word) for before, word in itertools.pairwise(argv) if before in {"-device", "-blockdev"}
    ]
    drives = [each for each in made if each.get("driver") == "ide-cd"]
    assert [(each["bus"], each["unit"], each.get("bootindex")) for each in drives] == places
    nodes = {each["node-name"]: each for each in made if "node-name" in each}
    assert [nodes[each["drive"]]["read-only"] for each in drives] == [True, True]
    assert [nodes[each["drive"]]["file"]["filename"] for each in drives] == ["/m/x.iso", "/w/a.iso"]


def test_more_media_than_there_are_places_for() -> None:
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
