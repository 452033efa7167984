"""A spec, or a module in torch's own terms, on given inputs: one row per layer, totals, and the plan for torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from layercli.analysis import receptive
from layercli.analysis.flow import Flow, Tree, from_feed, tensors
from layercli.analysis.graph import Walk
from layercli.analysis.inputs import refused, usual
from layercli.analysis.keys import from_module
from layercli.analysis.layer import Analyser, param_bytes
from layercli.analysis.notes import Note
from layercli.analysis.remembered import Remembered
from layercli.analysis.rows import Options, Place, Row
from layercli.errors import LayerError
from layercli.layers import find, find_torch
from layercli.layers.definition import Layer
from layercli.plan import ITEM_SIZE, Input, Module, Plan, Probe, Ref, Tensor, elements
from layercli.spec import Chain, Group, Op, Spec

if TYPE_CHECKING:
    from layercli.analysis.symbolic import Symbolic

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
    result: Ref | None = None
    """Where the run finds what the whole gives."""
    symbolic: Symbolic | None = None
    """What is known beside, where sizes were left open."""
    unplanned: str = ""
    """Why there is nothing for torch to run, where the formulas accept the design."""

    @property
    def plans(self) -> tuple[Plan, ...]:
        """What there is for torch to run: the design or, on open sizes, the design at a few sizes."""
        if self.symbolic is not None:
            return tuple(plan for sample in self.symbolic.samples if (plan := sample.analysis.plan) is not None)
        return () if self.plan is None else (self.plan,)


def analyse_spec(
    spec: Spec,
    inputs: Sequence[Input],
    options: Options,
    analyser: Analyser | None = None,
    remembered: Remembered | None = None,
) -> Analysis:
    """A chain in the shell's notation; without inputs, on the first layer's default.

    ``remembered``: what walks over designs that share parts hand on to one another.
    """
    opening = opened(spec)
    if opening is not None:
        spec, inputs = opening[0], inputs or opening[1]
    if any(isinstance(item.feed, Tensor) and item.feed.symbols for item in inputs):
        from layercli.analysis.symbolic import analyse_symbolic

        found: Analysis = analyse_symbolic(
            lambda fed, chosen, reckoner: analyse_spec(spec, fed, chosen, reckoner), inputs, options
        )
        return found
    said: tuple[Note, ...] = ()
    if not inputs and (assumed := default_inputs(spec.chain, options.unroll)):
        inputs = assumed
        written = ",".join(map(str, inputs[0].feed.shape if isinstance(inputs[0].feed, Tensor) else ()))
        said = (Note("input.default", f"no input given: {written} is taken", "give your own with -i"),)
    walk = Walk(analyser or Analyser(options.mode, options.dtype), options, inputs, remembered)
    return _finish(walk, spec.source, said, lambda: walk.whole(spec.chain))


def default_inputs(chain: Chain, unroll: bool = False) -> tuple[Input, ...]:
    """What a design is fed where nothing is said: its first layer's default; nothing for an input step."""
    first = first_layer(chain)
    if first is None or first.name == "input":
        return ()
    shape = (5, *first.default_input) if unroll else first.default_input
    return (Input(Tensor(shape, "")),) * (2 if first.several is not None else 1)


