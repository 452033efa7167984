"""A design on sizes left open: closed forms, what they demand, and a few sizes at which torch can judge them.

The ordinary walk runs on sizes that carry a number, a *witness*, beside their formula; every comparison that a
witness decides is recorded. What comes out holds wherever the recorded conditions hold, which is worked out exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from layercli.analysis.flow import Flow, Tree, tensors
from layercli.analysis.keys import Given
from layercli.analysis.layer import Analyser, Bound
from layercli.analysis.notes import Note
from layercli.analysis.proved import proved
from layercli.analysis.rows import Options, Row
from layercli.analysis.witnesses import Witnesses
from layercli.errors import LayerError
from layercli.formula import evaluate
from layercli.formula.closed import put_in
from layercli.formula.demands import Demand
from layercli.formula.guards import CHOICE, Guard, Tracer, current
from layercli.formula.polynomial import Polynomial, Symbol, of
from layercli.formula.polynomial import number as polynomial
from layercli.formula.region import Region, holding, region
from layercli.formula.symbolic import SymInt
from layercli.layers.definition import Layer
from layercli.plan import Feed, Input, Literal, Tensor

Run = Callable[[Sequence[Input], Options, Analyser], Any]
"""The walk: inputs to an Analysis."""

FURTHEST = 4096
"""How far from the smallest size a further one to measure at is looked for."""
SAMPLES = 3


class Sample(NamedTuple):
    """Numbers for the symbols, and the analysis at them."""

    sizes: Mapping[str, int]
    analysis: Any

    @property
    def text(self) -> str:
        """``N=1, H=63``."""
        return ", ".join(f"{name}={size}" for name, size in self.sizes.items())


class Symbolic(NamedTuple):
    """What is known of a design on open sizes beside its rows."""

    symbols: tuple[str, ...]
    demands: tuple[Demand, ...]
    """What must hold of them; then, of the category "choice", where else than there the closed forms end."""
    smallest: Mapping[str, int] | None
    """The smallest sizes that are legal; where they hang on one another, the smallest alike, for a batch of one."""
    samples: tuple[Sample, ...]
    """Where torch is asked: the smallest sizes, and others."""
    guards: tuple[Guard, ...] = ()
    """What was assumed of them: the closed forms hold where all of it does."""
    again: Callable[[Mapping[str, int]], Any] | None = None
    """The analysis at sizes in numbers."""


def symbols_of(inputs: Sequence[Input]) -> tuple[str, ...]:
    """The sizes that are left open, each once."""
    found = [name for item in inputs for tensor in _fed(item.feed) for name in tensor.symbols if name]
    return tuple(dict.fromkeys(found))


def analyse_symbolic(run: Run, inputs: Sequence[Input], options: Options) -> Any:
    """The analysis with closed forms; where no sizes will do, the one that says why."""
    names = symbols_of(inputs)
    batch = {feed.symbols[0] for item in inputs if isinstance(feed := item.feed, Tensor) and len(feed.symbols) > 1}

    def attempt(sizes: Mapping[str, int], fixed: frozenset[str] = frozenset()) -> tuple[Any, Tracer]:
        with Tracer() as tracer:
            made = _with(inputs, sizes, lambda size, name: size if name in fixed else SymInt(size, name))
            reckoner = _Reckoner(options.mode, options.dtype, symbolic=True)
            return run(made, options._replace(planned=False), reckoner), tracer

    failed: list[tuple[Any, bool]] = []
    witnesses = Witnesses(names, batch)
    for sizes in witnesses:
        analysis, tracer = attempt(sizes)
        if analysis.error is None:
            again: Attempt = lambda sizes, fixed: _guarded(attempt(sizes, fixed))  # noqa: E731
            guards = _needed(again, analysis, tracer.guards, sizes)
            return _finished(run, analysis, inputs, options, names, batch, guards, sizes)
        if not analysis.error.code.startswith(("shape.", "torch.")):
            return analysis._replace(symbolic=Symbolic(names, (), None, ()))
        failed.append((analysis, witnesses.failed(tracer, sizes)))
    furthest, _ = max(failed, key=lambda walk: (len(walk[0].rows), not walk[1]))
    error = furthest.error if witnesses.hopeless else _unknown(furthest.error)
    return furthest._replace(symbolic=Symbolic(names, (), None, ()), error=error)


def _unknown(error: LayerError) -> LayerError:
    """That no sizes were found is no refusal: there may be some."""
    message = f"no sizes were found for which every rule holds; the first that failed: {error.message}"
    return LayerError(
        "shape.undecided", message, span=error.span, source=error.source, path=error.path, fix="give sizes in numbers"
    )


class _Reckoner(Analyser):
    """Binds layers on open sizes; what fails is told apart from the rules of the layers before."""

    def bind(self, layer: Layer, given: Given, inputs: Sequence[tuple[str | None, Any]]) -> Bound:
        """The layer on these inputs."""
        tracer = current()
        if tracer is None:
            return super().bind(layer, given, inputs)
        tracer.begin()
        bound = super().bind(layer, given, inputs)
        tracer.begin()
        return bound


def _guarded(found: tuple[Any, Tracer]) -> tuple[Any, Guards]:
    return found[0], found[1].guards


def _finished(
    run: Run, analysis: Any, inputs: Sequence[Input], options: Options, names: tuple[str, ...],
    batch: Collection[str], guards: Guards, witness: Mapping[str, int],
) -> Any:  # fmt: skip
    found, holds = region(guards), holding(guards)
    least = smallest(holds, names, batch, found)
    samples = []

    def again(sizes: Mapping[str, int]) -> Any:
        return run(_with(inputs, sizes, lambda size, _: size), options, Analyser(options.mode, options.dtype))

    for sizes in _points(holds, names, batch, least or dict(witness)):
        numeric = again(sizes)
        if numeric.error is not None:  # never inside the region; said rather than hidden where it is
            message = f"the closed forms hold at {sizes}, but the formulas refuse it: {numeric.error}"
            raise LayerError("internal.region", message)
        samples.append(Sample(sizes, numeric))
    points = [sample.sizes for sample in samples]
    demands = proved(found, guards, points, lambda sizes: again(sizes).error is None)
    symbolic = Symbolic(names, demands, least, tuple(samples), guards, again)
    return analysis._replace(symbolic=symbolic, notes=(*analysis.notes, *_tied(analysis.rows)))


Guards = tuple[Guard, ...]
Attempt = Callable[[Mapping[str, int], frozenset[str]], "tuple[Any, Guards]"]
"""The analysis with these witnesses, some of the sizes being plain numbers, and what it assumed."""


def _needed(
    attempt: Attempt, analysis: Any, guards: Guards, witness: Mapping[str, int], fixed: frozenset[str] = frozenset()
) -> Guards:
    """The conditions without choices that make no difference.

    That a size is not 1 decides the form of some formulas (of a sum that stretches, say). Where the design with that
    size put in as a number comes to the same closed forms under the same needs, the choice is none.
    """
    for guard in [guard for guard in guards if guard.category == CHOICE and guard.relation == "!="]:
        sides = {guard.left.constant, guard.right.constant} - {None}
        other = guard.left if guard.left.constant is None else guard.right
        name = next((name for name in witness if other == of(Symbol(name))), None)
        if name is None or len(sides) != 1 or name in fixed:
            continue
        rest = tuple(each for each in guards if each is not guard)
        if _same_at(attempt, analysis, rest, {**witness, name: sides.pop()}, name, fixed | {name}):  # type: ignore[dict-item]
            guards = rest
    return guards


def _same_at(
    attempt: Attempt, analysis: Any, guards: Guards, sizes: Mapping[str, int], name: str, fixed: frozenset[str]
) -> bool:
    """Whether the closed forms are those of the design with this size a number."""
    other, found = attempt(sizes, fixed)
    if other.error is not None or len(other.rows) != len(analysis.rows):
        return False
    put: dict[Any, Polynomial] = {Symbol(name): polynomial(sizes[name])}

    def at(value: Any) -> Polynomial:
        return (put_in(value.closed, put) if isinstance(value, SymInt) else polynomial(value)).expanded()

    def closed(value: Any) -> Polynomial:
        return (value.closed if isinstance(value, SymInt) else polynomial(value)).expanded()

    for ours, theirs in zip(map(_figures, analysis.rows), map(_figures, other.rows)):
        if [*map(at, ours)] != [*map(closed, theirs)]:
            return False
    known = {
        each._replace(left=put_in(each.left, put), right=put_in(each.right, put)).standard() for each in guards
    } | {each.standard() for each in guards}
    left = _needed(attempt, other, found, sizes, fixed)
    return all(each.standard() in known or each.decided() for each in left)


def _figures(row: Row) -> list[Any]:
    """What is told of a row in numbers: the sizes of its outputs, and its counts."""
    bound = row.bound
    sizes = [size for flow in tensors(bound.outputs) for size in flow.shape]
    return [*sizes, bound.params, bound.buffers, bound.macs or 0]


Holding = Callable[[Mapping[str, int]], bool]


def _points(
    holding: Holding, names: tuple[str, ...], batch: Collection[str], base: dict[str, int]
) -> Iterator[dict[str, int]]:
    """Where to measure: the smallest sizes, all of them larger, each of them larger by itself."""
    yield base
    points = [base]
    for grown in _grown(names, batch):
        nearer = ({name: base[name] + more for name, more in grown(step).items()} for step in range(1, FURTHEST))
        further = next((point for point in nearer if holding(point)), None)
        if further is not None and further not in points:
            points.append(further)
            yield further
        if len(points) == SAMPLES:
            return


def smallest(holding: Holding, names: tuple[str, ...], batch: Collection[str], found: Region) -> dict[str, int] | None:
    """The smallest sizes that will do; where they hang on one another, grown alike, for a batch of one."""
    if found.smallest is not None:
        point = {name: found.smallest.get(name, 1) for name in names}
        return point if holding(point) else None
    ahead: dict[str, int] = {}

    def grown(name: str, size: int) -> int:
        """The next size of this symbol that the conditions on it alone allow, or the last."""
        spans, wanted = found.spans.get(name), 1 if name in batch else size
        if spans is None:
            return wanted
        if ahead.get(name, 0) < wanted:
            ahead[name] = spans.after(wanted) or spans.most or wanted
        return ahead[name]

    alike = ({name: grown(name, size) for name in names} for size in range(1, FURTHEST))
    return next((point for point in alike if holding(point)), None)


def _grown(names: tuple[str, ...], batch: Collection[str]) -> Iterator[Callable[[int], dict[str, int]]]:
    """Ways to go on by a step: all alike, each by another; a batch grows by one only."""
    yield lambda step: {name: 1 if name in batch else step for name in names}
    yield lambda step: {name: 2 if name in batch else (number + 2) * step for number, name in enumerate(names)}
    yield lambda step: {name: 2 if name in batch else 3 * step for name in names}
    for one in names:
        yield lambda step, one=one: {name: step if name == one else 0 for name in names}  # type: ignore[misc]


def _tied(rows: Sequence[Row]) -> Iterator[Note]:
    """Layers whose weights hang on an open size: a net that is built for one size takes no other."""
    from layercli.analysis.rules.tied import tied

    return tied(rows)


def evaluated(analysis: Any, sample: Sample) -> Any:
    """The analysis with the numbers of a sample put into its closed forms, torch's plan being the sample's."""
    sizes = sample.sizes
    rows = tuple(
        row._replace(
            bound=row.bound._replace(
                sizes={name: number(value, sizes) for name, value in row.bound.sizes.items()},
                inputs={name: _put_in(tree, sizes) for name, tree in row.bound.inputs.items()},
                outputs=tuple(_put_in(tree, sizes) for tree in row.bound.outputs),
            )
        )
        for row in analysis.rows
    )
    inputs = tuple((name, _put_in(tree, sizes)) for name, tree in analysis.inputs)
    outputs = tuple(_put_in(tree, sizes) for tree in analysis.outputs)
    return analysis._replace(inputs=inputs, rows=rows, outputs=outputs, plan=sample.analysis.plan, symbolic=None)


def number(value: Any, sizes: Mapping[str, int]) -> Any:
    """A closed form at these sizes; other values as they are."""
    return evaluate(value.expr, sizes) if isinstance(value, SymInt) else value


def _put_in(tree: Tree, sizes: Mapping[str, int]) -> Tree:
    if isinstance(tree, Flow):
        return tree._replace(shape=tuple(number(size, sizes) for size in tree.shape))
    if tree is None or isinstance(tree, Literal):
        return tree
    return tuple(_put_in(item, sizes) for item in tree)


def _fed(feed: Feed) -> Iterator[Tensor]:
    if isinstance(feed, Tensor):
        yield feed
    elif isinstance(feed, tuple) and not isinstance(feed, Literal):
        for item in cast("tuple[Feed, ...]", feed):
            yield from _fed(item)


def _with(
    inputs: Sequence[Input], sizes: Mapping[str, int], made: Callable[[int, str], int]
) -> tuple[Input, ...]:  # fmt: skip
    """The inputs with something in the place of each open size."""

    def put(feed: Feed) -> Feed:
        if not isinstance(feed, Tensor) or not feed.symbols:
            return feed
        shape = tuple(made(sizes[name], name) if name else size for size, name in zip(feed.shape, feed.symbols))
        return feed._replace(shape=shape, symbols=())

    return tuple(item._replace(feed=put(item.feed)) for item in inputs)
