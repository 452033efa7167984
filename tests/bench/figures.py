"""How figures are printed: what was measured, the bar beside it, and whether it is reached."""

from __future__ import annotations

import statistics

from tests.bench.timing import ratio


def heading(text: str) -> None:
    """The title of a section."""
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def bar(measured: float, limit: float, *, at_least: bool = False, unit: str = "") -> str:
    """The bar, and ``ok`` or ``short``."""
    reached = measured >= limit if at_least else measured <= limit
    return f"bar: at {'least' if at_least else 'most'} {limit:,g}{unit}  {'ok' if reached else 'SHORT'}"


def line(name: str, *columns: str) -> None:
    """One row."""
    print("  ".join([f"  {name:<40}", *columns]).rstrip(), flush=True)


def against(
    seconds: dict[str, list[float]], base: str, limit: float | None = None, barred: tuple[str, ...] = ()
) -> None:
    """Each question's median, its ratio to the base's, and the bar where there is one for it."""
    for name, taken in seconds.items():
        of = ratio(taken, seconds[base])
        said = bar(of, limit) if limit is not None and name in barred else ""
        line(name, f"{statistics.median(taken) * 1000:8.0f} ms", f"{of:6.2f} x", said)
