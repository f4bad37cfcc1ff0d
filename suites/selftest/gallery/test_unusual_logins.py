"""Guests whose login is unusual: a guest with a fitting description gets a shell of root."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from suites.selftest.support.gallery_bench import HANG_LIMIT, GalleryBench

if TYPE_CHECKING:
    from pathlib import Path

# A guest that is silent until it gets an empty line. On a busy host its reply takes a second.
HANGS: dict[str, Any] = {
    "timeouts": {"boot": "300s", "silence": f"{HANG_LIMIT}s"},
    "pause_scale": 1.0,
}
LINUX = "echo '[    0.000000] Linux version 6.1.0'; "
USUAL_LOGIN = "getty root secret; shell '# '"
NO_PASSWORD = "ask 'nothing login: '; shell 'root@nothing:~# '"
MOTD = r"""
echo 'Last failed login: Fri Nov 27 20:31:14 UTC 2026 from 10.0.2.2 on ssh:notty'
echo 'There were 3 failed login attempts since the last successful login.'
echo 'Access denied to all others.'
echo 'Login incorrect is what the others see. Permission denied.'
"""
NEW_PASSWORD = r"""
getty root secret
echo 'You are required to change your password immediately (administrator enforced).'
ask_hidden 'Current password: '; [ "$answer" = secret ] || exit
ask_hidden 'New password: '; new=$answer
ask_hidden 'Retype new password: '; [ "$answer" = "$new" ] && [ "$new" = changed ] || exit
shell '# '
"""
GERMAN_NEW_PASSWORD = r"""
getty root secret
echo 'Sie müssen Ihr Passwort sofort ändern (von root erzwungen).'
ask_hidden 'Aktuelles Passwort: '; [ "$answer" = secret ] || exit
ask_hidden 'Geben Sie ein neues Passwort ein: '; new=$answer
ask_hidden 'Geben Sie das neue Passwort erneut ein: '; [ "$answer" = "$new" ] && [ "$new" = changed ] || exit
shell '# '
"""
LATE_ACCOUNT = r"""
for attempt in 1 2 3; do
    ask 'nothing login: '; ask_hidden 'Password: '; printf '\nLogin incorrect\n'
done
getty root secret; shell '# '
"""
CLOUD_INIT = "[   12.3] cloud-init[412]: Cloud-init v. 22.4.2 running at Sat, 28 Nov 2026 05:00:00 +0000."
MULTI_USER = "[  OK  ] Reached target multi-user.target - Multi-User System."
RESPAWNED = r"""
for attempt in 1 2; do
    ask 'nothing login: '; ask_hidden 'Password: '; printf '\nLogin incorrect\n'
done
printf 'Maximum number of tries exceeded (2)\n'
printf '\033[H\033[2JDebian GNU/Linux 12 nothing ttyS0\n\n'; getty root secret; shell '# '
"""
KERNEL_MESSAGES = r"""
printf 'nothing login: [   12.345678] random: crng init done\n'; read -r answer
ask 'nothing login: '
stty -echo; printf 'Password: [   13.456789] systemd[1]: Finished cloud-init.service.\n'; read -r answer; stty echo
getty root secret
printf '[   14.567890] EXT4-fs (vda1): resized filesystem to 5242880\n'
shell '# '
"""
FIRST_INPUT_IS_LOST = r"""
printf 'nothing login: '; stty -echo; read -r lost; stty echo
getty root secret; shell '# '
"""
TERMINAL_QUESTION = "getty root secret; ask 'Terminal type? [vt220] '; shell '# '"
PAUSE_AFTER_LOGIN = "getty root secret; ask 'Press Enter to continue'; shell '# '"
SUDO = {
    "sudo": r"""
[ "$1 $2" = '-S -p' ] || { echo "sudo: unexpected options $*"; exit 1; }
prompt=$3; shift 3
while :; do
    printf '%s' "$prompt" >&2; read -r answer
    [ "$answer" = secret ] && break
    echo 'Sorry, try again.' >&2
