"""Prompts: each is known by a real line, and no healthy line is taken for one."""

from __future__ import annotations

import pytest

from fixtures.channels.boot.prompts import (
    PROMPTS,
    Prompt,
    boot_menu,
    countdown_seconds,
    last_complaint,
    match_prompt,
)


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.sample)
def test_each_sample_is_its_prompt(prompt: Prompt) -> None:
    assert match_prompt(prompt.sample) == prompt


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.twin)
def test_no_twin_is_a_prompt(prompt: Prompt) -> None:
    assert match_prompt(prompt.twin) is None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("debian login: ", "login"),
        ("login: ", "login"),
        ("debian Anmeldung: ", "login"),
        ("Password: ", "password"),
        ("Passwort: ", "password"),
        ("Mot de passe : ", "password"),
        ("パスワード: ", "password"),
        ("Password for root@debian: ", "password"),
        ("New password: ", "new password"),
        ("(current) UNIX password: ", "new password"),
        ("Geben Sie ein neues Passwort ein: ", "new password"),
        ("Aktuelles Passwort: ", "new password"),
        ("Geben Sie das neue Passwort erneut ein: ", "new password"),
        ("Retype new UNIX password: ", "new password"),
        ("Enter new password again: ", "new password"),
        ("Mot de passe actuel : ", "new password"),
        ("Retapez le nouveau mot de passe : ", "new password"),
        ("Nueva contraseña: ", "new password"),
        ("(none) login: ", "login"),
        ("root@debian:~# ", "shell"),
        ("[root@fedora ~]# ", "shell"),
        ("localhost:~# ", "shell"),
        ("~ # ", "shell"),
        ("# ", "shell"),
        ("$ ", "shell"),
        ("% ", "shell"),
        ("debian% ", "shell"),
        ("root@debian ~> ", "shell"),
        ("sh-5.2# ", "shell"),
        ("Enter passphrase for /dev/vda3: ", "passphrase"),
        ("Give root password for maintenance", "maintenance"),
        ("dracut:/# ", "emergency shell"),
        ("grub rescue> ", "boot menu"),
        ("Shell> ", "boot menu"),
        ("Fix<y>? ", "question"),
    ],
)
def test_prompts_of_many_systems(line: str, kind: str) -> None:
    prompt = match_prompt(line)
    assert prompt is not None, f"{line!r} is no prompt, expected {kind}"
    assert prompt.kind == kind


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Debian GNU/Linux 12 debian ttyS0",
        "Last failed login: Fri Nov 27 20:31:14 UTC 2026 from 10.0.2.2 on ssh:notty",
        "Access denied to all others.",
        "[   12.345678] random: crng init done",
        "[  OK  ] Started getty@tty1.service",
        "         Starting systemd-journald.service",
        "systemd[1]: Started Session 1 of user root.",
        "Loading Linux 6.1.0-56-amd64 ...",
    ],
)
def test_healthy_lines_are_no_prompts(line: str) -> None:
    assert match_prompt(line) is None


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("   The highlighted entry will be executed automatically in 130s.", 130),
        ("Automatic boot in 5 seconds...", 5),
        ("Hit any key to stop autoboot:  2", 2),
        ("Hit any key to stop autoboot:  12  11  10 ", 10),
        ("highlighted entry will be executed automatically in 5s.   executed automatically in 4s.   ", 4),
        ("[    1.234567] clocksource: tsc executed in 5s", None),
        ("debian login: ", None),
    ],
)
def test_a_countdown_is_read(line: str, seconds: int | None) -> None:
    assert countdown_seconds(line) == seconds


NOT_FOUND = "error: file `/boot/vmlinuz' not found."
NO_KERNEL = "error: you need to load the kernel first."


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            ["Loading Linux 6.1 ...", NOT_FOUND, NO_KERNEL, "", "Press any key to continue..."],
            f"{NOT_FOUND} / {NO_KERNEL}",
        ),
        ([NOT_FOUND], NOT_FOUND),
        ([NOT_FOUND, "Please unlock disk cryptroot: "], None),
        (["Welcome to GRUB!", ""], None),
        ([], None),
    ],
)
def test_a_complaint_counts_where_the_boot_stops(lines: list[str], complaint: str | None) -> None:
    assert last_complaint(lines) == complaint


def test_a_boot_menu_is_quoted() -> None:
    assert boot_menu(["", "   GNU GRUB  version 2.06-13", "*Debian"]) == "GNU GRUB  version 2.06-13"
    assert boot_menu(["Loading Linux 6.1 ..."]) is None
