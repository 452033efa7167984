"""One layer on given inputs: acceptance, outputs, counts, formulas."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from layercli.analysis.flow import Flow, Tree, tensors
from layercli.analysis.keys import Given
from layercli.analysis.match import Matcher, arrange
from layercli.analysis.settle import Making, Reader, Settled, publish, read
from layercli.analysis.variant import MACS, Shaped, ShapedTree, Tensor, Variant
from layercli.errors import LayerError
from layercli.formula import Axis, Expr, Num, Sym, Unresolved, decide, evaluate, number, resolve, resolve_shape
from layercli.layers.definition import Copies, Key, Layer, Need, TensorIn, ValueIn
from layercli.layers.dtypes import HALF_COMPLEX, INTEGERS, promoted, promoted_in_turn
from layercli.layers.kinds import LARGEST
from layercli.plan import ITEM_SIZE, Literal, elements, span

VARIANTS_KEPT = 4096
MOST_TENSORS = 100_000
"""A module with more parameter tensors than this is refused rather than listed."""


class Formula(NamedTuple):
    """A figure with its formula: with symbols, and with the numbers put in, which is also a Python expression."""

    of: str
    name: str
    symbolic: str
    substituted: str
    value: Any


class Bound(NamedTuple):
    """A layer on given inputs, understood: nothing here hangs on where in a net it stands."""

    layer: Layer
    variant: Variant
    sizes: Mapping[str, Any]
    """Every symbol and figure of it by name."""
    args: Mapping[str, Any]
    given: Given
    inputs: Mapping[str, Tree]
    outputs: tuple[Tree, ...]
    dtype: str
    """The dtype of the parameters."""
    labels: Mapping[str, tuple[str, ...]]
    """What the axes of each input are called, by the input's name."""
    assumed: tuple[TensorIn, ...] = ()
    """The inputs that were left out on the command line and are taken from others, or assumed."""

    @property
    def params(self) -> int:
        """Numbers in the parameters."""
        params: int = self.sizes["params"]
        return params

    @property
    def trainable(self) -> int:
        """Those of the numbers in the parameters that training changes."""
        frozen = self.layer.frozen
        return 0 if frozen is not None and decide(frozen, self.variant.known) else self.params

    @property
    def minds_values(self) -> bool:
        """Whether torch may refuse an input for the values inside it, such as an index that is too large."""
        return any(isinstance(item, TensorIn) and item.low is not None for item in self.layer.inputs)

    @property
    def buffers(self) -> int:
        """Numbers in the buffers."""
        buffers: int = self.sizes["buffers"]
        return buffers

    @property
    def macs(self) -> int | None:
        """Multiply-adds of one call; None where no formula gives them."""
        macs: int = self.sizes[MACS.name]
        return None if self.layer.macs_unknown else macs

    def names(self) -> dict[str, str]:
        """Symbols that are shown without their axis, because the key holds one value for all axes."""
        names = {}
        for key in self.layer.keys:
            if key.kind.axes and len({str(self.sizes.get(symbol.name)) for symbol in key.symbols}) == 1:
                names.update({symbol.name: symbol.name.partition("_")[0] for symbol in key.symbols})
        return names

    def formulas(self) -> Iterator[Formula]:
        """Every figure's formula."""
        symbolic = self.variant.symbolic(self.names())
        substituted = self.variant.substituted(self.sizes)
        for line, general, special in zip(self.variant.lines, symbolic, substituted):
            yield Formula(line.of, line.name, general, special, self.sizes[line.result])

    def legend(self) -> dict[str, str]:
        """What each shown symbol means; a key's symbol in the words of the key."""
        names = self.names()
        legend: dict[str, str] = {}
        for name, meaning in self.variant.legend.items():
            shown = names.get(name, name)
            legend.setdefault(shown, meaning.rpartition(" along ")[0] if shown != name else meaning)
        return legend

    def tensors(self, listed: tuple[Tensor, ...]) -> dict[str, tuple[int, ...]]:
        """Parameters or buffers by name, with their shapes."""
        named: dict[str, tuple[int, ...]] = {}
        for param, _, results in listed:
            sizes = tuple(self.sizes[name] for name in results)
            if not param.copies:
                named[param.name] = sizes
                continue
            for labels in product(*map(self._labels, param.copies)):
                indices = {copy.variable: label for copy, label in zip(param.copies, labels)}
                named[param.name.format(**indices)] = sizes
        return named

    def folded(self, listed: tuple[Tensor, ...]) -> dict[str, tuple[int, ...]]:
        """As :meth:`tensors`, copies by one name: ``layers.0..5.linear1.weight``."""
        named: dict[str, tuple[int, ...]] = {}
        for param, _, results in listed:
            labels = [self._labels(copy) for copy in param.copies]
            spans = [f"{each[0]}..{each[-1]}" if len(each) > 2 else "" for each in labels]
            several = [[span] if span else each for span, each in zip(spans, labels)]
            for chosen in product(*several):
                indices = {copy.variable: label for copy, label in zip(param.copies, chosen)}
                named[param.name.format(**indices)] = tuple(self.sizes[name] for name in results)
        return named

    def tensor_count(self) -> int:
        """How many parameters there are, each copy counted."""
        return sum(prod(self._times(copy) for copy in tensor.param.copies) for tensor in self.variant.params)

    def _times(self, copy: Copies) -> int:
        return int(evaluate(self.variant.resolved(copy.times), self.sizes))

    def _labels(self, copy: Copies) -> Sequence[str]:
        return [copy.label(number) for number in range(self._times(copy))]


