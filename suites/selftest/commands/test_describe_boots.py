"""``ci/describe`` watches boots: boot sectors that ask for a login, show a text, restart, or say nothing at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.login_specs import Login
from fixtures.catalog.specs import GuestSpec
from fixtures.commands.describe.boot_judge import console_of, has_own_text, login_channel, ready_text
from fixtures.commands.describe.boot_watch import WatchLimits
from fixtures.commands.describe.image_reading import read_image
from fixtures.commands.describe.notes import propose
from fixtures.commands.describe.platform_choice import Choice
from fixtures.commands.describe.proposal import Findings
from fixtures.commands.describe.system_facts import judge_system
from fixtures.commands.describe.trial_boots import TrialBoots
from fixtures.commands.describe.yaml_text import render
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.host.acceleration import Accelerator
from fixtures.media.base_images import Image
from suites.selftest.machine.test_vga_text import printing
from suites.selftest.support import machine_sample
from suites.selftest.support.machine_sample import RESET, no_progress, printing_code

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.commands.describe.boot_evidence import BootEvidence

# The machines do next to nothing, so their time limits need no stretching.
FAST = Accelerator("tcg", False, 1.0, (), "tcg,thread=multi,tb-size=128")
LIMITS = WatchLimits(boot=60.0, quiet=3.0)
HALT = b"\xfa\xf4\xeb\xfd"  # cli; hlt; jmp: no CPU time
BANNER = "\r\nDebian GNU/Linux 12 debian ttyS0\r\n\r\n"


def watched(tmp_path: Path, code: bytes, login: Login | None = None) -> tuple[BootEvidence, str]:
    """What was seen of a disk with ``code`` in its boot sector, and the proposal that follows from it."""
    disk = machine_sample.disk(tmp_path / "disk.img", code)
    image = Image(disk, "raw", "sha256:" + "0" * 64, "disk.img")
    guest = machine_sample.cell().guest
    guest = GuestSpec.model_validate(
        guest.model_dump(exclude={"timeouts", "requires", "screen"})
        | {"platforms": ["pc-bios-ide"], "timeouts": {"boot": "60s"}}
    )
    platform = Catalog.load([SHIPPED_GUESTS]).platforms["pc-bios-ide"]
    trials = TrialBoots(guest, image, FAST, LIMITS, login, login is not None, tmp_path / "work", no_progress)
    seen = trials.run(platform.model_copy(update={"memory": 64 << 20}))
    assert not list((tmp_path / "work").glob("*/machine")), "the disk of a machine is left"
    evidence = read_image(disk, image, None, no_progress)
    choice = Choice(("pc-bios-ide",), "for the test")
    facts = judge_system(evidence)
    found = Findings("disk", "x", str(disk), evidence, facts, choice, boots=(seen,), login=login)
    return seen, render(propose(found))


def test_a_login_on_the_serial_port_is_found(tmp_path: Path) -> None:
    seen, text = watched(tmp_path, printing_code(f"{BANNER}debian login: "))
    assert (seen.end, login_channel(seen), seen.restarts) == ("prompt", "serial", 0)
    data = yaml.safe_load(text)
    assert (data["console"], data["screen"]) == ("serial", {"ready": "^debian +login: ?$"})
    assert "Who can log in?" in text


def test_a_login_on_the_screen_alone_is_found(tmp_path: Path) -> None:
    seen, text = watched(tmp_path, printing("\r\nDebian GNU/Linux 12 debian tty1\r\n\r\ndebian login: "))
    assert (seen.end, login_channel(seen), seen.screen_kind) == ("prompt", "screen", "text")
    assert yaml.safe_load(text)["console"] == "vga-text"


def test_a_text_that_stays_is_the_ready_text(tmp_path: Path) -> None:
    seen, _ = watched(tmp_path, printing("\r\nController firmware 4.2\r\nAll channels open"))
    assert (seen.end, console_of([seen])) == ("steady", "vga-text")
    assert 0 < seen.hardware_seconds < LIMITS.boot
    assert ready_text(seen, "vga-text").pattern == r"Controller +firmware +\d+\.\d+"


def test_a_guest_without_any_console_is_named(tmp_path: Path) -> None:
    seen, text = watched(tmp_path, HALT)
    # The firmware's own text on the screen is not the guest's.
    assert seen.end in {"steady", "silent"}
    assert not has_own_text(seen.screen)
    assert "Which console has it? Neither its serial port nor its screen showed any text" in text


def test_a_guest_that_restarts_for_ever_is_named(tmp_path: Path) -> None:
    seen, text = watched(tmp_path, RESET)
    assert (seen.end, seen.restarts) == ("restarting", 3)
    assert "Why does it restart? On pc-bios-ide it restarted" in text


@pytest.mark.parametrize("line", ["Kernel panic - not syncing: VFS: Unable to mount root fs\r\n"])
def test_a_crash_ends_the_watch_with_its_line(line: str, tmp_path: Path) -> None:
    seen, text = watched(tmp_path, printing_code(f"\r\n{line}"))
    assert seen.end == "failed"
    assert "Why did it fail on pc-bios-ide?" in text
    assert "Unable to mount root fs" in text
