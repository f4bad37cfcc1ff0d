"""Waivers in the catalog: required fields, and the lines of mistakes."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.core.errors import CatalogError
from suites.selftest.support.catalog_sample import guest, platform, write

WAIVER = """\
id: w-1
guest: a
check: storage.write-reaches-disk
failure: {kind: AssertionError, pattern: checksum}
reason: the emulated controller of this version loses a flush
reference: https://bugs.example.org/1
owner: Ann Owner <ann@example.org>
approved_by: Bob Boss <bob@example.org>
created: 2026-09-01
expires: 2026-12-01
"""
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def guests_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "g/a.yaml", guest("a", "p1"))
    write(tmp_path / "g/platforms/p1.yaml", platform("p1"))
    return tmp_path / "g"


def load(guests_directory: Path, text: str = WAIVER) -> Catalog:
    write(guests_directory / "waivers/w-1.yaml", text)
    return Catalog.load([guests_directory])


def test_a_valid_waiver(guests_directory: Path) -> None:
    waiver = load(guests_directory).waivers["w-1"]
    assert waiver.created == datetime.date(2026, 9, 1)
    assert waiver.covers("a@p1")
    assert not waiver.covers("b@p1")
    assert load(guests_directory).where("w-1", "expires") == "g/waivers/w-1.yaml:10"


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [("a", True), ("*", True), ("a@p1", True), ("a@*", True), ('"*@p1"', True), ('"[ab]"', True)],
)
def test_a_waiver_covers_guests_or_cells_by_glob(guests_directory: Path, pattern: str, covered: bool) -> None:
    text = WAIVER.replace("guest: a", f"guest: {pattern if pattern != '*' else repr(pattern)}")
    assert load(guests_directory, text).waivers["w-1"].covers("a@p1") is covered


def test_the_first_and_the_last_day_of_a_waiver_are_included(guests_directory: Path) -> None:
    waiver = load(guests_directory).waivers["w-1"]
    days = ["2026-08-31", "2026-09-01", "2026-12-01", "2026-12-02"]
    assert [waiver.in_force(datetime.date.fromisoformat(day)) for day in days] == [False, True, True, False]


@pytest.mark.parametrize(
    ("valid", "invalid", "message"),
    [
        ("guest: a\n", "", "1: missing key 'guest' (in mapping that starts at line 1)"),
        ("expires: 2026-12-01\n", "", "1: missing key 'expires' (in mapping that starts at line 1)"),
        ("reference: https://bugs.example.org/1\n", "", "1: missing key 'reference' (in mapping that starts at line 1)"),
        ("guest: a", "guest: aa", "2: guest: 'aa' matches nothing; did you mean 'a'?"),
        ("guest: a", "guest: a@p2", "2: guest: 'a@p2' matches nothing; did you mean 'a@p1'?"),
        ("2026-12-01", "2027-09-03", "10: expires: expected a date from 2026-09-01 to 2027-09-02, 366 days later; found '2027-09-03'"),
        ("2026-12-01", "2026-08-31", "10: expires: expected a date from 2026-09-01 to 2027-09-02, 366 days later; found '2026-08-31'"),
        ("2026-12-01", "2026-02-30", "10: expires: expected a date, like 2026-12-01; found '2026-02-30'"),
        ("2026-12-01", "never", "10: expires: expected a date, like 2026-12-01; found 'never'"),
        ("Bob Boss <bob@example.org>", "Ann  OWNER <ANN@example.org>", "8: approved_by: expected a person other than the owner; found 'Ann  OWNER <ANN@example.org>'"),
        ("failure: {kind: AssertionError, pattern: checksum}", "failure: {kind: AssertionError}", "4: failure: missing key 'pattern' (in mapping that starts at line 4)"),
        ("pattern: checksum", f"pattern: checksum, fingerprint: '{DIGEST}'", "4: failure: expected a mapping with either the key fingerprint, or kind and pattern; found a mapping with the keys fingerprint, kind, pattern"),
        ("{kind: AssertionError, pattern: checksum}", "{fingerprint: 'abc'}", "4: failure.fingerprint: expected sha256: and 64 lower-case hexadecimal digits; found 'abc'"),
        ("pattern: checksum", "pattern: '.*'", "4: failure.pattern: expected a regular expression that does not match everything; found '.*'"),
        ("reason:", "when: {qemu: new}\nreason:", "5: when.qemu: expected a range of versions, like '>=7.2,<8.0'; found 'new'"),
        ("reason:", "when: {host: x}\nreason:", "5: when: key 'host' is unknown; known: kernel, qemu"),
        ("reason:", "resaon:", None),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_its_line(
    guests_directory: Path, valid: str, invalid: str, message: str | None
) -> None:
    with pytest.raises(CatalogError) as caught:
        load(guests_directory, WAIVER.replace(valid, invalid))
    lines = caught.value.message.splitlines()
    if message is None:
        assert "g/waivers/w-1.yaml:5: key 'resaon' is unknown; did you mean 'reason'?" in lines
    else:
        assert lines == [f"g/waivers/w-1.yaml:{message}"]


def test_a_failure_by_fingerprint_alone(guests_directory: Path) -> None:
    text = WAIVER.replace("{kind: AssertionError, pattern: checksum}", f"{{fingerprint: '{DIGEST}'}}")
    assert load(guests_directory, text).waivers["w-1"].model_dump(mode="json")["failure"] == {
        "fingerprint": DIGEST
    }
