"""Guests that refuse their login: the refusal is quoted, and the description is at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import (
    DescriptionMismatch,
    LoginRefused,
)
from suites.selftest.support.gallery_bench import SUDO_THAT_ENDS, GalleryBench

if TYPE_CHECKING:
    from pathlib import Path

# The scale of a login's limit, for guests that refuse a login until then.
SHORT = 0.15
# The same for guests that are idle: a minute without a read of the disk becomes three seconds.
IDLE = 0.05
SHORT_BOOT = {"boot": "60s", "silence": "2s"}
SYSTEMD_ENDS = "echo '[  OK  ] Reached target multi-user.target - Multi-User System.'; "


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ("Login incorrect", "Login incorrect"),
        ("Anmeldung fehlgeschlagen", "Anmeldung fehlgeschlagen"),
        ("Identifiant incorrect", "Identifiant incorrect"),
        ("This account is currently not available.", "not available"),
        ("Your account has expired; please contact your system administrator.", "has expired"),
    ],
)
def test_a_refused_login_is_quoted(refusal: str, words: str, tmp_path: Path) -> None:
    script = f"getty root another '{refusal}'"
    with GalleryBench(tmp_path, script, limit_scale=IDLE, timeouts=SHORT_BOOT) as bench:
        error = bench.boot_error()
        assert isinstance(error, DescriptionMismatch)
        assert "no account admits anybody" in error.message
        assert "with a seed: a disk with the label CIDATA" in error.message
        assert words in error.message
        assert "the guest refused the login of 'root'" in error.message
        assert "set login.user and login.password" in error.message


def test_a_refusal_after_the_end_of_the_boot_is_named_at_once(tmp_path: Path) -> None:
    with GalleryBench(tmp_path, SYSTEMD_ENDS + "getty root another", is_disk_busy=True) as bench:
        error = bench.boot_error()
        assert type(error) is DescriptionMismatch, repr(error)
        assert "2 times, 2 of them after its boot was over (Login incorrect)" in error.message
        assert bench.boot_share < 0.25


def test_a_refusal_counts_as_final_after_the_end_of_cloud_init(tmp_path: Path) -> None:
    """The lines and the order of a real first boot, whose seed gives the account another password."""
    script = f"""
    echo "Cloud-init v. 22.4.2 running 'init' at Sat, 28 Nov 2026 08:51:14 +0000. Up 242.70 seconds."
    {SYSTEMD_ENDS}
    ask 'nothing login: '; ask_hidden 'Password: '; printf '\\nLogin incorrect\\n'
    echo "Cloud-init v. 22.4.2 running 'modules:final' at Sat, 28 Nov 2026 08:53:42 +0000. Up 390.76 seconds."
    echo 'Cloud-init v. 22.4.2 finished at Sat, 28 Nov 2026 08:53:59 +0000. Datasource DataSourceNoCloud.  Up 408 seconds'
    getty root another
    """
    with GalleryBench(tmp_path, script, is_disk_busy=True) as bench:
        error = bench.boot_error()
        assert type(error) is DescriptionMismatch, repr(error)
        assert "3 times, 2 of them after its boot was over (Login incorrect)" in error.message
        assert bench.boot_share < 0.25


def test_a_refusal_of_an_idle_guest_is_named_before_the_limit_of_the_boot(tmp_path: Path) -> None:
    """Nothing says that the boot is over, but the guest reads no disk for a minute."""
    with GalleryBench(tmp_path, "getty root another", limit_scale=IDLE) as bench:
        error = bench.boot_error()
        assert type(error) is DescriptionMismatch, repr(error)
        assert "times and is idle (Login incorrect)" in error.message
        assert bench.boot_share < 0.5


def test_a_refusal_after_a_restart_is_the_guests_fault(tmp_path: Path) -> None:
    with GalleryBench(tmp_path, "getty root another", limit_scale=SHORT) as bench:
        assert type(bench.boot_error(is_restart=True)) is LoginRefused


@pytest.mark.parametrize(
    ("sudo", "words"),
    [
        (
            "printf 'sudo asks: '; read -r a; echo 'Sorry, try again.'; printf 'sudo asks: '; cat >/dev/null",
            "try again",
        ),
        (
            "printf 'sudo asks: '; read -r a; echo 'admin is not in the sudoers file.'; exit 1",
            "not in the sudoers",
        ),
    ],
    ids=["a wrong password", "not in the sudoers file"],
)
def test_a_refusal_of_sudo_is_quoted(sudo: str, words: str, tmp_path: Path) -> None:
    login = {"user": "admin", "become": "sudo"}
    with GalleryBench(tmp_path, SUDO_THAT_ENDS, commands={"sudo": sudo}, login=login) as bench:
        error = bench.boot_error()
        assert isinstance(error, DescriptionMismatch)
        assert "sudo did not give 'admin' a shell of root" in error.message
        assert words in error.message


def test_an_echoed_password_is_not_quoted(tmp_path: Path) -> None:
    script = "while :; do ask 'nothing login: '; ask 'Password: '; echo \"Login of $user with $answer refused\"; done"
    with GalleryBench(tmp_path, script, limit_scale=IDLE, timeouts=SHORT_BOOT) as bench:
        error = bench.boot_error()
        assert error is not None, "expected an error of the login"
        assert "refused" in str(error)
        assert "secret" not in str(error)
