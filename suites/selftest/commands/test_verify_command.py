"""ci/verify as a command, and its step that judges outcomes again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.commands.verify import rejudge
from fixtures.commands.verify.__main__ import main, verify
from fixtures.commands.verify.bundle_reader import read_bundle
from fixtures.commands.verify.rejudge import Judgement, ReplayCrashed, ReplayTimedOut
from fixtures.core.errors import EvidenceDamaged, HostFault, IronguestError
from fixtures.report.model.judgement_diff import Difference
from suites.selftest.support.bundle_sample import SampleBundle
from suites.selftest.support.recorded_sample import create_bundle

DIFFERENCE = Difference("outcome", "debian-12@q35", "a.check", "test_x.py::test_x", "PASS", "FAIL")
DAMAGED = EvidenceDamaged("replay.json: is missing")


@pytest.mark.parametrize(
    ("outcome", "codes", "summary"),
    [
        (Judgement(26, (), ("suite differs: x.py",)), [], "26 results, 0 differences"),
        (Judgement(26, (DIFFERENCE,), ()), ["JUDGED-OTHERWISE"], "26 results, 1 difference"),
        (DAMAGED, ["NOT-JUDGED"], ""),
        (ReplayTimedOut("did not end"), ["NOT-JUDGED"], ""),
        (ReplayCrashed("ended with status -9"), ["NOT-JUDGED"], ""),
    ],
    ids=["same", "different", "damaged", "timeout", "crash"],
)
def test_the_step_shows_the_judgement_or_the_error(
    made: SampleBundle,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Judgement | IronguestError,
    codes: list[str],
    summary: str,
) -> None:
    def judge(bundle: Path) -> Judgement:
        assert bundle == made.directory
        if isinstance(outcome, IronguestError):
            raise outcome
        return outcome

    monkeypatch.setattr(rejudge, "rejudge", judge)
    step = rejudge.step(read_bundle(made.directory))
    assert ([finding.code for finding in step.findings], step.summary) == (codes, summary)
    if isinstance(outcome, IronguestError):
        assert step.findings[0].message == f"{type(outcome).__name__}: {outcome.message}"
    else:
        assert step.notes == outcome.notes


def test_a_replay_that_does_not_end_in_time_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejudge, "_TIMEOUT", 0.01)
    with pytest.raises(ReplayTimedOut, match="the replay did not end within 0 s"):
        rejudge.rejudge(create_bundle(tmp_path))


def test_a_replay_that_crashes_is_named_with_its_status_and_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "crashes"
    program.write_text("#!/bin/sh\necho last words\nkill -9 $$\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    with pytest.raises(ReplayCrashed, match=r"(?s)status -9 and wrote no report:\n +last words"):
        rejudge.rejudge(create_bundle(tmp_path))


def test_the_command_line(made: SampleBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    assert {finding["code"] for step in data["steps"] for finding in step["findings"]} == {"ADDED"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "arguments are required"),
        (["nowhere"], "is not a directory"),
        (["."], "holds no bundle"),
        (["--key", "nowhere.pem", "BUNDLE"], "nowhere.pem: cannot be read"),
        (["--key", "BUNDLE/report.json", "BUNDLE"], "expected a public key in PEM form"),
        (["--plan", "nowhere.yaml", "BUNDLE"], "nowhere.yaml: cannot be read"),
        (["--plan", "BUNDLE/waivers.json", "BUNDLE"], "holds no plan"),
        (["--colour", "BUNDLE"], "unrecognized arguments"),
    ],
)
def test_wrong_usage(made: SampleBundle, tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main([word.replace("BUNDLE", str(made.directory)) for word in arguments]) == 4
    assert words in capsys.readouterr().err


def test_a_key_of_another_kind_is_named(made: SampleBundle, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "k.pem").write_bytes(key.public_bytes(serialization.Encoding.PEM, form))
    with pytest.raises(HostFault, match="expected an Ed25519 key"):
        verify(made.directory, tmp_path / "k.pem", None, judge_again=False)
