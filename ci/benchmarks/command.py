"""The command line of ``ci/bench``, with progress on standard error and a table at the end."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ci.benchmarks import boots, checks, clones, collecting, disks, memory, plot, table
from ci.benchmarks.figures import CannotMeasure, Figure, Target, to_json
from ci.benchmarks.workbench import DEFAULT_GUEST, DEFAULT_PLATFORM, Workbench
from fixtures.core.argument_parser import USAGE_ERROR, ArgumentParser
from fixtures.core.errors import IronguestError
from fixtures.core.progress import StderrProgress
from fixtures.host.host_summary import summarize
from fixtures.host.qemu import find_qemu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BENCHMARKS: dict[str, tuple[Callable[[Workbench], list[Figure]], str]] = {
    "clone": (clones.measure, "a pristine guest, from start to its first command"),
    "cold": (boots.measure, "a cold boot to the login"),
    "checks": (checks.measure, "trivial checks a second, and the memory of workers"),
    "spare": (checks.measure_waiting, "waiting for a guest that could be started ahead"),
    "memory": (memory.measure, "the memory of clones"),
    "collect": (collecting.measure, "collecting 100 to 10,000 cell-checks"),
    "compare": (disks.measure, "comparing a disk with its pattern"),
    "growth": (checks.measure_growth, "1, 10 and 100 checks, with one worker and two"),
}
_INTERRUPTED = 130


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = ArgumentParser(prog="ci/bench", add_help=False)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    parser.add_argument("--guest", default=DEFAULT_GUEST, metavar="ID")
    parser.add_argument("--platform", default=DEFAULT_PLATFORM, metavar="ID")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", dest="size", const="quick", default="full")
    size.add_argument("--trial", action="store_const", dest="size", const="trial")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), metavar="NAME")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write the figures; returns the exit status (see ``ci/bench --help``)."""
    try:
        options = _parse(arguments)
    except IronguestError as error:
        print(f"ci/bench: {error}", file=sys.stderr)
        return USAGE_ERROR
    for path in filter(None, (options.json, options.plot)):
        try:
            # An unwritable path is an error now, not after a quarter of an hour.
            path.open("a").close()
        except OSError as error:
            print(f"ci/bench: {path}: cannot be written: {error.strerror}", file=sys.stderr)
            return USAGE_ERROR
    # A signal also ends the machines and removes the directory.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="ironguest-bench-") as work:
            return _measure(options, Path(work))
    except KeyboardInterrupt:
        print("ci/bench: interrupted; nothing is left running", file=sys.stderr)
        return _INTERRUPTED


def _measure(options: argparse.Namespace, work: Path) -> int:
    tell = StderrProgress()
    host: dict[str, str] = {}
    figures: list[Figure] = []
    disturbed: list[str] = []
    status = 0
    try:
        bench = Workbench.prepare(work, tell, options.guest, options.platform, options.size)
        host = _host(bench)
    except (IronguestError, OSError) as error:
        print(f"ci/bench: cannot measure anything: {error}", file=sys.stderr)
        return 1
    for name, (measure, _) in BENCHMARKS.items():
        if name not in options.only:
            continue
        shared = bench.is_shared()
        try:
            figures += measure(bench)
        except (CannotMeasure, IronguestError, OSError, subprocess.SubprocessError) as error:
            print(f"ci/bench: {name}: cannot be measured: {type(error).__name__}: {error}", file=sys.stderr)
            status = 1
        if shared or bench.is_shared():
            tell(f"{name}: machines of other runs were active; these figures are unreliable")
            disturbed.append(name)
    if options.size == "trial":
        host["trial"] = (
            "one sample of each figure, from small amounts: it shows that they can be measured, no more"
        )
    if disturbed:
        host["disturbed"] = f"machines of other runs were active during {', '.join(disturbed)}"
    figures += _derived(figures)
    width = shutil.get_terminal_size((140, 24)).columns
    print(
        table.render(host, figures, width, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ),
        end="",
    )
    if options.json is not None:
        content = {"host": host, "size": options.size, "figures": to_json(figures)}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if options.plot is not None:
        options.plot.write_text(plot.render(figures), encoding="utf-8")
    return status


def _derived(figures: Sequence[Figure]) -> list[Figure]:
    """The figures that need two benchmarks."""
    found = {figure.name: figure for figure in figures}
    if not {"cold.shell", "clone"} <= found.keys():
        return []
    return [
        Figure(
            "cold.clone",
            "a cold boot to a shell, against a clone to its first command",
            "s",
            found["cold.shell"].samples,
            found["clone"].samples,
            against="a clone",
            target=Target("ratio", "at least", 40),
        )
    ]


def _host(bench: Workbench) -> dict[str, str]:
    """The host that the figures were measured on."""
    summary, qemu = summarize(), find_qemu()
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    proven = "hardware assistance" if bench.accelerator.proven else "no proven hardware assistance"
    return {
        "CPU": f"{summary.cpu_model}, {summary.cpus} usable",
        "memory": f"{summary.memory / (1 << 30):.1f} GiB",
        "system": f"{summary.system}, kernel {summary.kernel}",
        "QEMU": qemu.package or qemu.version_text,
        "accelerator": f"{bench.accelerator.name}, {proven}",
        "cell": bench.cell.id,
        "load before": f"{load} (last 1, 5 and 15 minutes)",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
