"""What a layer is, as data: its keys, the inputs it takes, its formulas, what it rejects, its words.

A definition holds expressions only. It knows no torch, no printing and no registry; everything else in the project
is read from it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from layercli.formula import Expr, Num, Sym, size, total
from layercli.formula.replace import replace
from layercli.layers.kinds import Kind
from layercli.layers.parts import Part
from layercli.layers.reach import Reach


class Required(NamedTuple):
    """The default of a key that has none."""


REQUIRED = Required()


class Same(NamedTuple):
    """The default of a key that takes over another's value, such as a pool's stride."""

    key: str


class Key(NamedTuple):
    """One argument of the constructor.

    ``symbols``: what formulas call it: one symbol, one per axis, or none where no formula speaks of it.
    ``structural``: its value decides the form of the formulas (a flag, a word, an axis), not a size in them.
    ``infer``: what it is where it is left out on the command line; torch's own default holds in torch's notation.
    ``effect``: what a larger value does to the output.
    """

    name: str
    kind: Kind
    default: Any = REQUIRED
    aliases: tuple[str, ...] = ()
    symbols: tuple[Sym, ...] = ()
    structural: bool = False
    infer: Expr | None = None
    meaning: str = ""
    effect: str = ""
    keyword_only: bool = False
    where: Expr | None = None
    """Under which flags torch looks at the value at all; otherwise it may be anything."""

    @property
    def default_words(self) -> str:
        """What it is where it is left out on the command line, in words."""
        if self.infer is not None:
            return "from the input"
        if isinstance(self.default, Same):
            return f"the {self.default.key}"
        return "none, needed" if self.default is REQUIRED else str(self.default).lower()

    @property
    def names(self) -> tuple[str, ...]:
        """torch's name and the aliases."""
        return (self.name, *self.aliases)


class Form(NamedTuple):
    """One layout that an input may have: axis labels, each the symbol of its size; ``*X`` takes any number of axes.

    ``where`` decides by flags whether the layout holds, ``facts`` are what it says of the structure.
    """

    axes: str
    where: Expr | None = None
    facts: Mapping[str, Any] = {}
    packed: bool = False


class TensorIn(NamedTuple):
    """An input that is a tensor."""

    name: str
    forms: tuple[Form, ...]
    meaning: str = ""
    optional: bool = False
    dtypes: str | Expr = "parameters"
    """Which dtypes it may have: the name of a rule in :mod:`layercli.layers.dtypes`, or which name under which flags."""
    like: str = ""
    """On the command line: the input that it takes over where it is left out, such as attention's key the query."""
    like_where: Expr | None = None
    """Under which flags it takes that over; else ``infer`` holds. ``<key>_written`` says whether a key was given."""
    infer: Expr | None = None
    """On the command line: the shape that is assumed where it is left out, such as that of a loss's target."""
    low: Expr | int | float | None = None
    high: Expr | int | float | None = None
    """The range (``high`` left out) of the dummy values where none are given, such as indices below num_embeddings."""
    unread: bool = False
    """Whether only its shape counts: no number of the output comes from it."""
    tells_dtype: bool = False
    """Whether formulas ask for its dtype, by the word under ``<name>_dtype``."""
    usual: str | Expr = ""
    """The dtype that it is taken to have where none is said, or which under which flags (``<name>_rank`` among them);
    empty for the run's."""
    instead: Kind | None = None
    """What numbers may stand in its place: a tuple of them is known as a shape under its name. Rules ask by
    ``<name>_listed`` whether they do, by ``<name>_given`` whether it is a tensor."""

    @property
    def assumable(self) -> bool:
        """Whether the command line has something in its place where it is left out: another input, or a shape."""
        return bool(self.like) or self.infer is not None


class TupleIn(NamedTuple):
    """An input that is a tuple of tensors, such as an LSTM's state."""

    name: str
    items: tuple[TensorIn, ...]
    meaning: str = ""
    optional: bool = False


class ValueIn(NamedTuple):
    """An input that is no tensor, such as the size that a transposed convolution is asked for.

    ``forms`` list its lengths: ``"H_req W_req"``; symbols as in :class:`Form`. With a ``kind`` it is a flag or a word
    of the call, such as attention's ``need_weights``, and decides the form of the formulas under its own name.
    """

    name: str
    forms: tuple[Form, ...] = ()
    meaning: str = ""
    optional: bool = True
    kind: Kind | None = None
    default: Any = None


InputDef: TypeAlias = TensorIn | TupleIn | ValueIn


class Let(NamedTuple):
    """A named intermediate: a symbol and the formula that it stands for."""

    symbol: Sym
    value: Expr
    where: Expr | None = None


