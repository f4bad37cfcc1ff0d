"""The files of a report: written atomically, loaded again, and errors of the directory."""

from __future__ import annotations

import errno
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import rfc8785

from fixtures.core.errors import HostFault, NoSpace
from fixtures.evidence.result import Failure
from fixtures.report.bundle.report_files import check_writable, load_report, write_report
from fixtures.report.model.report_json import as_data
from fixtures.report.model.schema import ReportInvalid
from suites.selftest.support import report_sample as sample
from suites.selftest.support import report_stories as stories


def test_write_report_writes_exactly_three_files(tmp_path: Path) -> None:
    paths = write_report(stories.troubled_report(), tmp_path / "out" / "deep")
    assert {path.name for path in paths} == {"report.json", "report.html", "junit.xml"}
    assert set((tmp_path / "out" / "deep").iterdir()) == set(paths)


def test_the_json_is_canonical(tmp_path: Path) -> None:
    write_report(sample.good_report(), tmp_path)
    content = (tmp_path / "report.json").read_bytes()
    data = json.loads(content)
    assert content == rfc8785.dumps(data)
    assert list(data["run"]) == sorted(data["run"])
    assert data["schema"] == "https://ironguest.dev/schema/report/v1"


def test_the_page_contains_the_digest_of_report_json(tmp_path: Path) -> None:
    write_report(sample.good_report(), tmp_path)
    digest = hashlib.sha256((tmp_path / "report.json").read_bytes()).hexdigest()
    assert digest in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_report_loads_from_its_file_and_from_its_directory(tmp_path: Path) -> None:
    report = stories.troubled_report()
    write_report(report, tmp_path)
    assert load_report(tmp_path) == report
    assert load_report(tmp_path / "report.json") == report


def test_bytes_that_are_not_text_are_escaped(tmp_path: Path) -> None:
    results = sample.good_results()
    line = b"caf\xe9 \x80\xff".decode("utf-8", "surrogateescape")
    failure = Failure("GuestCrashed", line, last_lines=(line,))
    results[0] = replace(results[0], outcome="FAIL", failure=failure)
    report = sample.report_of(results)
    write_report(report, tmp_path)
    loaded = load_report(tmp_path)
    (failed,) = (entry.worst_instance.decisive_attempt for entry in loaded.entries if entry.outcome == "FAIL")
    assert failed is not None
    assert failed.failure is not None
    assert failed.failure.message == r"caf\xe9 \x80\xff"
    assert as_data(loaded) == as_data(report)


@pytest.mark.parametrize(
    ("content", "fault"), [("{", ReportInvalid), ("[]", ReportInvalid), ("\x00", ReportInvalid)]
)
def test_a_file_that_is_not_a_report_is_refused(tmp_path: Path, content: str, fault: type[Exception]) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(fault):
        load_report(tmp_path)


def test_a_missing_report_is_a_host_fault(tmp_path: Path) -> None:
    with pytest.raises(HostFault, match="cannot be read"):
        load_report(tmp_path / "nothing.json")


def test_a_report_that_violates_the_schema_changes_no_file(tmp_path: Path) -> None:
    write_report(sample.good_report(), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ReportInvalid):
        write_report(sample.good_report(run=sample.run_info(workers=-1)), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_full_disk_leaves_the_old_report_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(sample.good_report(), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("fixtures.report.bundle.report_files.os.fsync", full)
    with pytest.raises(NoSpace, match="no space is left"):
        write_report(stories.troubled_report(), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_check_writable_creates_the_directory_and_leaves_it_empty(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("path", ["file", "file/below"])
def test_a_file_in_the_path_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostFault, match="is not a directory"):
        check_writable(tmp_path / path)


@pytest.mark.parametrize(
    ("code", "fault", "message"),
    [
        (errno.EACCES, HostFault, "no permission"),
        (errno.EPERM, HostFault, "no permission"),
        (errno.EROFS, HostFault, "read-only"),
        (errno.ENOSPC, NoSpace, "no space"),
        (errno.EDQUOT, NoSpace, "no space"),
        (errno.EIO, HostFault, "cannot be written"),
    ],
)
def test_each_write_error_is_named_with_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, fault: type[Exception], message: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, "the system's words")

    # The error is simulated: root, who may run the tests, has all permissions.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(fault, match=message) as caught:
        check_writable(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []
