"""What the formulas say beside what torch did: every figure that both have, and whether the two agree."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from layercli.analysis import receptive
from layercli.analysis.flow import as_json, tensors
from layercli.analysis.walk import Analysis, probed
from layercli.measurement import FAILED, MEASURED, NOT_RUN, Measurement

AGREES, DIFFERS = "agrees", "differs"
WORSE = (AGREES, NOT_RUN, FAILED, DIFFERS)
"""How an answer of torch can come out, the worst last."""


class Check(NamedTuple):
    """One figure, as the formulas have it and as torch has it."""

    of: str
    path: str
    formula: Any
    torch: Any
    at: str | None = None
    """Which sizes it is of, where the design leaves some open: ``N=1, H=63``."""

    @property
    def status(self) -> str:
        """``agrees`` or ``differs``."""
        return AGREES if self.formula == self.torch else DIFFERS


class Outcome:
    """An analysis on given sizes beside torch's answer to its plan."""

    def __init__(self, analysis: Analysis, measurement: Measurement, at: str | None = None) -> None:
        self.analysis = analysis
        self.measurement = measurement
        self.at = at

    @property
    def status(self) -> str:
        """``agrees``, ``differs``, ``not run`` or ``failed``."""
        if self.measurement.status != MEASURED:
            return self.measurement.status
        if self._refused_values:
            return FAILED
        return AGREES if all(check.status == AGREES for check in self.checks) and self.checks else DIFFERS

    @property
    def why(self) -> str:
        """The sentence that goes with the status; empty where there is nothing to add."""
        error = self.measurement.error
        if self._refused_values and error is not None:
            return f"torch refused the values that it was fed: {error.message.partition(chr(10))[0]}"
        return self.measurement.reason or ("torch refused what the formulas accept" if error else "")

    @property
    def _refused_values(self) -> bool:
        """Whether torch refused a call for what the formulas do not see: the values inside a tensor."""
        error = self.measurement.error
        if error is None or error.call is None or self.analysis.error or error.call >= len(self.analysis.rows):
            return False
        return error.call > 0 and self.analysis.rows[error.call].bound.minds_values

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Every figure that the formulas and torch both have."""
        if self.measurement.status != MEASURED or self.analysis.error or self._refused_values:
            return ()
        return tuple(check._replace(at=self.at) for check in _checks(self.analysis, self.measurement))


def _checks(analysis: Analysis, found: Measurement) -> Iterator[Check]:
    for row, outputs in zip(analysis.rows, found.outputs):
        ours = as_json(row.bound.outputs)
        for of, formula, torch in _pairs(ours, outputs, "outputs"):
            yield Check(of, row.path, formula, torch)
    owners = [row for row in analysis.rows if row.shares is None]
    for row, weights in zip(owners, found.modules):
        bound = row.bound
        for kind, ours, theirs in (
            ("params", bound.tensors(bound.variant.params), weights.params),
            ("buffers", bound.tensors(bound.variant.buffers), weights.buffers),
        ):
            for name in {**ours, **theirs}:
                mine, torch = ours.get(name), theirs.get(name)
                yield Check(f"{kind}.{name}", row.path, None if mine is None else list(mine), torch)
        yield Check("trainable_params", row.path, bound.trainable, weights.trainable)
    if found.macs is not None and not any(row.bound.macs is None for row in analysis.rows):
        path = analysis.rows[0].path if len(analysis.rows) == 1 else ""
        yield Check("macs", path, sum(row.bound.macs or 0 for row in analysis.rows), found.macs)
    if found.saved is not None:
        from layercli.analysis.memory import memory

        kept = memory(analysis).kept
        if kept is not None:
            yield Check("saved_bytes", "", kept, found.saved)
    if found.fields is not None:
        yield from _fields(analysis, found.fields)
    if found.error is not None:
        at = found.error.call if found.error.call is not None else found.error.module
        path = analysis.rows[at].path if at is not None and at < len(analysis.rows) else ""
        yield Check("accepts", path, "accepted", f"{found.error.type}: {found.error.message}")


def _fields(analysis: Analysis, measured: Sequence[Sequence[tuple[int | None, int, int]]]) -> Iterator[Check]:
    """The receptive field, axis by axis, where a gradient could tell; torch's figure is the widest that it found."""
    row = probed(analysis.rows)
    assert row is not None
    shape = next(tensors(analysis.inputs[0][1])).shape
    for number, (axis, probe, fields) in enumerate(zip(row.reach.spatial, receptive.probes(row.reach), measured)):
        agrees = receptive.confirmed(axis, fields, shape[probe.source])
        if agrees is not None:
            size = shape[probe.source] if axis.cells is None else axis.cells.size
            widest = max((last - first + 1 for _, first, last in fields), default=0)
            yield Check(f"receptive_field.{number}", row.path, size, size if agrees else widest)


def _pairs(ours: Any, theirs: Any, of: str) -> Iterator[tuple[str, Any, Any]]:
    """Every shape and dtype of two output trees, side by side; a difference in nesting shows as a None."""
    if isinstance(ours, list) or isinstance(theirs, list):
        mine, torch = (side if isinstance(side, list) else [side] for side in (ours, theirs))
        for index in range(max(len(mine), len(torch))):
            a = mine[index] if index < len(mine) else None
            b = torch[index] if index < len(torch) else None
            yield from _pairs(a, b, f"{of}.{index}")
        return
    for fact in ("shape", "dtype", "packed"):
        if fact == "packed" and not any("packed" in (side or {}) for side in (ours, theirs)):
            continue
        yield f"{of}.{fact}", (ours or {}).get(fact), (theirs or {}).get(fact)
