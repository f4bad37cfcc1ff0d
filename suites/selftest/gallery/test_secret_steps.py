"""Guests that ask for a passphrase on the way, which no message and no file of the evidence may show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.serialization import to_plain
from fixtures.catalog.specs import GuestSpec
from fixtures.core.errors import BootTimeout, GuestCrashed
from fixtures.evidence.redaction import MASK, Redactor, redact
from suites.selftest.machine.test_vga_text import DISPLAY
from suites.selftest.support.boot_sector import assemble
from suites.selftest.support.described_instance import described_instance
from suites.selftest.support.gallery_bench import GalleryBench
from suites.selftest.support.screen_sample import printing

if TYPE_CHECKING:
    from pathlib import Path

# The keys of a step would read <enter> as the name of a key.
PASSPHRASE = "se<enter>same"
STEPS = [{"when": "unlock disk", "password": PASSPHRASE}]
LINUX = "echo '[    0.000000] Linux version 6.1.0'; "
UNLOCK = f"ask_hidden 'Please unlock disk root: '; [ \"$answer\" = '{PASSPHRASE}' ] || exit; "
USUAL_LOGIN = "getty root secret; shell '# '"
# Reads keys and echoes them up to Enter, then prints a text of its own.
ECHOING = """
    mov si, offset ask; call print
next:
    call getc; call putc; cmp al, 13; jne next
    mov si, offset done; call print; jmp stop
    ask: .asciz "\\r\\nPlease unlock disk root: "
    done: .asciz "\\r\\nno such volume\\r\\n"
"""


def files_with_passphrase(guest: GuestSpec, evidence: Path) -> list[str]:
    """The names of the files that still hold the passphrase once the evidence is redacted as for a bundle."""
    redact(evidence, Redactor(guest.secrets, [guest.id]))
    spellings = [PASSPHRASE.encode(), PASSPHRASE.replace("<", "<less>").encode()]
    files = [path for path in evidence.rglob("*") if path.is_file()]
    return [path.name for path in files if any(spelling in path.read_bytes() for spelling in spellings)]


def test_a_passphrase_unlocks_the_disk(tmp_path: Path) -> None:
    with GalleryBench(tmp_path, LINUX + UNLOCK + LINUX + USUAL_LOGIN, steps=STEPS) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"
    assert files_with_passphrase(bench.guest, tmp_path / "evidence") == []


def test_an_echoed_passphrase_is_not_quoted(tmp_path: Path) -> None:
    script = f"{LINUX} ask 'Please unlock disk root: '; echo \"no key $answer\"; stand_still"
    timeouts = {"boot": "300s", "silence": "1.5s"}
    with GalleryBench(tmp_path, script, steps=STEPS, timeouts=timeouts) as bench:
        error = bench.boot_error()
        assert type(error) is BootTimeout, repr(error)
        assert f"no key {MASK}" in str(error)
        assert PASSPHRASE not in str(error)
        assert PASSPHRASE.encode() in (tmp_path / "evidence" / "console.log").read_bytes()
    assert files_with_passphrase(bench.guest, tmp_path / "evidence") == []


def test_a_crash_after_a_passphrase_does_not_quote_it(tmp_path: Path) -> None:
    script = (
        f"{LINUX} ask 'Please unlock disk root: '; echo \"Kernel panic - not syncing: $answer\"; stand_still"
    )
    with GalleryBench(tmp_path, script, steps=STEPS) as bench:
        error = bench.boot_error()
        assert type(error) is GuestCrashed, repr(error)
        assert "Kernel panic" in str(error)
        assert PASSPHRASE not in str(error)


def test_a_passphrase_on_a_screen_is_not_quoted(tmp_path: Path) -> None:
    """The guest takes the passphrase from its keyboard and shows it, and hangs then."""
    description = {
        "system": "none",
        "console": "vga-text",
        "screen": {"ready": "Main menu", "steps": STEPS},
        "timeouts": {"boot": "300s", "silence": "4s"},
    }
    code = assemble(tmp_path, ECHOING)
    with described_instance(tmp_path, code, description, devices=DISPLAY) as instance:
        with pytest.raises(BootTimeout, match="no 'Main menu' on the screen") as caught:
            instance.boot()
        guest = instance.cell.guest
    assert "no such volume" in str(caught.value)
    assert f"Please unlock disk root: {MASK}" in str(caught.value)
    assert PASSPHRASE not in str(caught.value)
    assert files_with_passphrase(guest, tmp_path / "evidence") == []


def test_a_replay_has_no_passphrase(tmp_path: Path) -> None:
    with GalleryBench(tmp_path, "", steps=[*STEPS, {"when": "menu", "press": "x"}]) as bench:
        guest = bench.guest
    text = json.dumps(to_plain(guest))
    assert "same" not in text
    restored = GuestSpec.model_validate(json.loads(text))
    assert [(step.when, step.keys) for step in restored.steps] == [("unlock disk", "<enter>"), ("menu", "x")]
    assert restored.secrets == frozenset()


def test_a_password_on_the_screen_of_a_serial_guest_is_not_quoted(tmp_path: Path) -> None:
    code = printing("\r\nNO secret BASIC")
    timeouts = {"boot": "300s", "silence": "2s"}
    with (
        described_instance(tmp_path, code, {"timeouts": timeouts}, devices=DISPLAY) as instance,
        pytest.raises(BootTimeout, match=f"the screen shows: .*NO {MASK} BASIC"),
    ):
        instance.boot()
