"""ci/verify as a command, and what judging again tells it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.commands.verify import again
from fixtures.commands.verify.__main__ import main, verify
from fixtures.commands.verify.bundle_reader import open_bundle
from fixtures.core.errors import HostFault
from suites.selftest.support.bundle_sample import Made


@pytest.mark.parametrize(
    ("status", "out", "err", "found"),
    [
        (0, "26 outcomes are the same\n", "", []),
        (1, "a FAIL, recorded PASS\n\nb PASS, recorded FAIL\n", "", ["JUDGED-OTHERWISE", "JUDGED-OTHERWISE"]),
        (1, "", "boom", ["NOT-JUDGED"]),
        (3, "", "Traceback\nValueError: x", ["NOT-JUDGED"]),
        (-9, "", "", ["NOT-JUDGED"]),
    ],
)
def test_what_judging_again_says(made: Made, monkeypatch: pytest.MonkeyPatch, status: int, out: str, err: str, found: list[str]) -> None:  # fmt: skip
    asked = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, status, out, err)

    monkeypatch.setattr(again, "_MODULE", "fixtures.verify")
    monkeypatch.setattr(subprocess, "run", run)
    net = again.judge_again(open_bundle(made.directory))
    assert [finding.code for finding in net.findings] == found
    assert asked[0][1:] == ["-m", "fixtures.verify", str(made.directory)]


def test_a_suite_that_cannot_judge_again_says_so(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "_MODULE", "fixtures.no_such_module")
    net = again.judge_again(open_bundle(made.directory))
    assert [finding.code for finding in net.findings] == ["NOT-AVAILABLE"]
    assert not net.looked


def test_the_command_line(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = str(made.directory)
    assert main(["--no-rejudge", directory]) == 0
    out = capsys.readouterr().out
    assert "Verified. The verdict is CERTIFIED." in out
    assert "the identity of the signer is not proven" in out
    (made.directory / "evil\x1b[31m\n.txt").write_text("x")
    assert main(["--no-rejudge", directory]) == 1
    out = capsys.readouterr().out
    assert "ADDED evil .txt: MANIFEST.sha256 does not list it" in out
    assert "\x1b" not in out
    assert main(["--no-rejudge", "--json", directory]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["verified"] is False
    assert {finding["code"] for net in data["nets"] for finding in net["findings"]} == {"ADDED"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "arguments are required"),
        (["nowhere"], "is no directory"),
        (["."], "holds no bundle"),
        (["--key", "nowhere.pem", "BUNDLE"], "nowhere.pem: cannot be read"),
        (["--key", "BUNDLE/report.json", "BUNDLE"], "holds no public key in PEM form"),
        (["--plan", "nowhere.yaml", "BUNDLE"], "nowhere.yaml: cannot be read"),
        (["--plan", "BUNDLE/waivers.json", "BUNDLE"], "holds no plan"),
        (["--colour", "BUNDLE"], "unrecognized arguments"),
    ],
)
def test_wrong_usage(made: Made, tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main([word.replace("BUNDLE", str(made.directory)) for word in arguments]) == 4
    assert words in capsys.readouterr().err


def test_a_key_of_another_kind_is_told(made: Made, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "k.pem").write_bytes(key.public_bytes(serialization.Encoding.PEM, form))
    with pytest.raises(HostFault, match="expected an Ed25519 key"):
        verify(made.directory, tmp_path / "k.pem", None, rejudge=False)
