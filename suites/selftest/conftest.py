"""What tests share: an interrupt that arrives, and a bundle to spoil."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from suites.selftest import bundle_sample as sample
from suites.selftest.bundle_sample import Made

# The tests interrupt what they start, which works only where this process does not ignore the interrupt:
# jobs in the background of a shell, as CI engines may start them, ignore it, and so do all their children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return sample.make_bundle(tmp_path_factory.mktemp("whole") / "bundle")


@pytest.fixture
def made(whole: Made, tmp_path: Path) -> Made:
    """A copy that a test may spoil."""
    shutil.copytree(whole.directory, tmp_path / "bundle")
    return replace(whole, directory=tmp_path / "bundle")