class Need(NamedTuple):
    """What must hold for torch to accept; else the error: what is wrong (about which key), and one fix.

    ``message`` and ``fix`` are templates over the symbols and over ``values``.
    """

    condition: Expr
    message: str
    fix: str
    key: str = ""
    where: Expr | None = None
    values: Mapping[str, Expr] = {}
    code: str = "shape.mismatch"
    divisors: tuple[Expr, Expr] | None = None
    """A number and what was to divide it: the words may speak of the nearest that do, as ``{divisors}``."""


class Out(NamedTuple):
    """An output tensor. ``where`` decides whether torch returns it at all; ``none`` whether None stands in its place."""

    name: str
    shape: Expr
    dtype: str | Expr = "input"
    """``input`` (the first input's), ``parameters``, ``promoted`` (of all inputs, as torch promotes; ``promoted in
    turn`` where it works two at a time), or a dtype by name; or which of these under which flags."""
    where: Expr | None = None
    none: Expr | None = None
    packed: bool = False
    """Whether it comes as a packed sequence where the input did."""


class Outs(NamedTuple):
    """Outputs that torch nests in a tuple of their own."""

    items: tuple[Out, ...]


class Copies(NamedTuple):
    """A tensor that is there several times; its number (from ``start``) or its label enters the name at ``variable``.

    ``numbered``: what the shape calls the number of a copy (from 0), where copies differ in it; ``times`` is then
    decided by the structure, such as by the length of a list.
    """

    variable: str
    times: Expr
    start: int = 0
    labels: tuple[str, ...] = ()
    numbered: Sym | None = None

    def label(self, number: int) -> str:
        """What enters the name of the copy of this number."""
        return self.labels[number] if self.labels else str(self.start + number)


class Param(NamedTuple):
    """A parameter or buffer: its name in the module, a template where there are copies, and its shape."""

    name: str
    shape: tuple[Expr, ...]
    where: Expr | None = None
    copies: tuple[Copies, ...] = ()
    dtype: str = ""
    """Its dtype where that is not the parameters' own."""

    def inside(self, prefix: str, mapping: Mapping[str, Expr]) -> "Param":
        """The same tensor as a part of another layer, whose formulas stand for this one's symbols."""
        if not mapping:
            return self._replace(name=prefix + self.name)
        return Param(
            prefix + self.name,
            tuple(replace(axis, mapping) for axis in self.shape),
            None if self.where is None else replace(self.where, mapping),
            tuple(copy._replace(times=replace(copy.times, mapping)) for copy in self.copies),
            self.dtype,
        )


class Window(NamedTuple):
    """How a layer slides over one spatial axis: what the receptive field is worked out from."""

    kernel: Expr
    stride: Expr
    padding: Expr
    dilation: Expr


class Kept(NamedTuple):
    """A tensor that a layer keeps from forward until backward.

    ``what``: the name of an input or an output (nothing new is made where something else keeps the same storage), or
    of a tensor of the layer's own, which has a ``size``. Source: what torch's autograd saves on the CPU
    (``torch.autograd.graph.saved_tensors_hooks``), oneDNN off.
    """

    what: str
    size: Expr | None = None
    """How many numbers a tensor of the layer's own holds."""
    dtype: str | Expr = "input"
    """As in :class:`Out`; of a tensor of its own."""
    where: Expr | None = None
    """Under which flags and sizes it is kept; :mod:`layercli.layers.kept` has the flags that speak of gradients."""


_CALLED = {
    "torch.pad": "torch.nn.functional.pad", "torch.expand": "torch.Tensor.expand", "torch.param": "torch.nn.Parameter",
    "torch.crop": "", "torch.pick": "", "torch.input": "",
}  # fmt: skip
"""Operations that torch has under another name, and those that it has not."""


