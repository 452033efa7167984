"""Steps of a spec replaced in its tree: in groups, branches and repeats too, labels and references kept."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.errors import Span
from layercli.spec import Chain, Group, Op, Spec, Step, format_spec, parse

_HERE = Span(0, 0)


def replaced(spec: Spec, edits: Mapping[Span, Chain]) -> Spec:
    """The design with other steps at these places, read back from its text.

    A label goes onto the group of what takes the step's place, so that a reference brings what the last of it gives.
    Of a repeat every time is replaced.
    """
    return parse(format_spec(spec._replace(chain=_chain(spec.chain, edits))))


def _chain(chain: Chain, edits: Mapping[Span, Chain]) -> Chain:
    found: list[Step] = []
    for step in chain.steps:
        unit = step.unit
        if isinstance(unit, Op) and unit.span in edits:
            found += _put(step, unit, edits[unit.span], alone=len(chain.steps) == 1)
        elif isinstance(unit, Op):
            found.append(
                step._replace(unit=unit._replace(branches=tuple(_chain(each, edits) for each in unit.branches)))
            )
        elif isinstance(unit, Group):
            found.append(step._replace(unit=unit._replace(chain=_chain(unit.chain, edits))))
        else:
            found.append(step)
    return chain._replace(steps=tuple(found))


def _put(step: Step, op: Op, after: Chain, alone: bool) -> list[Step]:
    if not after.steps:
        bare = step.label is None and not op.references and not alone
        # what is referred to, or stands alone, leaves a step that hands its input on
        return [] if bare else [step._replace(repeat=1, unit=Op("identity", _HERE, (), _HERE, op.references))]
    first = after.steps[0]
    if len(after.steps) == 1 and first.label is None and first.repeat == 1:
        return [step._replace(unit=first.unit)]
    if step.label is None and step.repeat == 1:
        return list(after.steps)
    return [step._replace(unit=Group(after, op.span))]
