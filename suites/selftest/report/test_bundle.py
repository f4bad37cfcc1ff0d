"""Bundles: digests, signature, redaction, and the recovery of a killed run."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.catalog.catalog import Catalog
from fixtures.commands import recover_report
from fixtures.commands.verify.__main__ import verify
from fixtures.core.errors import HostFault
from fixtures.evidence.redaction import MASK, Redactor
from fixtures.evidence.result import Failure
from fixtures.report.bundle import manifest
from fixtures.report.bundle.report_files import load_report
from fixtures.report.bundle.signing import Signer, pre_authentication_encoding, verified_payload
from fixtures.report.model.schema import ReportInvalid
from fixtures.run.finalize import redactor_for
from fixtures.run.run_file import read_run_file, write_run_file
from suites.selftest.report.test_waiver_matching import waiver
from suites.selftest.support import bundle_sample as sample
from suites.selftest.support import report_sample
from suites.selftest.support.inner_run import InnerRun
from suites.selftest.support.paths import ROOT

SECRET = "open-sesame-4711"


def findings(directory: Path) -> list[str]:
    _, steps = verify(directory, None, None, judge_again=False)
    return [str(finding) for step in steps for finding in step.findings]


def test_sha256sum_checks_the_manifest_of_any_names(tmp_path: Path) -> None:
    for name in ("plain", "with space", "new\nline", "back\\slash", "ünï", "*star", "-dash"):
        (tmp_path / name).write_text(name)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/er").write_bytes(b"\xff")
    digests = manifest.digests(tmp_path)
    (tmp_path / manifest.MANIFEST).write_bytes(manifest.render(digests))
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", manifest.MANIFEST], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout.count(b": OK")) == (0, 8)
    assert manifest.parse(manifest.render(digests)) == digests
    assert list(digests) == sorted(digests)


@pytest.mark.parametrize("content", [b"x\n", b"00  short\n", b"0" * 64 + b"  a\n" + b"1" * 64 + b"  a\n"])
def test_an_invalid_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(ReportInvalid, match=r"MANIFEST\.sha256:\d"):
        manifest.parse(content)


def test_the_signature_follows_the_dsse_protocol() -> None:
    # The example of the DSSE protocol description.
    message = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pre_authentication_encoding("http://example.com/HelloWorld", b"hello world") == message
    signer = Signer.new()
    envelope = signer.sign(b"body")
    assert verified_payload(envelope, signer.key.public_key()) == b"body"
    envelope["payload"] = base64.b64encode(b"other").decode()
    with pytest.raises(ReportInvalid, match="no signature of the envelope is by the key"):
        verified_payload(envelope, signer.key.public_key())


def test_openssl_agrees_on_key_and_fingerprint(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    signer = Signer.load(key)
    der = subprocess.run(
        ["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    assert signer.fingerprint == f"sha256:{hashlib.sha256(der).hexdigest()}"
    assert not signer.ephemeral


def test_the_error_for_an_unusable_key_says_why(tmp_path: Path) -> None:
    form, pem = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    hidden = serialization.BestAvailableEncryption(b"x")
    keys = {
        "protected by a passphrase": Signer.new().key.private_bytes(pem, form, hidden),
        "another kind": ec.generate_private_key(ec.SECP256R1()).private_bytes(
            pem, form, serialization.NoEncryption()
        ),
        "found a public key": Signer.new().public_pem,
        "expected a private key in PEM form; found none": b"nonsense",
    }
    for message, content in keys.items():
        (tmp_path / "key.pem").write_bytes(content)
        with pytest.raises(HostFault, match=message):
            Signer.load(tmp_path / "key.pem")
    with pytest.raises(HostFault, match="cannot be read"):
        Signer.load(tmp_path / "gone.pem")


def test_the_attestation_lists_results_and_key(tmp_path: Path) -> None:
    results = sample.good_results()
    results[5] = replace(
        results[5], outcome="FAIL", failure=Failure("AssertionError", "the checksum differs")
    )
    begun = sample.run_start(waivers=(waiver(created="2026-01-01", expires="2027-01-01"),))
    begun = replace(begun, info=replace(begun.info, started="2026-10-14T08:00:00Z"))
    sample_bundle = sample.make_bundle(tmp_path, results, begun)
    assert sample_bundle.report.verdict.name == "CERTIFIED_WITH_CONDITIONS"
    envelope = json.loads((tmp_path / "attestation.dsse.json").read_bytes())
    signed = json.loads(base64.b64decode(envelope["payload"]))
    predicate = signed["predicate"]
    assert signed["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert predicate["result"] == "WARNED"
    assert predicate["warnedTests"] == [f"{results[5].cell} {results[5].check}"]
    assert (len(predicate["passedTests"]), predicate["failedTests"]) == (25, [])
    assert predicate["signer"] == {"key": sample_bundle.signer.fingerprint, "ephemeral": True}
    assert [resource["digest"]["sha256"] for resource in predicate["configuration"]] == [
        str(sample_bundle.report.plan and sample_bundle.report.plan.digest).removeprefix("sha256:"),
        *([report_sample.SHA_A.removeprefix("sha256:")] * 2),
        report_sample.SHA_B.removeprefix("sha256:"),
    ]
    html = (tmp_path / "report.html").read_text()
    assert "does not prove by whom it was signed" in html
    assert sample_bundle.signer.fingerprint in html


def test_no_secret_is_left_in_a_bundle(tmp_path: Path) -> None:
    results = sample.good_results()
    failure = Failure("AssertionError", f"the guest said {SECRET}", last_lines=(SECRET,))
    results[5] = replace(results[5], outcome="FAIL", failure=failure)
    begun = sample.run_start()
    begun = replace(begun, info=replace(begun.info, argv=("pytest", SECRET, "MY_TOKEN=abc")))
    sample_bundle = sample.make_bundle(tmp_path, results, begun, secrets=(SECRET,), secret=SECRET)
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET.encode() not in content
    assert sample_bundle.report.run.argv == ("pytest", MASK, f"MY_TOKEN={MASK}")
    assert sample_bundle.report.redaction.count >= 6
    assert f"{sample_bundle.report.redaction.count} places in" in (tmp_path / "report.html").read_text()
    assert findings(tmp_path) == []


def test_passwords_and_variables_with_secret_names_are_secrets() -> None:
    shipped = Catalog.load([ROOT / "guests"])
    environ = {
        "CI_JOB_TOKEN": "glcbt-123456",
        "SSH_PASSWORD": "no",
        "HOME": "/root",
        "KEYRING": "not-this-one",
    }
    redactor = redactor_for(shipped, ["boot.reaches-login"], environ)
    # A guest without a shell has no password.
    passwords = [guest.login.password for guest in shipped.guests.values() if guest.login.password]
    assert redactor.unredactable == 0
    assert redactor.text(" ".join([*passwords, "glcbt-123456", "not-this-one"])).split() == [
        *([MASK] * (len(passwords) + 1)),
        "not-this-one",
    ]


# --- a run that was killed ----------------------------------------------------------------------------


def begin(directory: Path) -> None:
    """A run that starts, records and is killed: only its files are left."""
    directory.mkdir()
    begun, lock = write_run_file(sample.run_start(), directory, Redactor(()))
    lock.close()
    sample.record_evidence(directory, begun.info.id)


def finish(directory: Path) -> int:
    return recover_report.main([str(directory)])


def test_a_run_killed_at_its_start_gets_a_report(tmp_path: Path) -> None:
    directory = tmp_path / "b"
    directory.mkdir()
    _, lock = write_run_file(sample.run_start(), directory, Redactor(()))
    lock.close()
    assert finish(directory) == 2
    report = load_report(directory)
    assert report.verdict.reasons[0] == "The run was cut off: it ended before it wrote its report."
    assert report.summary.by_outcome["MISSING"] == 26
    assert findings(directory) == []


@pytest.mark.parametrize("keep", [0, 1, 7, 26])
def test_results_of_a_killed_run_are_kept_and_the_verdict_is_incomplete(tmp_path: Path, keep: int) -> None:
    directory = tmp_path / "b"
    begin(directory)
    sample.record_results(directory, sample.good_results()[:keep], cells=[])
    with (directory / "results/gw0.jsonl").open("a") as file:
        file.write('{"kind": "result", "check": "boot.rea')
    cast = directory / sample.MACHINE / "console.cast"
    cast.write_bytes(cast.read_bytes()[:-5])
    assert finish(directory) == 2
    report = load_report(directory)
    assert report.verdict.name == "INCOMPLETE"
    assert report.summary.by_outcome["PASS"] == keep
    assert findings(directory) == []


def test_a_run_killed_after_its_last_pass_is_incomplete(tmp_path: Path) -> None:
    directory = tmp_path / "b"
    begin(directory)
    sample.record_results(directory, sample.good_results())
    assert finish(directory) == 2
    assert load_report(directory).verdict.reasons == (
        "The run was cut off: it ended before it wrote its report.",
    )


def test_a_recorded_failure_of_a_killed_run_decides_the_verdict(tmp_path: Path) -> None:
    directory = tmp_path / "b"
    begin(directory)
    failed = replace(sample.good_results()[0], outcome="FAIL", failure=Failure("GuestCrashed", "panic"))
    sample.record_results(directory, [failed], cells=[])
    assert finish(directory) == 1
    assert load_report(directory).verdict.name == "NOT_CERTIFIED"


@pytest.mark.parametrize("lost", ["attestation.dsse.json", "MANIFEST.sha256", "report.json", "plan.json"])
def test_a_run_killed_while_writing_its_report_is_recovered(tmp_path: Path, lost: str) -> None:
    sample_bundle = sample.make_bundle(tmp_path / "b")
    for name in ("attestation.dsse.json", lost):
        (sample_bundle.directory / name).unlink(missing_ok=True)
    (sample_bundle.directory / ".report.html.123").write_text("half a p")
    assert finish(sample_bundle.directory) == 2
    assert findings(sample_bundle.directory) == []
    assert not (sample_bundle.directory / ".report.html.123").exists()


def test_a_complete_bundle_is_not_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample_bundle = sample.make_bundle(tmp_path / "b")
    before = manifest.digests(sample_bundle.directory)
    assert finish(sample_bundle.directory) == 4
    assert "has its report already" in capsys.readouterr().err
    assert manifest.digests(sample_bundle.directory) == before


def test_a_running_run_is_not_recovered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(tmp_path / "b")
    begun, lock = read_run_file(tmp_path / "b")
    with lock:
        assert begun.plan is not None
        assert finish(tmp_path / "b") == 4
        assert "the run still goes on" in capsys.readouterr().err


KILLS = """\
@check("demo.passes")
def test_goes(cell):
    pass

@check("demo.kills")
def test_stops(cell):
    import signal
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_with_all_processes_killed_is_recovered(tmp_path: Path, workers: str) -> None:
    inner = InnerRun.create(tmp_path, KILLS)
    bundle = tmp_path / "out"
    inner.run(f"--bundle={bundle}", "-n0", "-k", "goes")
    assert findings(bundle) == []
    inner.run(f"--bundle={bundle}", f"-n{workers}")
    assert (bundle / "run.json").exists()
    assert not (bundle / "report.json").exists()
    for _ in range(100):
        # A worker may live a moment longer than its controller, which holds the lock.
        done = subprocess.run(
            [sys.executable, "-m", "fixtures.commands.recover_report", str(bundle)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if "the run still goes on" not in done.stderr:
            break
    assert done.returncode in {1, 2}, done.stderr
    assert "The run was cut off" in done.stdout
    assert findings(bundle) == []
