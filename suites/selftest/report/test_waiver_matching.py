"""Waivers: the failures that they match, their states, and unchanged outcomes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from fixtures.catalog.waivers import WaiverSpec
from fixtures.evidence.result import Failure, Outcome
from fixtures.report.html.render import render_html
from fixtures.report.junit import render_junit
from fixtures.report.model.fingerprint import fingerprint, normalise
from fixtures.report.model.report import Report
from fixtures.report.model.report_json import as_data, from_data
from fixtures.report.model.schema import ReportInvalid
from fixtures.report.terminal.table import render_table
from suites.selftest.support import report_sample as sample

BIOS, UEFI = sample.CELLS
CHECK = "storage.write-reaches-disk"
RECOMMENDED = "network.payload-intact"
FAILURE = Failure("AssertionError", "the checksum differs at 0x7f00deadbeef after 12.5 s")


def waiver(**changes: Any) -> WaiverSpec:
    data: dict[str, Any] = {
        "id": "w-1",
        "guest": "debian-12",
        "check": CHECK,
        "failure": {"kind": "AssertionError", "pattern": "checksum differs"},
        "reason": "the emulated controller loses a flush",
        "reference": "https://bugs.example.org/1",
        "owner": "Ann <ann@example.org>",
        "approved_by": "Bob <bob@example.org>",
        "created": "2026-10-01",
        "expires": "2026-12-01",
    }
    return WaiverSpec.model_validate(data | changes)


def report(
    *waivers: WaiverSpec,
    check: str = CHECK,
    outcome: Outcome = "FAIL",
    failure: Failure | None = FAILURE,
    **changes: Any,
) -> Report:
    """A good report with one result of the second cell replaced."""
    results = [
        replace(item, outcome=outcome, failure=failure) if (item.check, item.cell) == (check, UEFI) else item
        for item in sample.good_results()
    ]
    return sample.report_of(results, waivers=waivers, **changes)


def states(judged: Report) -> dict[str, tuple[str, str]]:
    return {use.waiver.id: (use.state, use.explanation) for use in judged.waiver_uses}


def test_a_waived_failure_is_a_condition_and_stays_a_failure() -> None:
    judged = report(waiver())
    assert judged.verdict.name == "CERTIFIED_WITH_CONDITIONS"
    assert judged.verdict.reasons == (
        f"Mandatory check {CHECK} failed and is waived (w-1) on {UEFI}.",
        "21 mandatory results on 2 cells passed, and 1 is waived.",
    )
    entry = judged.matrix[CHECK][UEFI]
    assert (entry.outcome, entry.effective) == ("FAIL", "WAIVED")
    assert judged.summary.by_outcome["FAIL"] == 1
    assert judged.summary.waived == 1
    assert states(judged) == {"w-1": ("used", "")}


def test_a_waived_failure_without_hardware_assistance_is_provisional() -> None:
    verdict = report(waiver(), host=sample.host_facts(accelerator="tcg", hardware_assisted=False)).verdict
    assert verdict.name == "PROVISIONAL"
    assert any("waived (w-1)" in reason for reason in verdict.reasons)


def test_a_waived_recommended_failure_is_a_condition() -> None:
    verdict = report(waiver(check=RECOMMENDED), check=RECOMMENDED).verdict
    assert verdict.name == "CERTIFIED_WITH_CONDITIONS"
    assert verdict.reasons[0] == f"Recommended check {RECOMMENDED} failed and is waived (w-1) on {UEFI}."


@pytest.mark.parametrize("outcome", ["ERROR", "BLOCKED", "SKIP"])
def test_only_a_failure_can_be_waived(outcome: Outcome) -> None:
    judged = report(waiver(), outcome=outcome)
    assert judged.verdict.name == "INCOMPLETE"
    assert judged.matrix[CHECK][UEFI].effective == outcome


def test_a_missing_result_cannot_be_waived() -> None:
    results = [item for item in sample.good_results() if (item.check, item.cell) != (CHECK, UEFI)]
    assert sample.report_of(results, waivers=(waiver(),)).verdict.name == "INCOMPLETE"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"guest": "*"}, ("used", "")),
        ({"guest": "debian-12@q35-*"}, ("used", "")),
        ({"guest": "debian-12@pc-*"}, ("stale", "The check passes.")),
        ({"guest": "fedora-*"}, ("unused", "No result of the run is covered by the waiver.")),
        ({"check": "storage.other"}, ("unused", "No result of the run is covered by the waiver.")),
        ({"check": "boot.reaches-login"}, ("stale", "The check passes.")),
        ({"failure": {"kind": "AssertionError", "pattern": "otherwise"}}, ("stale", "The check passes.")),
        ({"failure": {"kind": "GuestCrashed", "pattern": "checksum"}, "guest": "*@q35-*"}, ("unused", "The check failed differently.")),
        ({"expires": "2026-10-13"}, ("expired", "The waiver expired on 2026-10-13.")),
        ({"expires": "2026-10-14"}, ("used", "")),
        ({"created": "2026-10-14"}, ("used", "")),
        ({"created": "2026-10-15"}, ("unused", "The waiver is in force only from 2026-10-15.")),
        ({"when": {"qemu": ">=7.2,<8.0"}}, ("used", "")),
        ({"when": {"qemu": ">=8.0"}}, ("unused", "No result of the run is covered by the waiver.")),
        ({"when": {"kernel": "6.1.*"}}, ("used", "")),
        ({"when": {"kernel": "6.2.*"}}, ("unused", "No result of the run is covered by the waiver.")),
        ({"when": {"qemu": "==7.2.*", "kernel": "6.1.*"}}, ("used", "")),
    ],
)  # fmt: skip
def test_the_state_of_a_waiver(changes: dict[str, Any], state: tuple[str, str]) -> None:
    judged = report(waiver(**changes), host=sample.host_facts(qemu_version="7.2.13"))
    assert states(judged)["w-1"] == state
    assert (judged.verdict.name == "CERTIFIED_WITH_CONDITIONS") == (state[0] == "used")
    assert (judged.verdict.name == "NOT_CERTIFIED") == (state[0] != "used")


def test_a_condition_on_an_unknown_fact_is_not_fulfilled() -> None:
    assert report(waiver(when={"qemu": ">=1"})).verdict.name == "NOT_CERTIFIED"


def test_two_waivers_for_one_failure_are_an_error() -> None:
    judged = report(waiver(), waiver(id="w-2", guest="*"))
    assert judged.verdict.name == "INVALID"
    assert judged.verdict.reasons[0] == (
        f"The waivers w-1 and w-2 match the same failure of {CHECK} on {UEFI}, so none of them applies."
    )
    assert judged.matrix[CHECK][UEFI].effective == "FAIL"
    assert states(judged)["w-2"] == ("unused", "Another waiver matches the same failure.")


def test_a_cell_with_only_waived_failures_is_incomplete() -> None:
    results = [item for item in sample.good_results() if item.cell == BIOS]
    failed = sample.result(CHECK, UEFI, "FAIL", failure=FAILURE)
    planned = [item for item in sample.planned() if item.cell == BIOS or item.check == CHECK]
    verdict = sample.report_of([*results, failed], planned=planned, waivers=(waiver(),)).verdict
    assert verdict.name == "INCOMPLETE"
    assert verdict.reasons[0] == f"No mandatory check passed on {UEFI}: its failures are waived."


def test_an_error_is_not_hidden_behind_a_waived_failure() -> None:
    results = [item for item in sample.good_results() if (item.check, item.cell) != (CHECK, UEFI)]
    pair = [
        sample.result(CHECK, UEFI, "FAIL", failure=FAILURE, nodeid="t[a]"),
        sample.result(CHECK, UEFI, "ERROR", failure=Failure("HostFault", "x"), nodeid="t[b]"),
    ]
    judged = sample.report_of([*results, *pair], waivers=(waiver(),))
    assert judged.matrix[CHECK][UEFI].effective == "ERROR"
    assert judged.verdict.name == "INCOMPLETE"


def test_a_waiver_must_match_every_failed_attempt() -> None:
    other = sample.result(CHECK, UEFI, "FAIL", failure=Failure("GuestCrashed", "panic"))
    results = [
        replace(item, outcome="FAIL", failure=FAILURE) if (item.check, item.cell) == (CHECK, UEFI) else item
        for item in sample.good_results()
    ]
    assert sample.report_of([other, *results], waivers=(waiver(),)).verdict.name == "NOT_CERTIFIED"


def test_a_retry_that_passes_makes_the_waiver_stale() -> None:
    failed = sample.result(CHECK, UEFI, "FAIL", failure=FAILURE)
    judged = sample.report_of([failed, *sample.good_results()], waivers=(waiver(),))
    assert states(judged)["w-1"][0] == "stale"
    assert "only after a repeated attempt" in judged.verdict.reasons[0]


def test_the_reported_fingerprint_can_be_waived() -> None:
    shown = fingerprint(sample.result(CHECK, UEFI, "FAIL", failure=FAILURE))
    bare = report()
    assert shown in render_html(bare)
    assert f'value="{shown}"' in render_junit(bare)
    assert report(waiver(failure={"fingerprint": shown})).summary.waived == 1
    assert report(waiver(failure={"fingerprint": "sha256:" + "0" * 64})).summary.waived == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("at 0x7f00deadbeef", "at 0x55aa00000001", True),
        ("after 12.5 s", "after 60 s", True),
        ("device 0000:00:06.0 lost", "device 0000:01:1f.7 lost", True),
        ("[   14.201993] BUG: x", "[  101.000001] BUG: x", True),
        ("b4f0c7b1-2935-4816-8c0b-7f2e9d8c7a6b gone", "00000000-2935-4816-8c0b-7f2e9d8c7a6b gone", True),
        ("sha256:0d4f61c8 expected", "sha256:ffffffff expected", True),
        ("from 10.0.2.15", "from 192.168.7.1", True),
        ("mac 52:54:00:12:34:56", "mac 52:54:00:ff:34:56", True),
        ("2026-10-14T08:21:07Z x", "2027-01-01 00:00:00.5 x", True),
        ("/tmp/ironguest-run-abc/x y", "/tmp/ironguest-run-def/z y", True),
        ("a  b\nc", "a b c", True),
        ("\x1b[31mBUG\x1b[0m", "BUG", True),
        ("caf\udce9", r"caf\xe9", True),
        ("expected 3 disks", "expected 4 disks", False),
        ("driver ata_piix", "driver ahci", False),
        ("signal 9", "signal 11", False),
    ],
)
def test_a_fingerprint_ignores_text_that_varies_between_runs(one: str, other: str, same: bool) -> None:
    assert (normalise(one) == normalise(other)) is same


def test_a_fingerprint_depends_on_check_and_error_class() -> None:
    base = sample.result(CHECK, failure=FAILURE)
    others = [
        replace(base, check="storage.other"),
        replace(base, failure=replace(FAILURE, kind="BlockError")),
        replace(base, failure=replace(FAILURE, message="other")),
    ]
    assert len({fingerprint(result) for result in [base, *others]}) == 4
    assert fingerprint(replace(base, cell=BIOS, nodeid="elsewhere")) == fingerprint(base)
    assert fingerprint(sample.result(CHECK)) == ""


def test_report_json_holds_all_waivers_and_loads_again() -> None:
    waivers = (waiver(), waiver(id="w-2", expires="2026-10-02"), waiver(id="w-3", check=RECOMMENDED))
    judged = report(*waivers)
    data = as_data(judged)
    assert from_data(json.loads(json.dumps(data))) == judged
    assert {use["waiver"]["id"]: use["state"] for use in data["waivers"]} == {
        "w-1": "used",
        "w-2": "expired",
        "w-3": "stale",
    }


def edit_state(data: dict[str, Any]) -> None:
    data["waivers"][0]["state"] = "used"


def edit_effective(data: dict[str, Any]) -> None:
    next(item for item in data["results"] if item["outcome"] == "FAIL")["effective"] = "WAIVED"


def edit_expiry(data: dict[str, Any]) -> None:
    data["waivers"][0]["waiver"]["expires"] = "2026-12-24"


def edit_approval(data: dict[str, Any]) -> None:
    data["waivers"][0]["waiver"]["approved_by"] = data["waivers"][0]["waiver"]["owner"]


def edit_outcome(data: dict[str, Any]) -> None:
    data["summary"]["waived"] = 1


@pytest.mark.parametrize("edit", [edit_state, edit_effective, edit_expiry, edit_approval, edit_outcome])
def test_an_edited_waiver_does_not_load(edit: Any) -> None:
    data = as_data(report(waiver(expires="2026-10-02")))
    edit(data)
    with pytest.raises(ReportInvalid):
        from_data(data)


def test_junit_shows_a_waived_failure_as_skipped_and_keeps_the_outcome() -> None:
    root = ET.fromstring(render_junit(report(waiver())).encode())
    (case,) = (
        case
        for case in root.iter("testcase")
        if (case.get("classname"), case.get("name")) == (f"{UEFI}.storage", CHECK)
    )
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("type") == "waived"
    assert skipped.get("message", "").startswith("w-1: the checksum differs")
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert (properties["raw_outcome"], properties["waivers"]) == ("FAIL", "w-1")
    assert root.get("failures") == "0"


def test_the_table_and_the_page_show_each_waiver() -> None:
    hostile = "<b>bad</b> \x1b[31m" + "x" * 10_000
    judged = report(
        waiver(reason=hostile), waiver(id="w-2", expires="2026-10-02"), waiver(id="w-9", guest="x")
    )
    text = render_table(judged, 100, colour=False)
    assert "WAIVED" in text
    assert "25 pass, 1 fail (1 waived)" in text
    for line in ("1 waiver used: w-1", "1 waiver expired: w-2", "1 waiver unused: w-9"):
        assert line in text
    html = render_html(judged)
    for phrase in ("Ann &lt;ann@example.org&gt;", "Bob &lt;", "bugs.example.org", "2026-10-01 to 2026-12-01"):
        assert phrase in html
    assert "<b>bad" not in html
    assert "\x1b" not in html
    assert len(html) < len(render_html(report())) + 30_000
