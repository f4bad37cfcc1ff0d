"""Whole runs judged again: recorded on machines with random answers, replayed without machines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.commands.verify.rejudge import rejudge
from fixtures.core.errors import EvidenceDamaged
from fixtures.report.bundle.report_files import load_report, write_report
from fixtures.report.model import report_json
from suites.selftest.support.inner_run import InnerRun

# These runs take long, so they start early.
pytestmark = pytest.mark.boots

TESTS = """\
from pathlib import Path
from fixtures.channels.shells.shell import CommandResult
from fixtures.core.errors import BootTimeout, CommandTimeout, MachineNotUsable, Postmortem
from fixtures.lab.pool.launcher import MachineStart

USED = Path(__file__).parent / "machines-were-used"

class Shell:
    def run(self, command, within=None):
        if command == "hang":
            raise CommandTimeout("no answer to 'hang'", Postmortem(last_lines=("[ 1.0] last words",)))
        if command == "bug":
            raise ZeroDivisionError("by zero")
        if command == "die":
            os._exit(9)
        return CommandResult(command, 0, os.urandom(1), 0.1)

class Instance:
    shell = Shell()

    def take_complaints(self):
        return []

class Pool:
    has_failed = False

    def announce_next(self, request):
        pass

    def acquire(self, request):
        USED.touch()
        if request.cell.id.startswith("left"):
            return Instance(), MachineStart("cold boot", 1.25)
        if self.has_failed:
            raise MachineNotUsable("right@pc-bios-ide did not boot before: stuck")
        self.has_failed = True
        raise BootTimeout("stuck in the firmware", Postmortem(last_lines=("SeaBIOS",), stages=(("firmware", 0.0),)))

    def record_facts(self, cell, facts):
        pass

@pytest.fixture(scope="session")
def pool():
    return Pool()

@check("a.chance")
@pytest.mark.parametrize("number", range(12))
def test_chance(guest, measure, number):
    answer = guest.run_check(f"say {number}")
    measure("length", len(answer), "characters")
    # About half of all bytes are no text: four characters.
    assert answer == answer[:1]

@check("a.hang")
def test_hang(guest):
    guest.run_check("hang")

@check("a.bug")
def test_bug(guest):
    guest.run_check("bug")

@check("a.skip")
def test_skip(guest):
    guest.run_check("anything")
    pytest.skip("not_in_profile: it does not matter here")

@pytest.mark.device("virtio-*")
@check("a.virtio")
def test_virtio(guest):
    assert False
