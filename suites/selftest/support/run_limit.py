"""The time after which a test gives up a run of pytest in a process of its own."""

from __future__ import annotations

RUN_LIMIT = 1800.0
"""Seconds. A run has deadlines of its own, and builds images on a new machine: this limit ends a run that hangs."""
