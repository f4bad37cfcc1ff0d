"""Each check on a real guest that was broken on purpose: it must fail, and for the right reason."""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from fixtures.catalog.specs import Cell
from fixtures.core import errors
from fixtures.core.file_digest import file_digest
from fixtures.evidence.recording import Json
from fixtures.guest.guest import Guest
from fixtures.host import tools
from fixtures.host.qemu import find_qemu_img
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.pool.machine_pool import MachinePool, MachineRequest
from suites.boot import test_boot
from suites.drivers import test_drivers
from suites.integrity import test_integrity
from suites.lifecycle import test_lifecycle
from suites.network import test_network
from suites.storage import test_storage


def flip(instance: GuestInstance, name: Literal["source", "target"], sector: int) -> None:
    """Change one bit of a disk behind the guest's back."""
    with instance.disks[name].path.open("r+b") as file:
        file.seek(sector * 512 + 99)
        byte = file.read(1)[0]
        file.seek(sector * 512 + 99)
        file.write(bytes([byte ^ 4]))


def test_healthy_guest_passes(victim: Guest) -> None:
    """Before anything is broken, what is broken below is whole."""
    test_boot.test_no_fatal_events(victim)
    test_drivers.test_every_device_is_driven(victim)
    test_integrity.test_the_kernel_is_the_vendors(victim)


def test_another_firmware_is_found(victim: Guest) -> None:
    test_boot.test_the_firmware_is_the_platforms(victim)
    other = {"bios": "uefi", "uefi": "uefi-secure", "uefi-secure": "uefi"}[victim.cell.platform.firmware]
    platform = victim.cell.platform.model_copy(update={"firmware": other})
    victim.cell = replace(victim.cell, platform=platform)
    with pytest.raises(AssertionError, match="^assert '(bios|uefi with)"):
        test_boot.test_the_firmware_is_the_platforms(victim)


def test_an_error_in_the_journal_is_found(victim: Guest) -> None:
    victim.run_check("echo '<3>I/O error, dev vdz, sector 2048 op 0x1:(WRITE)' >/dev/kmsg")
    with pytest.raises(AssertionError, match="dev vdz"):
        test_boot.test_no_fatal_events(victim)


def test_a_card_without_its_driver_is_found(victim: Guest) -> None:
    row = next(row for row in victim.devices.table() if row.model == victim.cell.platform.model("nic"))
    bus = f"/sys/bus/pci/devices/{row.address}"
    victim.run_check(f"echo {row.address} >{bus}/driver/unbind")
    with pytest.raises(AssertionError, match="none"):
        test_drivers.test_every_device_is_driven(victim)
    victim.run_check(f"echo 1 >{bus}/remove")
    with pytest.raises(AssertionError, match="not seen by the guest"):
        test_drivers.test_every_device_is_driven(victim)
    victim.run_check("echo 1 >/sys/bus/pci/rescan")
    test_drivers.test_every_device_is_driven(victim)


def test_a_virtio_device_without_its_driver_is_found(victim: Guest, cell: Cell) -> None:
    if "balloon" not in cell.platform.devices:
        pytest.skip("device_absent_by_design: this platform has no virtio device")
    driver = "/sys/bus/virtio/drivers/virtio_balloon"
    name = victim.run_check(f"cd {driver} && ls -d virtio*").strip()
    victim.run_check(f"echo {name} >{driver}/unbind")
    with pytest.raises(AssertionError, match="balloon0: its driver did not come up"):
        test_drivers.test_virtio_reaches_driver_ok(victim)
    victim.run_check(f"echo {name} >{driver}/bind")
    test_drivers.test_virtio_reaches_driver_ok(victim)


def test_a_flipped_bit_on_the_target_is_found(victim: Guest, instance: GuestInstance) -> None:
    copy = victim.storage.copy

    def copy_and_flip(*arguments: object, **places: int) -> None:
        copy(*arguments, **places)  # type: ignore[arg-type]
        if places["first"] == 2048:
            flip(instance, "target", 3000)

    victim.storage.copy = copy_and_flip  # type: ignore[method-assign, assignment]
    victim.storage.attach(victim.storage.source)
    victim.storage.attach(victim.storage.target)
    with pytest.raises(AssertionError, match=r"sector 3000: bit flip .*; 1 bad sector"):
        test_storage.test_a_write_reaches_the_disk(victim, victim.storage.source, victim.storage.target)