"""


class Recorded:
    """A run with a bundle."""

    def __init__(self, place: Path, *arguments: str, tests: str = TESTS, **environment: str) -> None:
        self.inner = InnerRun.create(place, tests)
        self.bundle = place / "bundle"
        self.output = self.inner.run(f"--bundle={self.bundle}", *arguments, **environment)
        (place / "machines-were-used").unlink(missing_ok=True)

    def differences(self) -> list[str]:
        return [
            str(each) for each in rejudge(self.bundle, [self.inner.directory / "test_inner.py"]).differences
        ]

    def results(self) -> list[dict[str, Any]]:
        report = json.loads((self.bundle / "report.json").read_text())
        instances = [each for entry in report["results"] for each in entry["instances"]]
        return [attempt for each in instances for attempt in each["attempts"]]


def test_a_replay_gives_the_same_outcomes(tmp_path: Path) -> None:
    """With two workers and without."""
    run = Recorded(tmp_path)
    results = {(each["check"], each["cell"][:4]): each for each in run.results()}
    assert results["a.hang", "left"]["failure"]["kind"] == "CommandTimeout"
    assert results["a.bug", "left"]["failure"]["kind"] == "ZeroDivisionError"
    assert results["a.skip", "left"]["reason"][0] == "not_in_profile"
    assert results["a.virtio", "left"]["reason"][0] == "device_absent_by_design"
    kinds = [each["failure"]["kind"] for each in run.results() if each["cell"][0] == "r" and each["failure"]]
    assert sorted(set(kinds)) == ["BootTimeout", "MachineNotUsable"]
    assert {each["start"] for each in run.results()} == {"cold boot", ""}
    named = [each["evidence"][0] for each in run.results() if each["evidence"]]
    assert len(named) == len(set(named)) == 30
    # There is no program at all on this path, and a QEMU that is not there is not missed.
    empty = tmp_path / "empty"
    empty.mkdir()
    for workers in ("-n0", "-n2"):
        again = tmp_path / f"again{workers}"
        output = run.inner.run(
            f"--replay={run.bundle}", f"--bundle={again}", workers, PATH=str(empty), IRONGUEST_QEMU="/no/such"
        )
        assert "32 results judged again: as recorded" in output
        assert "Traceback" not in output
        assert not (tmp_path / "machines-were-used").exists()
        assert load_report(again).summary == load_report(run.bundle).summary
        assert load_report(again).verdict == load_report(run.bundle).verdict
        assert list(tmp_path.glob("ironguest-*")) == []


def test_edited_answers_are_named(tmp_path: Path) -> None:
    """Each record is damaged in another way, so that one replay shows what is said of each."""
    run = Recorded(tmp_path, "-k", "left and chance")
    assert run.differences() == []
    results = [each for each in run.results() if each["check"] == "a.chance"]
    names = [each["evidence"][0] for each in results]
    edited, no_answer, cut_off, shortened, lengthened, missing = (run.bundle / name for name in names[:6])
    first, second, third = edited.read_text().splitlines()
    entry = json.loads(second)
    good = results[0]["outcome"] == "PASS"
    entry["answer"].pop("output_base64", None)
    entry["answer"]["output"] = "long" if good else "x"
    edited.write_text(f"{first}\n{json.dumps(entry)}\n{third}\n")
    first, second, third = no_answer.read_text().splitlines()
    no_answer.write_text(f"{first}\n")
    first, second, third = cut_off.read_text().splitlines()
    cut_off.write_text(f"{first}\n{second[:-4]}")
    first, second, third = shortened.read_text().splitlines()
    shortened.write_text(f"{first}\n{second}\n")
    first, second, third = lengthened.read_text().splitlines()
    lengthened.write_text(f"{first}\n{second}\n{third}\n{third.replace(':2,', ':3,', 1)}\n")
    missing.unlink()
    differences = run.differences()
    expected = "recorded PASS; judged again: FAIL" if good else "recorded FAIL"
    prefix = "a.chance on left@pc-bios-ide: outcome: "
    assert any(line.startswith(prefix) and expected in line for line in differences), differences
    for words in (
        f"{names[1]}:2: the record ends before this question",
        f"{names[2]}:2: the last line is cut off",
        f"{names[3]}:3: the record ends before this question",
        f"{names[4]}:4: the check did not ask for the last 1 of 4 answers",
        f"{names[5]}: this record is missing",
    ):
        assert len([line for line in differences if words in line]) == 1, f"{words!r} in {differences}"


def test_an_edited_start_of_a_machine_is_named(tmp_path: Path) -> None:
    run = Recorded(tmp_path, "-k", "left and hang")
    (result,) = run.results()
    answers = run.bundle / result["evidence"][0]
    answers.write_text(answers.read_text().replace('"cold boot"', '"warm boot"'))
    assert run.differences() == [
        "a.hang on left@pc-bios-ide: start: recorded cold boot in 1.25 s; judged again: warm boot in 1.25 s"
    ]


def test_the_message_of_a_failure_does_not_depend_on_the_environment(tmp_path: Path) -> None:
    many = """\
@check("a.many")
def test_many(guest):
    guest.run_check("x")
    assert {str(n): [n] * 40 for n in range(30)} == {str(n): [n] * 41 for n in range(30)}

@check("a.set")
def test_set(guest):
    guest.run_check("x")
    assert {f"name-{n}" for n in range(30)} == {"name-1"}
