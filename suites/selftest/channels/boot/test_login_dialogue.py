"""The login dialogue: what is typed at which prompt, and which guests are refused with which words."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.catalog.login_specs import Login
from fixtures.catalog.screen_specs import Step
from fixtures.channels.boot.login_dialogue import SHELL, WAIT, Action, ConsoleView, LoginDialogue


def dialogue(steps: tuple[tuple[str, str], ...] = (), **login: Any) -> LoginDialogue:
    given = {"user": "root", "password": "secret", **login}
    return LoginDialogue(
        Login.model_validate(given), tuple(Step.model_validate({"when": w, "press": p}) for w, p in steps)
    )


def shown(
    cursor_line: str, *lines: str, silent: bool = False, settled: bool = True, hung: bool = False
) -> ConsoleView:
    return ConsoleView(lines, cursor_line, is_settled=settled, is_silent=silent or hung, is_hung=hung)


def typed(text: str) -> Action:
    return Action("type", text)


def play(talk: LoginDialogue, *views: ConsoleView) -> list[Action]:
    return [talk.next(view) for view in views]


def test_an_ordinary_login() -> None:
    views = (
        shown("", "[    0.0] Linux version"),
        shown("debian login: ", "Debian GNU/Linux 12 debian ttyS0"),
        shown("Password: "),
        shown("root@debian:~# ", "Linux debian 6.1.0", "Last login: Fri Nov 27"),
    )
    assert play(dialogue(), *views) == [WAIT, typed("root\n"), typed("secret\n"), SHELL]


def test_root_without_a_password_gets_a_shell_at_once() -> None:
    views = (shown("debian login: "), shown("root@debian:~# "))
    assert play(dialogue(password=""), *views) == [typed("root\n"), SHELL]


def test_an_automatic_login_needs_no_name() -> None:
    prompt = ("root@debian:~# ", "debian login: root (automatic login)")
    talk = dialogue(password="")
    assert play(talk, shown(*prompt), shown(*prompt, silent=True)) == [WAIT, SHELL]


@pytest.mark.parametrize("prompt", ["/ # ", "root@debian:~# ", "$ "])
def test_a_shell_under_a_message_of_the_kernel_is_asked_for_its_prompt(prompt: str) -> None:
    hidden = ("", f"{prompt}[   87.441081] clocksource: Long readout interval", "sec: 1009625524")
    talk = dialogue(password="")
    views = (shown(*hidden), shown(*hidden, silent=True), shown(prompt), shown(prompt, silent=True))
    assert play(talk, *views) == [WAIT, typed("\n"), WAIT, SHELL]


@pytest.mark.parametrize(
    "line",
    [
        "[    1.441081] usb 1-1: new device",
        "Loading #[    0.000000] Linux version",
        "(initramfs) [    1.441081] x",
    ],
)
def test_a_silent_boot_without_a_prompt_gets_no_input(line: str) -> None:
    assert play(dialogue(), shown("", line, silent=True)) == [WAIT]


def test_a_prompt_of_a_boot_without_a_shell_is_tried_once() -> None:
    talk = dialogue()
    menu = shown("Select a language > ", silent=True)
    assert talk.next(menu) == SHELL
    talk.reject_shell("Select a language > ")
    assert talk.next(menu) == WAIT


def test_a_console_for_one_account_that_asks_again_refuses() -> None:
    talk = dialogue()
    again = ("Password: ", "Sorry, try again.")
    assert play(talk, shown("Password: "), shown(*again), shown(*again, silent=True)) == [
        typed("secret\n"),
        WAIT,
        typed("secret\n"),
    ]
    assert (talk.refusals, talk.refusal) == (1, "Sorry, try again.")


def test_a_console_is_activated() -> None:
    assert dialogue().next(shown("Please press Enter to activate this console. ")) == typed("\n")


@pytest.mark.parametrize(
    "greeting",
    [
        "Last failed login: Fri Nov 27 20:31:14 UTC 2026 from 10.0.2.2 on ssh:notty",
        "Access denied to all others.",
        "Login incorrect is what others see.",
        "Last login: Fri Nov 27",
    ],
)
def test_a_greeting_is_no_refusal(greeting: str) -> None:
    talk = dialogue()
    play(talk, shown("debian login: "), shown("Password: "))
    assert talk.next(shown("$ ", greeting)) == SHELL
    assert talk.refusals == 0


@pytest.mark.parametrize("words", ["Login incorrect", "Anmeldung fehlgeschlagen", "Identifiant incorrect"])
def test_a_refusal_is_a_login_prompt_that_comes_back(words: str) -> None:
    talk = dialogue()
    play(talk, shown("debian login: "), shown("Password: "))
    assert talk.next(shown("debian login: ", "", words, silent=True)) == typed("root\n")
    assert (talk.refusals, talk.refusal) == (1, words)


def test_a_german_guest_needs_no_prompts_in_its_description() -> None:
    views = (shown("debian Anmeldung: "), shown("Passwort: "), shown("root@debian:~# "))
    assert play(dialogue(), *views) == [typed("root\n"), typed("secret\n"), SHELL]


def test_prompts_of_the_description_come_first() -> None:
    talk = dialogue(prompt="user> ", password_prompt="pin> ")
    assert play(talk, shown("user> "), shown("pin> ")) == [typed("root\n"), typed("secret\n")]


def test_an_account_that_comes_late_is_let_in() -> None:
    talk = dialogue()
    play(talk, *(shown("debian login: ", silent=True), shown("Password: ")) * 3)
    assert talk.next(shown("root@debian:~# ")) == SHELL
    assert talk.refusals == 2


def refuse(talk: LoginDialogue, **facts: bool) -> Action:
    """One attempt that ends with the login prompt again; the action that follows."""
    login = ConsoleView(("", "Login incorrect"), "debian login: ", is_silent=True, **facts)
    talk.next(login)
    talk.next(ConsoleView((), "Password: ", **facts))
    return talk.next(login)


def test_a_login_that_is_refused_twice_after_the_boot_is_final() -> None:
    talk = dialogue()
    assert [refuse(talk).kind for _ in range(5)] == ["type"] * 5
    # The attempt before the end of the boot has been typed too early to count.
    assert refuse(talk, is_boot_over=True).kind == "type"
    last = refuse(talk, is_boot_over=True)
    assert last.kind == "mismatch"
    assert "refused the login of 'root' 7 times, 2 of them after its boot was over" in last.text
    assert "(Login incorrect)" in last.text


def test_each_of_two_passwords_is_refused_twice() -> None:
    talk = dialogue(new_password="changed")
    kinds = [refuse(talk, is_boot_over=True).kind for _ in range(4)]
    assert kinds == ["type", "type", "type", "mismatch"]


def test_a_login_that_an_idle_guest_refuses_is_final() -> None:
    talk = dialogue()
    assert refuse(talk).kind == "type"
    assert "1 times" not in refuse(talk).text
    assert (
        "refused the login of 'root' 3 times and is idle (Login incorrect)" in refuse(talk, is_idle=True).text
    )


@pytest.mark.parametrize("prompt", ["Current password: ", "New password: ", "(current) UNIX password: "])
def test_a_forced_change_of_password_is_named(prompt: str) -> None:
    talk = dialogue()
    play(talk, shown("debian login: "), shown("Password: "))
    action = talk.next(shown(prompt, "You are required to change your password immediately."))
    assert action.kind == "mismatch"
    assert "demands a new password" in action.text
    assert "login.new_password" in action.text


def test_a_new_password_of_the_description_is_given() -> None:
    views = (
        shown("debian login: "),
        shown("Password: "),
        shown("Current password: ", "You are required to change your password immediately."),
        shown("New password: "),
        shown("Retype new password: "),
        shown("root@debian:~# "),
    )
    said = [typed(f"{word}\n") for word in ("root", "secret", "secret", "changed", "changed")]
    assert play(dialogue(new_password="changed"), *views) == [*said, SHELL]


def test_a_password_that_the_description_lacks_is_named() -> None:
    talk = dialogue(password="")
    play(
        talk,
        shown("debian login: "),
        shown("Password: "),
        shown("debian login: ", "Login incorrect", silent=True),
    )
    action = talk.next(shown("Password: "))
    assert (action.kind, "set login.password" in action.text) == ("mismatch", True)


def test_a_second_question_after_the_password_is_quoted() -> None:
    talk = dialogue()
    play(talk, shown("debian login: "), shown("Password: "))
    assert talk.next(shown("Verification password: ")).text.endswith("asks 'Verification password:'")


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("Please unlock disk cryptroot: ", "mismatch", "answer it with steps"),
        ("Press Enter to continue...", "mismatch", "answer it with steps"),
        ("Clear<y>? ", "mismatch", "answer it with steps"),
        ("grub> ", "mismatch", "the boot loader waits at 'grub>'"),
        ("(initramfs) ", "crash", "the guest stopped booting"),
        ("dracut:/# ", "crash", "the guest stopped booting"),
        ("Press Enter for maintenance", "crash", "You are in emergency mode. / Press Enter for maintenance"),
    ],
)
def test_a_prompt_that_ends_a_boot_is_named(line: str, kind: str, words: str) -> None:
    talk = dialogue()
    assert talk.next(shown(line, "You are in emergency mode.")) == WAIT
    action = talk.next(shown(line, "You are in emergency mode.", hung=True))
    assert (action.kind, words in action.text) == (kind, True), action.text


def test_a_step_answers_a_question_once() -> None:
    talk = dialogue((("unlock disk", "secret<enter>"),))
    question = shown("Please unlock disk cryptroot: ", hung=True)
    assert talk.next(question) == Action("press", "secret<enter>")
    assert talk.next(question).kind == "mismatch"


def test_a_prompt_that_was_drowned_is_asked_for_again() -> None:
    talk = dialogue()
    drowned = "Password: [   12.345678] random: crng init done"
    views = (shown("debian login: "), shown(drowned), shown(drowned, silent=True), shown("debian login: "))
    assert play(talk, *views) == [typed("root\n"), WAIT, typed("\n"), typed("root\n")]
    assert talk.refusals == 0


def test_a_shell_with_an_unknown_prompt_is_tried() -> None:
    talk = dialogue()
    play(talk, shown("debian login: "), shown("Password: "))
    silent = shown("what next, master", silent=True)
    assert play(talk, *[silent] * 4) == [typed("\n")] * 3 + [SHELL]


def test_a_line_of_a_boot_that_looks_like_a_prompt_is_left_to_finish() -> None:
    assert dialogue().next(shown("loading # ", settled=False)) == WAIT


@pytest.mark.parametrize("line", ["Please unlock disk cryptroot: ", "Press any key to continue...", "grub> "])
def test_a_question_that_answers_itself_is_no_fault(line: str) -> None:
    """A TPM may unlock the disk, and a boot loader may continue by itself."""
    assert dialogue().next(shown(line, silent=True)) == WAIT


def test_a_login_prompt_behind_a_kernel_message_is_asked_for_again() -> None:
    talk = dialogue()
    hidden = "debian login: [   12.345678] random: crng init done"
    assert talk.next(shown("", hidden)) == WAIT
    assert talk.next(shown("", hidden, silent=True)) == typed("\n")
    assert talk.next(shown("debian login: ")) == typed("root\n")


def test_a_refused_login_is_not_repeated_without_a_pause() -> None:
    talk = dialogue()
    refused = ("debian login: ", "Login incorrect")
    play(talk, shown("debian login: "), shown("Password: "))
    assert play(talk, shown(*refused), shown(*refused, silent=True)) == [WAIT, typed("root\n")]
    assert talk.refusals == 1
