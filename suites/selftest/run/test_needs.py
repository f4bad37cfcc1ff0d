"""Which checks apply to which guests, and the skip texts of the others."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.specs import Cell
from fixtures.report.model.outcomes import NOT_APPLICABLE
from fixtures.run.check_outcome import skip_reason
from fixtures.run.needs import lacking
from fixtures.systems.base.system import CAPABILITIES
from fixtures.systems.registry import missing_capabilities
from suites.selftest.support import machine_sample
from suites.selftest.support.paths import ROOT

SHIPPED = Catalog.load([ROOT / "guests"])


def cell(**guest: Any) -> Cell:
    """A cell of a guest without a shell; keyword arguments change the guest."""
    base = machine_sample.cell(devices={"disk": ["ide-hd"], "display": ["VGA"], "nic": ["e1000"]})
    screen = {"ready": "ready", **guest.pop("screen", {})}
    fields = {"id": "x", "title": "X", "system": "none", "arch": "x86_64", "image": {"blank": "1M"}}
    fields |= {"platforms": ["bare"], "console": "vga-text", "screen": screen}
    return Cell.of(type(base.guest).model_validate(fields | guest), base.platform)


def test_a_guest_with_a_shell_lacks_only_what_its_yaml_does_not_describe() -> None:
    debian = SHIPPED.cell("debian-12@pc-bios-ide")
    assert [lacking(debian, needs) for needs in ([], ["shell"], ["nothing"], ["power-button"])] == [None] * 4
    assert (
        lacking(debian, ["screen"]) == "not_described: needs a description of the screen (key 'screen'),"
        " which the YAML of debian-12 does not describe"
    )


def test_a_check_without_the_marker_needs_a_shell() -> None:
    assert lacking(cell(), []) == "no_shell_by_design: needs a shell, which x does not have"
    assert lacking(cell(), ["nothing"]) is None


@pytest.mark.parametrize(
    ("need", "more"),
    [
        ("answer", {"screen": {"probe": {"press": "x", "expect": "y"}}}),
        ("driven", {"drivers": {"e1000": "its own"}}),
        ("power-button", {"screen": {"powers_off": True}}),
    ],
)
def test_a_described_capability_is_checked(need: str, more: dict[str, Any]) -> None:
    text = lacking(cell(), [need])
    assert text is not None
    assert text.startswith("not_described: needs ")
    assert text.endswith(", which the YAML of x does not describe")
    assert lacking(cell(**more), [need]) is None


def test_a_device_of_another_platform_is_not_driven_here() -> None:
    assert lacking(cell(drivers={"virtio-net-pci": "its own", "e1000": "none"}), ["driven"]) is not None


def test_a_machine_without_a_display() -> None:
    bare = Cell.of(cell().guest, machine_sample.cell().platform)
    assert (
        lacking(bare, ["screen", "display"])
        == "device_absent_by_design: needs a display, which bare does not have"
    )


def test_a_guest_with_addresses_in_its_seed_asks_for_none_by_dhcp() -> None:
    account = {"user": "tester", "password": "secret"}
    assert lacking(cell(), ["dhcp"]) is None
    assert lacking(cell(seed={"nocloud": {**account, "network": "dhcp"}}), ["dhcp"]) is None
    static = {"addresses": ["10.0.2.15/24"]}
    assert lacking(cell(seed={"nocloud": {**account, "network": static}}), ["dhcp"]) == (
        "not_in_profile: needs a network by DHCP instead of addresses in its seed (key"
        " 'seed.nocloud.network'), which x does not have"
    )


def test_a_guest_on_another_console_may_leave_its_display_idle() -> None:
    assert lacking(cell(), ["display"]) is None
    assert (
        lacking(cell(console="serial"), ["display"])
        == "not_described: needs a console on the display (key 'console'), which the YAML of x does not describe"
    )


def test_reads_of_a_floppy_are_not_counted() -> None:
    floppy = {"path": "/nowhere/x.img", "format": "raw", "drive": "floppy"}
    assert lacking(cell(), ["io-counters"]) is None
    assert lacking(cell(image=floppy, screen={"sends_frames": True}), ["io-counters"]) is None
    assert lacking(cell(image=floppy), ["io-counters"]) == (
        "not_in_profile: needs a boot drive other than a floppy, or frames that the guest sends"
        " (key 'screen.sends_frames'), which x does not have"
    )


def test_reason_codes_are_known_and_mean_not_applicable() -> None:
    for text in (lacking(cell(), []), lacking(cell(), ["answer"])):
        reason = skip_reason(text or "")
        assert reason is not None
        assert reason[0] in NOT_APPLICABLE


def test_an_unknown_need_is_an_error_in_the_check() -> None:
    with pytest.raises(ValueError, match="a check needs luck; expected some of shell"):
        lacking(cell(), ["luck"])


@pytest.mark.parametrize(
    ("need", "windows", "bsd"),
    [
        ("disk-tools", None, None),
        ("rebind", None, None),
        (
            "ext4",
            "not_in_profile: Windows has no file system ext4",
            "not_in_profile: FreeBSD has no journal for",
        ),
        (
            "interrupts",
            "not_in_profile: Windows has no count of each",
            "channel_not_available: Ironguest has",
        ),
        ("reload", None, "not_in_profile: FreeBSD's drivers are part of its kernel"),
        ("panic", "channel_not_available: Ironguest has no way to have Windows crash", None),
    ],
)
def test_a_system_gives_the_reason_for_what_it_cannot_do(
    need: str, windows: str | None, bsd: str | None
) -> None:
    for system, start in (("linux", None), ("windows", windows), ("bsd", bsd)):
        text = missing_capabilities(system).get(need)
        assert (text is None) == (start is None)
        assert text is None or (start is not None and text.startswith(start))


@pytest.mark.parametrize("system", ["windows", "bsd"])
def test_what_a_system_cannot_do_is_a_known_need_with_a_known_reason_code(system: str) -> None:
    assert set(missing_capabilities(system)) <= set(CAPABILITIES)
    assert all(skip_reason(text) is not None for text in missing_capabilities(system).values())


def test_windows_has_disk_tools_and_no_ext4() -> None:
    windows = SHIPPED.cell("windows-server-2022@q35-uefi-inbox")
    assert lacking(windows, ["shell", "disk-tools"]) is None
    assert lacking(windows, ["shell", "disk-tools", "ext4"]) == missing_capabilities("windows")["ext4"]


def test_a_guest_agent_needs_a_port_as_well() -> None:
    text = (
        "not_described: needs QEMU's guest agent in the guest (key 'agent'),"
        " which the YAML of debian-12 does not describe"
    )
    debian = SHIPPED.cell("debian-12@q35-uefi-virtio")
    assert lacking(debian, ["shell", "agent"]) == text
    agent = debian.guest.model_copy(update={"agent": True})
    assert lacking(Cell.of(agent, debian.platform), ["shell", "agent"]) is None
    bare = Cell.of(agent, SHIPPED.cell("debian-12@pc-bios-ide").platform)
    text = "device_absent_by_design: needs a port for QEMU's guest agent, which pc-bios-ide does not have"
    assert lacking(bare, ["shell", "agent"]) == text


def test_nested_virtualization_needs_a_platform_that_offers_it_and_a_64_bit_kernel() -> None:
    nested = SHIPPED.cell("debian-12@q35-uefi-nested")
    assert lacking(nested, ["shell", "kvm", "nested"]) is None
    other = SHIPPED.cell("debian-12@q35-uefi-virtio")
    assert lacking(other, ["shell", "kvm", "nested"]) == (
        "device_absent_by_design: needs VT-x or AMD-V for its guest (key 'nested'), which q35-uefi-virtio does not"
        " have"
    )
    old = Cell.of(nested.guest.model_copy(update={"arch": "i386"}), nested.platform)
    assert lacking(old, ["nested"]) == "not_in_profile: needs a 64-bit kernel, which debian-12 does not have"
