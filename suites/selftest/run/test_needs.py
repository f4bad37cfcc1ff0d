"""Which checks apply to which guests, and in which words they do not."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.specs import Cell
from fixtures.report.model.outcomes import NOT_APPLICABLE
from fixtures.run.fault import skip_reason
from fixtures.run.needs import lacking
from fixtures.systems.base.system import TOOLS
from fixtures.systems.registry import unable_to
from suites.selftest.support import machine_sample
from suites.selftest.support.paths import ROOT

SHIPPED = Catalog.load([ROOT / "guests"])


def cell(**guest: Any) -> Cell:
    """A cell of a guest without a shell; keyword arguments change the guest."""
    base = machine_sample.cell(devices={"disk": ["ide-hd"], "display": ["VGA"], "nic": ["e1000"]})
    screen = {"shows": "ready", **guest.pop("screen", {})}
    fields = {"id": "x", "title": "X", "system": "none", "arch": "x86_64", "image": {"blank": "1M"}}
    fields |= {"platforms": ["bare"], "console": "vga-text", "screen": screen}
    return Cell.of(type(base.guest).model_validate(fields | guest), base.platform)


def test_a_guest_with_a_shell_is_asked_what_it_was_asked_before() -> None:
    debian = SHIPPED.cell("debian-12@pc-bios-ide")
    assert [lacking(debian, needs) for needs in ([], ["shell"], ["nothing"], ["power-button"])] == [None] * 4
    assert (
        lacking(debian, ["screen"])
        == "not_described: the YAML of debian-12 does not say what its screen shows"
    )


def test_a_check_that_does_not_say_needs_a_shell() -> None:
    assert lacking(cell(), []) == "no_shell_by_design: no command can be run in x"
    assert lacking(cell(), ["nothing"]) is None


@pytest.mark.parametrize(
    ("need", "more"),
    [
        ("answer", {"screen": {"probe": {"press": "x", "expect": "y"}}}),
        ("driven", {"drivers": {"e1000": "its own"}}),
        ("power-button", {"screen": {"powers_off": True}}),
    ],
)
def test_what_is_described_is_checked(need: str, more: dict[str, Any]) -> None:
    words = lacking(cell(), [need])
    assert words is not None
    assert words.startswith("not_described: the YAML of x does not say ")
    assert lacking(cell(**more), [need]) is None


def test_a_device_of_another_platform_is_not_driven_here() -> None:
    assert lacking(cell(drivers={"virtio-net-pci": "its own", "e1000": "none"}), ["driven"]) is not None


def test_a_machine_without_a_display() -> None:
    bare = Cell.of(cell().guest, machine_sample.cell().platform)
    assert lacking(bare, ["screen", "display"]) == "device_absent_by_design: bare has no display"


def test_reasons_are_of_the_closed_list_and_leave_no_question_open() -> None:
    for words in (lacking(cell(), []), lacking(cell(), ["answer"])):
        reason = skip_reason(words or "")
        assert reason is not None
        assert reason[0] in NOT_APPLICABLE


def test_an_unknown_need_is_a_mistake_of_the_check() -> None:
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
            "not_in_profile: FreeBSD has no journal of",
        ),
        (
            "interrupts",
            "not_in_profile: Windows has no count of each",
            "channel_not_available: Ironguest knows",
        ),
        ("reload", None, "not_in_profile: FreeBSD's drivers are part of its kernel"),
        ("panic", "channel_not_available: Ironguest knows no way to have Windows crash", None),
    ],
)
def test_a_system_says_what_it_is_unable_to(need: str, windows: str | None, bsd: str | None) -> None:
    for system, start in (("linux", None), ("windows", windows), ("bsd", bsd)):
        words = unable_to(system).get(need)
        assert (words is None) == (start is None)
        assert words is None or (start is not None and words.startswith(start))


@pytest.mark.parametrize("system", ["windows", "bsd"])
def test_what_a_system_is_unable_to_has_a_name_and_a_reason_of_the_closed_list(system: str) -> None:
    assert set(unable_to(system)) <= set(TOOLS)
    assert all(skip_reason(words) is not None for words in unable_to(system).values())


def test_a_windows_guest_is_asked_for_its_disks_and_not_for_what_it_lacks() -> None:
    windows = SHIPPED.cell("windows-server-2022@q35-uefi-inbox")
    assert lacking(windows, ["shell", "disk-tools"]) is None
    assert lacking(windows, ["shell", "disk-tools", "ext4"]) == unable_to("windows")["ext4"]


def test_a_guest_agent_needs_a_port_as_well() -> None:
    words = "not_described: the YAML of debian-12 does not say that it runs QEMU's guest agent"
    debian = SHIPPED.cell("debian-12@q35-uefi-virtio")
    assert lacking(debian, ["shell", "agent"]) == words
    agent = debian.guest.model_copy(update={"agent": True})
    assert lacking(Cell.of(agent, debian.platform), ["shell", "agent"]) is None
    bare = Cell.of(agent, SHIPPED.cell("debian-12@pc-bios-ide").platform)
    words = "device_absent_by_design: pc-bios-ide has no port for a guest agent"
    assert lacking(bare, ["shell", "agent"]) == words
