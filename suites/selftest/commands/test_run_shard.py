"""``ci/shard``: the bundle of each attempt is its own, and the exit status says whether the shard must run again."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fixtures.commands.matrix.__main__ import main as matrix
from fixtures.commands.matrix.needs import Needs
from fixtures.commands.matrix.run_shard import main, missing_results, new_bundle
from fixtures.commands.matrix.shard_file import PlannedShard, read_shard_file, render_shard_file
from fixtures.commands.merge.__main__ import main as merge
from fixtures.core.errors import HostFault
from fixtures.report.bundle.manifest import ATTESTATION
from suites.selftest.support import bundle_sample as bundles
from suites.selftest.support import report_sample as sample
from suites.selftest.support.paths import ROOT

TRIAL = ROOT / "ci" / "templates" / "trial"
BIOS = sample.CELLS[0]


def planned(*checks: str) -> PlannedShard:
    return PlannedShard("s", BIOS, checks, 60.0, 9.0, Needs(1, 2), (), (), "")


def test_attempts_at_once_get_directories_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: new_bundle(tmp_path / "bundles", "s@p+p0"), range(40)))
    assert len(set(made)) == 40
    assert {path.name for path in made} == {"s@p+p0", *(f"s@p+p0.{number}" for number in range(2, 41))}


def test_too_many_attempts_are_refused(tmp_path: Path) -> None:
    for _ in range(100):
        new_bundle(tmp_path, "s")
    with pytest.raises(HostFault, match="holds 100 attempts at shard s"):
        new_bundle(tmp_path, "s")
    (tmp_path / "file").touch()
    with pytest.raises(HostFault, match="no bundle can be written"):
        new_bundle(tmp_path / "file", "s")


def test_a_shard_is_complete_when_each_of_its_checks_has_a_result(tmp_path: Path) -> None:
    made = bundles.make_bundle(tmp_path / "b", [sample.result("boot.reaches-login", outcome="FAIL")])
    assert missing_results(planned("boot.reaches-login"), made.directory) == []
    lacking = missing_results(planned("boot.reaches-login", "network.payload-intact"), made.directory)
    assert lacking == [f"{made.directory}: 1 check without a result: network.payload-intact"]
    (made.directory / ATTESTATION).unlink()
    assert "before it signed" in missing_results(planned("boot.reaches-login"), made.directory)[0]


def test_a_shard_runs_twice_and_both_attempts_are_merged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The checks of this plan do not apply to its guest, so that no machine starts."""
    file, place = tmp_path / "shards.json", tmp_path / "bundles"
    arguments = ["--plan", "trial-quick", "--guests-dir", str(TRIAL), "--platform", "pc-bios-ide"]
    assert matrix([*arguments, "--guest", "grub-rescue", "--out", str(file)]) == 0
    for _ in range(2):
        assert main([str(file), "0", "--bundles", str(place), "--", "-q"]) == 0
    name = "grub-rescue@pc-bios-ide"
    assert sorted(path.name for path in place.iterdir()) == [name, f"{name}.2"]
    out = tmp_path / "out"
    assert merge(["--no-rejudge", "--shards", str(file), "--out", str(out), str(place)]) == 2
    printed = capsys.readouterr().out
    assert f"REPEATED {name}: ran 2 times" in printed
    assert "LOST" not in printed


def test_a_request_to_end_reaches_the_run(tmp_path: Path) -> None:
    """A CI engine sends SIGTERM to the script; pytest then ends as it does after Ctrl-C."""
    program = f"""
import os, signal, sys
from pathlib import Path
import fixtures.commands.matrix.run_shard as run_shard

run_shard.sys = type("fake", (), {{"executable": {str(tmp_path / "python")!r}}})
handler = signal.getsignal(signal.SIGTERM)
shard = run_shard.PlannedShard("s", "g@p", (), 1.0, 1.0, None, (), (), "")
run_shard.run(shard, Path("b"), [])
print(signal.getsignal(signal.SIGTERM) == handler)
"""
    fake = tmp_path / "python"
    fake.write_text(
        "#!/bin/bash\ntrap 'echo ended by TERM; exit 7' TERM\nkill -TERM $PPID\nwhile :; do read -rt 0.1 <> <(:); done\n"
    )
    fake.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "ended by TERM\nTrue\n"), done.stderr


def test_shards_of_another_commit_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "shards.json"
    assert matrix(["--plan", "default", "--out", str(file)]) == 0
    other = dataclasses.replace(read_shard_file(file), commit="0" * 40)
    file.write_text(render_shard_file(other))
    assert main([str(file), "0", "--bundles", str(tmp_path / "bundles")]) == 4
    assert "the shards are of commit 000" in capsys.readouterr().err
    assert not (tmp_path / "bundles").exists()
