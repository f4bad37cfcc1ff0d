"""report.html: without external resources, escaped, and complete."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.evidence.result import Failure, Measure
from fixtures.report.html.assertion_diff import split_message
from fixtures.report.html.measures import measure_rows
from fixtures.report.html.missing_facts import missing_facts
from fixtures.report.html.render import render_html
from fixtures.report.html.tested_configuration import image_rows
from suites.selftest.support import report_sample as sample
from suites.selftest.support import report_stories as stories
from suites.selftest.support.html_reader import read_html

if TYPE_CHECKING:
    from fixtures.report.model.report import Report

REPORTS = {
    "good": sample.good_report(),
    "troubled": stories.troubled_report(),
    "large": stories.large_report(),
    "wide": stories.large_report(guests=10, platforms=4, checks=8),
    "many guests": stories.large_report(guests=6, platforms=1, checks=10),
    "empty": sample.report_of([], planned=(), cells=[]),
    "no plan": sample.good_report(plan=None, narrowed=("-k storage",)),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_page_has_no_scripts_and_no_external_resources(report: Report) -> None:
    html = render_html(report, "ab" * 32)
    reader = read_html(html)
    assert reader.unbalanced == []
    assert reader.open == []
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(reader.tags)
    assert not re.search(
        r"https?:|url\(|@import|javascript:", "".join(value for _, _, value in reader.attributes)
    )
    style = html[html.index("<style>") : html.index("</style>")]
    assert not re.search(r"https?:|url\(|@import", style)
    assert not any(name.startswith("on") for _, name, _ in reader.attributes)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in [
        value for tag, name, value in reader.attributes if (tag, name) == ("meta", "content")
    ]


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_every_link_leads_somewhere(report: Report) -> None:
    reader = read_html(render_html(report))
    ids = [value for _, name, value in reader.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for _, name, value in reader.attributes:
        if name == "href":
            assert value.removeprefix("#") in ids or value.startswith("evidence/") or "%3A" in value


def test_a_guests_text_is_escaped_and_stripped() -> None:
    html = render_html(stories.troubled_report())
    assert "&lt;script&gt;alert(&#39;guest&#39;)&lt;/script&gt;" in html
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", html)
    assert "[1;31m" not in html
    assert "BUG:" in html


def test_hostile_facts_cannot_inject_markup() -> None:
    hostile = "</style><script>x</script>\"' onload=x \x1b]0;owned\x07{{ 7*7 }}"
    facts = replace(
        sample.cell_facts(),
        guest_title=hostile,
        kernel={hostile: hostile},
        argv=(hostile, f"-{hostile}"),
        boots=(((hostile, 1.0), ("login", 2.0)),),
    )
    results = sample.good_results()
    failure = Failure(hostile, hostile, hostile, (hostile,), hostile)
    results[0] = replace(
        results[0], title=hostile, outcome="FAIL", failure=failure, nodeid=hostile, evidence=(hostile,)
    )
    reader = read_html(
        render_html(sample.report_of(results, cells=[facts], host=sample.host_facts(qemu=hostile)))
    )
    assert "script" not in reader.tags
    assert reader.unbalanced == []
    assert "49" not in "".join(reader.text).split()
    assert not any("owned" in text for text in reader.text)


def test_the_card_shows_the_paravirtual_interfaces() -> None:
    facts = replace(
        sample.cell_facts(), paravirtual={"clock source": "kvm-clock", "interfaces in use": "none"}
    )
    text = "".join(read_html(render_html(sample.report_of(sample.good_results(), cells=[facts]))).text)
    assert "Paravirtual interfaces of the CPU" in text
    assert "kvm-clock" in text


def test_links_to_evidence_stay_below_the_report() -> None:
    reader = read_html(render_html(stories.troubled_report()))
    links = [value for tag, name, value in reader.attributes if (tag, name) == ("a", "href")]
    assert "evidence/debian-12%40q35-uefi-virtio/1/console.txt" in links
    assert not [link for link in links if ":" in link or link.startswith("/") or ".." in link]
    assert "/etc/passwd" in "".join(reader.text)


def test_the_page_contains_reasons_facts_and_outcomes() -> None:
    report = stories.troubled_report()
    text = " ".join("".join(read_html(render_html(report, "ab" * 32)).text).split())
    for reason in report.verdict.reasons:
        assert reason in text
    for word in (
        "Not certified", "Debian GNU/Linux 12", "QEMU emulator version 7.2.13", "hardware assistance proven",
        "OVMF_CODE_4M.fd", "Ironguest 0.1.0", sample.SHA_A, "unchanged", "console=ttyS0",
        "Debian Secure Boot Signer",
        "no driver", "login at 12.6 s", "MachineKilled", "operator_excluded", "device_absent_by_design",
        "FAIL, then PASS", "outside the plan", "-nodefaults", "no result", "ab" * 32,
    ):  # fmt: skip
        assert word in text


def test_a_large_report_gives_a_page_of_limited_size() -> None:
    html = render_html(stories.large_report())
    assert html.count('class="sq"') == 600
    assert len(html) < 1_000_000


def test_a_hundred_cells_of_three_hundred_checks_give_a_page_of_limited_size() -> None:
    html = render_html(stories.large_report(25, 4, 300))
    assert html.count('class="sq"') == 30_000
    assert len(html) < 10_000_000
    # For print, a hundred columns are divided into five tables; a browser shows one table.
    assert html.count("<caption>") == 5


def test_a_thousand_failures_give_a_page_of_limited_size() -> None:
    failure = Failure("AssertionError", "<" * 20_000, "&" * 20_000, ("<" * 2_000,) * 50)
    cells = [f"g{number}@p" for number in range(100)]
    results = [sample.result(f"a.c{n}", cell, "FAIL", failure=failure) for cell in cells for n in range(10)]
    html = render_html(sample.report_of(results, planned=()))
    assert html.count('<article class="failure') == 100
    assert "Further failures and errors" in html
    assert len(html) < 25_000_000


def test_an_outcome_mark_links_to_its_failure_or_card() -> None:
    reader = read_html(render_html(stories.troubled_report()))
    links = {value for tag, name, value in reader.attributes if (tag, name) == ("a", "href")}
    assert {"#c0", "#c1"} <= links
    assert len([link for link in links if re.fullmatch(r"#r\d+-\d+", link)]) == 7


def test_expected_and_observed_are_separated_and_their_difference_is_marked() -> None:
    message = "assert '6.1-26' == '6.1-27'\n  \n  - 6.1-27\n  ?      ^\n  + 6.1-26\n  ?      ^"
    lines = split_message(message)
    assert [(line.kind, "".join(part.text for part in line.parts)) for line in lines] == [
        ("plain", "assert '6.1-26' == '6.1-27'"),
        ("expected", "6.1-27"),
        ("observed", "6.1-26"),
    ]
    assert [part.text for line in lines for part in line.parts if part.differs] == ["7", "6"]


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("assert 12.0 <= 3", {"expected": "<= 3", "observed": "12.0"}),
        ("assert f() == 4\n +  where f() = 3", {"expected": "4", "observed": "f()"}),
        ("assert a == b\n  expected  x1\n  observed  x2", {"expected": "x1", "observed": "x2"}),
        ("assert a == b == c", {}),
        ("- a list,\n+ no difference", {}),
        ("BootTimeout", {}),
    ],
)
def test_a_message_without_a_single_comparison_stays_plain(message: str, kinds: dict[str, str]) -> None:
    lines = split_message(message)
    texts = {line.kind: "".join(part.text for part in line.parts) for line in lines}
    texts.pop("plain", None)
    assert texts == kinds
    if not kinds:
        assert "\n".join("".join(part.text for part in line.parts) for line in lines) == message


def test_measures_have_a_median_over_cells_and_repeats() -> None:
    results = sample.good_results()
    results[0] = replace(results[0], measures=(Measure("write", 1.0, "MB/s"), Measure("write", 4.0, "MB/s")))
    results[13] = replace(
        results[13], measures=(Measure("write", 2.0, "MB/s"), Measure("write", float("nan"), "MB/s"))
    )
    report = sample.report_of(results)
    (row,) = measure_rows(report)
    assert (row.count, row.invalid, row.minimum, row.median, row.maximum) == (3, 1, "1", "2", "4")
    assert row.zero_x < row.dots[0] < row.median_x < row.dots[-1]
    assert "1 without a value" in " ".join(read_html(render_html(report)).text)


def test_an_image_has_one_row_with_all_its_changes() -> None:
    (image,) = image_rows(sample.good_report())
    assert (image.cells, image.state) == (sample.CELLS, "unchanged")
    assert [change["what"] for change in image.customisation][-1] == "password of root"
    other = replace(sample.cell_facts(sample.CELLS[1]), image={"digest_before": sample.SHA_B})
    report = sample.good_report(cells=[sample.cell_facts(), other])
    assert [image.state for image in image_rows(report)] == ["unchanged", "unknown"]


def test_missing_facts_are_listed() -> None:
    bare = replace(sample.cell_facts(), kernel={}, devices=(), boots=(), image={})
    host = sample.host_facts(firmware=({"role": "bios", "path": "x.bin"},))
    report = sample.good_report(cells=[bare], host=host, run=sample.run_info(commit=None), plan=None)
    sentences = " ".join(missing_facts(report))
    for phrase in ("QEMU's program", "x.bin", "no plan", "checkout", "No facts were recorded for debian-12@q35",
                  "digest of the image before or after", "kernel", "devices", "cold boot"):  # fmt: skip
        assert phrase in sentences
    known = sample.good_report(host=sample.host_facts(qemu_digest=sample.SHA_A))
    assert missing_facts(known) == ()
    assert "None: the run established all facts of this report." in render_html(known)


def test_the_page_compares_with_a_baseline_if_there_is_one() -> None:
    assert 'id="baseline"' not in render_html(sample.good_report())
    hostile = "<script>x</script>"
    failed = replace(sample.good_results()[0], outcome="FAIL", failure=Failure("AssertionError", hostile))
    now = sample.report_of([failed, *sample.good_results()[1:]])
    reader = read_html(render_html(now, baseline=sample.good_report()))
    text = " ".join("".join(reader.text).split())
    for phrase in ("Comparison with the baseline", '"Before" is the baseline', "Regressed (1)", hostile):
        assert phrase in text
    assert "script" not in reader.tags
    assert "#baseline" in [value for _, name, value in reader.attributes if name == "href"]


def test_a_device_without_a_driver_is_wrong_only_if_one_is_expected() -> None:
    bridge = sample.device("mch", "0000:00:00.0", "8086:29c0", None, "")
    text = "".join(
        read_html(render_html(sample.good_report(cells=[sample.cell_facts(devices=(bridge,))]))).text
    )
    assert "none expected" in text
    assert "no driver" not in text
