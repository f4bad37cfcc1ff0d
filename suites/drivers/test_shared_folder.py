"""A folder that guest and host share: names, contents, links and modes, and what programs do with files."""

from __future__ import annotations

import pytest

from fixtures.core.file_digest import data_digest
from fixtures.guest.guest import Guest
from fixtures.systems.base.channel_answers import RenamedOver

pytestmark = pytest.mark.needs("shell", "shared-folder")


@pytest.mark.device("virtio-9p-*")
@pytest.mark.check("drivers.shared-folder-9p", level="recommended")
def test_shared_folder_9p(guest: Guest) -> None:
    """Every legal name, link, mode and content crosses a 9P folder unchanged; renames and locks work."""
    folder = guest.devices.shared_folder
    folder.mount()
    folder.fill(seed=91)
    assert folder.contents() == folder.contents_on_host(), "contents that the host wrote"
    folder.copy()
    assert folder.differences_of_copy() == [], "what the guest wrote, as the host sees it"
    folder.rename_on_host("many/7", "many/renamed")
    assert folder.contents() == folder.contents_on_host(), "contents after a rename by the host"
    assert folder.rename_over_open_file() == RenamedOver(open_file="old", path="new")
    assert folder.digest_on_host("renamed") == data_digest(b"new")
    assert folder.locks_exclude() == (False, True), (
        "lock for a second program, during and after a first one's"
    )
    assert folder.run_program() == folder.digest_on_host("from-host/large")