"""
    run = Recorded(tmp_path, "-vv", "-k", "left and (many or set)", tests=TESTS + many, CI="true")
    assert [len(each["failure"]["message"]) > 3000 for each in run.results()] == [True, False]
    assert run.differences() == []


def test_a_dead_worker_is_reported_again(tmp_path: Path) -> None:
    die = '@check("a.die")\ndef test_die(guest):\n    guest.run_check("die")\n'
    run = Recorded(tmp_path, "-n1", "-k", "left and (die or hang)", tests=TESTS + die)
    kinds = {each["check"]: each["failure"]["kind"] for each in run.results()}
    assert kinds == {"a.die": "WorkerDied", "a.hang": "CommandTimeout"}
    assert run.differences() == []


def test_a_result_that_was_left_out_of_the_report_is_found(tmp_path: Path) -> None:
    run = Recorded(tmp_path, "-k", "left and hang")
    report = json.loads((run.bundle / "report.json").read_text())
    report["results"][0]["instances"][0]["attempts"] = []
    rewrite(run.bundle, report)
    (difference,) = run.differences()
    assert "extra: recorded no result; judged again: FAIL (CommandTimeout" in difference


def rewrite(bundle: Path, report: dict[str, Any]) -> None:
    """Write a report with the right conclusions from edited results."""
    entries = tuple(report_json._parse_entry(entry) for entry in report["results"])
    write_report(replace(load_report(bundle), entries=entries), bundle)


def test_attempts_are_replayed_one_by_one(tmp_path: Path) -> None:
    run = Recorded(tmp_path, "-k", "left and chance and pc-bios-ide-7")
    report = json.loads((run.bundle / "report.json").read_text())
    (instance,) = report["results"][0]["instances"]
    (first,) = instance["attempts"]
    answers = run.bundle / first["evidence"][0]
    other = answers.with_name("another.jsonl")
    other.write_bytes(answers.read_bytes())
    instance["attempts"].append({**first, "evidence": [str(other.relative_to(run.bundle))]})
    rewrite(run.bundle, report)
    judgement = rejudge(run.bundle, [tmp_path / "test_inner.py"])
    assert (judgement.results, judgement.differences) == (2, ())
    assert "2 results judged again: as recorded" in run.inner.run(f"--replay={run.bundle}", "-n2")
    machine, said, complaints = answers.read_text().splitlines()
    entry = json.loads(said)
    entry["answer"].pop("output_base64", None)
    entry["answer"]["output"] = "ok" if first["outcome"] == "PASS" else "x"
    other.write_text(f"{machine}\n{json.dumps(entry)}\n{complaints}\n")
    # What else follows from it, such as a measure, differs too; the first attempt does not.
    differences = run.differences()
    assert [each for each in differences if "outcome" in each] == differences[:1]


@pytest.mark.parametrize(
    "options",
    [("--guest=x", "--platform=x", "--plan=default", "--accel=tcg", "--cold"), ("--list-cells",)],
)
def test_options_that_choose_machines_are_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    inner = InnerRun.create(tmp_path, TESTS)
    output = inner.run(f"--replay={tmp_path}", *options)
    names = ", ".join(option.partition("=")[0] for option in options)
    assert f"--replay does not go with {names}: " in output
    assert "Traceback" not in output


def test_a_directory_without_a_record_is_named(tmp_path: Path) -> None:
    run = Recorded(tmp_path, "-k", "left and hang")
    for name, words in [
        ("replay.json", "replay.json: is missing"),
        ("report.json", "report.json: cannot be read"),
    ]:
        content = (run.bundle / name).read_bytes()
        (run.bundle / name).unlink()
        output = run.inner.run(f"--replay={run.bundle}")
        assert words in output
        assert "Traceback" not in output
        (run.bundle / name).write_bytes(content)
    assert "goes to another directory" in run.inner.run(f"--replay={run.bundle}", f"--bundle={run.bundle}")
    assert (run.bundle / "report.json").exists()
    recipe = json.loads((run.bundle / "replay.json").read_text())
    for broken in ("[]", "{", json.dumps({**recipe, "format": 2}), json.dumps({**recipe, "guests": [{}]})):
        (run.bundle / "replay.json").write_text(broken)
        with pytest.raises(EvidenceDamaged, match=r"replay\.json"):
            rejudge(run.bundle)