class Prepared(NamedTuple):
    """A layer on given inputs before its formulas are worked out."""

    layer: Layer
    given: Given
    variant: Variant
    sizes: dict[str, Any]
    """Every symbol that formulas start from, by name."""
    values: Mapping[str, Any]
    arranged: Mapping[str, Tree]
    assumed: tuple[TensorIn, ...]
    matcher: Matcher
    parameters: str
    """The dtype of the parameters."""
    signature: tuple[Any, ...]
    """What tells structures apart: with the same, the same formulas hold."""


class Analyser:
    """Binds layers under one mode and dtype, and keeps what layers of one structure share."""

    def __init__(self, mode: str = "train", dtype: str | None = None, symbolic: bool = False) -> None:
        self.mode = mode
        self.symbolic = symbolic
        """Whether sizes may be formulas of the user's symbols."""
        self.dtype = dtype
        self._variants: dict[Any, Variant] = {}
        self._readers: dict[tuple[str, int], Reader] = {}

    def bind(self, layer: Layer, given: Given, inputs: Sequence[tuple[str | None, Any]]) -> Bound:
        """The layer on these inputs; LayerError where torch would refuse, or where the keys are not understood."""
        return self.finish(self.prepare(layer, given, inputs))

    def prepare(self, layer: Layer, given: Given, inputs: Sequence[tuple[str | None, Any]]) -> Prepared:
        """All that comes before the formulas are worked out: every symbol's value, and the structure."""
        identity = (layer.name, len(layer.inputs))  # a step that merges is another layer for each number of inputs
        reader = self._readers.get(identity)
        if reader is None:
            reader = self._readers[identity] = Reader(layer)
        settled = reader.settle(given)
        known, sizes = settled.known, settled.sizes
        parameters = given.dtype or next(iter(settled.dtypes), self.dtype) or "float32"
        if self.dtype and not layer.factory:  # the module is made and then turned to the run's dtype, weights and all
            known.update({f"{key.name}_dtype": self.dtype for key in reader.weights if known[f"{key.name}_given"]})
        known.update(training=self.mode == "train", batched=True, packed=False, parameters_dtype=parameters)
        structure = [_structure(value) if isinstance(value, tuple) else value for value in known.values()]
        matcher = Matcher(layer, sizes, known, parameters, self.dtype or "float32")
        arranged, assumed = _matched(layer, given, matcher, arrange(layer, inputs, given.shell))
        structure += self._infer(settled, given)
        structure += reader.settle_facts(settled)
        signature = (*identity, *structure, *matcher.signature)
        variant = self._variant(layer, known, signature)
        return Prepared(layer, given, variant, sizes, settled.values, arranged, assumed, matcher, parameters, signature)

    def finish(self, ready: Prepared) -> Bound:
        """What the formulas make of it; LayerError where a rule does not hold."""
        layer, given, variant, sizes, values, arranged, assumed, matcher, parameters, _ = ready
        if variant.params and not parameters.startswith(("float", "bfloat", "complex")):
            raise LayerError("torch.dtype", f"parameters cannot be {parameters}", fix="use float32")
        need = variant.compute(sizes, self.symbolic)
        if need is not None:
            raise unmet(need, variant, sizes, given)
        if not self.symbolic:
            _check_sizes(layer, variant, sizes, given)
        first = next(tensors(arranged[layer.inputs[0].name]), None) if layer.inputs else Flow((), parameters)
        assert first is not None
        dtypes = {"parameters": parameters, "input": first.dtype}
        if first.dtype in INTEGERS and matcher.integers_become:
            dtypes["input"] = matcher.integers_become
        if variant.promotes:
            operands = [(flow.dtype, bool(flow.shape)) for flow in tensors(tuple(arranged.values()))]
            dtypes |= {"promoted": promoted(operands), "promoted in turn": promoted_in_turn(operands)}
        outputs = tuple(_flow(shaped, sizes, first, dtypes, matcher.known) for shaped in variant.outputs)
        args = {key.name: values[key.name] for key in layer.keys}
        args.update({key.name: made.module() for key in layer.keys if isinstance(made := args[key.name], Making)})
        return Bound(layer, variant, sizes, args, given, arranged, outputs, parameters, matcher.labels, assumed)

    def weights(self, layer: Layer, given: Given) -> dict[str, dict[str, tuple[int, ...]]]:
        """The parameters and buffers of a module whose input is not known; LayerError where they hang on it."""
        settled = Reader(layer).settle(given)
        known = {**settled.known, "training": self.mode == "train", "batched": True, "packed": False}
        variant, sizes = Variant(layer, known), dict(settled.sizes)
        for key in layer.keys:  # what is inferred from an input elsewhere says here what the input has
            if isinstance(key.infer, Sym) and key.symbols:
                sizes.setdefault(key.infer.name, sizes.get(key.symbols[0].name))
        found: dict[str, dict[str, tuple[int, ...]]] = {}
        for kind, listed in (("params", variant.params), ("buffers", variant.buffers)):
            for tensor in listed:
                try:
                    sizes.update({name: evaluate(axis, sizes) for name, axis in zip(tensor.sizes, tensor.shape)})
                except KeyError as error:
                    raise LayerError("shape.unknown", f"{layer.torch} takes {error} from its input") from None
            bound = Bound(layer, variant, sizes, {}, given, {}, (), self.dtype or "float32", {})
            found[kind] = bound.tensors(listed)
        return found

    def _infer(self, settled: Settled, given: Given) -> list[int | None]:
        """Gives the keys that are left out their values; what these must be like is a need of symbolic sizes too."""
        if not self.symbolic:
            return _infer(settled, given)
        from layercli.formula.guards import NEED, current

        tracer = current()
        if tracer is None:
            return _infer(settled, given)
        with tracer.under(NEED):
            return _infer(settled, given)

    def _variant(self, layer: Layer, known: dict[str, Any], key: tuple[Any, ...]) -> Variant:
        variant = self._variants.get(key)
        if variant is None:
            if len(self._variants) >= VARIANTS_KEPT:
                self._variants.clear()
            variant = self._variants[key] = Variant(layer, known)
        return variant


