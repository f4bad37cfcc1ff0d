"""Bundles that are found, refused and signed: foreign shards, and half-copied bundles."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fixtures.commands.merge.intake import find_bundles
from fixtures.report.bundle.manifest import ATTESTATION
from suites.selftest.support import bundle_sample as bundles
from suites.selftest.support.shards_sample import (
    BIOS,
    findings,
    given_bundles,
    kinds,
    run_merge,
    shard_file,
    write,
)


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return given_bundles(tmp_path)


FOREIGN: dict[str, tuple[dict[str, Any], str]] = {
    "another plan": ({"plan_digest": f"sha256:{'0' * 64}"}, "its run had plan default, sha256:"),
    "another commit": ({"commit": "0" * 40}, "the shards are of commit 000"),
    "an earlier cut": ({"shards": shard_file(BIOS).shards}, "no shard of the file is --guest debian-12 --pl"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_shard(kind: str, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes, words = FOREIGN[kind]
    file = write(shard_file(**changes), tmp_path / "shards.json")
    assert run_merge(tmp_path / "out", "--shards", file, given) == 4
    error = capsys.readouterr().err
    assert f"FOREIGN {given / 'other'}: " in error
    assert words in error


def test_half_copied_bundles(given: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    (given / "one" / ATTESTATION).unlink()
    assert kinds(given, work=work) == [("HALF-WRITTEN", str(given / "one"))]
    (given / "other/report.json").write_bytes((given / "other/report.json").read_bytes()[:-20])
    assert [kind for kind, _ in kinds(given, work=work)] == ["HALF-WRITTEN", "HALF-WRITTEN"]
    (given / "other/run.json").unlink()
    assert [kind for kind, _ in kinds(given, work=work)] == ["HALF-WRITTEN", "HALF-WRITTEN"]
    assert run_merge(tmp_path / "out", "--leave-out", given) == 4


def test_a_bundle_that_lost_a_file_on_its_way_is_not_merged(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (given / "one" / bundles.ANSWERS).unlink()
    assert run_merge(tmp_path / "out", "--leave-out", given) == 4
    assert f"{given / 'one'}: REMOVED {bundles.ANSWERS}" in capsys.readouterr().err


def test_bundles_may_be_named_by_relative_paths(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_merge(Path("out"), given.relative_to(tmp_path)) == 0
    assert findings(Path("out")) == []


def test_bundles_are_found_below_a_directory(given: Path, tmp_path: Path) -> None:
    assert find_bundles(given / "one") == [given / "one"]
    assert find_bundles(given) == [given / "one", given / "other"]
    artifacts = tmp_path / "artifacts" / "job-1"
    artifacts.mkdir(parents=True)
    shutil.move(given / "one", artifacts / "one")
    assert find_bundles(tmp_path / "artifacts") == [artifacts / "one"]
    assert find_bundles(tmp_path / "nowhere") == [tmp_path / "nowhere"]


def test_the_shards_are_part_of_what_the_merged_bundle_signs(given: Path, tmp_path: Path) -> None:
    file = write(shard_file(), tmp_path / "shards.json")
    assert run_merge(tmp_path / "out", "--shards", file, given) == 0
    kept = json.loads((tmp_path / "out/shards.json").read_text())
    assert kept == json.loads(json.dumps(dataclasses.asdict(shard_file())))
    (tmp_path / "out/shards.json").write_text("{}")
    found = findings(tmp_path / "out")
    assert "CHANGED shards.json" in found
    assert "UNREADABLE shards/" in found
