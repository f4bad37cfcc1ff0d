"""A server that publishes images, and directories for what is fetched from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suites.selftest.media.test_download import CONTENT
from suites.selftest.support.publishing_server import PublishingServer, publishing_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishingServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with publishing_server() as running:
        running.files["/disk.img"] = CONTENT
        yield running


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    directory = tmp_path / "cache"
    directory.mkdir()
    return directory / "disk"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"
