"""The judges of ``ci/describe``: from what was seen to facts, questions and a description that the catalog accepts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.login_specs import Login
from fixtures.commands.describe.arguments import choose_id, parse
from fixtures.commands.describe.boot_check import load_description
from fixtures.commands.describe.boot_evidence import BootEvidence, DeviceEvidence, LoginEvidence, Text
from fixtures.commands.describe.boot_judge import (
    console_of,
    line_pattern,
    login_channel,
    prompt_line,
    ready_text,
)
from fixtures.commands.describe.file_collection import account_states
from fixtures.commands.describe.image_evidence import FileSystem, FileTree
from fixtures.commands.describe.lasting_lines import LastingLines
from fixtures.commands.describe.logged_in import missing_programs
from fixtures.commands.describe.notes import propose
from fixtures.commands.describe.platform_choice import choose_platforms, misfit
from fixtures.commands.describe.proposal import Findings, Proposal, ProposedLine
from fixtures.commands.describe.proposed_lines import proposed_lines
from fixtures.commands.describe.questions import questions
from fixtures.commands.describe.system_facts import Fact, consoles_of, judge_system
from fixtures.commands.describe.yaml_text import render
from fixtures.core.errors import IronguestError, SuiteFault
from fixtures.core.project import SHIPPED_GUESTS
from suites.selftest.support.describe_sample import (
    ESP,
    GRUB,
    PROGRAMS,
    RELEASE,
    SCREEN,
    boot,
    findings,
    image,
    logged_in,
    root,
)

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = {"serial": Text(), "screen": SCREEN, "screen_kind": "picture"}

NTFS = FileSystem("MBR partition 1 (NTFS)", "ntfs", unread="no reader of ntfs is at hand")


def text_of(found: Findings) -> str:
    return render(propose(found))


def description(found: Findings) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(text_of(found))
    return data


def asked(found: Findings) -> str:
    return "\n".join(questions(found))


# --- the image -----------------------------------------------------------------------------------------


def test_a_debian_is_told_from_its_files() -> None:
    facts = judge_system(image())
    assert (facts.system.value, facts.title.value, facts.arch.value) == (
        "linux",
        "Debian GNU/Linux 12 (bookworm)",
        "x86_64",
    )
    assert (facts.packages.value, facts.boot_loader.value) == ("dpkg", "GRUB")
    assert facts.consoles == ("tty0", "ttyS0")
    assert facts.serial_console == "ttyS0"
    assert dict(facts.accounts) == {"root": "password"}
    assert (facts.lacks, facts.contradictions) == ((), ())


def test_an_os_release_that_lies_is_contradicted_by_the_package_database() -> None:
    lie = 'ID=fedora\nPRETTY_NAME="Fedora Linux 42"\n'
    found = findings(image(ESP, root(files={"/etc/os-release": lie, "/etc/debian_version": "12.15\n"})))
    assert "says 'fedora', whose packages are rpm's, but the image has the package database of dpkg" in asked(
        found
    )
    assert "there is /etc/debian_version (12.15)" in asked(found)


def test_an_os_release_that_lies_is_contradicted_by_the_greeting_and_by_the_running_system() -> None:
    lie = root(
        files={"/etc/os-release": 'ID=fedora\nPRETTY_NAME="Fedora Linux 42"\n'},
        programs=frozenset({"/usr/bin/rpm"}),
    )
    found = findings(image(ESP, lie), boot(login=logged_in()), login=Login(user="root"))
    assert "os-release names 'Fedora Linux 42', but the guest greets as 'Debian' on pc-bios-ide" in asked(
        found
    )
    assert "'fedora' on the disk, and 'debian' in the running system on pc-bios-ide" in asked(found)


@pytest.mark.parametrize(
    ("release", "programs"),
    [
        # A derivative says what it is like.
        ("ID=ubuntu\nID_LIKE=debian\n", PROGRAMS),
        ("ID=kali\nID_LIKE=debian\n", PROGRAMS),
        # Some distributions have the tools of another one besides their own.
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', frozenset({"/var/lib/dpkg/status", "/usr/bin/rpm"})),
        ("ID=unheard-of\n", frozenset({"/var/lib/dpkg/status"})),
    ],
)
def test_an_honest_os_release_is_not_contradicted(release: str, programs: frozenset[str]) -> None:
    directories = {"/var/lib/rpm": ("rpmdb.sqlite",)} if "/usr/bin/rpm" in programs else {}
    honest = root(files={"/etc/os-release": release}, programs=programs, directories=directories)
    assert judge_system(image(ESP, honest)).contradictions == ()


def test_what_was_not_read_is_a_question() -> None:
    luks = FileSystem("GPT partition 2 (Linux file system)", "crypto_LUKS", unread="it is encrypted (LUKS)")
    found = findings(image(ESP, luks))
    assert found.system.system.value == "linux"
    assert "What is on GPT partition 2 (Linux file system): it is encrypted (LUKS)?" in asked(found)


def test_a_disk_for_uefi_alone_requires_it() -> None:
    found = findings(image(bios=False))
    assert description(found)["requires"] == {"firmware": ["uefi", "uefi-secure"]}


def test_a_fat_file_system_without_the_directory_efi_is_nothing_for_uefi() -> None:
    dos = FileSystem(
        "the whole disk",
        "vfat",
        "FREEDOS",
        FileTree(directories={"/": ("KERNEL.SYS",)}, programs=frozenset({"/KERNEL.SYS"})),
    )
    evidence = image(dos)
    assert (evidence.bios, evidence.uefi) == (True, False)
    assert judge_system(evidence).system.value == "dos"


def test_a_small_linux_lacks_what_its_disk_lacks() -> None:
    facts = judge_system(image(ESP, root(programs=frozenset({"/bin/busybox"}))))
    assert facts.lacks == ("bash", "coreutils", "kmod", "packages", "perl", "systemd", "udev", "util-linux")


def test_the_programs_of_busybox_are_no_package_manager_and_no_util_linux() -> None:
    applets = frozenset({"/bin/busybox", "/usr/bin/dpkg", "/usr/bin/rpm", "/sbin/blkdiscard"})
    facts = judge_system(image(ESP, root(programs=applets, files={"/boot/grub/grub.cfg": GRUB})))
    assert facts.packages.value == ""
    assert {"packages", "util-linux", "coreutils"} <= set(facts.lacks)
    assert facts.title == Fact("disk.qcow2", "the name of the file; nothing in the image names its system")


def test_a_debian_with_busybox_for_its_initramfs_lacks_nothing() -> None:
    assert judge_system(image(ESP, root(programs=PROGRAMS | {"/usr/bin/busybox"}))).lacks == ()


def test_passwords_are_told_by_their_kind_only() -> None:
    shadow = "root:$y$j9T$salt$hash:19000:0:99999:7:::\nmail:*:1::::::\nguest::1::::::\nuser:!$6$x:1::::::\n"
    assert account_states(shadow) == {
        "root": "password",
        "mail": "locked",
        "guest": "empty",
        "user": "locked",
    }


@pytest.mark.parametrize(
    ("line", "consoles"),
    [
        ("root=/dev/vda1 ro quiet", ()),
        ("console=tty0 console=ttyS0,115200n8 earlyprintk=ttyS0", ("tty0", "ttyS0")),
        ("netconsole=@/,@10.0.0.1/ console=ttyAMA0", ("ttyAMA0",)),
    ],
)
def test_the_consoles_of_a_command_line(line: str, consoles: tuple[str, ...]) -> None:
    assert consoles_of(line) == consoles


@pytest.mark.parametrize(
    ("bios", "uefi", "drive", "arch", "expected"),
    [
        (True, True, "disk", "x86_64", ("pc-bios-ide", "q35-uefi-virtio")),
        (False, True, "disk", "x86_64", ("q35-uefi-virtio", "q35-uefi-inbox")),
        (True, False, "disk", "i386", ("pc-bios-ide", "q35-bios-virtio-transitional")),
        (True, True, "cdrom", "", ("pc-bios-ide", "q35-bios-virtio-transitional")),
        (False, True, "disk", "aarch64", ("virt-uefi-virtio",)),
        (True, True, "disk", "ppc64", ()),
    ],
)
def test_the_platforms_fit_the_image(
    bios: bool, uefi: bool, drive: Any, arch: str, expected: tuple[str, ...]
) -> None:
    known = {
        "pc-bios-ide",
        "q35-uefi-virtio",
        "q35-uefi-inbox",
        "q35-bios-virtio-transitional",
        "virt-uefi-virtio",
    }
    choice = choose_platforms(bios=bios, uefi=uefi, drive=drive, arch=arch, known=known)
    assert choice.platforms == expected


@pytest.mark.parametrize(
    ("platform", "fields", "arch", "words"),
    [
        ("pc-bios-ide", {"bios": False}, "x86_64", "the image boots under UEFI alone"),
        ("q35-uefi-secure", {"uefi": False}, "x86_64", "the image boots under BIOS alone"),
        ("pc-bios-ide", {}, "aarch64", "the image is for aarch64"),
        ("virt-uefi-virtio", {}, "i386", "the image is for i386"),
        ("q35-uefi-virtio", {}, "i386", ""),
        ("q35-uefi-virtio", {"uefi": False, "drive": "cdrom"}, "", ""),
    ],
)
def test_a_platform_that_cannot_boot_the_image_is_named(
    platform: str, fields: dict[str, Any], arch: str, words: str
) -> None:
    spec = Catalog.load([SHIPPED_GUESTS]).platforms[platform]
    problem = misfit(image(**fields), Fact(arch, "its programs"), spec)
    assert words in problem
    assert bool(words) is bool(problem)


# --- boots ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "channel", "console"),
    [
        (boot(), "serial", "serial"),
        (boot(screen=SCREEN, screen_kind="text"), "serial", "serial"),
        (boot(**PICTURE), "screen", "framebuffer"),
        (boot(**PICTURE | {"screen_kind": "text"}), "screen", "vga-text"),
        # A boot loader's message on the serial port, and the login on the screen.
        (boot(serial=Text(("GRUB loading.",), ""), screen=SCREEN, screen_kind="text"), "screen", "vga-text"),
        (boot(serial=Text(), end="silent"), "", None),
        (boot(serial=Text(("BdsDxe: loading Boot0001",), ""), end="silent"), "", None),
    ],
)
def test_the_console_is_where_the_prompt_is(seen: BootEvidence, channel: str, console: str | None) -> None:
    assert (login_channel(seen), console_of([seen])) == (channel, console)


def test_a_screen_that_is_a_picture_on_one_platform_is_read_as_a_picture() -> None:
    assert console_of([boot(**PICTURE), boot(**PICTURE | {"screen_kind": "text"})]) == "framebuffer"


@pytest.mark.parametrize(
    ("lines", "cursor_line", "expected"),
    [
        ((), "debian login: ", "debian login: "),
        # Recorded: messages of the kernel behind a prompt.
        (
            ("", "debian login: [  102.989256] powernow_k8: Power state transitions not supported"),
            "",
            "debian login: ",
        ),
        (("debian login: [    1.5] one", "[    2.000001] two"), "", "debian login: "),
        (("debian login: [    1.5] one", "root", "Password: "), "", ""),
        (("Starting x: [    1.5] one",), "", ""),
        (("Last login: Fri Nov 27",), "", ""),
    ],
)
def test_a_prompt_is_seen_behind_messages_of_the_kernel(
    lines: tuple[str, ...], cursor_line: str, expected: str
) -> None:
    assert prompt_line(lines, cursor_line) == expected


def test_the_prompt_of_a_boot_loader_is_no_login() -> None:
    screen = Text(("iPXE initialising devices...",), "iPXE> ")
    unknown = image(FileSystem("the disc", "iso9660"), drive="cdrom")
    found = findings(unknown, boot(serial=Text(), screen=screen, screen_kind="text"))
    assert (login_channel(found.boots[0]), found.awaits_login) == ("screen", False)
    assert "Who can log in" not in asked(found)
    assert description(found)["screen"] == {"ready": "^iPXE> ?$"}


def test_the_ready_line_is_the_prompt() -> None:
    ready = ready_text(boot(), "serial")
    assert ready.pattern == r"^debian +login: ?$"
    assert re.search(ready.pattern, "debian login: ") is not None
    assert re.search(ready.pattern, "Last login: Fri") is None


def test_the_ready_line_is_one_that_stays_and_is_not_the_firmwares() -> None:
    lines = ("SeaBIOS (version 1.16.2) and more of it", "Time: 0:00:12", "Pass: 3 Errors: 0 (ECC)", "x 1")
    lasting = frozenset(re.sub(r"\d", "0", line) for line in lines[:3])
    screen = Text(lines, "", lasting)
    ready = ready_text(boot(serial=Text(), screen=screen, screen_kind="text", end="steady"), "vga-text")
    assert ready.is_guess
    assert re.search(ready.pattern, "Pass: 17   Errors: 2 (ECC)") is not None


def test_special_characters_of_a_line_mean_themselves() -> None:
    assert re.search(line_pattern("A:\\> [x] 1.5*"), "A:\\>  [x] 27.90*") is not None


def test_lines_last_although_a_clock_runs() -> None:
    lines = LastingLines(10.0)
    for second in range(25):
        lines.add(second, ["Memory test", "Time 00:00", f"{'|/-'[second % 3]} spinning"])
    assert lines.lasting == {"Memory test", "Time 00:00"}
    assert lines.is_steady


def test_the_main_lines_are_the_most_that_came_together() -> None:
    lines = LastingLines(10.0)
    for second in range(40):
        shown = (
            ["Loading ..."]
            + ["Menu", "F0 Help", "ESC Quit"] * (second > 5)
            + ["Step two runs"] * (second > 25)
        )
        lines.add(second, shown)
    assert lines.lasting == {"Loading ...", "Menu", "F0 Help", "ESC Quit", "Step two runs"}
    assert lines.main_lines == {"Menu", "F0 Help", "ESC Quit"}


def test_a_scrolling_screen_is_not_steady() -> None:
    lines = LastingLines(10.0)
    for second in range(25):
        lines.add(second, ["header", *(f"line {chr(97 + second)} {row}" for row in range(20))])
    assert not lines.is_steady


# --- questions -----------------------------------------------------------------------------------------


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
        "Who can log in? Without --user and --password nobody was logged in; /etc/shadow lets in root"
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


# --- the description -----------------------------------------------------------------------------------

OTHER = boot(
    platform="q35-uefi-virtio",
    login=logged_in(
        devices=(
            DeviceEvidence("e1000", "e1000", True),
            DeviceEvidence("VGA", "bochs-drm", True),
            DeviceEvidence("vmgenid", "", False),
        )
    ),
)


def test_drivers_say_where_they_were_bound() -> None:
    found = findings(None, boot(login=logged_in()), OTHER, login=Login(user="root", password="secret"))
    text = text_of(found)
    assert (
        re.search(r"^  e1000: e1000 +# bound on pc-bios-ide and q35-uefi-virtio$", text, re.MULTILINE)
        is not None
    )
    assert (
        re.search(r"^  i440FX: none +# seen without a driver on pc-bios-ide$", text, re.MULTILINE) is not None
    )
    assert "vmgenid:" not in text
    assert "reports no device for vmgenid" in asked(found)


@pytest.mark.parametrize(
    "found",
    [
        findings(),
        findings(None, boot()),
        findings(None, boot(login=logged_in()), OTHER, login=Login(user="root", password="secret # '\"")),
        findings(None, boot(login=logged_in(user="ada", needs_sudo=True, is_root=False, lacks=("perl",))), login=Login(user="ada")),
        findings(None, boot(**PICTURE)),
        findings(image(bios=False), boot(platform="q35-uefi-virtio", firmware="uefi")),
        findings(None, boot(serial=Text(), end="silent")),
        findings(login=Login(user="root", password="secret")),
        findings(None, boot(hardware_seconds=200.0)),
        findings(None, boot(login=logged_in()), login=Login(user="root"), passed=("pc-bios-ide",), today="2026-11-28", host="Debian 12: x"),
        findings(image(ESP, root(files={"/etc/os-release": 'ID=x\nPRETTY_NAME="#: [x]\x1b[31m {y}\u2028"\n'}))),
        findings(image(NTFS), login=Login(user="Administrator", password="secret")),
        findings(image(NTFS), boot(**PICTURE | {"end": "steady", "screen": Text(("Windows",))})),
        findings(image(FileSystem("the whole disk", ""), published="raw", drive="floppy", layout="no partition table")),
    ],
    ids=["not booted", "login", "shell", "sudo", "picture", "UEFI", "silent", "untried", "slow", "passed", "odd title", "Windows", "Windows booted", "unknown"],
)  # fmt: skip
def test_each_proposal_is_valid(found: Findings, tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text(text_of(found), encoding="utf-8")
    guest = load_description(tmp_path, "appliance")
    assert guest.id == "appliance"
    assert (guest.verified == ()) is (not found.passed)
    for line in text_of(found).splitlines():
        assert len(line) <= 110 or not line.lstrip().startswith("#"), line


def test_each_line_says_what_it_is_based_on() -> None:
    found = findings(None, boot(login=logged_in()), OTHER, login=Login(user="root", password="secret"))
    lines = [*proposed_lines(found)]
    entries = [entry for line in lines for entry in line.entries]
    assert [line.key for line in (*lines, *entries) if not line.basis] == []


def test_a_proposal_that_the_catalog_refuses_is_a_fault_of_the_suite(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text("id: appliance\nsystem: none\n", encoding="utf-8")
    with pytest.raises(SuiteFault, match="the proposed description is not valid"):
        load_description(tmp_path, "appliance")


def test_a_comment_cannot_be_ended_by_a_guest() -> None:
    line = ProposedLine("title", "x", "a\nid: evil\x1b[2K\rsystem: evil " + "y" * 200)
    assert yaml.safe_load(render(Proposal((line,), ("what?\nid: evil",)))) == {"title": "x"}


def test_missing_programs_are_named_as_in_yaml() -> None:
    assert missing_programs("bash\nkmod\nsystemd\nudev\nutil-linux\ncoreutils\nperl\npackages\n") == ()
    expected = ("bash", "kmod", "packages", "perl", "systemd", "udev", "util-linux")
    assert missing_programs("coreutils\n") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My Appliance_2.0.qcow2.xz", "my-appliance-2.0"),
        ("disk.IMG", "disk"),
        ("---.raw", "image"),
        ("debian-12.qcow2", "debian-12-image"),
    ],
)
def test_the_id_comes_from_the_name_of_the_image(name: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert choose_id(parse([str(tmp_path / name)]), {"debian-12"})[0] == expected


def test_an_id_of_a_shipped_guest_is_refused_where_it_was_chosen(tmp_path: Path) -> None:
    (tmp_path / "x.img").write_bytes(b"x")
    with pytest.raises(IronguestError, match="'debian-12' is that of a guest that is shipped"):
        choose_id(parse(["--id", "debian-12", str(tmp_path / "x.img")]), {"debian-12"})