def opened(spec: Spec) -> tuple[Spec, tuple[Input, ...]] | None:
    """A spec whose first step is an input with sizes left open, ``input N,3,H,W``, and that input; None for others."""
    first = spec.chain.steps[0] if spec.chain.steps else None
    op = first.unit if first is not None else None
    if first is None or not isinstance(op, Op) or op.name != "input":
        return None
    shape = next((item for item in op.arguments if item.name in (None, "shape") and item.reference is None), None)
    if shape is None or not any(item.kind == "word" and item.text.isidentifier() for item in shape.items):
        return None
    symbols = tuple(item.text if item.kind == "word" else "" for item in shape.items)
    numbers = tuple(item.value if isinstance(item.value, int) and item.kind == "int" else 1 for item in shape.items)
    if any(item.kind not in ("int", "word") for item in shape.items):
        return None  # what is no size is refused where the step is read
    sizes = tuple(item._replace(value=size, kind="int") for item, size in zip(shape.items, numbers))
    written = op._replace(
        arguments=tuple(item._replace(items=sizes) if item is shape else item for item in op.arguments)
    )
    chain = spec.chain._replace(steps=(first._replace(unit=written), *spec.chain.steps[1:]))
    return spec._replace(chain=chain), (Input(Tensor(numbers, "", symbols=symbols)),)


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
                from layercli.analysis.complaints import unknown_layer

                raise unknown_layer(module.torch, None)
            raise LayerError(
                "spec.unknown-layer", f"torch.nn has no {module.torch[:60]!r}", fix=f"write {meant.torch}",
                suggestions=(meant.torch,),
            )  # fmt: skip
        walk.output = walk.layer(layer, from_module(layer, module), Place("0"), [walk.start()])

    return _finish(walk, None, (), run)


def _finish(walk: Walk, source: str | None, said: tuple[Note, ...], run: Callable[[], None]) -> Analysis:
    error = None
    try:
        for item in walk.inputs:
            with walk.aside():
                problem = refused(item)
            if problem is not None:
                raise problem
        run()
    except LayerError as raised:
        error = raised.located(source)
    inputs = walk.named or tuple(
        (item.name or "input", usual(from_feed(item.feed), walk.options.dtype)) for item in walk.inputs
    )
    plan = _plan(walk) if error is None and walk.options.planned and not walk.opaque else None
    why = walk.why_opaque
    if error is None and not walk.symbolic and not walk.opaque and walk.options.advised:
        from layercli.analysis.advice import advice

        said = (*said, *advice(walk.rows, walk.output.wire.call if walk.output else None))
    result = walk.output.wire if walk.output is not None and error is None else None
    return Analysis(
        source,
        walk.options,
        inputs,
        tuple(walk.rows),
        said,
        error,
        plan,
        _outputs(walk),
        result,
        None,
        why,
    )


def _outputs(walk: Walk) -> tuple[Tree, ...]:
    """What the whole gives: all outputs of its last step, or the one tensor that is handed through."""
    stream = walk.output
    if stream is None:
        return ()
    if stream.wire.call is not None and not stream.wire.path:
        return walk.rows[stream.wire.call].bound.outputs
    return (usual(stream.tree, walk.options.dtype),)


def first_layer(chain: Chain) -> Layer | None:
    """The layer that meets the input of the whole first."""
    for step in chain.steps:
        unit = step.unit
        if isinstance(unit, Group):
            return first_layer(unit.chain)
        if not isinstance(unit, Op):
            return find(unit.name.lower())
        inner = [found for branch in unit.branches if (found := first_layer(branch))]
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
        options.device, (held, macs, steps), options.count_macs, options.count_macs,
        _probe(walk.rows) if options.count_macs else None,
    )  # fmt: skip


def probed(rows: Sequence[Row]) -> Row | None:
    """The row whose receptive field is worth measuring: the last that says where, else the last that says anything."""
    told = [row for row in rows if row.reach.spatial]
    placed = [row for row in told if any(axis.cells is not None and axis.inside for axis in row.reach.spatial)]
    return next(iter([*placed[-1:], *told[-1:]]), None)


def _probe(rows: Sequence[Row]) -> Probe | None:
    row = probed(rows)
    return None if row is None else Probe(row.number, tuple((*probe,) for probe in receptive.probes(row.reach)))


def _bytes(flow: Flow) -> int:
    return elements(flow.shape) * ITEM_SIZE[flow.dtype]


def every_note(analysis: Analysis) -> Iterator[Note]:
    """The whole's notes and each row's, with the row's path."""
    yield from analysis.notes
    for row in analysis.rows:
        for note in row.notes:
            yield note._replace(path=row.path)
