"""``ci/describe`` asks what it cannot know, and names what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.login_specs import Login
from fixtures.commands.describe.boot_evidence import LoginEvidence, Text
from fixtures.commands.describe.questions import questions
from suites.selftest.support.describe_sample import (
    ESP,
    PICTURE,
    PROGRAMS,
    RELEASE,
    asked,
    boot,
    description,
    findings,
    image,
    logged_in,
    root,
    text_of,
)

if TYPE_CHECKING:
    pass


def test_a_guest_without_any_console_is_named() -> None:
    silent = image(
        ESP, root(files={"/etc/os-release": RELEASE, "/boot/grub/grub.cfg": "linux /boot/vmlinuz ro quiet\n"})
    )
    found = findings(silent, boot(serial=Text(), end="silent"))
    assert found.reached == ()
    assert (
        "Neither its serial port nor its screen showed any text; its kernel's command line names no console"
        in asked(found)
    )


def test_a_silent_serial_port_is_named_where_the_kernel_should_use_it() -> None:
    assert "Why is its serial port silent? Its kernel has console=ttyS0" in asked(
        findings(None, boot(**PICTURE))
    )


def test_a_firmware_that_finds_nothing_is_named() -> None:
    screen = Text(("SeaBIOS", "Booting from Hard Disk...", "No bootable device."), "")
    found = findings(None, boot(serial=Text(), screen=screen, screen_kind="text", end="steady"))
    assert found.reached == ()
    assert (
        "What boots it on pc-bios-ide? The firmware found nothing that it can boot: 'No bootable device.'"
        in asked(found)
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "Please unlock disk cryptroot: ",
            "(passphrase) on pc-bios-ide? Answer it with steps: [{when: ..., password",
        ),
        ("grub rescue> ", "(boot menu) on pc-bios-ide? Answer it with steps: [{when: ..., press"),
    ],
)
def test_a_question_before_the_login_asks_for_steps(line: str, words: str) -> None:
    assert words in asked(findings(None, boot(serial=Text((), line), end="steady")))


def test_a_key_that_was_offered_before_the_boot_failed_is_named() -> None:
    # Recorded: iPXE's disc finds no network to boot from, and returns to SeaBIOS.
    lines = (
        "iPXE (http://ipxe.org) 00:03.0 CA00 PCI2.10 Press Ctrl-B to configure iPXE",
        "Press Ctrl-B for the iPXE command line...",
        "No bootable device.",
    )
    screen = Text(lines, "No bootable device.")
    found = findings(None, boot(serial=Text(), screen=screen, screen_kind="text", end="steady"))
    assert "it said 'Press Ctrl-B for the iPXE command line...': press a key with steps" in asked(found)


def test_a_refused_account_is_a_question_and_no_login_is_proposed() -> None:
    refused = boot(login=LoginEvidence("root", refusal="the guest refused the login of 'root' 3 times"))
    found = findings(None, refused, login=Login(user="root", password="wrong"))
    assert "Which account is right? On pc-bios-ide: the guest refused the login of 'root' 3 times" in asked(
        found
    )
    assert description(found)["system"] == "none"
    assert "wrong" not in text_of(found)


def test_without_an_account_the_accounts_are_named_and_the_description_ends_at_the_login() -> None:
    found = findings(None, boot())
    assert (
        "Who can log in? Without --user and --password no account was logged in; /etc/shadow lets in root"
        in asked(found)
    )
    assert "# system: linux" in text_of(found)


def test_an_account_that_was_not_tried_is_a_question() -> None:
    found = findings(None, boot(serial=Text(("x",)), end="steady"), login=Login(user="ada"))
    assert "Is 'ada' right? The account was not tried" in asked(found)


def test_a_seed_is_suggested_where_cloud_init_is_and_no_password() -> None:
    cloud = root(accounts={"root": "locked"}, programs=PROGRAMS | {"/usr/bin/cloud-init"})
    assert "it makes one from a seed" in asked(findings(image(ESP, cloud), boot()))


def test_complaints_restarts_and_failures_are_questions() -> None:
    login = logged_in(complaints=("BUG: soft lockup",))
    found = findings(
        None,
        boot(login=login, restarts=2),
        boot(platform="q35-uefi-virtio", end="failed", failure="panic\nmore"),
    )
    assert "the console said 'BUG: soft lockup'" in asked(found)
    assert "it restarted 2 times" in asked(found)
    assert "Why did it fail on q35-uefi-virtio? panic" in asked(found)


def test_a_healthy_guest_with_a_login_leaves_no_question_but_that_of_devices_without_a_driver() -> None:
    found = findings(None, boot(login=logged_in()), login=Login(user="root", password="secret"))
    assert [each.partition(".")[0] for each in questions(found)] == ["No driver is bound to i440FX"]


def test_devices_that_no_shipped_guest_drives_need_no_question() -> None:
    login = Login(user="root", password="secret")
    found = findings(None, boot(login=logged_in()), login=login, without_driver=frozenset({"i440FX"}))
    assert questions(found) == ()
    assert "seen without a driver on pc-bios-ide, as in shipped guests" in text_of(found)


def test_a_platform_on_which_no_prompt_came_is_a_question_where_another_has_one() -> None:
    other = boot(platform="q35-uefi-virtio", serial=Text(("Reached target",), ""), end="steady")
    found = findings(None, boot(), other)
    assert description(found)["platforms"] == ["pc-bios-ide"]
    assert "How far does it boot on q35-uefi-virtio? No prompt came, and nothing happened any more" in asked(
        found
    )
