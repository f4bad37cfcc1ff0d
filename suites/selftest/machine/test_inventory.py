"""The PCI functions of running machines and their models, with the host's QEMU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.machine.inventory import inventory
from suites.selftest.support.machine_sample import MachineBench

if TYPE_CHECKING:
    from pathlib import Path

PC = {
    "0000:00:00.0": "i440FX",
    "0000:00:01.0": "PIIX3",
    "0000:00:01.1": "piix3-ide",
    "0000:00:01.3": "PIIX4_PM",
    "0000:00:02.0": "VGA",
}
Q35 = {
    "0000:00:00.0": "mch",
    "0000:00:01.0": "VGA",
    **{f"0000:00:0{slot}.0": "pcie-root-port" for slot in range(2, 6)},
    "0000:00:1f.0": "ICH9-LPC",
    "0000:00:1f.2": "ich9-ahci",
    "0000:00:1f.3": "ICH9-SMB",
}


@pytest.mark.parametrize(("machine", "expected"), [("pc", PC), ("q35", Q35)])
def test_each_pci_function_has_its_model(tmp_path: Path, machine: str, expected: dict[str, str]) -> None:
    devices = {"disk": "ide-hd", "display": "VGA"}
    with MachineBench(tmp_path, machine=machine, devices=devices) as bench:
        bench.start()
        assert {function.address: function.model for function in inventory(bench.machine)} == expected
