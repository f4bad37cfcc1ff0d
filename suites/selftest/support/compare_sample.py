"""A good report and changes of one of its results, for comparisons."""

from __future__ import annotations

from typing import Any

from fixtures.evidence.result import CheckResult, Failure, Outcome
from fixtures.report.model.report import Report
from suites.selftest.support import report_sample as sample

BIOS, UEFI = sample.CELLS
CHECK = "storage.write-reaches-disk"
KNOWN = sample.host_facts(qemu_version="7.2.13", qemu_digest=sample.SHA_B)


def with_result(changed: CheckResult | None, check: str = CHECK, cell: str = UEFI, **changes: Any) -> Report:
    """A good report with one result replaced; None removes the result."""
    others = [item for item in sample.good_results() if (item.cell, item.check) != (cell, check)]
    return sample.report_of([*others, *([] if changed is None else [changed])], **{"host": KNOWN} | changes)


def outcome(name: Outcome, **changes: Any) -> CheckResult:
    failure = Failure("AssertionError", "the checksum differs") if name in {"FAIL", "ERROR"} else None
    return sample.result(CHECK, UEFI, name, **{"failure": failure} | changes)


GOOD = with_result(outcome("PASS"))
