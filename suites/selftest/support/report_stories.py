"""Reports of runs with failures: one with every kind of problem, and a large one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from fixtures.catalog.specs import Level
from fixtures.evidence.result import Failure, Measure, Outcome
from fixtures.report.model.outcomes import PlannedResult
from fixtures.report.model.report import Report, assemble
from suites.selftest.support.report_sample import (
    CELLS,
    HOSTILE,
    cell_facts,
    good_results,
    host_facts,
    plan,
    report_of,
    result,
    run_info,
)


def troubled_report() -> Report:
    """Failures with hostile console output, an error, skips, a retry, a missing and an unplanned check."""
    results = {(item.check, item.cell): item for item in good_results()}
    bios, uefi = CELLS

    def change(check: str, cell: str, outcome: Outcome, **changes: Any) -> None:
        results[check, cell] = replace(results[check, cell], outcome=outcome, **changes)

    change(
        "storage.write-reaches-disk",
        uefi,
        "FAIL",
        failure=Failure(
            kind="AssertionError",
            message="assert scratch_disk.host_checksum() == written\n"
            "  expected  sha256:0d4f61c8 (what the guest wrote and flushed, 64 MiB)\n"
            "  observed  sha256:e3b07a52 (the host's disk; first difference at byte 41 943 040)",
            detail="suites/storage/test_storage.py:31: in test_write_reaches_disk\n"
            "    assert scratch_disk.host_checksum() == written\nE   AssertionError: " + HOSTILE,
            last_lines=(
                "[   14.201993] virtio_blk virtio2: [vdb] 131072 512-byte logical blocks (67.1 MB/64.0 MiB)",
                "root@debian:~# dd of=/dev/disk/by-id/virtio-scratch bs=1M oflag=direct conv=fsync",
                "64+0 records in",
                "64+0 records out",
                f"[   15.880412] {HOSTILE}",
                "67108864 bytes (67 MB, 64 MiB) copied, 0.318806 s, 210 MB/s",
            ),
            rerun_command="pytest --guest debian-12 --platform q35-uefi-virtio -k write_reaches_disk",
        ),
        evidence=(
            "evidence/debian-12@q35-uefi-virtio/1/console.txt",
            "evidence/debian-12@q35-uefi-virtio/1/qmp.jsonl",
            "javascript:alert(1)",
            "/etc/passwd",
        ),
    )
    change(
        "drivers.every-device-is-driven",
        uefi,
        "FAIL",
        failure=Failure(
            kind="AssertionError",
            message="virtio-balloon-pci at 0000:00:06.0: expected driver virtio_balloon, found none",
            rerun_command="pytest --guest debian-12 --platform q35-uefi-virtio -k every_device_is_driven",
        ),
    )
    change(
        "network.payload-intact",
        bios,
        "ERROR",
        failure=Failure(
            kind="MachineKilled",
            message="QEMU was ended by signal 9 from outside; the kernel's log shows the memory killer.",
            last_lines=("Debian GNU/Linux 12 debian ttyS0", "", "debian login:"),
        ),
    )
    change(
        "drivers.virtio-reaches-driver-ok",
        bios,
        "SKIP",
        reason=("device_absent_by_design", "The platform pc-bios-ide has no virtio device."),
    )
    change(
        "lifecycle.reset-reboots-once",
        bios,
        "SKIP",
        reason=("operator_excluded", "deselected with --exclude"),
    )
    change(
        "lifecycle.guest-reboots-once",
        uefi,
        "BLOCKED",
        reason=("channel_not_available", "The console was lost after lifecycle.shuts-down-by-acpi."),
    )
    change(
        "network.address-by-dhcp",
        uefi,
        "PASS",
        measures=(Measure("DHCP exchange", 0.0312, "s"), Measure("frames", 4, "")),
    )
    del results["lifecycle.reset-reboots-once", uefi]
    first_try = replace(
        results["boot.reaches-login", uefi],
        outcome="FAIL",
        failure=Failure("BootTimeout", "silent for 60.0 s after stage boot loader"),
    )
    outside = result("performance.disk-write", bios, level="informational", seconds=22.0)
    return report_of([first_try, *results.values(), outside])


def large_report(guests: int = 5, platforms: int = 2, checks: int = 60) -> Report:
    """Ten cells with sixty checks each, and a few of every outcome."""
    areas = ("boot", "drivers", "storage", "network", "platform", "lifecycle", "integrity")
    names = (
        "debian-12",
        "ubuntu-24.04-server",
        "fedora-41",
        "freebsd-14.1",
        "windows-server-2022",
        "alpine-3.20",
        *(f"debian-{release}-sid" for release in range(13, 40)),
    )
    kinds = ("pc-bios-ide", "q35-uefi-virtio", "q35-uefi-secure", "q35-uefi-nvme")
    cells = tuple(f"{g}@{p}" for g, p in itertools.product(names[:guests], kinds[:platforms]))
    ids = [
        f"{areas[number * len(areas) // checks]}.property-number-{number:02}-holds"
        for number in range(checks)
    ]
    levels: tuple[Level, ...] = ("mandatory", "mandatory", "recommended", "mandatory", "informational")
    pairs = [(cell, check, levels[number % 5]) for cell in cells for number, check in enumerate(ids)]
    results = []
    for number, (cell, check, level) in enumerate(pairs):
        kind = number * 7919 % 101
        outcome: Outcome = (
            "FAIL" if kind == 3 else "ERROR" if kind == 5 else "SKIP" if kind in {7, 8} else "PASS"
        )
        failed = Failure("GuestCrashed", f"panic in {check}") if outcome in {"FAIL", "ERROR"} else None
        skipped = ("device_absent_by_design", "not on this platform") if outcome == "SKIP" else None
        if kind != 11 and cell != cells[-1]:
            seconds = 0.2 + number * 31 % 97 / 9
            item = result(check, cell, outcome, level=level, seconds=seconds, failure=failed)
            results.append(replace(item, reason=skipped))  # type: ignore[arg-type]
    return assemble(
        run_info(),
        host_facts(),
        plan(*((check, levels[number % 5]) for number, check in enumerate(ids))),
        [PlannedResult(*pair) for pair in pairs],
        [cell_facts(cell) for cell in cells[:-1]],
        results,
    )
