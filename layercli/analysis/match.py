"""From the inputs of a call to symbols: which of a layer's forms a tensor has, and what each axis is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli.analysis.flow import Flow, Tree
from layercli.errors import LayerError
from layercli.formula import Axis, Sym, decide
from layercli.layers import did_you_mean, suggest
from layercli.layers.definition import Form, InputDef, Layer, TensorIn, TupleIn, ValueIn
from layercli.layers.dtypes import RULES
from layercli.layers.kinds import LARGEST, BadValue, Kind, shown
from layercli.plan import Input, Literal, Packing, Tensor, span


def arrange(layer: Layer, inputs: Sequence[tuple[str | None, Any]], shell: bool) -> dict[str, Any]:
    """Which argument of the layer each input is for, as Python's call would have it.

    On the command line the tensors of a tuple go by their own names, and a shape may stand for a size asked for.
    """
    taken: dict[str, Any] = {}
    order = [item.name for item in layer.inputs]
    for position, (name, value) in enumerate(inputs):
        if name is None:
            if position >= len(order):
                raise LayerError(
                    "type.inputs", f"{layer.name} takes {_counted(order)}, not {len(inputs)} inputs",
                    fix=f"give it {', '.join(order)}",
                )  # fmt: skip
            name = order[position]
        outer = next((item for item in layer.inputs if name in _names(item, shell)), None)
        if outer is None:
            names = [name for item in layer.inputs for name in _names(item, shell)]
            near = suggest(name, names)
            raise LayerError(
                "type.inputs", f"{layer.name} has no input {shown(name)}", suggestions=near,
                fix=did_you_mean(near, f"the first layer gets all inputs; its are {', '.join(names)}"),
            )  # fmt: skip
        if isinstance(outer, TupleIn) and name != outer.name:
            taken.setdefault(outer.name, {})[name] = value
        elif outer.name in taken:
            raise LayerError("type.inputs", f"the input {name} is given twice", fix="give it once")
        else:
            taken[outer.name] = value
    for item in layer.inputs:
        if isinstance(item, TupleIn) and isinstance(taken.get(item.name), dict):
            taken[item.name] = _gathered(layer, item, taken[item.name])
        if item.name not in taken and not item.optional:
            raise LayerError("type.inputs", f"{layer.name} needs the input {item.name}", fix=f"give it: {item.meaning}")
    return taken


def _gathered(layer: Layer, item: TupleIn, parts: dict[str, Any]) -> tuple[Any, ...]:
    names = [part.name for part in item.items]
    for name in names:
        if name not in parts:
            raise LayerError(
                "type.inputs", f"{layer.name} takes {' and '.join(names)} together, and {name} is missing",
                fix=f"give -i {name}=… too",
            )  # fmt: skip
    return tuple(parts[name] for name in names)


def _names(item: InputDef, shell: bool) -> list[str]:
    inner = [part.name for part in item.items] if shell and isinstance(item, TupleIn) else []
    return [item.name, *inner]


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} input{'' if len(names) == 1 else 's'} ({', '.join(names)})"


def as_literals(layer: Layer, inputs: Sequence[Input]) -> tuple[Input, ...]:
    """On the command line a shape may stand for an argument that is no tensor: ``-i output_size=18,15``."""
    settings = {item.name for item in layer.inputs if isinstance(item, ValueIn)}
    order = [item.name for item in layer.inputs]
    return tuple(
        Input(Literal(item.feed.shape), item.name)
        if isinstance(item.feed, Tensor) and (item.name or "".join(order[position : position + 1])) in settings
        else item
        for position, item in enumerate(inputs)
    )


class Matcher:
    """Collects what the inputs say: sizes by symbol, structure by symbol, and a key that tells structures apart."""

    def __init__(self, layer: Layer, sizes: dict[str, Any], known: dict[str, Any], parameters: str) -> None:
        self.layer = layer
        self.sizes = sizes
        self.known = known
        self.parameters = parameters
        """The dtype of the layer's parameters."""
        self.signature: list[Any] = []
        self.labels: tuple[str, ...] = ()
        """What the axes of the first input are called."""
        self.integers_become = ""
        """The dtype that integers come out in, where that is another."""
        self._reserved = {symbol.name for key in layer.keys for symbol in key.symbols}

    def match(self, item: InputDef, value: Tree) -> None:
        """Takes one argument in; LayerError where the layer does not take it."""
        if isinstance(item, ValueIn) and item.kind is not None:
            self._setting(item, item.kind, value)
            return
        given = value is not None
        self.known[f"{item.name}_given"] = given
        self.signature.append(given)
        if not given:
            if not item.optional:
                raise LayerError("type.inputs", f"the input {item.name} is None", fix="give a tensor")
            return
        if isinstance(item, TensorIn):
            self._tensor(item, value)
        elif isinstance(item, TupleIn):
            self._tuple(item, value)
        else:
            self._value(item, value)

    def _tensor(self, item: TensorIn, value: Tree) -> None:
        if not isinstance(value, Flow):
            raise LayerError(
                "type.inputs", f"the input {item.name} is a tensor, not {_said(value)}", fix="give a tensor"
            )
        self._dtype(item, value)
        for number, form in enumerate(item.forms):
            axes = form.axes.split()
            star = axes[0][1:] if axes and axes[0].startswith("*") else ""
            fixed = axes[1:] if star else axes
            fits = len(value.shape) >= len(fixed) if star else len(value.shape) == len(fixed)
            if not fits or form.packed != (value.batch_sizes is not None) or not self._holds(form):
                continue
            self.signature.append(number)
            self.known.update(form.facts)
            if star:
                self._leading(star, value, fixed)
            self.sizes.update(zip(fixed, value.shape[len(value.shape) - len(fixed) :]))
            if not self.labels:
                leading = tuple(axis.label for axis in self.known[star]) if star else ()
                self.labels = (*leading, *fixed)
            if form.packed:
                assert value.batch_sizes is not None
                self.sizes["N"] = value.batch_sizes[0] if value.batch_sizes else 0
            return
        raise self._wrong_rank(item, value)

    def _leading(self, star: str, value: Flow, fixed: list[str]) -> None:
        """Binds a run of axes: under the names that they came with where those are free, else by number."""
        count = len(value.shape) - len(fixed)
        names = value.labels[:count]
        if len(names) != count or len(set(names)) != count or not all(names) or set(names) & self._taken(fixed):
            stem = star.lower() if "d0" in self.sizes else "d"
            names = tuple(f"{stem}{number}" for number in range(count))
        self.known[star] = tuple(Axis(name, Sym(name, f"size of the input along {name}")) for name in names)
        self.sizes.update(zip(names, value.shape))
        self.signature.append(names)

    def _taken(self, fixed: list[str]) -> set[str]:
        """The names that symbols have already."""
        return {*self._reserved, *self.sizes, *fixed}

    def _holds(self, form: Form) -> bool:
        return form.where is None or bool(decide(form.where, self.known))

    def _wrong_rank(self, item: TensorIn, value: Flow) -> LayerError:
        if value.batch_sizes is not None:
            return LayerError("type.inputs", f"{item.name} is a packed sequence", fix="give a tensor")
        wanted = [form.axes.split() for form in item.forms if not form.packed and self._holds(form)]
        told = " or ".join(f"({', '.join(_axis_name(axis) for axis in axes)})" for axes in wanted)
        got = ",".join(map(str, value.shape)) or "a scalar"
        return LayerError(
            "shape.rank",
            f"{self.layer.name} takes {told}, but its {item.name} has {len(value.shape)} axes: {got}",
            fix=f"give it {' or '.join(str(len(axes)) for axes in wanted)} axes",
        )

    def _dtype(self, item: TensorIn, value: Flow) -> None:
        rule = RULES[item.dtypes if isinstance(item.dtypes, str) else decide(item.dtypes, self.known)]
        self.integers_become = self.integers_become or rule.integers_become
        if value.dtype not in rule.accepts:
            raise LayerError(
                "torch.dtype", f"{self.layer.name} does not take {value.dtype} on the CPU", fix=f"use {rule.accepts[0]}"
            )
        mixed = rule.halves_too and self.parameters == "float32" and value.dtype in ("float16", "bfloat16")
        if rule.as_parameters and value.dtype != self.parameters and not mixed:
            raise LayerError(
                "torch.dtype", f"{_called(item)} is {value.dtype}, but the parameters are {self.parameters}",
                fix=f"give {self.parameters}, or make the layer in {value.dtype} (--dtype {value.dtype})",
            )  # fmt: skip

    def _tuple(self, item: TupleIn, value: Tree) -> None:
        if isinstance(value, (Flow, Literal)) or not isinstance(value, tuple) or len(value) != len(item.items):
            names = [part.name for part in item.items]
            raise LayerError(
                "type.inputs", f"the input {item.name} is a tuple ({', '.join(names)})",
                fix=f"give both; on the command line: {' '.join(f'-i {name}=SHAPE' for name in names)}",
            )  # fmt: skip
        for part, inner in zip(item.items, value):
            self._tensor(part, inner)

    def _setting(self, item: ValueIn, kind: Kind, value: Tree) -> None:
        """A flag or word of the call, known to formulas by its name."""
        try:
            read = kind.read(value.value if isinstance(value, Literal) else item.default)
        except BadValue as bad:
            raise LayerError(bad.code, f"{item.name} {bad.message}", fix=bad.fix) from None
        self.known[item.name] = read
        self.signature.append(read)

    def _value(self, item: ValueIn, value: Tree) -> None:
        if not isinstance(value, Literal):
            raise LayerError("type.inputs", f"the input {item.name} is no tensor", fix="give sizes")
        sizes = value.value if isinstance(value.value, tuple) else (value.value,)
        if not all(isinstance(size, int) for size in sizes):
            raise LayerError("type.inputs", f"{item.name} is made of integers, not {value.value!r}", fix="give sizes")
        for number, form in enumerate(item.forms):
            names = form.axes.split()
            if len(names) == len(sizes) and self._holds(form):
                self.signature.append(number)
                self.sizes.update(zip(names, sizes))
                return
        lengths = " or ".join(str(len(form.axes.split())) for form in item.forms if self._holds(form))
        raise LayerError(
            "type.inputs", f"{item.name} has {lengths} sizes, not {len(sizes)}", fix=f"give {lengths} sizes"
        )


