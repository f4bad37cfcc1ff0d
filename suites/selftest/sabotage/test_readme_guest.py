"""The guest of one's own in README.md, run as README says, with Debian's image beside its description."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fixtures.catalog.catalog import Catalog
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.media.base_images import prepare
from suites.selftest.sabotage.test_sabotage_run import run
from suites.selftest.support.machine_sample import no_progress
from suites.selftest.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = ("boot.reaches-login", "drivers.every-device-is-driven", "storage.write-reaches-disk")


def test_the_guest_of_the_readme_boots_and_its_drivers_are_right(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    example = next(block for block in blocks if "id: my-guest" in block)
    debian = Catalog.load([SHIPPED_GUESTS]).guests["debian-12"]
    guests = tmp_path / "my-guests"
    guests.mkdir()
    (guests / "my-guest.yaml").write_text(
        example.replace("password: secret", f"password: {debian.login.password}")
    )
    # A base image is only read, so a link to the cached one will do.
    (guests / "my-guest.qcow2").symlink_to(prepare(debian, no_progress).path)
    names = "test_reaches_login or test_every_device_is_driven or test_a_write_reaches_the_disk"
    finished = run(tmp_path, "--guests-dir", str(guests), "--guest", "my-guest", "-k", names)
    outcomes = {check: finished.results[check]["outcome"] for check in CHECKS if check in finished.results}
    assert outcomes == dict.fromkeys(CHECKS, "PASS"), finished.output
