"""One question to both: what the formulas say of a call, and what torch did with it."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.analysis.walk import Analysis
from layercli.measurement import MEASURED, Measurement
from layercli.plan import Call, Input, Module, Plan, Ref, encode_input, encode_module
from layercli.report import Report


def plan_of(module: Module, inputs: Sequence[Input], mode: str, macs: bool) -> Plan:
    """The call as torch is to be asked it, whatever the formulas say of it."""
    args = tuple(Ref(None, (index,)) for index, item in enumerate(inputs) if item.name is None)
    kwargs = {item.name: Ref(None, (index,)) for index, item in enumerate(inputs) if item.name is not None}
    call = Call(0, args, kwargs)
    return Plan((module,), tuple(inputs), (call,), mode=mode, device="cpu", count_macs=macs)


def hangs_on_the_machine(module: Module, analysis: Analysis) -> bool:
    """Calls that torch answers by the backend it finds (oneDNN): empty outputs and no dilation, transposed."""
    error = analysis.error
    if error is None or "ConvTranspose" not in module.torch:
        return False
    return error.code == "shape.empty-output" or (error.code == "torch.range" and error.message.startswith("dilation "))


VALUES = ("Found an invalid max index", "index out of range")
"""Refusals that hang on the values inside a tensor, which the formulas do not see."""


def problem(module: Module, inputs: Sequence[Input], mode: str, analysis: Analysis, found: Measurement) -> str | None:
    """What differs: acceptance, a shape, a dtype, a parameter, a buffer, multiply-adds; None where nothing does."""
    if hangs_on_the_machine(module, analysis):
        return None
    said = f"{encode_module(module)} on {[encode_input(item) for item in inputs]} in {mode}: "[:1500]
    if found.status != MEASURED:
        return said + found.reason
    if analysis.error is not None:
        accepted = found.error is None
        internal = analysis.error.code.startswith("internal")
        return said + f"formulas refuse, torch accepts: {analysis.error}" if accepted or internal else None
    if found.error is not None and found.error.message.startswith(VALUES):
        return None
    if found.error is not None:
        return said + f"formulas accept, torch refuses: {found.error.type}: {found.error.message[:300]}"
    wrong = [check for check in Report(analysis, found).checks if check.status != "agrees"]
    return said + f"{wrong[:3]}" if wrong else None
