"""How large a text may be, said once. Each limit has an error code of its own, ``limit.*``."""

from __future__ import annotations

__all__ = ["BRANCHES", "DIGITS", "LENGTH", "NESTING", "STEPS"]

NESTING = 100
STEPS = 1_000_000
DIGITS = 4_000  # Python's own int() refuses more than 4,300
LENGTH = 1 << 20
BRANCHES = 256
