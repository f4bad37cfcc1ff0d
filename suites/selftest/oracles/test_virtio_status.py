from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.core import errors
from fixtures.oracles import virtio_status
from suites.selftest.support.paths import SAMPLES

if TYPE_CHECKING:
    from fixtures.evidence.recording import Json


def devices(cell: str, name: str = "x-query-virtio-status.json") -> dict[str, virtio_status.VirtioDevice]:
    replies = json.loads((SAMPLES / cell / name).read_text())
    found = [virtio_status.parse_status(path, reply["return"]) for path, reply in replies.items()]
    return {device.id: device for device in found}


def test_the_devices_of_a_machine() -> None:
    reply = json.loads((SAMPLES / "debian-12-q35" / "x-query-virtio.json").read_text())
    assert dict(virtio_status.parse_devices(reply["return"])) == {
        "/machine/peripheral-anon/device[0]/virtio-backend": "virtio-blk",
        "/machine/peripheral/balloon0/virtio-backend": "virtio-balloon",
        "/machine/peripheral/dst0/virtio-backend": "virtio-blk",
        "/machine/peripheral/nic0/virtio-backend": "virtio-net",
        "/machine/peripheral/rng0/virtio-backend": "virtio-rng",
        "/machine/peripheral/src0/virtio-backend": "virtio-blk",
        "/machine/peripheral/vser0/virtio-backend": "virtio-serial",
    }


@pytest.mark.parametrize("machine", ["debian-12-pc", "debian-12-q35"])
def test_a_stock_guest_drives_all_devices(machine: str) -> None:
    found = devices(machine)
    assert [problem for device in found.values() for problem in device.problems()] == []
    assert all(device.driver_ok for device in found.values())


def test_features_of_a_disk() -> None:
    disk = devices("debian-12-q35")["dst0"]
    assert disk.status == {"ACKNOWLEDGE", "DRIVER", "FEATURES_OK", "DRIVER_OK"}
    assert {"VIRTIO_BLK_F_FLUSH", "VIRTIO_F_VERSION_1"} <= disk.acked
    assert disk.declined == {
        "VHOST_USER_F_PROTOCOL_FEATURES",
        "VIRTIO_F_ANY_LAYOUT",
        "VIRTIO_F_NOTIFY_ON_EMPTY",
    }
    expected = frozenset({"VIRTIO_F_RING_PACKED", "VIRTIO_BLK_F_FLUSH"})
    assert disk.missing(expected) == {"VIRTIO_F_RING_PACKED"}
    assert disk.problems(expected) == ("virtio-blk dst0: its driver did not take VIRTIO_F_RING_PACKED",)


def test_no_driver_is_up_before_the_guest_runs() -> None:
    found = devices("debian-12-q35-broken", "x-query-virtio-status-before-boot.json")
    assert not any(device.driver_ok for device in found.values())
    assert found["nic0"].problems()[0] == "virtio-net nic0: its driver did not come up (status none)"


def test_devices_without_driver_are_found() -> None:
    found = devices("debian-12-q35-broken")
    assert {name for name, device in found.items() if device.problems()} == {"dst0", "rng0"}
    assert found["dst0"].problems()[0].endswith("did not come up (status ACKNOWLEDGE)")


def reply() -> dict[str, Any]:
    replies = json.loads((SAMPLES / "debian-12-q35" / "x-query-virtio-status.json").read_text())
    found: dict[str, Any] = replies["/machine/peripheral/nic0/virtio-backend"]["return"]
    return found


@pytest.mark.parametrize(
    ("bit", "message"),
    [
        ("VIRTIO_CONFIG_S_NEEDS_RESET: Irrecoverable error, device needs reset", "the device needs a reset"),
        ("VIRTIO_CONFIG_S_FAILED: Error in guest, device failed", "its driver gave it up"),
    ],
)
def test_status_bits_of_problems(bit: str, message: str) -> None:
    broken = reply()
    broken["status"]["statuses"].append(bit)
    assert virtio_status.parse_status("/machine/peripheral/nic0/virtio-backend", broken).problems() == (
        f"virtio-net nic0: {message}",
    )


def test_a_broken_device() -> None:
    broken = {**reply(), "broken": True}
    assert (
        "violated the virtio specification"
        in virtio_status.parse_status("/x/nic0/virtio-backend", broken).problems()[0]
    )


def test_a_device_type_without_feature_names() -> None:
    answer = reply()
    del answer["host-features"]["dev-features"]
    assert "VIRTIO_F_VERSION_1" in virtio_status.parse_status("/x", answer).offered


@pytest.mark.parametrize("answer", [None, {}, [1], [{"path": "/x"}]])
def test_an_invalid_device_list_is_refused(answer: Json) -> None:
    with pytest.raises(errors.MonitorFault, match="x-query-virtio: expected"):
        virtio_status.parse_devices(answer)


@pytest.mark.parametrize(
    "change",
    [
        {"status": {}},
        {"status": {"statuses": "DRIVER_OK"}},
        {"status": {"statuses": [1]}},
        {"broken": None},
        {"guest-features": None},
        {"guest-features": {"dev-features": []}},
        {"name": 1},
    ],
)
def test_an_invalid_status_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(errors.MonitorFault, match="x-query-virtio-status: expected"):
        virtio_status.parse_status("/x", {**reply(), **change})
    with pytest.raises(errors.MonitorFault, match="expected an object"):
        virtio_status.parse_status("/x", None)
