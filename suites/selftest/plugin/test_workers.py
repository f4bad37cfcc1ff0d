"""The number of workers for ``-n auto``."""

from __future__ import annotations

import sys

import pytest

from fixtures.host.cgroup import CgroupLimits


@pytest.mark.parametrize(
    ("limits", "variable", "expected"),
    [
        (CgroupLimits(), "", 16),
        (CgroupLimits(cpus=2.0), "", 2),
        (CgroupLimits(cpus=0.5), "", 1),
        (CgroupLimits(cpus=2.0), "16", 16),
    ],
)
def test_workers_fit_the_cpus_of_a_container(
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
    limits: CgroupLimits,
    variable: str,
    expected: int,
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", variable)
    # Where it is installed, pytest-xdist asks it for the number of CPUs.
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr("fixtures.plugin.hooks.read_limits", lambda: limits)
    assert pytestconfig.hook.pytest_xdist_auto_num_workers(config=pytestconfig) == expected