done
echo 0 >"$HOME/user_id"
exec "$@"
"""
}
SUDO_WITHOUT_PASSWORD = {"sudo": 'shift 3; echo 0 >"$HOME/user_id"; exec "$@"'}
ORDINARY_USER = 'echo 1000 >"$HOME/user_id"; getty admin secret; shell "admin@nothing:~$ "'


@dataclass(frozen=True)
class UnusualLogin:
    """A guest: the script behind its console, and the fields of its YAML that differ from the usual ones."""

    name: str
    script: str
    description: dict[str, Any] = field(default_factory=dict)


GUESTS = (
    UnusualLogin("root without a password", NO_PASSWORD, {"login": {"password": ""}}),
    UnusualLogin("root without a password, which the YAML has", NO_PASSWORD),
    UnusualLogin("a shell at once", "echo 'nothing login: root (automatic login)'; shell 'root@nothing:~# '"),
    UnusualLogin("a shell at once, with an unknown prompt", "shell 'at your service'", HANGS),
    UnusualLogin("a shell at once, without any prompt", "echo 'Starting a shell'; shell ''", HANGS),
    UnusualLogin("a German guest", r"ask 'nothing Anmeldung: '; ask_hidden 'Passwort: '; shell '# '"),
    UnusualLogin("a French guest", r"ask 'nothing login : '; ask_hidden 'Mot de passe : '; shell '# '"),
    UnusualLogin(
        "prompts of the YAML",
        "ask 'user=> '; ask_hidden 'pin=> '; shell '# '",
        {"login": {"prompt": "user=> ", "password_prompt": "pin=> "}},
    ),
    UnusualLogin("a greeting with words of a refusal", f"getty root secret; {MOTD} shell '# '"),
    UnusualLogin("a new password at the first login", NEW_PASSWORD, {"login": {"new_password": "changed"}}),
    UnusualLogin(
        "a new password at the first login, in German",
        GERMAN_NEW_PASSWORD,
        {"login": {"new_password": "changed"}},
    ),
    UnusualLogin("a new password that is not demanded", USUAL_LOGIN, {"login": {"new_password": "changed"}}),
    UnusualLogin(
        "a name that is not set", r"ask '(none) login: '; ask_hidden 'Password: '; shell '(none):~# '"
    ),
    UnusualLogin(
        "a password for one account, asked again",
        "ask_hidden 'Password for root: '; echo Sorry; ask_hidden 'Password for root: '; shell '# '",
    ),
    UnusualLogin("an account that comes late", LATE_ACCOUNT),
    UnusualLogin("a getty that starts again", RESPAWNED),
    UnusualLogin("kernel messages over each prompt", KERNEL_MESSAGES),
    UnusualLogin("a login that loses its first input", FIRST_INPUT_IS_LOST),
    UnusualLogin("a question after the login", TERMINAL_QUESTION),
    UnusualLogin("a pause after the login", PAUSE_AFTER_LOGIN),
    UnusualLogin("a password that is shown", "ask 'nothing login: '; ask 'Password: '; shell '# '"),
    UnusualLogin("a password for a fixed account", "ask_hidden 'Password for root: '; shell '# '"),
    UnusualLogin(
        "a coloured prompt", r"getty root secret; shell '\[\e[01;32m\]root\[\e[m\]:\[\e[34m\]~\[\e[m\]\$ '"
    ),
    UnusualLogin(
        "a prompt of two lines",
        r"getty root secret; shell $'\n\u250c\u2500(root\u327fnothing)-[~]\n\u2514\u2500# '",
    ),
    UnusualLogin(
        "a prompt that sets the title",
        r"getty root secret; shell '\[\e]0;root@nothing: ~\a\]root@nothing:~# '",
    ),
    UnusualLogin("a prompt with the time on the right", r"getty root secret; shell '\[\e[70C\]12:34\r~> '"),
    UnusualLogin("a prompt that asks for the cursor", r"getty root secret; shell '~ # \[\e[6n\]'"),
    UnusualLogin("a prompt with an arrow", "getty root secret; shell '\u279c  ~ '"),
    UnusualLogin(
        "an activated console", r"ask 'Please press Enter to activate this console. '; shell '~ # '"
    ),
)


@pytest.mark.parametrize("unusual", GUESTS, ids=lambda unusual: unusual.name)
def test_a_guest_gets_in(unusual: UnusualLogin, tmp_path: Path) -> None:
    with GalleryBench(tmp_path, unusual.script, **unusual.description) as bench:
        bench.boot()
        assert bench.shell.run("echo $((6 * 7))").text == "42\n"
        assert bench.stages[-1] == "login"
        assert bench.boot_share < 0.25


@pytest.mark.parametrize("commands", [SUDO, SUDO_WITHOUT_PASSWORD], ids=["with a password", "without one"])
def test_an_ordinary_user_becomes_root_by_sudo(commands: dict[str, str], tmp_path: Path) -> None:
    login = {"user": "admin", "password": "secret", "become": "sudo"}
    with GalleryBench(tmp_path, ORDINARY_USER, commands=commands, login=login) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"


def test_sudo_accepts_a_changed_password(tmp_path: Path) -> None:
    sudo = {"sudo": SUDO["sudo"].replace("secret", "changed")}
    login = {"user": "admin", "become": "sudo", "new_password": "changed"}
    with GalleryBench(tmp_path, ORDINARY_USER, commands=sudo, login=login) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"


@pytest.mark.parametrize("has_quiet_boot", [True, False], ids=["a quiet boot", "cloud-init's lines"])
def test_an_account_that_comes_forty_seconds_late(has_quiet_boot: bool, tmp_path: Path) -> None:
    """cloud-init creates accounts on the first boot after getty offers a login. The seconds are scaled."""
    lines = f"echo '{CLOUD_INIT}'; echo '{MULTI_USER}'; "
    script = r"""
    created=$(($(date +%s) + 6))
    until [ "$(date +%s)" -ge "$created" ]; do
        ask 'nothing login: '; ask_hidden 'Password: '; printf '\nLogin incorrect\n'
    done
    getty root secret; shell '# '
    """
    with GalleryBench(tmp_path, script if has_quiet_boot else lines + script, limit_scale=0.15) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"
        assert bench.stages[-1] == "login"


def test_a_changed_password_is_known_after_a_restart(tmp_path: Path) -> None:
    login = {"new_password": "changed"}
    with GalleryBench(tmp_path, "getty root changed; shell '# '", login=login) as bench:
        bench.boot(is_restart=True)
        assert bench.shell.run("id -u").text == "0\n"


def test_a_first_boot_may_restart_once(tmp_path: Path) -> None:
    script = f"{LINUX} echo 'Relabeling the file systems.'; reset_machine; {LINUX} {USUAL_LOGIN}"
    with GalleryBench(tmp_path, script) as bench:
        bench.boot()
        assert [[name for name, _ in boot] for boot in bench.transcript.boots] == [
            ["firmware", "kernel"],
            ["firmware", "kernel", "login"],
        ]


def test_a_login_prompt_that_was_cleared_is_asked_for_again(tmp_path: Path) -> None:
    script = r"printf 'nothing login: \033[2K\r'; read -r answer; getty root secret; shell '# '"
    with GalleryBench(tmp_path, script, **HANGS) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"


def test_a_quiet_boot_shows_no_stages(tmp_path: Path) -> None:
    script = "getty root secret; echo 'systemd[1]: Started Session 1 of user root.'; shell '# '"
    with GalleryBench(tmp_path, script) as bench:
        bench.boot()
        assert bench.stages == ["firmware", "login"]


# Guests that ask on the way, with the steps of their YAML.
QUESTIONS = {
    "a passphrase of a disk": (
        "ask_hidden 'Please unlock disk cryptroot: '; [ \"$answer\" = sesame ] || exit; ",
        [{"when": "unlock disk", "press": "sesame<enter>"}],
    ),
    "two passphrases": (
        """
        ask_hidden 'Please unlock disk root: '; [ "$answer" = one ] || exit
        ask_hidden 'Please unlock disk swap: '; [ "$answer" = two ] || exit;
        """,
        [{"when": "disk root", "press": "one<enter>"}, {"when": "disk swap", "press": "two<enter>"}],
    ),
    "a pause": ("ask 'Press Enter to continue...'; ", [{"when": "to continue", "press": "<enter>"}]),
    "a question of fsck": (
        "ask 'Fix<y>? '; [ \"$answer\" = y ] || exit; ",
        [{"when": "Fix", "press": "y<enter>"}],
    ),
    "a menu of the installed system": (
        "echo '1) rescue'; echo '2) start'; ask 'Choice: '; [ \"$answer\" = 2 ] || exit; ",
        [{"when": "^2. start", "press": "2<enter>"}],
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_steps_answer_questions(name: str, tmp_path: Path) -> None:
    script, steps = QUESTIONS[name]
    with GalleryBench(tmp_path, f"{LINUX} {script} {LINUX} {USUAL_LOGIN}", steps=steps) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"
        assert bench.stages == ["firmware", "kernel", "login"]


# Boots that look like a fault and are none.
HEALTHY = {
    "a disk that a TPM unlocks": "printf 'Please enter passphrase for disk vda3: '; echo; ",
    "a boot menu that goes on": "printf 'Press any key to enter the menu'; echo; ",
    "a complaint of GRUB": "echo 'Welcome to GRUB!'; echo \"error: file \\`/boot/grub/fonts/unicode.pf2' not found.\"; ",
    "a complaint of GRUB about its environment": "echo 'Welcome to GRUB!'; echo 'error: environment block too small.'; ",
    "a countdown": r"""
        printf '\033[H\033[JGNU GRUB  version 2.06\n'
        for second in 3 2 1; do printf '\033[23;1HThe highlighted entry will be executed automatically in %ss.' $second; done
        echo; """,
    "lines that end like prompts": "printf 'Copying files #'; printf '#'; printf '#\\n'; printf 'progress: 45%%\\n'; ",
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_boot_with_noise_gets_in(name: str, tmp_path: Path) -> None:
    with GalleryBench(tmp_path, f"{HEALTHY[name]} {LINUX} {USUAL_LOGIN}") as bench:
        bench.boot()
        assert bench.stages[-2:] == ["kernel", "login"]
        assert bench.boot_share < 0.25
