"""Directories that tests read from."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
"""The root of the project."""

SAMPLES = ROOT / "suites" / "selftest" / "samples"
"""Recorded answers, captures and pictures."""
