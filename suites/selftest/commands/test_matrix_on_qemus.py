"""Shards of cells on several QEMUs."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.cell_names import CellQemu
from fixtures.commands.matrix.__main__ import selection_of
from fixtures.commands.matrix.durations import Estimator, Records, records_of
from fixtures.commands.matrix.planner import plan_shards
from fixtures.commands.matrix.suite_checks import SuiteCheck, read_suite
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.run.settings import Request, Settings
from suites.selftest.support import report_sample as sample


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load([SHIPPED_GUESTS])


@pytest.fixture(scope="module")
def suite() -> dict[str, SuiteCheck]:
    return read_suite()


QEMUS = (
    CellQemu("7.2", "x86_64", Path("/usr/bin/qemu-system-x86_64")),
    CellQemu("10.0", "x86_64", Path("/opt/qemu-10/bin/qemu-system-x86_64")),
)


def test_each_qemu_has_shards_of_its_own(catalog: Catalog, suite: dict[str, SuiteCheck]) -> None:
    settings = Settings(
        Request(qemus=("qemu-system-x86_64", "/opt/qemu-10/bin/qemu-system-x86_64")),
        catalog.on(QEMUS),
        catalog.on(QEMUS).select(["debian-12"], ["q35-uefi-virtio", "pc-bios-ide#10.0"]),
        None,
    )
    check = suite["storage.write-reaches-disk"]
    plan = plan_shards(selection_of(settings, [check]), Estimator(Records()), 900.0)
    assert sorted((shard.id, shard.cell) for shard in plan.shards) == [
        ("debian-12@pc-bios-ide_10.0", "debian-12@pc-bios-ide#10.0"),
        ("debian-12@q35-uefi-virtio_10.0", "debian-12@q35-uefi-virtio#10.0"),
        ("debian-12@q35-uefi-virtio_7.2", "debian-12@q35-uefi-virtio#7.2"),
    ]
    for shard in plan.shards:
        # Every shard names all of them: its cell has its label wherever it runs.
        assert [each for each in shard.arguments if each.startswith("--qemu")] == [
            "--qemu=7.2=/usr/bin/qemu-system-x86_64",
            "--qemu=10.0=/opt/qemu-10/bin/qemu-system-x86_64",
        ]
        assert shard.narrowed == ("--guest debian-12", f"--platform {shard.cell.partition('@')[2]}")


def test_what_a_cell_took_without_a_qemu_is_expected_on_each(
    catalog: Catalog, suite: dict[str, SuiteCheck]
) -> None:
    check = "storage.write-reaches-disk"
    report = sample.report_of([sample.result(check, seconds=30.0)])
    other = sample.report_of([sample.result(check, cell="debian-12@q35-uefi-virtio", seconds=2.0)])
    estimator = Estimator(records_of([report, other, other]))
    cell = catalog.on(QEMUS).cell("debian-12@pc-bios-ide#10.0")
    assert estimator.work(suite[check], cell) == (30.0, "recorded on other cells")
