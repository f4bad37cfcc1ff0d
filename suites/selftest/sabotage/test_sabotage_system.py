"""Each check of a system's clock and files, on a guest that was broken on purpose: it fails, rightly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.lab.pool.machine_pool import MachinePool
from suites.boot import test_boot
from suites.integrity import test_integrity
from suites.platform import test_clock
from suites.selftest.support.device_victims import Victim, victim


@pytest.fixture
def broken(pool: MachinePool, tmp_path: Path) -> Iterator[Victim]:
    with victim(pool, tmp_path) as made:
        yield made


def test_a_clock_that_is_wrong_is_found(broken: Victim) -> None:
    test_boot.test_clock_is_set(broken.guest)
    broken.guest.run_check("date -s '-1 hour'")
    with pytest.raises(AssertionError, match="3[56][0-9][0-9]"):
        test_boot.test_clock_is_set(broken.guest)


def test_a_clock_that_goes_wrong_is_found(broken: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_clock, "SLEEP", 4)
    test_clock.test_clock_keeps_time(broken.guest)
    broken.guest.run_check("( sleep 1; date -s '+30 seconds' ) >/dev/null 2>&1 &")
    with pytest.raises(AssertionError, match=r"ElapsedTime\(guest=3"):
        test_clock.test_clock_keeps_time(broken.guest)


def test_a_rest_that_ends_early_is_found(broken: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_clock, "SLEEP", 4)
    broken.guest.run_check("mount --bind /bin/true /bin/sleep")
    with pytest.raises(AssertionError, match="ElapsedTime"):
        test_clock.test_clock_keeps_time(broken.guest)


def test_files_that_are_not_the_vendors_are_found(broken: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one package, for the sake of time."""
    monkeypatch.setattr(
        "fixtures.systems.linux.package_files.QUERY", "env LC_ALL=C dpkg --verify grep procps || true"
    )
    test_integrity.test_the_system_files_are_the_vendors(broken.guest)
    broken.guest.run_check("echo more >>/bin/grep && rm /usr/bin/free && echo '# mine' >>/etc/sysctl.conf")
    with pytest.raises(AssertionError) as caught:
        test_integrity.test_the_system_files_are_the_vendors(broken.guest)
    assert "/bin/grep: of other content" in str(caught.value)
    assert "/usr/bin/free: missing" in str(caught.value)
    assert "sysctl.conf" not in str(caught.value)