class Layer(NamedTuple):
    """The definition of a layer. Its name is that of its torch class in lower case."""

    name: str
    torch: str
    summary: str
    keys: tuple[Key, ...]
    inputs: tuple[InputDef, ...]
    outputs: tuple[Out | Outs, ...]
    positional: tuple[str, ...] = ()
    """The keys that values without a name are for, on the command line."""
    facts: Mapping[str, Expr] = {}
    """Conditions on sizes that decide the form of the formulas."""
    rules: tuple[Need | Let, ...] = ()
    """Worked through in order: what must hold, and what later formulas may use."""
    params: tuple[Param, ...] = ()
    buffers: tuple[Param, ...] = ()
    macs: Expr = Num(0)
    macs_unknown: str = ""
    """Why no formula gives the MACs; empty where one does."""
    window: tuple[Window, ...] | None = None
    """One per spatial axis; () for a layer that works on each position by itself; None where neither fits."""
    window_unknown: str = ""
    """Why a layer with spatial axes has no rule for the receptive field; empty where that is not so."""
    reach: Reach | None = None
    """What else it does to the receptive field, after its windows. With neither windows nor this the notion ends."""
    steps: Expr = Num(0)
    """Sequential steps: what running it on the meta device costs time for."""
    unroll: str = ""
    """For a cell: the name of the sequence's layer that runs it step by step."""
    default_input: tuple[int, ...] = ()
    aliases: tuple[str, ...] = ()
    """Further names on the command line, such as ``mha``."""
    materialised: tuple[Key, ...] = ()
    """What a lazy class does not take as an argument but reads off its first input, each with its ``infer``."""
    ignores_arguments: bool = False
    """Whether the constructor takes any arguments at all and looks at none."""
    frozen: Expr | None = None
    """Under which flags training leaves the parameters as they are."""
    factory: bool = True
    """Whether the constructor of a layer with tensors takes ``device`` and ``dtype``."""
    several: "Callable[[int], Layer] | None" = None
    """Of a step that merges: its definition for so many inputs; the others take the inputs that they list."""
    kept: tuple[Kept, ...] | None = None
    """What it keeps for backward, in so far as gradients are asked for; None where that is not known."""
    kept_known: Expr | None = None
    """Under which flags ``kept`` holds; else what is kept is not known."""
    storage: Expr | None = None
    """How many numbers torch makes room for at the first output, where that may be more than the output holds."""
    view: Expr | None = None
    """Under which flags and sizes the outputs are views of the first input: they have no storage of their own."""
    lies: str | Expr = ""
    """How the first output lies in memory, by a word: ``any`` for in order, from inputs however they lie; ``alike`` for
    as the first input does; ``joined`` for in order unless all inputs are images with their channels last; ``turned``
    for its first two axes exchanged; ``mixed`` for in order where the inputs are, else not known. Empty for in order
    too, but then ``kept`` is known for inputs in order only."""
    hidden: tuple[str, ...] = ()
    """The arguments that ``repr`` of the module does not show, so that a printed model does not tell them."""
    prose: str = ""
    examples: tuple[str, ...] = ()
    paper: str = ""

    def key(self, name: str) -> Key | None:
        """The key of this name or alias."""
        for key in self.keys:
            if name in key.names:
                return key
        return None

    @property
    def lies_anyhow(self) -> bool:
        """Whether ``kept`` is known however the inputs lie in memory."""
        return isinstance(self.lies, Expr) or bool(self.lies)

    @property
    def operation(self) -> bool:
        """Whether it is a step of a design that is no module of torch.nn: a function, or a learned tensor."""
        return self.torch.startswith("torch.")

    @property
    def called(self) -> str:
        """What it is in torch, in full: ``torch.nn.Conv2d``, ``torch.cat``; empty for a step of layercli's own."""
        return _CALLED.get(self.torch, self.torch) if self.operation else f"torch.nn.{self.torch}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The examples as a shell takes them."""
        return tuple(f'layercli "{example}"' if "|" in example else f"layercli {example}" for example in self.examples)

    @property
    def shell_keys(self) -> tuple[Key, ...]:
        """The keys of the command line: a part that is always there gives its own keys in its place."""
        keys: list[Key] = []
        for key in self.keys:
            keys += key.kind.layer.shell_keys if isinstance(key.kind, Part) and key.kind.always else (key,)
        return tuple(keys)

    def part_of(self, name: str) -> tuple[Key, Key] | None:
        """The part that has a key of this name, and that key."""
        for part in self.keys:
            key = part.kind.layer.key(name) if isinstance(part.kind, Part) and part.kind.always else None
            if key is not None:
                return part, key
        return None


def lazy(layer: Layer, name: str) -> Layer:
    """The lazy class of a layer: the size that this key holds is no argument but is read off the first input."""
    inferred = tuple(key for key in layer.keys if key.name == name)
    return layer._replace(
        name=f"lazy{layer.name}",
        torch=f"Lazy{layer.torch}",
        summary=f"{layer.torch} that reads its {name} off the first input.",
        keys=tuple(key for key in layer.keys if key not in inferred),
        positional=tuple(other for other in layer.positional if other != name),
        materialised=inferred,
        examples=tuple(f"lazy{example}" for example in layer.examples),
    )


def count(params: Iterable[Param]) -> Expr:
    """How many numbers these tensors hold, tensors with the same copies gathered: ``D*(a + b) + (L - 1)*D*(c + d)``."""
    groups: list[tuple[tuple[Copies, ...], list[Expr]]] = []
    for param in params:
        if not groups or groups[-1][0] != param.copies:
            groups.append((param.copies, []))
        groups[-1][1].append(size(param.shape))
    return total(
        size([*(copy.times for copy in copies), total(sizes)]) if copies else total(sizes) for copies, sizes in groups
    )