def _structure(axes: tuple[Axis, ...]) -> Any:
    """What a list says of the structure: how long it is, or its values where formulas know them."""
    return tuple(axis.size for axis in axes) if axes and isinstance(axes[0].size, Num) else len(axes)


def _matched(
    layer: Layer, given: Given, matcher: Matcher, passed: dict[str, Tree]
) -> tuple[dict[str, Tree], tuple[TensorIn, ...]]:
    """Every input that there is, in the layer's order, and those of them that the command line leaves out."""
    arranged: dict[str, Tree] = {}
    assumed: list[TensorIn] = []
    for item in layer.inputs:
        name = item.name
        if name in passed:
            value = passed[name]
            explicit = Literal(None) if value is None and isinstance(item, ValueIn) and item.kind else value
            taken = matcher.match(item, explicit)
            arranged[name] = None if value is None else taken
        elif isinstance(item, TensorIn) and given.shell and not item.optional:
            again = item.like and (item.like_where is None or decide(item.like_where, matcher.known))
            arranged[name] = matcher.match(item, arranged[item.like] if again else matcher.assumed(item))
            assumed.append(item if again else item._replace(like=""))
        else:
            matcher.match(item, None)
    return arranged, tuple(assumed)


def _infer(settled: Settled, given: Given) -> list[int | None]:
    """Gives the keys that are left out their values; what that says of the structure."""
    structure = []
    for key, prefix, values in settled.missing:
        value = values[key.name] = read(key.name, key.kind, _inferred(key, settled.known, settled.sizes), given.span)
        publish(key, value, settled, prefix)
        structure.append(len(value) if isinstance(value, tuple) else None)
    return structure