def test_a_flipped_bit_outside_of_what_was_written_is_found(victim: Guest, instance: GuestInstance) -> None:
    victim.storage.attach(victim.storage.source)
    victim.storage.attach(victim.storage.target)
    flip(instance, "target", 65000)
    with pytest.raises(AssertionError, match="sector 65000"):
        test_storage.test_a_write_reaches_the_disk(victim, victim.storage.source, victim.storage.target)


def test_a_flipped_bit_on_the_source_is_found(victim: Guest, instance: GuestInstance) -> None:
    victim.storage.attach(victim.storage.source)
    flip(instance, "source", 12345)
    with pytest.raises(AssertionError, match="sha256:"):
        test_storage.test_the_hosts_pattern_reads_back(victim, victim.storage.source)


def test_an_address_that_dhcp_did_not_give_is_found(victim: Guest) -> None:
    assert victim.network.addresses() != []
    name = victim.run_check("ls /sys/class/net | grep -v lo").strip()
    victim.run_check(f"ip address add 10.0.2.99/24 dev {name}")
    with pytest.raises(AssertionError, match=r"10\.0\.2\.99"):
        test_network.test_address_by_dhcp(victim)
    victim.run_check(f"ip address del 10.0.2.99/24 dev {name}")


def test_another_base_image_is_found(victim: Guest, instance: GuestInstance, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"as it was")
    image = instance.image
    instance.image = replace(image, path=disk, digest=file_digest(disk))
    test_integrity.test_the_base_image_is_unchanged(victim)
    disk.write_bytes(b"as it is!")
    with pytest.raises(AssertionError, match="sha256:"):
        test_integrity.test_the_base_image_is_unchanged(victim)
    instance.image = image


def test_a_kernel_file_that_is_not_the_vendors_is_found(victim: Guest) -> None:
    victim.run_check('printf x >>"/boot/vmlinuz-$(uname -r)"')
    with pytest.raises(AssertionError, match="md5:"):
        test_integrity.test_the_kernel_is_the_vendors(victim)
    victim.run_check('truncate -s -1 "/boot/vmlinuz-$(uname -r)"')
    test_integrity.test_the_kernel_is_the_vendors(victim)


def test_a_tainted_kernel_is_found(victim: Guest) -> None:
    victim.run_check("echo 64 >/proc/sys/kernel/tainted")
    with pytest.raises(AssertionError, match=r"== \(\)"):
        test_integrity.test_the_kernel_is_the_vendors(victim)


def test_a_cut_network_is_found(victim: Guest, instance: GuestInstance) -> None:
    assert victim.network.addresses() != []
    victim.network.timeout = 1.0
    instance.machine.execute("set_link", {"name": "net0", "up": False})
    with pytest.raises(errors.GuestFault, match="Network is unreachable|no answer within") as cut:
        test_network.test_payload_is_intact(victim)
    assert cut.value.outcome == "FAIL"
    instance.machine.execute("set_link", {"name": "net0", "up": True})


def test_a_command_that_hangs_is_interrupted_and_the_shell_survives(
    victim: Guest, instance: GuestInstance
) -> None:
    with pytest.raises(errors.CommandTimeout, match="sleep 1000") as late:
        instance.shell.run("sleep 1000", within=0.4)
    assert late.value.outcome == "FAIL"
    assert victim.run_check("echo still here") == "still here\n"


def test_clones_are_told_apart(pool: MachinePool, cell: Cell) -> None:
    """Each clone has the time of now and randomness of its own; and what one does, no other sees."""
    answers = []
    for _ in range(2):
        instance, start = pool.acquire(MachineRequest(cell, cold=False, group=None))
        assert start.description.startswith("clone of a checkpoint (shared memory)")
        random = instance.shell.run("head -c 32 /dev/urandom | base64; cat /proc/sys/kernel/random/uuid").text
        marked = instance.shell.run("ls /root/mark; touch /root/mark; sync").text
        answers.append((random, marked))
        now = float(instance.shell.run("date +%s").text)
        assert abs(now - time.time()) < 5
        pool.release(None)
    assert answers[0][0] != answers[1][0]
    assert ["No such file" in marked for _, marked in answers] == [True, True]


