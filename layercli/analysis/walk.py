"""A spec, or a module in torch's own terms, on given inputs: one row per layer, totals, and the plan for torch."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from layercli.analysis.complaints import unknown_layer
from layercli.analysis.flow import Flow, Tree, from_feed, tensors
from layercli.analysis.graph import Options, Place, Row, Walk
from layercli.analysis.inputs import refused, usual
from layercli.analysis.keys import from_module
from layercli.analysis.layer import Analyser, param_bytes
from layercli.analysis.notes import Note
from layercli.errors import LayerError
from layercli.layers import find, find_torch
from layercli.layers.definition import Layer
from layercli.plan import ITEM_SIZE, Input, Module, Plan, Tensor, elements
from layercli.spec import Chain, Group, Op, Spec

__all__ = ["Analysis", "Options", "Row", "analyse_module", "analyse_spec", "every_note"]


class Analysis(NamedTuple):
    """What the formulas say of a whole net; where it ends in an error, the rows before it."""

    source: str | None
    options: Options
    inputs: tuple[tuple[str, Tree], ...]
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]
    error: LayerError | None
    plan: Plan | None
    outputs: tuple[Tree, ...] = ()
    """What the whole gives."""


def analyse_spec(spec: Spec, inputs: Sequence[Input], options: Options, analyser: Analyser | None = None) -> Analysis:
    """A chain in the shell's notation; without inputs, on the first layer's default."""
    said: tuple[Note, ...] = ()
    first = None if inputs else _first_layer(spec.chain)
    if first is not None and first.name != "input":
        shape = (5, *first.default_input) if options.unroll else first.default_input
        inputs = (Input(Tensor(shape, "")),) * (2 if first.several is not None else 1)
        written = ",".join(map(str, shape))
        said = (Note("input.default", f"no input given: {written} is taken", "give your own with -i"),)
    walk = Walk(analyser or Analyser(options.mode, options.dtype), options, inputs)
    return _finish(walk, spec.source, said, lambda: walk.whole(spec.chain))


def analyse_module(
    module: Module, inputs: Sequence[Input], options: Options, analyser: Analyser | None = None
) -> Analysis:
    """One module in torch's own terms, on these inputs."""
    walk = Walk(analyser or Analyser(options.mode, options.dtype), options, inputs)

    def run() -> None:
        layer = find_torch(module.torch)
        if layer is None:
            meant = find(module.torch.rpartition(".")[2].lower())
            if meant is None:
                raise unknown_layer(module.torch, None)
            raise LayerError(
                "spec.unknown-layer", f"torch.nn has no {module.torch[:60]!r}", fix=f"write {meant.torch}",
                suggestions=(meant.torch,),
            )  # fmt: skip
        walk.output = walk.layer(layer, from_module(layer, module), None, Place("0", "", ()), [walk.start()])

    return _finish(walk, None, (), run)


def _finish(walk: Walk, source: str | None, said: tuple[Note, ...], run: Callable[[], None]) -> Analysis:
    error = None
    try:
        for item in walk.inputs:
            problem = refused(item)
            if problem is not None:
                raise problem
        run()
    except LayerError as raised:
        error = raised.located(source)
    inputs = walk.named or tuple(
        (item.name or "input", usual(from_feed(item.feed), walk.options.dtype)) for item in walk.inputs
    )
    plan = _plan(walk) if error is None and walk.options.planned else None
    return Analysis(source, walk.options, inputs, tuple(walk.rows), said, error, plan, _outputs(walk))


def _outputs(walk: Walk) -> tuple[Tree, ...]:
    """What the whole gives: all outputs of its last step, or the one tensor that is handed through."""
    stream = walk.output
    if stream is None:
        return ()
    if stream.wire.call is not None and not stream.wire.path:
        return walk.rows[stream.wire.call].bound.outputs
    return (stream.tree,)


def _first_layer(chain: Chain) -> Layer | None:
    """The layer that meets the input of the whole first."""
    for step in chain.steps:
        unit = step.unit
        if isinstance(unit, Group):
            return _first_layer(unit.chain)
        if not isinstance(unit, Op):
            return find(unit.name.lower())
        inner = [found for branch in unit.branches if (found := _first_layer(branch))]
        if inner:
            return inner[0]
        return find(unit.name)
    return None


def _plan(walk: Walk) -> Plan:
    held = sum(param_bytes(row.bound) for row in walk.rows if row.shares is None)
    held += sum(_bytes(flow) for row in walk.rows for flow in tensors(row.bound.outputs))
    held += sum(_bytes(flow) for item in walk.inputs for flow in tensors(from_feed(item.feed)))
    macs = sum(row.bound.macs or 0 for row in walk.rows)
    steps = sum(row.bound.sizes["steps"] for row in walk.rows)
    options = walk.options
    return Plan(
        tuple(walk.modules), walk.inputs, tuple(row.call for row in walk.rows), options.mode, options.dtype,
        options.device, (held, macs, steps), options.count_macs,
    )  # fmt: skip


def _bytes(flow: Flow) -> int:
    return elements(flow.shape) * ITEM_SIZE[flow.dtype]


def every_note(analysis: Analysis) -> Iterator[Note]:
    """The whole's notes and each row's, with the row's path."""
    yield from analysis.notes
    for row in analysis.rows:
        for note in row.notes:
            yield note._replace(path=row.path)
