"""Parts of a report with defaults, and the report of a run in which every check passed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fixtures.catalog.specs import Level, PlannedCheck, PlanSpec
from fixtures.evidence.result import CellFacts, CheckResult, Customisation, DeviceFacts, HostFacts, Outcome
from fixtures.report.model.outcomes import PlannedResult
from fixtures.report.model.report import Report, RunInfo, assemble

SHA_A = "sha256:9b1f6c2e0d5a47388e3d0f7c6b2a91540c8e7d6f5a4b3c2d1e0f9a8b7c6d5e4f"
SHA_B = "sha256:4f0c7b1aa2935de8166c0b7f2e9d8c7a6b5f4e3d2c1b0a9f8e7d6c5b4a392817"

CHECKS: dict[str, tuple[str, Level]] = {
    "boot.reaches-login": ("The guest boots from power-on to a login prompt.", "mandatory"),
    "boot.no-fatal-events": ("Nothing fatal is reported on the console or by QEMU during boot.", "mandatory"),
    "integrity.kernel-is-the-vendors": (
        "The kernel that runs is the file that the vendor signed.",
        "mandatory",
    ),
    "drivers.every-device-is-driven": ("Each device of the platform has its stock driver.", "mandatory"),
    "drivers.virtio-reaches-driver-ok": ("Each virtio device is at DRIVER_OK, as QEMU sees it.", "mandatory"),
    "storage.write-reaches-disk": ("What the guest writes and flushes is on the host's disk.", "mandatory"),
    "storage.host-pattern-reads-back": ("What the host wrote is what the guest reads.", "mandatory"),
    "network.address-by-dhcp": ("The guest takes the address that it is offered.", "mandatory"),
    "network.payload-intact": ("What crosses the network arrives unchanged, by the capture.", "recommended"),
    "lifecycle.shuts-down-by-acpi": ("The power button shuts the guest down.", "mandatory"),
    "lifecycle.guest-reboots-once": ("A reboot from inside is one reset and one boot.", "mandatory"),
    "lifecycle.reset-reboots-once": ("A reset from outside is one boot.", "recommended"),
    "integrity.base-image-unchanged": ("The base image's digest is what it was.", "mandatory"),
}

CELLS = ("debian-12@pc-bios-ide", "debian-12@q35-uefi-virtio")

_ARGV = (
    "qemu-system-x86_64",
    *("-nodefaults", "-machine", "q35,accel=kvm,smm=on", "-cpu", "host", "-smp", "2", "-m", "1G"),
    *("-drive", "if=pflash,format=qcow2,unit=0,readonly=on,file=OVMF_CODE_4M.qcow2"),
    *("-blockdev", '{"driver": "qcow2", "node-name": "root", "file": "overlay.qcow2"}'),
    *("-device", "virtio-blk-pci,drive=root,serial=root", "-display", "none", "-S"),
)

HOSTILE = "\x1b[1;31mBUG:\x1b[0m <script>alert('guest')</script> \x07\x9b31m\u202egnp.exe\ufffe"


def device(model: str, address: str, id_: str, driver: str | None, expected: str) -> DeviceFacts:
    return {"device": model, "address": address, "id": id_, "driver": driver, "expected": expected}


_VIRTIO = (
    device("virtio-blk-pci", "0000:00:03.0", "1af4:1042", "virtio_blk", "virtio_blk"),
    device("virtio-net-pci", "0000:00:04.0", "1af4:1041", "virtio_net", "virtio_net"),
    device("virtio-rng-pci", "0000:00:05.0", "1af4:1044", "virtio_rng", "virtio_rng"),
    device("virtio-balloon-pci", "0000:00:06.0", "1af4:1045", None, "virtio_balloon"),
)
_EMULATED = (
    device("piix3-ide", "0000:00:01.1", "8086:7010", "ata_piix", "ata_piix"),
    device("e1000", "0000:00:03.0", "8086:100e", "e1000", "e1000"),
)


def run_info(**changes: Any) -> RunInfo:
    info = RunInfo(
        id="0192f3c4-7a1b-7c3d-9e5f-60718293a4b5",
        started="2026-10-14T08:21:07Z",
        ended="2026-10-14T08:25:49Z",
        argv=("pytest", "--plan", "default", "-n", "2", "--bundle", "out/"),
        version="0.1.0",
        commit="e0a3b31f4c5d6e7f8091a2b3c4d5e6f708192a3b",
        dirty=False,
        python="3.11.2",
        packages=(("jinja2", "3.1.6"), ("pexpect", "4.9.0"), ("pytest", "9.0.1"), ("qemu.qmp", "0.0.6")),
        workers=2,
    )
    return replace(info, **changes)


def host_facts(**changes: Any) -> HostFacts:
    host = HostFacts(
        cpu="AMD EPYC 9354P 32-Core Processor",
        cpus=32,
        memory_bytes=128 << 30,
        system="Debian GNU/Linux 12 (bookworm)",
        kernel="6.1.0-26-amd64",
        qemu="QEMU emulator version 7.2.13 (Debian 1:7.2+dfsg-7+deb12u7)",
        accelerator="kvm",
        hardware_assisted=True,
        reasons=(
            "The CPU has svm, and /dev/kvm belongs to kvm_amd.",
            "A guest that executes cmpxchg16b, as unmodified kernels do, ran to its end.",
        ),
        firmware=(
            {"role": "bios", "path": "bios-256k.bin", "sha256": "c1" * 32},
            {"role": "uefi code", "path": "OVMF_CODE_4M.fd", "sha256": "7e" * 32},
        ),
    )
    return replace(host, **changes)


def plan(*checks: tuple[str, Level]) -> PlanSpec:
    levels = checks or tuple((check, level) for check, (_, level) in CHECKS.items())
    return PlanSpec(
        id="default",
        title="Debian 12 on QEMU, default plan",
        cells=("debian-12@*",),
        checks=tuple(PlannedCheck(id=check, level=level) for check, level in levels),
    )


def planned(cells: tuple[str, ...] = CELLS) -> tuple[PlannedResult, ...]:
    return tuple(PlannedResult(cell, check, level) for cell in cells for check, (_, level) in CHECKS.items())


def result(check: str, cell: str = CELLS[0], outcome: Outcome = "PASS", **changes: Any) -> CheckResult:
    title, level = CHECKS.get(check, ("", "mandatory"))
    area, _, name = check.partition(".")
    base = CheckResult(
        check=check,
        title=title,
        level=level,
        cell=cell,
        nodeid=f"suites/{area}/test_{area}.py::test_{name.replace('-', '_')}[{cell}]",
        outcome=outcome,
        started="2026-10-14T08:21:30.250Z",
        seconds=1.0,
        worker="gw0",
    )
    return replace(base, **changes)


def cell_facts(cell: str = CELLS[0], **changes: Any) -> CellFacts:
    uefi = "uefi" in cell
    console: Customisation = {
        "what": "console=ttyS0 on the kernel's command line",
        "how": "GRUB_CMDLINE_LINUX in /etc/default/grub",
        "when": "install",
    }
    password: Customisation = {"what": "password of root", "how": "chpasswd", "when": "install"}
    facts = CellFacts(
        cell=cell,
        guest_title="Debian GNU/Linux 12 (bookworm)",
        platform_title="q35, UEFI, virtio devices" if uefi else "i440FX, BIOS, IDE disk, e1000",
        image={
            "label": "debian-12-amd64.qcow2",
            "source": "built from the bookworm archive, snapshot 20261001T000000Z",
            "format": "qcow2",
            "digest_before": SHA_A,
            "digest_after": SHA_A,
            "customisation": [console, password],
        },
        kernel={
            "release": "6.1.0-26-amd64",
            "file": "/boot/vmlinuz-6.1.0-26-amd64",
            "sha256": "5d" * 32,
            "package": "linux-image-6.1.0-26-amd64 6.1.112-1",
            "signer": "Debian Secure Boot Signer 2022",
            "tainted": False,
        },
        devices=_VIRTIO if uefi else _EMULATED,
        boots=(
            (("firmware", 0.11), ("boot loader", 3.2), ("kernel", 4.0), ("services", 6.9), ("login", 12.6)),
            (("firmware", 0.12), ("boot loader", 3.1), ("kernel", 3.9), ("services", 6.6), ("login", 12.1)),
        )
        if uefi
        else ((("firmware", 0.1), ("boot loader", 0.9), ("kernel", 1.6), ("services", 4.2), ("login", 9.4)),),
        argv=_ARGV,
    )
    return replace(facts, **changes)


def good_results(cells: tuple[str, ...] = CELLS) -> list[CheckResult]:
    return [
        result(check, cell, seconds=round(0.4 + 1.7 * ((7 * index + 3 * column) % 11), 2))
        for column, cell in enumerate(cells)
        for index, check in enumerate(CHECKS)
    ]


def good_report(**changes: Any) -> Report:
    """Two cells with thirteen checks each; all of them passed with hardware assistance."""
    return report_of(good_results(), **changes)


def report_of(results: list[CheckResult], **changes: Any) -> Report:
    arguments: dict[str, Any] = {
        "run": run_info(),
        "host": host_facts(),
        "plan": plan(),
        "planned": planned(),
        "cells": [cell_facts(cell) for cell in CELLS],
        "results": results,
        "narrowed": (),
    }
    return assemble(**(arguments | changes))
