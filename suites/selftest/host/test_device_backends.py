"""What devices need of the host besides QEMU, and how its absence is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.core.errors import HostFault, MissingTool
from fixtures.host import device_backends


def test_most_roles_need_nothing() -> None:
    device_backends.require_backend("disk")
    device_backends.require_backend("iommu")


def test_a_tpm_needs_swtpm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device_backends.require_backend("tpm")
    monkeypatch.setattr("fixtures.host.tools._ADMINISTRATOR", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match=r"swtpm is not installed .*apt-get install swtpm"):
        device_backends.require_backend("tpm")


def test_a_vsock_needs_its_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = tmp_path / "vhost-vsock"
    monkeypatch.setattr(device_backends, "VSOCK", device)
    with pytest.raises(HostFault, match="does not exist; load its module: modprobe vhost_vsock"):
        device_backends.require_backend("vsock")
    device.touch()
    device_backends.require_backend("vsock")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(HostFault, match="may not be opened by this user"):
        device_backends.require_backend("vsock")
