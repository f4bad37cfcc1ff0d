"""Platforms that extend others, and platforms that the command line varies."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.catalog import platform_variants
from fixtures.catalog.catalog import Catalog
from fixtures.catalog.platform_variants import PlatformPattern
from fixtures.catalog.specs import PlatformSpec
from fixtures.core.errors import CatalogError

BASE = """\
id: base
title: Base
machine: q35
firmware: uefi
cpu: host
cpus: 2
memory: 1G
devices:
  disk: virtio-blk-pci
  nic: virtio-net-pci
  input: [usb-kbd, usb-tablet]
  usb: qemu-xhci
"""
CHILD = "id: child\ntitle: Child\nextends: base\n"
GUEST = """\
id: g
title: Guest
system: linux
arch: x86_64
image: {build: debian, suite: bookworm}
platforms: [base]
console: serial
login: {user: root}
drivers: {}
"""


@pytest.fixture
def guests_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "guests"
    (root / "platforms").mkdir(parents=True)
    (root / "g.yaml").write_text(GUEST)
    (root / "platforms/base.yaml").write_text(BASE)
    return root


def load_catalog(guests_directory: Path, **platforms: str) -> Catalog:
    for name, text in platforms.items():
        (guests_directory / f"platforms/{name}.yaml").write_text(text)
    return Catalog.load([guests_directory])


def error_lines(guests_directory: Path, **platforms: str) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(guests_directory, **platforms)
    return caught.value.message.splitlines()


def test_a_role_with_one_or_several_models(guests_directory: Path) -> None:
    base = load_catalog(guests_directory).platforms["base"]
    assert base.devices["input"] == ("usb-kbd", "usb-tablet")
    assert base.model("disk") == "virtio-blk-pci"
    assert base.models == ("virtio-blk-pci", "virtio-net-pci", "usb-kbd", "usb-tablet", "qemu-xhci")


def test_several_network_cards_of_equal_or_different_models(guests_directory: Path) -> None:
    text = CHILD + "devices: {nic: [e1000e, vmxnet3, e1000e]}\n"
    assert load_catalog(guests_directory, child=text).platforms["child"].devices["nic"] == (
        "e1000e",
        "vmxnet3",
        "e1000e",
    )


def test_a_platform_without_own_values_equals_the_extended_one(guests_directory: Path) -> None:
    catalog = load_catalog(guests_directory, child=CHILD)
    base, child = catalog.platforms["base"], catalog.platforms["child"]
    own = {"id": "child", "title": "Child", "extends": "base"}
    assert child == base.model_copy(update=own)


def test_own_values_replace_inherited_ones_and_devices_merge_by_role(guests_directory: Path) -> None:
    text = CHILD + "cpus: 4\ndevices: {nic: e1000e, input: usb-mouse, rng: virtio-rng-pci}\n"
    child = load_catalog(guests_directory, child=text).platforms["child"]
    assert (child.cpus, child.memory, child.firmware) == (4, 1 << 30, "uefi")
    assert child.devices == {
        "disk": ("virtio-blk-pci",),
        "nic": ("e1000e",),
        "input": ("usb-mouse",),
        "usb": ("qemu-xhci",),
        "rng": ("virtio-rng-pci",),
    }


def test_none_removes_a_role(guests_directory: Path) -> None:
    child = load_catalog(guests_directory, child=CHILD + "devices: {input: none, usb: none}\n").platforms[
        "child"
    ]
    assert set(child.devices) == {"disk", "nic"}


def test_a_platform_extends_one_that_extends_another_in_any_directory(
    guests_directory: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine/platforms"
    mine.mkdir(parents=True)
    (mine / "a.yaml").write_text("id: a\ntitle: A\nextends: child\nmemory: 2G\n")
    (guests_directory / "platforms/child.yaml").write_text(CHILD + "cpus: 4\n")
    platform = Catalog.load([guests_directory, mine.parent]).platforms["a"]
    assert (platform.cpus, platform.memory, platform.model("disk")) == (4, 2 << 30, "virtio-blk-pci")


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("extends: bse", ["3: extends: platform 'bse' is not described; did you mean 'base'?"]),
        ("extends: 5", ["3: extends: expected the id of a platform"]),
        ("extends: child", ["3: extends: a platform cannot extend itself: child -> child"]),
        ("extends: base\ncpus: 0", ["4: cpus: expected at least 1; found 0"]),
        ("extends: base\ncpu:", ["4: cpu: expected text; found nothing"]),
        ("extends: base\ncups: 4", ["4: key 'cups' is unknown; did you mean 'cpus'?"]),
        ("extends: base\ndevices: []", ["4: devices: expected a mapping of keys to values; found an empty list"]),
        ("extends: base\ndevices: {dsk: none}", ["4: devices.dsk: none removes an inherited role; no role 'dsk' is inherited"]),
        ("extends: base\ndevices:\n  rng: none", ["5: devices.rng: none removes an inherited role; no role 'rng' is inherited"]),
        ("extends: base\ndevices: {disk: none}", ["4: devices: expected the role 'disk', which the guest boots from; found none"]),
        ("extends: base\ndevices: {usb: none}", ["4: devices.input: usb-kbd needs the role 'usb': a controller, like qemu-xhci", "4: devices.input: usb-tablet needs the role 'usb': a controller, like qemu-xhci"]),
        ("extends: base\ndevices: {disk: scsi-hd}", ["4: devices.disk: scsi-hd needs the role 'scsi': an adapter, like virtio-scsi-pci"]),
        ("extends: base\ndevices: {disk: [nvme, nvme]}", ["4: devices.disk: expected one model; found 2"]),
        ("extends: base\ndevices: {disk: []}", ["4: devices.disk: expected a device model, or a list of them"]),
        ("extends: base\ndevices: {disk: [1]}", ["4: devices.disk: expected a device model, or a list of them"]),
        ("extends: base\nmachine: pc\nfirmware: uefi-secure", ["5: firmware: uefi-secure needs machine q35; found 'pc'"]),
        ("extends: base\nmachine: pc\ndevices: {watchdog: itco}", ["5: devices.watchdog: itco needs machine q35; found 'pc'"]),
    ],
)  # fmt: skip
def test_a_mistake_has_the_line_of_the_file_with_the_mistake(
    guests_directory: Path, text: str, messages: list[str]
) -> None:
    expected = [f"guests/platforms/child.yaml:{message}" for message in messages]
    assert error_lines(guests_directory, child=f"id: child\ntitle: Child\n{text}\n") == expected


def test_none_in_a_platform_that_extends_nothing(guests_directory: Path) -> None:
    text = BASE.replace("id: base", "id: x").replace("nic: virtio-net-pci", "nic: none")
    assert error_lines(guests_directory, x=text) == [
        "guests/platforms/x.yaml:10: devices.nic: none removes an inherited role; no role 'nic' is inherited"
    ]


def test_a_cycle_is_reported_for_the_platforms_in_it(guests_directory: Path) -> None:
    texts = {
        name: f"id: {name}\ntitle: X\nextends: {parent}\n"
        for name, parent in (("a", "b"), ("b", "a"), ("c", "a"))
    }
    assert error_lines(guests_directory, **texts) == [
        "guests/platforms/a.yaml:3: extends: a platform cannot extend itself: a -> b -> a",
        "guests/platforms/b.yaml:3: extends: a platform cannot extend itself: b -> a -> b",
        "guests/platforms/c.yaml:3: extends: platform 'a' has errors itself",
    ]


def test_an_inherited_mistake_is_reported_once(guests_directory: Path) -> None:
    assert error_lines(guests_directory, base=BASE.replace("cpus: 2", "cpus: 0"), child=CHILD) == [
        "guests/platforms/base.yaml:6: cpus: expected at least 1; found 0",
        "guests/platforms/child.yaml:3: extends: platform 'base' has errors itself",
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], [PlatformPattern("*")]),
        (["a,b", "c"], [PlatformPattern("a"), PlatformPattern("b"), PlatformPattern("c")]),
        (["a,nic=e1000e"], [PlatformPattern("a", (("nic", "e1000e"),))]),
        (["q35-*, nic = e1000e , cpus=4"], [PlatformPattern("q35-*", (("cpus", "4"), ("nic", "e1000e")))]),
        (["a,nic=x", "b", "a,nic=y"], [PlatformPattern("b"), PlatformPattern("a", (("nic", "x"),)), PlatformPattern("a", (("nic", "y"),))]),
        (["a,nic=x,cpus=2", "a,cpus=2,nic=x"], [PlatformPattern("a", (("cpus", "2"), ("nic", "x")))]),
    ],
)  # fmt: skip
def test_platform_patterns(values: list[str], expected: list[PlatformPattern]) -> None:
    assert list(platform_variants.parse_patterns(values)) == expected


AMBIGUOUS = "platform: expected one id or glob and then axes, like q35-uefi-virtio,nic=e1000e; found {!r}; for several platforms repeat the option"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a,b,nic=x", AMBIGUOUS.format("a,b,nic=x")),
        ("a,nic=x,b", AMBIGUOUS.format("a,nic=x,b")),
        ("nic=x", AMBIGUOUS.format("nic=x")),
        (",nic=x", AMBIGUOUS.format(",nic=x")),
        ("a,,b", "platform: expected ids or globs separated by commas; found 'a,,b'"),
        ("a,nik=x", "platform 'a,nik=x': axis 'nik' is unknown; did you mean 'nic'?"),
        ("a,id=x", "platform 'a,id=x': axis 'id' is unknown; known: balloon, cpu, cpus, disk, display, firmware, generation-id, hypervisor, input, iommu, machine, memory, nested, nic, panic, rng, sata, scsi, serial-port, shared-folder and 5 more"),
        ("a,nic=x,nic=y", "platform 'a,nic=x,nic=y': axis 'nic' is given twice; join models with +"),
        ("a,nic=", "platform 'a,nic=': axis 'nic' has no value"),
    ],
)  # fmt: skip
def test_invalid_platform_patterns(value: str, message: str) -> None:
    with pytest.raises(CatalogError) as caught:
        platform_variants.parse_patterns([value])
    assert caught.value.message == message


def test_a_varied_platform_is_a_cell_of_its_own(guests_directory: Path) -> None:
    catalog = load_catalog(guests_directory)
    plain, varied = catalog.select([], ["base", "base,nic=e1000e,memory=2G,input=usb-kbd+usb-mouse"])
    assert plain.id == "g@base"
    assert varied.id == "g@base,input=usb-kbd+usb-mouse,memory=2G,nic=e1000e"
    own = {"id": varied.platform.id, "title": "Base; input=usb-kbd+usb-mouse,memory=2G,nic=e1000e"}
    devices = {**plain.platform.devices, "nic": ("e1000e",), "input": ("usb-kbd", "usb-mouse")}
    assert varied.platform == plain.platform.model_copy(
        update={**own, "extends": "base", "memory": 2 << 30, "devices": devices}
    )
    assert isinstance(varied.platform, PlatformSpec)


def test_a_glob_varies_every_platform_that_it_matches(guests_directory: Path) -> None:
    text = GUEST.replace("[base]", "[base, child]")
    (guests_directory / "g.yaml").write_text(text)
    cells = load_catalog(guests_directory, child=CHILD).select([], ["*,cpus=4"])
    assert [(cell.id, cell.platform.cpus) for cell in cells] == [("g@base,cpus=4", 4), ("g@child,cpus=4", 4)]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("base,cpus=none", "platform base,cpus=none: cpus: expected a whole number; found 'none'"),
        ("base,cpus=100", "platform base,cpus=100: cpus: expected at most 64; found 100"),
        ("base,memory=5", "platform base,memory=5: memory: expected a size with its unit, like 64M or 1G; found 5"),
        ("base,firmware=efi", "platform base,firmware=efi: firmware: expected 'bios', 'uefi' or 'uefi-secure'; found 'efi'"),
        ("base,rng=none", "platform base,rng=none: devices.rng: none removes an inherited role; no role 'rng' is inherited"),
        ("base,disk=scsi-hd", "platform base,disk=scsi-hd: devices.disk: scsi-hd needs the role 'scsi': an adapter, like virtio-scsi-pci"),
        ("base,rng=a+b", "platform base,rng=a+b: devices.rng: expected one model; found 2"),
        ("base,nic=a+", "platform base,nic=a+: devices.nic: expected a device model, or a list of them"),
        ("bse,nic=a", "platform 'bse' is not described; did you mean 'base'?"),
    ],
)  # fmt: skip
def test_a_variation_must_be_a_valid_platform(guests_directory: Path, value: str, message: str) -> None:
    with pytest.raises(CatalogError) as caught:
        load_catalog(guests_directory).select([], [value])
    assert caught.value.message == message


def test_dependent_roles_can_be_varied_together(guests_directory: Path) -> None:
    (cell,) = load_catalog(guests_directory).select(
        [], ["base,disk=scsi-hd,scsi=virtio-scsi-pci,input=none,usb=none"]
    )
    assert set(cell.platform.devices) == {"disk", "nic", "scsi"}