def _called(item: TensorIn) -> str:
    return "the input" if item.name == "input" else f"the input {item.name}"


def _axis_name(axis: str) -> str:
    return "…" if axis.startswith("*") else axis.rpartition("_")[2]


def _said(value: Tree) -> str:
    return "a tuple" if isinstance(value, tuple) and not isinstance(value, Literal) else "another value"


def refused(item: Input) -> LayerError | None:
    """Why torch cannot make this input: too many bytes, or what ``pack_padded_sequence`` asks of it."""
    feed = item.feed
    if not isinstance(feed, Tensor):
        return None
    if span(feed.shape) > LARGEST // 16:
        message = f"an input of {','.join(map(str, feed.shape))} is more than torch can count: its bytes are in 64 bits"
        return LayerError("torch.overflow", message, fix="use smaller sizes")
    problem = _packing_problem(feed.shape, feed.packed) if feed.packed else ""
    fix = "give one length per sequence, from 1 to the padded length"
    return LayerError("shape.packing", problem, fix=fix) if problem else None


def _packing_problem(shape: tuple[int, ...], packing: Packing) -> str:
    lengths = packing.lengths
    if len(shape) < 2:
        return "a sequence is packed from a tensor with a time and a batch axis"
    batch, steps = (shape[0], shape[1]) if packing.batch_first else (shape[1], shape[0])
    if len(lengths) != batch:
        return f"there are {len(lengths)} lengths for a batch of {batch}"
    if min(lengths, default=0) < 1:
        return "every length must be at least 1"
    if max(lengths) > steps:
        return f"a length of {max(lengths)} is more than the {steps} steps there are"
    if packing.enforce_sorted and list(lengths) != sorted(lengths, reverse=True):
        return "with enforce_sorted the lengths must not grow"
    return ""
