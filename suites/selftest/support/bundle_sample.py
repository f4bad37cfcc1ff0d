"""Small bundles of invented runs, without machines, for the tests of bundles and of their verification."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fixtures.channels.console.transcript import Transcript
from fixtures.commands.verify.__main__ import verify
from fixtures.evidence.recording import LiveRecord
from fixtures.evidence.redaction import Redactor
from fixtures.evidence.result import CheckResult, to_json
from fixtures.evidence.worker_results import WorkerFileWriter
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup
from fixtures.report.bundle.attestation import statement
from fixtures.report.bundle.manifest import ATTESTATION, MANIFEST, digests, render
from fixtures.report.bundle.signing import Signer
from fixtures.report.model.canonical_json import canonical
from fixtures.report.model.report import Report
from fixtures.run.finalize import OpenBundle, close_bundle
from fixtures.run.run_file import write_run_file
from fixtures.run.run_start import RunStart, utc_now
from suites.selftest.support import report_sample as sample

MACHINE = "evidence/machines/gw0/debian-12@q35-uefi-virtio/machine-1"
ANSWERS = "evidence/debian-12@q35-uefi-virtio/storage.write-reaches-disk/answers.jsonl"
CHECK = ("debian-12@q35-uefi-virtio", "storage.write-reaches-disk")


@dataclass(frozen=True)
class SampleBundle:
    """A bundle, its report and its signer."""

    directory: Path
    report: Report
    signer: Signer


@contextmanager
def evidence_of_run(run: str) -> Iterator[None]:
    """Evidence that the body of the context records belongs to the run with the id ``run``."""
    before = os.environ.get("IRONGUEST_RUN")
    os.environ["IRONGUEST_RUN"] = run
    try:
        yield
    finally:
        os.environ.pop("IRONGUEST_RUN")
        if before is not None:
            os.environ["IRONGUEST_RUN"] = before


def run_start(**changes: Any) -> RunStart:
    """The start of a run half a minute ago; keyword arguments change its fields."""
    started = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=30)
    stamp = started.isoformat(timespec="milliseconds")
    info = sample.run_info(id=str(uuid.uuid4()), started=stamp, ended=stamp)
    host = sample.host_facts(qemu_version="7.2.13", qemu_digest=sample.SHA_B)
    return replace(RunStart(info, host, sample.plan(), sample.planned(), (), ()), **changes)


def good_results() -> list[CheckResult]:
    """Results that all passed just now; one of them has evidence."""
    return [
        replace(
            item,
            started=utc_now(),
            evidence=(ANSWERS,) if (item.cell, item.check) == CHECK else (),
        )
        for item in sample.good_results()
    ]


def record_evidence(directory: Path, run: str, secret: str = "") -> None:
    """Record the evidence of a machine and of a check; ``secret`` appears in both."""
    machine_directory = directory / MACHINE
    with evidence_of_run(run):
        transcript = Transcript(machine_directory, [])
        for data in (
            b"Booting\r\nhello caf\xc3",
            b"\xa9\r\n",
            f"{secret[:4]}".encode(),
            secret[4:].encode(),
        ):
            transcript.feed(data)
        transcript.close()
        journal = Journal(machine_directory / "qmp.jsonl", Wakeup())
        journal.note("command", {"execute": "cont"})
        journal.event("RESUME", {})
        journal.close()
        (machine_directory / "argv.sh").write_text("qemu-system-x86_64 -m 1G -nodefaults\n")
        record = LiveRecord(directory / ANSWERS)
        for number in range(3):
            record.ask("shell", {"command": f"echo {number}"}, lambda: {"output": f"x {secret}", "status": 0})
        record.close()


def record_results(directory: Path, results: list[CheckResult], cells: list[Any] | None = None) -> None:
    """Write the results and the facts about cells as a worker does."""
    writer = WorkerFileWriter(directory / "results", "gw0")
    for result in results:
        writer.write("result", to_json(result))
    for facts in [sample.cell_facts(cell) for cell in sample.CELLS] if cells is None else cells:
        writer.write("cell", to_json(facts))
    writer.close()


def make_bundle(
    directory: Path,
    results: list[CheckResult] | None = None,
    begun: RunStart | None = None,
    signer: Signer | None = None,
    secrets: tuple[str, ...] = (),
    secret: str = "",
    cells: list[Any] | None = None,
) -> SampleBundle:
    """Create a complete bundle as a run does."""
    directory.mkdir(parents=True, exist_ok=True)
    signer = signer or Signer.new()
    redactor = Redactor(secrets)
    begun, lock = write_run_file(begun or run_start(), directory, redactor)
    with lock:
        record_evidence(directory, begun.info.id, secret)
        record_results(directory, good_results() if results is None else results, cells)
        report = close_bundle(OpenBundle(begun, redactor, signer, lock), directory, utc_now())
    return SampleBundle(directory, report, signer)


def renew_signature(made: SampleBundle, report: Report | None = None, signer: Signer | None = None) -> None:
    """Sign the changed files of a bundle, as a forger with a key does."""
    found = digests(made.directory)
    manifest = render(found)
    (made.directory / MANIFEST).write_bytes(manifest)
    used = signer or made.signer
    signed = statement(report or made.report, found, hashlib.sha256(manifest).hexdigest(), used)
    (made.directory / ATTESTATION).write_bytes(canonical(used.sign(canonical(signed))))


def findings(made: SampleBundle, key: Path | None = None, plan: Path | None = None) -> list[str]:
    """The code and the subject of every finding, in order."""
    _, steps = verify(made.directory, key, plan, judge_again=False)
    return [f"{finding.code} {finding.subject}" for step in steps for finding in step.findings]


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    """Apply ``change`` to the data in a JSON file."""
    data = json.loads(path.read_bytes())
    change(data)
    path.write_bytes(canonical(data))


def public_key(signer: Signer, path: Path) -> Path:
    """Write the public key of ``signer`` to ``path``."""
    path.write_bytes(signer.public_pem)
    return path
