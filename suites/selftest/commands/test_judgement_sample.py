"""The recorded answers of a real guest judged again: unchanged, and with one edited answer for each check."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.catalog.specs import Cell
from fixtures.commands.verify.rejudge import rejudge
from fixtures.core.errors import EvidenceDamaged, MachineNotUsable
from fixtures.evidence.replay import ReplayRecord
from fixtures.lab.pool.machine_pool import MachinePool
from fixtures.lab.pool.machine_request import MachineRequest
from fixtures.run.guest_start import start_guest
from fixtures.run.replay_manifest import read_replay_manifest
from fixtures.run.replay_session import checkout_differences
from suites.drivers import test_drivers
from suites.selftest.support.recorded_sample import SAMPLE, create_bundle

CELL = "debian-12@q35-uefi-virtio"


def no_lab() -> MachinePool:
    raise AssertionError("no machine in a replay")


def cell() -> Cell:
    return read_replay_manifest(SAMPLE).settings.catalog.cell(CELL)


def answers(bundle: Path, check: str) -> Path:
    return bundle / "evidence" / CELL / check / "answers.jsonl"


def in_text(old: str, new: str) -> Callable[[list[Any]], None]:
    """Edits the last answer of a shell in which ``old`` stands."""

    def edit(entries: list[Any]) -> None:
        found = [each["answer"] for each in entries if each["kind"] == "shell"]
        answer = next(each for each in reversed(found) if old in each["output"])
        answer["output"] = answer["output"].replace(old, new)

    return edit


def in_answer(key: str, value: Any) -> Callable[[list[Any]], None]:
    """Sets a part of the last answer that has it."""

    def edit(entries: list[Any]) -> None:
        found = [each["answer"] for each in entries if isinstance(each["answer"], dict)]
        next(each for each in reversed(found) if key in each)[key] = value

    return edit


def another_digest(entries: list[Any]) -> None:
    """The base image is another one afterwards."""
    entries[-1]["answer"][1] = f"sha256:{'0' * 64}"


def same_boot_id(entries: list[Any]) -> None:
    first, last = (each["answer"] for each in entries if each["kind"] == "shell")
    last["output"] = first["output"]


def flipped(entries: list[Any]) -> None:
    """One digit of the last digest that the guest computed."""
    said = [each["answer"] for each in entries if each["kind"] == "shell"]
    answer = next(each for each in reversed(said) if re.match("[0-9a-f]{64} ", each["output"]))
    answer["output"] = ("0" if answer["output"][0] != "0" else "1") + answer["output"][1:]


def another_status(entries: list[Any]) -> None:
    """A virtio device that did not come up, as the host sees it."""
    status = [each for each in entries if each["question"].get("command") == "x-query-virtio-status"][-1]
    status["answer"]["status"]["statuses"] = []


def complained(entries: list[Any]) -> None:
    """A line of the console that is no good."""
    entries[1]["answer"].append("panic: a line")


def foreign_blocks(entries: list[Any]) -> None:
    """Random bytes that the host never gave."""
    entries[-1]["answer"] = 3


def another_picture(entries: list[Any]) -> None:
    """A line of the screen that nobody painted."""
    entries[-1]["answer"][0] = "?"


EDITS: dict[str, tuple[Callable[[list[Any]], None], str]] = {
    "boot.reaches-login": (in_text("running", "degraded"), "assert 'degraded' == 'running'"),
    "boot.no-fatal-events": (complained, "panic: a line"),
    "drivers.every-device-is-driven": (in_text("virtio_net", "virtio_nat"), "virtio_nat"),
    "drivers.virtio-reaches-driver-ok": (another_status, "did not come up"),
    "drivers.modules-are-the-vendors": (in_text("|Y|", "||"), "not of the kernel's tree"),
    "drivers.rng-hands-out-the-hosts-bytes": (foreign_blocks, "foreign_blocks: 3 != 0"),
    "drivers.serial-port-carries-bytes": (flipped, "sha256:"),
    "drivers.display-shows-what-is-painted": (another_picture, "'?'"),
    "integrity.base-image-unchanged": (another_digest, "sha256:000"),
    "integrity.kernel-is-the-vendors": (in_text("taint|0", "taint|64"), "== ()"),
    "lifecycle.guest-reboots-once": (same_boot_id, "!="),
    "lifecycle.reset-reboots-once": (in_answer("resets", 2), "+ 2 resets, requested by the host"),
    "lifecycle.shuts-down-by-acpi": (in_answer("exit", "was killed by SIGKILL"), "SIGKILL"),
    "network.address-by-dhcp": (in_text("10.0.2.15", "10.0.2.99"), "10.0.2.99"),
    "network.payload-intact": (flipped, "sha256:"),
    "storage.host-pattern-reads-back": (flipped, "sha256:"),
    "storage.write-reaches-disk": (in_answer("bad", 1), "assert 1 == 0"),
}


def test_recorded_answers_give_the_recorded_outcomes(tmp_path: Path) -> None:
    judgement = rejudge(create_bundle(tmp_path))
    assert (judgement.results, judgement.differences) == (len(EDITS), ())


def test_every_edited_answer_is_found(tmp_path: Path) -> None:
    bundle = create_bundle(tmp_path)
    for check, (edit, _) in EDITS.items():
        entries = [json.loads(line) for line in answers(bundle, check).read_text().splitlines()]
        # The last answer is the same for all checks: the complaints of the guest.
        edit(entries[:-1])
        answers(bundle, check).write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    differences = rejudge(bundle).differences
    told = {each.check: each for each in differences if each.kind == "outcome"}
    assert sorted(told) == sorted(EDITS)
    for check, (_, words) in EDITS.items():
        assert told[check].recorded == "PASS"
        assert told[check].replayed.startswith("FAIL (AssertionError: ")
        assert words in told[check].replayed
    # What the report says of the drivers is not what these answers say either.
    assert {each.kind for each in differences if not each.check} == {"facts"}


def test_a_complaint_in_the_record_fails_its_check(tmp_path: Path) -> None:
    bundle = create_bundle(tmp_path)
    path = answers(bundle, "network.payload-intact")
    *lines, last = path.read_text().splitlines()
    entry = json.loads(last)
    line = "[  148.003001] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [swapper/1:0]"
    entry["answer"].append({"line": line, "at": 148.1, "log": "console.log", "waited_for_host": 0.0})
    path.write_text("".join(f"{text}\n" for text in [*lines, json.dumps(entry)]))
    outcome, complaints = rejudge(bundle).differences
    assert (outcome.kind, outcome.check, outcome.recorded) == ("outcome", "network.payload-intact", "PASS")
    assert outcome.replayed.startswith("FAIL (GuestComplained: ")
    assert (complaints.kind, complaints.recorded) == ("complaints", "[]")
    assert "error soft lockup (1): [  148.003001]" in complaints.replayed


def test_other_code_and_other_descriptions_are_noted(tmp_path: Path) -> None:
    bundle = create_bundle(tmp_path)
    recipe = json.loads((bundle / "replay.json").read_text())
    recipe["sources"]["suites/boot/test_boot.py"] = f"sha256:{'0' * 64}"
    recipe["sources"]["my/own/test_checks.py"] = f"sha256:{'0' * 64}"
    recipe["guests"][0]["timeouts"]["boot"] = "61s"
    (bundle / "replay.json").write_text(json.dumps(recipe))
    notes = checkout_differences(read_replay_manifest(bundle))
    assert "suite differs: suites/boot/test_boot.py" in notes
    assert "description differs: guest debian-12; the bundle's is used" in notes
    assert not any("own" in note or "platform" in note for note in notes)


def test_another_plan_than_the_reports_is_refused(tmp_path: Path) -> None:
    bundle = create_bundle(tmp_path)
    recipe = json.loads((bundle / "replay.json").read_text())
    recipe["plans"][0]["checks"][0]["level"] = "informational"
    (bundle / "replay.json").write_text(json.dumps(recipe))
    with pytest.raises(EvidenceDamaged, match="the plan in replay.json is not the report's plan"):
        rejudge(bundle)


def with_stages(bundle: Path, stages: list[str]) -> Path:
    """``bundle`` with these boot stages instead of the recorded ones."""
    path = answers(bundle, "boot.reaches-login")
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    entry = next(entry for entry in entries if entry["question"] == {"observe": "boot stages"})
    entry["answer"] = [[name, float(second)] for second, name in enumerate(stages)]
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    return bundle


@pytest.mark.parametrize("stages", [["firmware", "login"], ["firmware", "boot loader", "services", "login"]])
def test_a_stage_that_is_not_printed_is_no_fault(tmp_path: Path, stages: list[str]) -> None:
    judgement = rejudge(with_stages(create_bundle(tmp_path), stages))
    assert [item.check for item in judgement.differences if item.kind == "outcome"] == []


@pytest.mark.parametrize(
    "stages", [["firmware", "services", "kernel", "login"], ["firmware", "boot loader", "kernel"]]
)
def test_stages_in_another_order_and_a_boot_without_a_login_fail(tmp_path: Path, stages: list[str]) -> None:
    differences = rejudge(with_stages(create_bundle(tmp_path), stages)).differences
    (outcome,) = (item for item in differences if item.kind == "outcome")
    assert (outcome.check, outcome.recorded) == ("boot.reaches-login", "PASS")
    assert outcome.replayed.startswith("FAIL")


def test_an_answer_of_another_form_is_named(tmp_path: Path) -> None:
    bundle = create_bundle(tmp_path)
    path = answers(bundle, "boot.reaches-login")
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    entries[-2]["answer"]["status"] = "0"
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    (difference,) = rejudge(bundle).differences
    assert (difference.kind, difference.check) == ("damaged", "boot.reaches-login")
    assert "is not a command's result" in difference.replayed


def test_a_check_runs_on_a_record_alone(tmp_path: Path) -> None:
    path = answers(SAMPLE, "drivers.every-device-is-driven")
    machine_request = MachineRequest(cell(), is_cold=False, group="any")
    record = ReplayRecord(path, "answers.jsonl")
    guest, start = start_guest(record, machine_request, no_lab)
    test_drivers.test_every_device_is_driven(guest)
    guest.complaints.judge()
    record.finish()
    assert start.description.startswith("clone of a checkpoint")
    assert {row["device"] for row in guest.facts["devices"]} >= {"virtio-net-pci", "mch"}


def test_what_does_not_come_from_a_record_is_not_there(tmp_path: Path) -> None:
    record = ReplayRecord(answers(SAMPLE, "network.address-by-dhcp"), "answers.jsonl")
    guest, _ = start_guest(record, MachineRequest(cell(), is_cold=False, group=None), no_lab)
    with pytest.raises(MachineNotUsable, match="no machine in a replay"):
        _ = guest._proxy.instance


def test_the_sample_is_small_and_says_nothing_secret() -> None:
    files = [path for path in SAMPLE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
    assert 'password": "' not in (SAMPLE / "replay.json").read_text().replace("password_prompt", "")
