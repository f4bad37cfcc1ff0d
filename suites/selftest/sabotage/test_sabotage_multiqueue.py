"""Sabotage of suites/drivers/test_multiqueue.py: a guest that works on one processor only."""

from __future__ import annotations

import pytest

from suites.drivers import test_multiqueue
from suites.selftest.support.sabotaged_guest import SabotagedGuest


def test_unused_queues_are_found(broken: SabotagedGuest) -> None:
    test_multiqueue.test_every_queue_is_used(broken.guest)
    test_multiqueue.test_every_queue_of_a_card_is_used(broken.guest)
    # taskset runs every program on the first processor, whatever processor the check requests.
    wrapper = '#!/bin/sh\\nshift 2; exec /root/pinned -c 0 "$@"\\n'
    broken.guest.run_check(
        f"printf '{wrapper}' >/root/one && chmod +x /root/one && cp /usr/bin/taskset /root/pinned"
    )
    broken.guest.run_check("mount --bind /root/one /usr/bin/taskset")
    with pytest.raises(AssertionError, match=r"assert \[1\] == \[\]"):
        test_multiqueue.test_every_queue_is_used(broken.guest)
    with pytest.raises(AssertionError, match=r"assert \[2, 3\] == \[\]"):
        test_multiqueue.test_every_queue_of_a_card_is_used(broken.guest)
