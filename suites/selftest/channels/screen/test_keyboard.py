"""Keys: their notation, their positions on each layout, and their codes on a terminal."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from fixtures.catalog.key_sequences import KEY_NAMES, Chord, parse_keys
from fixtures.channels.screen.keyboard import MachineKeyboard, terminal_code
from fixtures.channels.screen.keyboard_layouts import LAYOUTS
from fixtures.core.deadline import Deadline
from fixtures.core.errors import SuiteFault
from suites.selftest.support.machine_sample import MachineBench

# AT set 1 scan codes of the keys that the layouts use, as IBM's technical reference for the AT has them.
CODES = {
    **{
        key: code
        for code, key in enumerate(["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "minus", "equal"], 0x02)
    },
    **{
        key: code
        for code, key in enumerate(
            ["q", "w", "e", "r", "t", "y", "u", "i", "o", "p", "bracket_left", "bracket_right"], 0x10
        )
    },
    **{
        key: code
        for code, key in enumerate(
            ["a", "s", "d", "f", "g", "h", "j", "k", "l", "semicolon", "apostrophe", "grave_accent"], 0x1E
        )
    },
    **{
        key: code
        for code, key in enumerate(
            ["backslash", "z", "x", "c", "v", "b", "n", "m", "comma", "dot", "slash"], 0x2B
        )
    },
    "ret": 0x1C,
    "spc": 0x39,
    "tab": 0x0F,
    "less": 0x56,
}
KEYSYMS = {
    "!": "exclam", '"': "quotedbl", "#": "numbersign", "$": "dollar", "%": "percent", "&": "ampersand",
    "'": "apostrophe", "(": "parenleft", ")": "parenright", "*": "asterisk", "+": "plus", ",": "comma",
    "-": "minus", ".": "period", "/": "slash", ":": "colon", ";": "semicolon", "<": "less", "=": "equal",
    ">": "greater", "?": "question", "@": "at", "[": "bracketleft", "\\": "backslash", "]": "bracketright",
    "_": "underscore", "`": "grave", "{": "braceleft", "|": "bar", "}": "braceright", "~": "asciitilde",
    "ä": "adiaeresis", "ö": "odiaeresis", "ü": "udiaeresis", "ß": "ssharp", "é": "eacute", "è": "egrave",
    "à": "agrave", "ç": "ccedilla", "ù": "ugrave", "§": "section", "°": "degree", "²": "twosuperior", "µ": "mu",
    "€": "EuroSign", "£": "sterling", "³": "threesuperior",
}  # fmt: skip


def keymap(name: str) -> dict[str, set[tuple[int, frozenset[str]]]]:
    """QEMU's own keymap: a keysym and its scan codes with modifiers."""
    for directory in ("/usr/share/qemu/keymaps", "/usr/local/share/qemu/keymaps"):
        if (path := Path(directory) / name).exists():
            break
    else:
        pytest.skip("this QEMU has no keymaps to compare the layouts with")
    scan_codes: dict[str, set[tuple[int, frozenset[str]]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if len(fields) >= 2 and fields[1].startswith("0x"):
            modifiers = frozenset(set(fields[2:]) & {"shift", "altgr"})
            scan_codes.setdefault(fields[0], set()).add((int(fields[1], 16), modifiers))
    return scan_codes


@pytest.mark.parametrize(("name", "qemu_name"), [("us", "en-us"), ("de", "de"), ("fr", "fr")])
def test_layouts_agree_with_qemus_keymaps(name: str, qemu_name: str) -> None:
    known = keymap(qemu_name)
    compared = 0
    for character, chords in LAYOUTS[name].strokes.items():
        keysym = KEYSYMS.get(character, character if character.isascii() and character.isalnum() else None)
        if keysym is None or keysym not in known or len(chords) > 1:
            continue
        *modifiers, key = chords[0]
        stroke = (CODES[key], frozenset({"alt_r": "altgr"}.get(name, name) for name in modifiers))
        assert stroke in known[keysym], character
        compared += 1
    assert compared > 80


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_has_all_ascii_characters(name: str) -> None:
    printable = {chr(code) for code in range(32, 127)} | {"\n", "\t"}
    assert printable - set(LAYOUTS[name].strokes) == set()


def test_the_space_bar_follows_dead_keys() -> None:
    assert LAYOUTS["de"].strokes["^"] == (("grave_accent",), ("spc",))
    assert LAYOUTS["us"].strokes["^"] == (("shift", "6"),)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("ls", ("l", "s")),
        ("ls<enter>", ("l", "s", Chord(("enter",)))),
        ("a<less>b>", ("a", "<", "b", ">")),
        ("<ctrl-alt-f2>", (Chord(("ctrl", "alt", "f2")),)),
        ("<ctrl-c>\n", (Chord(("ctrl", "c")), "\n")),
    ],
)
def test_key_notation(text: str, keys: tuple[object, ...]) -> None:
    assert parse_keys(text) == keys


@pytest.mark.parametrize("text", ["<", "a<b", "<>", "<return>", "<ctrl->", "<Enter>", "<ctrl+c>"])
def test_unknown_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^expected a?"):
        parse_keys(text)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("a", "a"), ("\n", "\r"), (Chord(("enter",)), "\r"), (Chord(("up",)), "\x1b[A"), (Chord(("esc",)), "\x1b"),
        (Chord(("ctrl", "c")), "\x03"), (Chord(("f1",)), "\x1bOP"),
    ],
)  # fmt: skip
def test_terminal_codes(key: str | Chord, code: str) -> None:
    assert terminal_code(key) == code


@pytest.mark.parametrize("chord", [Chord(("ctrl", "alt", "delete")), Chord(("win",)), Chord(("alt", "f4"))])
def test_keys_without_a_terminal_code_are_refused(chord: Chord) -> None:
    with pytest.raises(SuiteFault, match="a terminal has no code for <"):
        terminal_code(chord)


def test_the_error_names_a_character_without_a_key(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        keyboard = MachineKeyboard(bench.machine, "us")
        with pytest.raises(SuiteFault, match=unicodedata.normalize("NFC", "'us' has no key for 'ł'")):
            keyboard.press("Łódź".lower(), Deadline.after(1.0))


def test_qemu_knows_the_names_of_all_keys(tmp_path: Path) -> None:
    with MachineBench(tmp_path).start() as bench:
        schema = bench.machine.execute("query-qmp-schema")
    values = next(
        {member["name"] for member in each["members"]}
        for each in schema
        if each["meta-type"] == "enum"
        and "grave_accent" in {member["name"] for member in each.get("members", [])}
    )
    used = {
        key
        for layout in LAYOUTS.values()
        for chords in layout.strokes.values()
        for chord in chords
        for key in chord
    }
    assert used | set(KEY_NAMES.values()) <= values
