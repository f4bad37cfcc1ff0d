"""Reports that compare their run with an earlier one, the baseline."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from fixtures.commands.verify import contents
from fixtures.core.errors import HostFault
from fixtures.report.bundle.bundle import write_bundle
from fixtures.report.bundle.report_files import BASELINE, write_baseline
from fixtures.report.model.schema import ReportInvalid
from fixtures.run.options import baseline_of, prepare_bundle_directory
from suites.selftest.support import bundle_sample, report_sample
from suites.selftest.support.bundle_sample import SampleBundle, findings


@pytest.fixture
def sample_bundle(tmp_path: Path) -> SampleBundle:
    """A bundle whose report compares with an earlier run."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    write_baseline(report_sample.good_report(), bundle)
    return bundle_sample.make_bundle(bundle)


def test_the_page_compares_with_the_baseline_and_verifies(
    sample_bundle: SampleBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "checkout", lambda: (sample_bundle.report.run.commit, False))
    assert 'id="baseline"' in (sample_bundle.directory / "report.html").read_text()
    assert findings(sample_bundle) == []


def test_a_removed_or_damaged_baseline_is_found(
    sample_bundle: SampleBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "checkout", lambda: (sample_bundle.report.run.commit, False))
    (sample_bundle.directory / BASELINE).write_text("{}")
    assert f"CHANGED {BASELINE}" in findings(sample_bundle)
    assert f"UNREADABLE {BASELINE}" in findings(sample_bundle)
    (sample_bundle.directory / BASELINE).unlink()
    assert f"REMOVED {BASELINE}" in findings(sample_bundle)
    assert "RENDERED-OTHERWISE report.html" in findings(sample_bundle)


def test_writing_a_bundle_with_a_damaged_baseline_fails(sample_bundle: SampleBundle) -> None:
    (sample_bundle.directory / BASELINE).write_text("{}")
    with pytest.raises(ReportInvalid, match=BASELINE):
        write_bundle(sample_bundle.report, sample_bundle.directory, sample_bundle.signer)


def option(baseline: Path | None, bundle: Path | None) -> argparse.Namespace:
    return argparse.Namespace(baseline=baseline, bundle=bundle)


def test_the_baseline_can_be_in_the_directory_of_the_new_bundle(sample_bundle: SampleBundle) -> None:
    earlier = baseline_of(option(sample_bundle.directory, sample_bundle.directory))
    assert earlier is not None
    prepare_bundle_directory(sample_bundle.directory)
    assert not (sample_bundle.directory / BASELINE).exists()
    write_baseline(earlier, sample_bundle.directory)
    assert (sample_bundle.directory / BASELINE).exists()


def test_wrong_use_of_the_option_baseline(tmp_path: Path) -> None:
    assert baseline_of(option(None, None)) is None
    with pytest.raises(HostFault, match="--baseline needs --bundle"):
        baseline_of(option(tmp_path, None))
    with pytest.raises(HostFault, match="cannot be read"):
        baseline_of(option(tmp_path, tmp_path))
