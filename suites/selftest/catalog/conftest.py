"""The fixture of the catalog's tests: a directory of descriptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from suites.selftest.support.catalog_sample import guest, plan, platform, write


@pytest.fixture
def guests_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The guest ``a`` on p1 and p2, and ``b`` on p2; no guest lists ``p3``."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "guests"
    files = {
        "a.yaml": guest("a", "p1", "p2"),
        "b.yaml": guest("b", "p2"),
        "platforms/p1.yaml": platform("p1"),
        "platforms/p2.yaml": platform("p2"),
        "platforms/p3.yaml": platform("p3"),
        "plans/default.yaml": plan("default", "*@p2"),
    }
    for name, text in files.items():
        write(root / name, text)
    return root
