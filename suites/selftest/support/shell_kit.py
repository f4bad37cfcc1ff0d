"""Login shells that a host may lack, from Debian's packages. They are unpacked into the cache and not installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from fixtures.core.errors import MediaFault, MissingTool
from fixtures.core.file_digest import file_digest
from fixtures.host.tools import require_tool, run_tool
from fixtures.media.cache import Cache, cache_key
from fixtures.media.debian_packages import candidate_version
from suites.selftest.support.machine_sample import no_progress

# The packages of each shell, without libraries that every Debian has, and the name of its program in them.
_PACKAGES = {
    "busybox": (("busybox-static",), "busybox"),
    "csh": (("csh",), "bsd-csh"),
    "fish": (("fish", "fish-common", "libpcre2-32-0"), "fish"),
    "ksh": (("ksh93u+m",), "ksh93"),
    "mksh": (("mksh",), "mksh"),
    "tcsh": (("tcsh",), "tcsh"),
    "yash": (("yash",), "yash"),
    "zsh": (("zsh",), "zsh"),
}
_DOWNLOAD_SECONDS = 120.0
# The program behind a script with its name, which lets it find its libraries.
_PROGRAM = "program"


@cache
def missing_shell(name: str) -> Path | None:
    """The directory with the program ``name`` alone, for the end of PATH; None if this host has no such package.

    The packages are downloaded once, and verified, by the host's apt.
    """
    packages, program = _PACKAGES[name]
    try:
        versions = [f"{package}={candidate_version(package)}" for package in packages]
    except (MediaFault, MissingTool):
        return None
    key = cache_key({"packages": versions, "kit": file_digest(Path(__file__))})
    cache = Cache("gallery", mode=0o555)
    return cache.entry(
        key,
        lambda directory: _fill(directory, name, program, versions),
        f"{name} of the gallery",
        no_progress,
    )


def _fill(directory: Path, name: str, program: str, versions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "root"
        subprocess.run(
            [require_tool("apt-get"), "-q", "download", *versions],
            cwd=temporary,
            check=True,
            capture_output=True,
            timeout=_DOWNLOAD_SECONDS,
        )
        for package in Path(temporary).glob("*.deb"):
            run_tool([require_tool("dpkg-deb"), "-x", package, root])
        path = next(path for path in root.glob(f"**/bin/{program}") if path.is_file())
        shutil.copyfile(path, directory / name)
        libraries = [path for path in root.glob("usr/lib/**/lib*.so.*") if path.is_symlink()]
        for library in libraries:
            shutil.copyfile(library, directory / library.name)
    if libraries:
        (directory / name).rename(directory / _PROGRAM)
        # The entry is renamed when it is complete.
        start = f'here=${{0%/*}}\nLD_LIBRARY_PATH=$here exec "$here/{_PROGRAM}" "$@"\n'
        (directory / name).write_text(f"#!/bin/sh\n{start}")
