"""DOS: at its prompt it knows itself and its memory, and what it copies is whole on the host's disk."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest


@pytest.mark.needs("dos")
@pytest.mark.check("dos.knows-itself", level="mandatory")
def test_it_knows_itself(guest: Guest) -> None:
    """Shell and DOS say their versions, and the memory below 640 KiB is what a PC has."""
    version = guest.dos.version()
    assert version.dos is not None
    assert 512 <= guest.dos.memory()["conventional"] <= 640


@pytest.mark.needs("dos")
@pytest.mark.check("dos.copy-is-whole", level="mandatory")
def test_a_copy_is_whole(guest: Guest) -> None:
    """A file that is copied is in the directory with the same size, and the same bytes on the host."""
    name = max(guest.dos.directory("a:\\").files.items(), key=lambda each: (each[1] < 100_000, each[1]))[0]
    assert guest.dos.copy(f"a:\\{name}", "a:\\COPY.IG") == (f"a:\\{name}".lower(), "a:\\copy.ig")
    files = guest.dos.directory("a:\\").files
    assert files["COPY.IG"] == files[name]
    original, copy = guest.dos.digests_on_host(name, "COPY.IG")
    assert copy == original
