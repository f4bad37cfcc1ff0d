"""ci/compare as a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.commands.compare import main
from fixtures.report.bundle.report_files import write_report
from suites.selftest.support import qemus_sample
from suites.selftest.support.compare_sample import GOOD, outcome, with_result


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(GOOD, tmp_path / "a")
    write_report(with_result(outcome("FAIL")), tmp_path / "b")
    bundles = [str(tmp_path / "a"), str(tmp_path / "b" / "report.json")]
    files = [f"--json={tmp_path}/c.json", f"--html={tmp_path}/c.html"]
    assert main([*bundles, *files]) == 1
    assert "Regressed (1)" in capsys.readouterr().out
    data = json.loads((tmp_path / "c.json").read_bytes())
    assert [each["kind"] for each in data["transitions"]] == ["regressed"]
    assert "Regressed" in (tmp_path / "c.html").read_text()
    assert main([*reversed(bundles)]) == 0
    assert main(["--gate=never", *bundles]) == 0


def test_the_command_names_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(GOOD, tmp_path / "a")
    write_report(GOOD, tmp_path / "b")
    edited = tmp_path / "b" / "report.json"
    edited.write_bytes(edited.read_bytes().replace(b'"name":"CERTIFIED"', b'"name":"INVALID"'))
    assert main([str(tmp_path / "a"), str(tmp_path / "b")]) == 3
    assert main([str(tmp_path / "a"), "/nowhere"]) == 3
    assert main([]) == 4
    assert main([f"--json={tmp_path}", str(tmp_path / "a"), str(tmp_path / "a")]) == 4
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("ci/compare: ") for line in lines] == [True] * 4


def test_the_qemus_of_one_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(qemus_sample.report(), tmp_path / "a")
    write_report(GOOD, tmp_path / "one")
    bundle = str(tmp_path / "a")
    assert main([bundle]) == 1
    alone = capsys.readouterr().out
    assert "Regressed (1)" in alone
    assert f"{qemus_sample.REGRESSED} on {qemus_sample.BASES[1]}" in alone
    assert main([f"{bundle}#7.2", f"{bundle}#10.0"]) == 1
    assert capsys.readouterr().out == alone
    assert main([f"{bundle}#10.0", f"{bundle}#7.2"]) == 1
    assert f"{qemus_sample.FIXED} on {qemus_sample.BASES[0]}" in capsys.readouterr().out
    # A run on one QEMU is comparable with one of several.
    assert main(["--gate=never", str(tmp_path / "one"), f"{bundle}#10.0"]) == 0


def test_a_qemu_that_a_bundle_lacks_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(qemus_sample.report(), tmp_path / "a")
    write_report(GOOD, tmp_path / "b#1")
    assert main([f"{tmp_path}/a#9.0", f"{tmp_path}/a#7.2"]) == 3
    assert "no results of QEMU 9.0: it has 7.2 and 10.0" in capsys.readouterr().err
    # The name of a directory can have the sign, too.
    assert main([f"{tmp_path}/b#1", f"{tmp_path}/b#1"]) == 0
    assert main([f"{tmp_path}/b#1"]) == 3
    assert "expected the results of two QEMUs, or a second bundle" in capsys.readouterr().err
