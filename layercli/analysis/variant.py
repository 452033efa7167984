"""A definition under one structure: its formulas with the decided conditions gone and shapes as lists of axes.

Layers that differ only in sizes share a variant, so that a long chain or a batch resolves each structure once. A
variant that is met often computes by a function generated from its formulas; the formulas are the same.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

from layercli.formula import (
    Axis,
    Expr,
    Num,
    Steps,
    Sym,
    decide,
    generated,
    number,
    resolve,
    resolve_shape,
    run,
    size,
    symbols,
    text,
)
from layercli.formula.resolve import Known
from layercli.layers.definition import Copies, Layer, Let, Need, Out, Outs, Param, count

GENERATE_AFTER = 8
"""Uses after which generating a function pays: it costs about as much as computing this often by the tree."""


MACS = Sym("MACs", "multiply-adds, two FLOPs each")


class Shaped(NamedTuple):
    """An output that is there under this structure: its definition and its axes."""

    out: Out
    axes: tuple[Axis, ...]
    sizes: tuple[str, ...]
    """The names under which the computed sizes are found."""


ShapedTree: TypeAlias = Shaped | tuple["ShapedTree", ...] | None


class Tensor(NamedTuple):
    """A parameter or buffer that is there under this structure."""

    param: Param
    shape: tuple[Expr, ...]
    sizes: tuple[str, ...]
    """The names under which the computed sizes are found."""


class Line(NamedTuple):
    """A figure and its formula: which figure, what it is called, the formula, and the name of its value."""

    of: str
    name: str
    expr: Expr
    result: str


class Variant:
    """See the module's docstring; ``known`` is the structure."""

    def __init__(self, layer: Layer, known: Known) -> None:
        self.layer = layer
        self.known = known
        self.uses = 0
        self._function: Any = None
        self._resolved: dict[int, Expr] = {}
        self._under: dict[tuple[Any, ...], Expr] = {}
        self._texts: dict[tuple[str, ...], tuple[str, ...]] = {}

    # --- what is there ---

    @cached_property
    def rules(self) -> tuple[Need | Let, ...]:
        """The needs and intermediates that hold here, in order."""
        return tuple(rule for rule in self.layer.rules if rule.where is None or decide(rule.where, self.known))

    @cached_property
    def lets(self) -> dict[str, Expr]:
        """The named intermediates."""
        return {rule.symbol.name: resolve(rule.value, self.known) for rule in self.rules if isinstance(rule, Let)}

    @cached_property
    def outputs(self) -> tuple[ShapedTree, ...]:
        """The outputs, nested as torch nests them."""
        shaped: list[ShapedTree] = []
        for position, out in enumerate(self.layer.outputs):
            if isinstance(out, Outs):
                shaped.append(tuple(self._shaped(item, f"{position}.{i}") for i, item in enumerate(out.items)))
            elif out.where is None or decide(out.where, self.known):
                shaped.append(self._shaped(out, str(position)))
        return tuple(shaped)

    @cached_property
    def promotes(self) -> bool:
        """Whether the dtype of an output may hang on those of all inputs."""
        said = [shaped.out.dtype for _, shaped in self.every_output()]
        return any(isinstance(dtype, Expr) or dtype.startswith("promoted") for dtype in said)

    def every_output(self) -> Iterable[tuple[str, Shaped]]:
        """Every output tensor with its path, however they are nested."""
        return _walk(self.outputs)

    def _shaped(self, out: Out, path: str) -> Shaped | None:
        if out.none is not None and decide(out.none, self.known):
            return None
        axes = resolve_shape(out.shape, self.known)
        return Shaped(out, axes, tuple(f"outputs.{path}.{axis}" for axis in range(len(axes))))

    def tensors(self, params: Iterable[Param]) -> tuple[Tensor, ...]:
        """Those of these parameters that are there, their shapes resolved; copies that differ are apart, in turn."""
        there = [param for param in params if param.where is None or decide(param.where, self.known)]
        return tuple(
            self._tensor(param, copies, number)
            for copies, alike in [(copies, tuple(group)) for copies, group in groupby(there, _differing)]
            for number in range(1 if copies is None else decide(copies.times, self.known))
            for param in alike
        )

    def _tensor(self, param: Param, copies: Copies | None, number: int) -> Tensor:
        """A parameter, or the copy of this number where copies differ in shape."""
        known = self.known
        if copies is not None and copies.numbered is not None:
            known = {**known, copies.numbered.name: number}
            name = param.name.replace(f"{{{copies.variable}}}", copies.label(number))
            param = param._replace(name=name, copies=tuple(item for item in param.copies if item is not copies))
        shape = _axes(param.shape, known)
        return Tensor(param, shape, tuple(f"tensors.{param.name}.{axis}" for axis in range(len(shape))))

    @cached_property
    def params(self) -> tuple[Tensor, ...]:
        """The parameters that are there."""
        return self.tensors(self.layer.params)

    @cached_property
    def buffers(self) -> tuple[Tensor, ...]:
        """The buffers that are there."""
        return self.tensors(self.layer.buffers)

    def _count(self, tensors: tuple[Tensor, ...]) -> Expr:
        return resolve(count(tensor.param._replace(shape=tensor.shape) for tensor in tensors), self.known)

    # --- what is computed ---

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Every figure that has a formula: each axis of each output, each parameter, each count."""
        lines: list[Line] = []
        lone = len(self.outputs) == 1 and isinstance(self.outputs[0], Shaped)
        several = bool(self.outputs) and not lone
        for path, shaped in self.every_output():
            for index, (axis, result) in enumerate(zip(shaped.axes, shaped.sizes)):
                expr = self.lets.get(axis.size.name, axis.size) if isinstance(axis.size, Sym) else axis.size
                name = f"{axis.label}_{'out' if not several or path == '0' else shaped.out.name}"
                lines.append(Line(f"outputs.{path}.{index}", name, expr, result))
        for kind, tensors in (("params", self.params), ("buffers", self.buffers)):
            for tensor in tensors:
                if not tensor.param.copies:
                    name = tensor.param.name
                    lines.append(Line(f"{kind}.{name}", name, size(tensor.shape), f"{kind}.{name}"))
            if tensors:
                lines.append(Line(kind, kind, self._count(tensors), kind))
        if not self.layer.macs_unknown and self.layer.macs != Num(0):
            lines.append(Line("macs", "MACs", resolve(self.layer.macs, self.known), MACS.name))
            lines.append(Line("flops", "FLOPs", 2 * MACS, "flops"))
        return tuple(lines)

    @cached_property
    def steps(self) -> Steps:
        """All there is to compute, in order: rules first, then every figure, then the sequential steps."""
        steps: list[tuple[str, Expr]] = []
        for rule in self.rules:
            if isinstance(rule, Let):
                steps.append((rule.symbol.name, self.lets[rule.symbol.name]))
            else:
                steps.append(("", resolve(rule.condition, self.known)))
        for line in self.lines:
            steps.append((line.result, line.expr))
        for tensor in (*self.params, *self.buffers):
            steps += zip(tensor.sizes, tensor.shape)
        for axis, window in enumerate(self.layer.window or ()):
            parts = window._asdict().items()
            steps += [(f"window.{axis}.{part}", resolve(expr, self.known)) for part, expr in parts]
        for name in ("params", "buffers", MACS.name, "flops"):
            if not any(line.result == name for line in self.lines):
                steps.append((name, Num(0)))
        steps.append(("steps", resolve(self.layer.steps, self.known)))
        return tuple(steps)

    def resolved(self, expr: Expr) -> Expr:
        """A formula of the definition under this structure, remembered."""
        key = id(expr)
        if key not in self._resolved:
            self._resolved[key] = resolve(expr, self.known)
        return self._resolved[key]

    def under(self, expr: Expr, flags: Mapping[str, Any]) -> Expr:
        """A formula of the definition under this structure and what a net says besides, remembered."""
        key = (id(expr), *flags.values())
        if key not in self._under:
            self._under[key] = resolve(expr, {**self.known, **flags})
        return self._under[key]

    @cached_property
    def memory_symbols(self) -> Mapping[str, Sym]:
        """The symbols that the definition's account of what is kept for backward asks for."""
        kept = self.layer.kept or ()
        conditions = [self.layer.kept_known, *(part for item in kept for part in (item.size, item.where))]
        return symbols(condition for condition in conditions if condition is not None)

    def compute(self, sizes: dict[str, Any], symbolic: bool = False) -> Need | None:
        """Adds every figure to ``sizes``; the first need that is not met, or None. ``symbolic``: some are formulas."""
        self.uses += 1
        if symbolic:
            from layercli.formula.symbolic import run_symbolic

            failed: int | None = run_symbolic(self.steps, sizes)
        elif self._function is not None:
            failed = self._function(sizes)
        else:
            failed = run(self.steps, sizes)
            if self.uses > GENERATE_AFTER:
                self._function = generated(self.steps)
        if failed is None:
            return None
        need = self.rules[failed]
        assert isinstance(need, Need)
        return need

    # --- what is shown ---

    def symbolic(self, names: Mapping[str, str]) -> tuple[str, ...]:
        """Each line's formula with symbols; ``names`` says which of them are shown under a shorter name."""
        key = tuple(names.values())
        if key not in self._texts:
            self._texts[key] = tuple(text(line.expr, lambda name: names.get(name, name)) for line in self.lines)
        return self._texts[key]

    @cached_property
    def _templates(self) -> tuple[str, ...]:
        return tuple(text(line.expr, lambda name: f"{{{name}}}") for line in self.lines)

    def substituted(self, sizes: Mapping[str, Any]) -> list[str]:
        """Each line's formula with the numbers put in."""
        written = {name: number(sizes[name]) for name in self._spoken}
        return [template.format_map(written) for template in self._templates]

    @cached_property
    def _spoken(self) -> tuple[str, ...]:
        return tuple(symbols(line.expr for line in self.lines))

    @cached_property
    def legend(self) -> dict[str, str]:
        """What each symbol of the shown formulas means."""
        return {name: symbol.meaning for name, symbol in symbols(line.expr for line in self.lines).items()}


def _differing(param: Param) -> Copies | None:
    """The copies of a parameter that differ in shape."""
    return next((copies for copies in param.copies if copies.numbered is not None), None)


def _axes(shape: tuple[Expr, ...], known: Known) -> tuple[Expr, ...]:
    axes: list[Expr] = []
    for part in shape:
        if isinstance(part, Sym) and isinstance(known.get(part.name), tuple):
            axes += [axis.size for axis in resolve_shape(part, known)]
        else:
            axes.append(resolve(part, known))
    return tuple(axes)


def _walk(tree: tuple[ShapedTree, ...], path: str = "") -> Iterable[tuple[str, Shaped]]:
    for index, item in enumerate(tree):
        here = f"{path}{index}"
        if isinstance(item, Shaped):
            yield here, item
        elif item is not None:
            yield from _walk(item, f"{here}.")
