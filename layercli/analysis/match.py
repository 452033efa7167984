"""From the inputs of a call to symbols: which of a layer's forms a tensor has, and what each axis is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli.analysis.flow import Flow, Tree
from layercli.analysis.settle import read
from layercli.errors import LayerError
from layercli.formula import Axis, Sym, decide, evaluate, resolve_shape
from layercli.layers import did_you_mean, suggest
from layercli.layers.definition import Form, InputDef, Layer, TensorIn, TupleIn, ValueIn
from layercli.layers.dtypes import RULES, DTypeRule
from layercli.layers.kinds import Kind, shown
from layercli.plan import Literal


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
                fix=did_you_mean(near, f"the first layer gets all inputs, and it takes {', '.join(names)}"),
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
        if item.name not in taken and not item.optional and not (shell and _left_out(item)):
            raise LayerError("type.inputs", f"{layer.name} needs the input {item.name}", fix=f"give it: {item.meaning}")
    return taken


def _left_out(item: InputDef) -> bool:
    """Whether the command line may leave it out: it is taken over from another input, or assumed."""
    return isinstance(item, TensorIn) and item.assumable


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


class Matcher:
    """Collects what the inputs say: sizes by symbol, structure by symbol, and a key that tells structures apart."""

    def __init__(
        self, layer: Layer, sizes: dict[str, Any], known: dict[str, Any], parameters: str, usual: str = "float32"
    ) -> None:
        self.layer = layer
        self.sizes = sizes
        self.known = known
        self.parameters = parameters
        """The dtype of the layer's parameters."""
        self.usual = usual
        """The dtype of an input that says none and may have it."""
        self.signature: list[Any] = []
        self.labels: dict[str, tuple[str, ...]] = {}
        """What the axes of each input are called."""
        self.integers_become = ""
        """The dtype that integers come out in, where that is another."""
        self._reserved = {symbol.name for key in layer.keys for symbol in key.symbols}

    def assumed(self, item: TensorIn) -> Flow:
        """What an input is taken for that the command line leaves out."""
        assert item.infer is not None
        return Flow(tuple(evaluate(axis.size, self.sizes) for axis in resolve_shape(item.infer, self.known)), "")

    def match(self, item: InputDef, value: Tree) -> Tree:
        """Takes one argument in, and gives it with its dtype; LayerError where the layer does not take it."""
        value = self._with_dtype(item, value)
        self._take(item, value)
        return value

    def _with_dtype(self, item: InputDef, value: Tree) -> Tree:
        """The value with the dtype that it is taken to have, where it says none."""
        if isinstance(item, TensorIn) and isinstance(value, Flow) and not value.dtype:
            accepted = self._rule(item).accepts
            self.known[f"{item.name}_rank"] = len(value.shape)
            said = item.usual if isinstance(item.usual, str) else decide(item.usual, self.known)
            return value._replace(dtype=said or (self.usual if self.usual in accepted else accepted[0]))
        if isinstance(item, TupleIn) and isinstance(value, tuple) and not isinstance(value, (Flow, Literal)):
            parts = zip(item.items, value)
            return (*(self._with_dtype(part, inner) for part, inner in parts), *value[len(item.items) :])
        return value

    def _take(self, item: InputDef, value: Tree) -> None:
        if isinstance(item, ValueIn) and item.kind is not None:
            self._setting(item, item.kind, value)
            return
        if isinstance(item, TensorIn) and item.instead is not None:
            self.known[f"{item.name}_listed"] = isinstance(value, Literal)
            if isinstance(value, Literal):
                self._instead(item.name, read(item.name, item.instead, value.value))
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
                self._leading(item, star, value, fixed)
            self.sizes.update(zip(fixed, value.shape[len(value.shape) - len(fixed) :]))
            leading = tuple(axis.label for axis in self.known[star]) if star else ()
            self.labels[item.name] = (*leading, *map(_axis_name, fixed))
            if form.packed:
                assert value.batch_sizes is not None
                self.sizes["N"] = value.batch_sizes[0] if value.batch_sizes else 0
            return
        raise self._wrong_rank(item, value)

    def _leading(self, item: TensorIn, star: str, value: Flow, fixed: list[str]) -> None:
        """Binds a run of axes: under the names that they came with where those are free, else by number."""
        count = len(value.shape) - len(fixed)
        names = value.labels[:count]
        if len(names) != count or len(set(names)) != count or not all(names) or set(names) & self._taken(fixed):
            stems = ("d", star.lower(), f"{star.lower()}_")
            numbered = (tuple(f"{stem}{number}" for number in range(count)) for stem in stems)
            names = next(names for names in numbered if not set(names) & self._taken(fixed))
        what = "the input" if item.name in ("input", self.layer.inputs[0].name) else f"the {item.name}"
        self.known[star] = tuple(Axis(name, Sym(name, f"size of {what} along {name}")) for name in names)
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
        axes = "1 axis" if len(value.shape) == 1 else f"{len(value.shape)} axes"
        return LayerError(
            "shape.rank",
            f"{self.layer.name} takes {told}, but its {item.name} has {axes}: {got}",
            fix=f"give it {' or '.join(dict.fromkeys(map(_ranks, wanted)))} axes",
        )

    def _rule(self, item: TensorIn) -> DTypeRule:
        return RULES[item.dtypes if isinstance(item.dtypes, str) else decide(item.dtypes, self.known)]

    def _dtype(self, item: TensorIn, value: Flow) -> None:
        rule = self._rule(item)
        if item.tells_dtype:
            self.known[f"{item.name}_dtype"] = value.dtype
            self.signature.append(value.dtype)
        self.integers_become = self.integers_become or rule.integers_become
        if value.dtype not in rule.accepts:
            raise LayerError(
                "torch.dtype",
                f"{self.layer.name} does not take {value.dtype} for {_called(item)}",
                fix=f"use {rule.accepts[0]}",
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
        taken = read(item.name, kind, value.value if isinstance(value, Literal) else item.default)
        self.known[item.name] = taken
        self.signature.append(taken)

    def _instead(self, name: str, numbers: Any) -> None:
        """Numbers in a tensor's place; several are known as a shape."""
        listed = numbers if isinstance(numbers, tuple) else ()
        labels = [f"{name}{index}" for index in range(len(listed))]
        self.known[name] = tuple(Axis(label, Sym(label, f"{name}[{index}]")) for index, label in enumerate(labels))
        self.known[f"{name}_given"] = False
        self.sizes.update(zip(labels, listed))
        self.signature.append(("numbers", len(listed)))

    def _value(self, item: ValueIn, value: Tree) -> None:
        if not isinstance(value, Literal):
            raise LayerError("type.inputs", f"the input {item.name} is no tensor", fix="give sizes")
        sizes = value.value
        if not isinstance(sizes, tuple) or not all(isinstance(size, int) for size in sizes):
            raise LayerError("type.inputs", f"{item.name} is a tuple of integers, not {sizes!r}", fix="give sizes")
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


def _ranks(axes: Sequence[str]) -> str:
    """How many axes a form has."""
    return f"{len(axes) - 1} or more" if axes and axes[0].startswith("*") else str(len(axes))


def _called(item: TensorIn) -> str:
    return "the input" if item.name == "input" else f"the input {item.name}"


def _axis_name(axis: str) -> str:
    return "…" if axis.startswith("*") else axis.rpartition("_")[2]


def _said(value: Tree) -> str:
    return "a tuple" if isinstance(value, tuple) and not isinstance(value, Literal) else "another value"
