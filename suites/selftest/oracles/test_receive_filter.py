"""The answer of QEMU to ``query-rx-filter``."""

from __future__ import annotations

from typing import Any

from fixtures.oracles.receive_filter import ReceiveFilter, receive_filter

# As QEMU 7.2 answers for a virtio card whose guest joined a VLAN.
ANSWER: list[dict[str, Any]] = [
    {
        "name": "nic0",
        "main-mac": "52:54:00:12:34:56",
        "promiscuous": True,
        "vlan-table": [],
        "vlan": "normal",
    },
    {
        "name": "nic1",
        "main-mac": "52:54:00:fe:01:0f",
        "promiscuous": False,
        "vlan-table": [7, 0],
        "vlan": "normal",
    },
]


def test_the_filter_of_a_card_is_found_by_its_name() -> None:
    assert receive_filter(ANSWER, "nic1") == ReceiveFilter("52:54:00:fe:01:0f", (7,), promiscuous=False)
    assert receive_filter(ANSWER, "nic0") == ReceiveFilter("52:54:00:12:34:56", (), promiscuous=True)


def test_a_model_that_reports_no_filter_has_none() -> None:
    assert receive_filter(ANSWER, "nic2") is None