def _inferred(key: Key, known: Mapping[str, Any], sizes: Mapping[str, Any]) -> Any:
    assert key.infer is not None
    if isinstance(key.infer, Sym):
        return sizes[key.infer.name]
    if key.kind.takes_tuple:
        return tuple(evaluate(axis.size, sizes) for axis in resolve_shape(key.infer, known))
    return evaluate(resolve(key.infer, known), sizes)


def unmet(need: Need, variant: Variant, sizes: dict[str, Any], given: Given) -> LayerError:
    """The error for a rule that does not hold at these sizes."""
    words: dict[str, Any] = {name: value for name, value in sizes.items() if "." not in name}
    words.update({name: value for name, value in variant.known.items() if name not in words})
    for name, expr in need.values.items():
        words[name] = _shown_value(expr, variant.known, sizes)
    if need.divisors is not None:
        number, chosen = (evaluate(variant.resolved(part), sizes) for part in need.divisors)
        words["divisors"] = _divisors(number, chosen)
    error = LayerError(
        need.code,
        need.message.format_map(words),
        fix=need.fix.format_map(words),
        span=given.spans.get(need.key) or given.span,
    )
    error.rule = need.message
    return error


def _divisors(count: int, chosen: int) -> str:
    """What divides a number nearest to what was chosen: ``4 or 6``."""
    if not 0 < count <= _MOST_TRIED:
        return f"what divides {count}"
    below = next((size for size in range(min(chosen, count), 0, -1) if count % size == 0), None)
    above = next((size for size in range(max(chosen, 1), count + 1) if count % size == 0), None)
    return " or ".join(str(size) for size in dict.fromkeys((below, above)) if size is not None)


_MOST_TRIED = 1_000_000


def _shown_value(expr: Expr, known: Mapping[str, Any], sizes: Mapping[str, Any]) -> str:
    try:
        axes = resolve_shape(expr, known)
    except Unresolved:
        return str(evaluate(resolve(expr, known), sizes))
    return ",".join(str(evaluate(axis.size, sizes)) for axis in axes)


def _check_sizes(layer: Layer, variant: Variant, sizes: Mapping[str, Any], given: Given) -> None:
    """What torch cannot hold: a tensor whose bytes do not fit 64 bits."""
    counts = {shaped.out.name: span([sizes[name] for name in shaped.sizes]) for _, shaped in variant.every_output()}
    for name, count in {**counts, "parameters": sizes["params"]}.items():
        if count > LARGEST // 16:
            raise LayerError(
                "torch.overflow",
                f"the {name} of {layer.name} would hold {number(count)[:40]} numbers: torch counts bytes in 64 bits",
                fix="use smaller sizes",
                span=given.span,
            )


def _flow(
    shaped: ShapedTree, sizes: Mapping[str, Any], first: Flow, dtypes: Mapping[str, str], known: Mapping[str, Any]
) -> Tree:
    """An output as it flows on; ``dtypes`` says what the words of a definition stand for."""
    if shaped is None:
        return None
    if not isinstance(shaped, Shaped):
        return tuple(_flow(item, sizes, first, dtypes, known) for item in shaped)
    said = shaped.out.dtype
    dtype = said if isinstance(said, str) else decide(said, known)
    dtype = dtypes.get(dtype, dtype)
    if dtype == HALF_COMPLEX:
        message = f"torch makes {HALF_COMPLEX} of these, complex numbers of half precision, which is not known here"
        raise LayerError("torch.dtype", message, fix="use float32 or complex64 for all")
    return Flow(
        tuple(sizes[name] for name in shaped.sizes),
        dtype,
        tuple(axis.label for axis in shaped.axes),
        first.batch_sizes if shaped.out.packed else None,
    )


def param_bytes(bound: Bound) -> int:
    """Bytes of the parameters and buffers, in the dtype they are made in."""
    size = ITEM_SIZE[bound.dtype]
    others = sum(
        elements([bound.sizes[name] for name in tensor.sizes]) * (ITEM_SIZE[tensor.param.dtype] - size)
        for tensor in bound.variant.buffers
        if tensor.param.dtype
    )
    return (bound.params + bound.buffers) * size + others
