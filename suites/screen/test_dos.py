"""DOS: versions, memory, and a copied file that is intact on the host's disk."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("dos")

LARGEST_COPY = 100_000


@pytest.mark.check("dos.knows-itself", level="mandatory")
def test_versions_and_memory(guest: Guest) -> None:
    """The shell and DOS report their versions, and a PC's conventional memory of 512 to 640 KiB."""
    versions = guest.dos.versions()
    assert "DOS" in versions
    memory = guest.dos.memory()
    if not memory:
        pytest.skip("not_in_profile: needs the command MEM, which this DOS does not have")
    assert 512 <= memory["conventional"] <= 640


@pytest.mark.check("dos.copy-is-whole", level="mandatory")
def test_copy_is_intact(guest: Guest) -> None:
    """A copied file has the original's size in the directory, and the original's bytes on the host's disk."""
    sizes = guest.dos.directory("a:\\").files
    # The largest file that is copied in little time; any file where all are larger.
    name = max(sizes, key=lambda file: (sizes[file] < LARGEST_COPY, sizes[file]))
    assert guest.dos.copy(f"a:\\{name}", "a:\\COPY.IG") == (f"a:\\{name}".lower(), "a:\\copy.ig")
    sizes = guest.dos.directory("a:\\").files
    assert sizes["COPY.IG"] == sizes[name]
    original, copy = guest.dos.digests_on_host(name, "COPY.IG")
    assert copy == original