@pytest.mark.boots
def test_a_second_reset_is_found(
    victim: Guest, instance: GuestInstance, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cell.platform.machine != "pc":
        pytest.skip(
            "not_in_profile: once is enough, and the platform with resets of its own is the harder one"
        )

    def interfere(*, again: bool = False) -> None:
        # The second reset is what is to be found; that a guest survives it is for others to see.
        assert again
        deadline = instance.machine.deadline(cell.guest.timeouts.boot)
        loaded = instance.transcript
        late = errors.BootTimeout("the boot loader did not come")
        instance.machine.health.wait_for(
            lambda: True if loaded.stage_time("kernel") > 0 else None, deadline, lambda: late
        )
        mark = instance.machine.journal.mark()
        instance.machine.execute("system_reset")
        instance.machine.wait_event(["RESET"], mark, deadline, "the machine was reset again")

    monkeypatch.setattr(instance, "reach_shell", interfere)
    with pytest.raises(AssertionError, match=r"\([2-9], False\) == \(1, False\)"):
        test_lifecycle.test_reset_reboots_once(victim)


@pytest.mark.boots
def test_a_restart_that_the_guest_did_not_ask_for_is_found(
    victim: Guest, instance: GuestInstance, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cell.platform.machine == "pc":
        pytest.skip("not_in_profile: once is enough, and the other sabotage of restarts has this platform")
    monkeypatch.setattr(instance.shell, "start", lambda _: instance.machine.execute("system_reset"))
    monkeypatch.setattr(instance, "reach_shell", lambda *, again: None)
    with pytest.raises(AssertionError, match=r"\(1, False\) == \(1, True\)"):
        test_lifecycle.test_guest_reboots_once(victim)


def test_a_full_disk_of_the_host_is_ours(
    victim: Guest, instance: GuestInstance, cell: Cell, tmp_path: Path
) -> None:
    if "virtio-blk-pci" not in cell.platform.models:
        pytest.skip("not_in_profile: QEMU reports it in the same way for every disk; once is enough")
    fill_host(instance, tmp_path / "overlay.qcow2")
    with pytest.raises(errors.NoSpace, match="the host's disk is full") as full:
        victim.run_check("dd if=/dev/zero of=/var/tmp/filler bs=1M count=8 conv=fsync")
    assert full.value.outcome == "ERROR"


def fill_host(instance: GuestInstance, overlay: Path) -> None:
    """From now on each write to the root disk finds the host's disk full, as QEMU's blkdebug has it."""
    nodes = instance.machine.execute("query-named-block-nodes")
    length = next(node["image"]["virtual-size"] for node in nodes if node["node-name"] == "root")
    tools.run_tool([find_qemu_img(), "create", "-q", "-f", "qcow2", overlay, str(length)])
    full: dict[str, Json] = {
        "driver": "blkdebug",
        "image": {"driver": "file", "filename": str(overlay)},
        "inject-error": [{"event": "write_aio", "errno": errno.ENOSPC}],
    }
    node: dict[str, Json] = {"driver": "qcow2", "node-name": "full", "file": full, "backing": None}
    instance.machine.execute("blockdev-add", node)
    instance.machine.execute("blockdev-snapshot", {"node": "root", "overlay": "full"})


def test_a_guest_that_ignores_its_power_button_is_found(
    victim: Guest, instance: GuestInstance, cell: Cell
) -> None:
    victim.run_check("systemctl stop systemd-logind.service")
    timeouts = cell.guest.timeouts.model_copy(update={"shutdown": 1.0})
    instance.cell = replace(cell, guest=cell.guest.model_copy(update={"timeouts": timeouts}))
    with pytest.raises(errors.ShutdownTimeout, match="power button"):
        test_lifecycle.test_shuts_down_by_acpi(victim)
    instance.cell = cell


def test_a_fatal_end_is_named_at_once(victim: Guest, instance: GuestInstance, cell: Cell) -> None:
    """On one platform the kernel panics, on the other QEMU is killed: the guest's fault, and the host's."""
    if cell.platform.machine == "pc":
        with pytest.raises(
            errors.GuestCrashed, match="Kernel panic - not syncing: sysrq triggered crash"
        ) as crash:
            victim.run_check("echo c >/proc/sysrq-trigger")
        assert crash.value.outcome == "FAIL"
        assert crash.value.postmortem is not None
        assert any("sysrq" in line for line in crash.value.postmortem.last_lines)
    else:
        with pytest.raises(errors.MachineKilled, match="SIGKILL") as killed:
            instance.shell.run(f"sleep 60 # {kill(instance)}")
        assert killed.value.outcome == "ERROR"


def kill(instance: GuestInstance) -> str:
    """Kill QEMU from outside."""
    assert instance.machine.pid is not None
    os.kill(instance.machine.pid, signal.SIGKILL)
    return "killed"
