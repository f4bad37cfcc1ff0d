"""Redaction: secrets are removed from all kinds of evidence, and all other bytes stay the same."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from fixtures.evidence import redaction
from fixtures.evidence.redaction import MASK, Redactor, redact
from fixtures.evidence.result import Redaction

SECRET = 'open-"sesame" 4711'
KEY = "ABCDE-12345-FGHIJ-67890-KLMNO"


def cleaned(path: Path, content: bytes, *secrets: str) -> bytes:
    path.write_bytes(content)
    Redactor(secrets or (SECRET,)).file(path)
    return path.read_bytes()


def test_a_console_loses_its_secrets_and_nothing_else(tmp_path: Path) -> None:
    content = (
        b"\xff\x1b[31mlogin: root\r\nPassword: " + SECRET.encode() + b"\r\nkey " + KEY.encode() + b"\x00"
    )
    expected = content.replace(SECRET.encode(), MASK.encode()).replace(KEY.encode(), MASK.encode())
    assert cleaned(tmp_path / "console.log", content) == expected


@pytest.mark.parametrize("piece", [64, 300, 1000])
def test_a_secret_across_two_chunks_is_found(
    tmp_path: Path, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "_CHUNK_SIZE", piece)
    content = b"".join(b"x" * number + SECRET.encode() for number in range(200))
    assert cleaned(tmp_path / "console.log", content) == content.replace(SECRET.encode(), MASK.encode())


@pytest.mark.parametrize("size", [1, 2, 5, 100])
@pytest.mark.parametrize("piece", [1, 400, 1 << 20])
def test_a_secret_in_several_events_of_a_recording_is_found(
    tmp_path: Path, size: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "_CHUNK_SIZE", piece)
    text = f"before {SECRET} between {SECRET}{SECRET} after é {KEY} " * 5
    events = [json.dumps([0.5, "o", text[at : at + size]]) + "\n" for at in range(0, len(text), size)]
    header = '{"version": 2, "width": 80, "height": 25}\n'
    done = cleaned(tmp_path / "console.cast", (header + "".join(events)).encode()).decode()
    first, *lines = done.splitlines(keepends=True)
    assert first == header
    assert len(lines) == len(events)
    printed = "".join(json.loads(line)[2] for line in lines)
    assert printed == text.replace(SECRET, MASK).replace(KEY, MASK)


def test_json_lines_stay_valid_and_lines_without_secrets_unchanged(tmp_path: Path) -> None:
    plain = b'{"seq": 0,  "answer" : "nothing"}\n'
    entry = {"question": {"command": f"echo {SECRET}"}, "answer": [{"output": f"{KEY}\n{SECRET}"}, 1.5, None]}
    cut = b'{"seq": 2, "answer": "open-\\"sesame\\" 4711'
    done = cleaned(tmp_path / "answers.jsonl", plain + json.dumps(entry).encode() + b"\n" + cut)
    first, second, third = done.split(b"\n")
    assert first + b"\n" == plain
    assert json.loads(second) == {
        "question": {"command": f"echo {MASK}"},
        "answer": [{"output": f"{MASK}\n{MASK}"}, 1.5, None],
    }
    assert third == b'{"seq": 2, "answer": "' + MASK.encode()


def test_base64_output_is_redacted(tmp_path: Path) -> None:
    hidden = base64.b64encode(b"\xff\xfe" + SECRET.encode()).decode()
    line = json.dumps({"answer": {"output_base64": hidden}}).encode() + b"\n"
    done = json.loads(cleaned(tmp_path / "answers.jsonl", line))
    assert base64.b64decode(done["answer"]["output_base64"]) == b"\xff\xfe" + MASK.encode()
    untouched = b'{"output_base64": "/v8="}\n'
    assert cleaned(tmp_path / "b.jsonl", untouched) == untouched


def test_command_lines_lose_values_of_secret_names(tmp_path: Path) -> None:
    argv = ["qemu", "-object", "secret,id=s0,data=hunter22", "--api-token", "abcdef", "DB_PASSWORD=x1", "-m", "1G", "http://u:pw@h/x"]  # fmt: skip
    done = Redactor(()).command_line(argv)
    assert done == ["qemu", "-object", f"secret,id=s0,data={MASK}", "--api-token", MASK, f"DB_PASSWORD={MASK}", "-m", "1G", f"http://{MASK}@h/x"]  # fmt: skip
    line = json.dumps({"kind": "cell", "argv": argv}).encode() + b"\n"
    assert json.loads(cleaned(tmp_path / "gw0.jsonl", line))["argv"] == done
    text = cleaned(tmp_path / "argv.sh", b"qemu -object secret,id=s0,data=hunter22 -m 1G\n")
    assert text == f"qemu -object secret,id=s0,data={MASK} -m 1G\n".encode()


def test_a_second_redaction_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "gw0.jsonl").write_text(json.dumps({"argv": ["A_TOKEN=12", "--token", "x", SECRET]}) + "\n")
    assert redact(tmp_path, Redactor([SECRET])).count == 3
    before = (tmp_path / "gw0.jsonl").read_bytes()
    assert redact(tmp_path, Redactor([SECRET])) == Redaction()
    assert (tmp_path / "gw0.jsonl").read_bytes() == before


def test_secrets_that_cannot_be_redacted_are_counted(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text("root debian-12 debian secret1")
    taken = redact(tmp_path, Redactor(["root", "debian", "secret1", ""], ["debian-12@pc-bios-ide"]))
    assert taken == Redaction(count=1, files=1, left=2)
    assert (tmp_path / "console.log").read_text() == f"root debian-12 debian {MASK}"


def test_links_and_binary_files_are_not_changed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret-secret")
    place = tmp_path / "bundle"
    place.mkdir()
    (place / "link.log").symlink_to(outside)
    (place / "net.pcap").write_text("secret-secret")
    assert redact(place, Redactor(["secret-secret"])).count == 0
    assert outside.read_text() == "secret-secret"


def test_the_longest_secret_wins() -> None:
    assert Redactor(["secret", "secret-long"]).text("a secret-long secret") == f"a {MASK} {MASK}"
