"""report.html: self-contained, escaped, complete."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from fixtures.evidence.result import Failure
from fixtures.report.html import render_html
from suites.selftest import report_sample as sample
from suites.selftest import report_stories as stories

if TYPE_CHECKING:
    from fixtures.report.model import Report

VOID = {"meta", "br", "input", "img", "hr", "link"}
REPORTS = {
    "good": sample.good_report(),
    "troubled": stories.troubled_report(),
    "large": stories.large_report(),
    "many guests": stories.large_report(guests=6, platforms=1, checks=10),
    "empty": sample.report_of([], planned=(), cells=[]),
    "no plan": sample.good_report(plan=None, narrowed=("-k storage",)),
}


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.unbalanced: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_nothing_is_fetched_and_nothing_runs(report: Report) -> None:
    html = render_html(report, "ab" * 32)
    reader = read(html)
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
    reader = read(render_html(report))
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


def test_hostile_facts_cannot_leave_their_place() -> None:
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
    reader = read(render_html(sample.report_of(results, cells=[facts], host=sample.host_facts(qemu=hostile))))
    assert "script" not in reader.tags
    assert reader.unbalanced == []
    assert "49" not in "".join(reader.text).split()
    assert not any("owned" in text for text in reader.text)


def test_links_to_evidence_stay_below_the_report() -> None:
    reader = read(render_html(stories.troubled_report()))
    links = [value for tag, name, value in reader.attributes if (tag, name) == ("a", "href")]
    assert "evidence/debian-12%40q35-uefi-virtio/1/console.txt" in links
    assert not [link for link in links if ":" in link or link.startswith("/") or ".." in link]
    assert "/etc/passwd" in "".join(reader.text)


def test_the_page_says_all_that_matters() -> None:
    report = stories.troubled_report()
    text = " ".join("".join(read(render_html(report, "ab" * 32)).text).split())
    for reason in report.verdict.reasons:
        assert reason in text
    for word in (
        "Not certified", "Debian GNU/Linux 12", "QEMU emulator version 7.2.13", "hardware assistance proven",
        "OVMF_CODE_4M.fd", "Ironguest 0.1.0", sample.SHA_A, "unchanged", "console=ttyS0",
        "Debian Secure Boot Signer",
        "no driver", "login at 12.6 s", "MachineKilled", "operator_excluded", "device_absent_by_design",
        "FAIL, then PASS", "outside of the plan", "-nodefaults", "no result", "ab" * 32,
    ):  # fmt: skip
        assert word in text


def test_a_large_report_is_still_a_page() -> None:
    html = render_html(stories.large_report())
    assert html.count('class="sq"') == 600
    assert len(html) < 1_000_000
