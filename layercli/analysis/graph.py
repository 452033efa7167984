"""The walk over a design: steps bound one after another, branches on the same value, references to labelled steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from layercli.analysis import receptive
from layercli.analysis.complaints import clash, unknown_layer, why_it_does_not_fit
from layercli.analysis.flow import Flow, Tree, from_feed
from layercli.analysis.inputs import as_literals, completed, usual
from layercli.analysis.keys import Given, from_op
from layercli.analysis.layer import MOST_TENSORS, Analyser, Bound
from layercli.analysis.notes import Note, notes, torch_order
from layercli.analysis.pytorch import from_call
from layercli.analysis.receptive import Field
from layercli.analysis.stream import Stream, outputs_of
from layercli.errors import LayerError, Span
from layercli.layers import find, known_names
from layercli.layers.definition import Key, Layer, TupleIn
from layercli.layers.parts import Part
from layercli.plan import Call, DType, Input, Module, Ref, Tensor, Wire
from layercli.spec import Call as PythonCall
from layercli.spec import Chain, Custom, Group, Op, Step


class Options(NamedTuple):
    """What holds for a whole run."""

    mode: str = "train"
    dtype: str | None = None
    device: str = "auto"
    unroll: bool = False
    count_macs: bool = False
    planned: bool = True
    """Whether a plan for torch is wanted."""


class Block(NamedTuple):
    """What a row stands inside of: a group, one time of a repeat, a branch of a step that merges."""

    kind: str
    """``group``, ``repeat`` or ``branch``."""
    path: str
    label: str
    number: int = 0
    """Which time or branch, from 0."""
    of: int = 1
    """How many times or branches there are."""
    name: str = ""
    """The step that the branches lead to."""


class Row(NamedTuple):
    """A layer at its place in the net."""

    number: int
    path: str
    label: str
    span: Span | None
    bound: Bound
    call: Call
    """Where each of its inputs comes from: another row's outputs by its number, or the inputs of the whole."""
    reach: Field
    shares: int | None = None
    """The row whose parameters this one uses again."""
    notes: tuple[Note, ...] = ()
    blocks: tuple[Block, ...] = ()
    """What it stands inside of, the outermost first."""
    merged: int = 0
    """How many branches lead to it."""


class Place(NamedTuple):
    """Where in the spec a step stands."""

    path: str
    label: str
    blocks: tuple[Block, ...]


Argument = tuple[str | None, Tree, Wire]
"""An input of a layer's call: its name where it is given by name, the value, where the run finds it."""


class Walk:
    """The state of one walk."""

    def __init__(self, analyser: Analyser, options: Options, inputs: Sequence[Input]) -> None:
        self.analyser = analyser
        self.options = options
        self.inputs = tuple(inputs)
        self.rows: list[Row] = []
        self.modules: list[Module] = []
        self.symbolic = False
        """Whether sizes may be symbols."""
        self.named: tuple[tuple[str, Tree], ...] = ()
        self.custom: list[tuple[str, Custom | PythonCall]] = []
        """The classes of the user's own that were met, with their paths."""
        self.output: Stream | None = None
        """What the whole gives."""
        self._labels: dict[str, Stream] = {}
        self._taken: set[int] = set()
        """The inputs of the whole that a step has taken."""
        self._given: dict[int, tuple[Layer, Given]] = {}
        self._bound: dict[Any, Bound] = {}
        self._opened = False

    # --- chains ---

    def whole(self, chain: Chain) -> None:
        """The design."""
        self.output = self.chain(chain, "", self.start(), ())
        self.check_inputs()

    def start(self) -> Stream:
        """The first input of the whole."""
        tree = from_feed(self.inputs[0].feed) if self.inputs else Flow((), "")
        return Stream(tree, Ref(None, (0,)))

    def chain(self, chain: Chain, prefix: str, stream: Stream, blocks: tuple[Block, ...]) -> Stream:
        """The steps of a chain, one after another."""
        for position, step in enumerate(chain.steps):
            base = f"{prefix}{step.label or position}"
            for time in range(step.repeat):
                path, inside = base, blocks
                if step.repeat > 1:
                    path = f"{base}.{time}"
                    inside = (*blocks, Block("repeat", base, step.label or "", time, step.repeat))
                stream = self.step(step, path, stream, inside)
            if step.label:
                self._labels[step.label] = stream
        return stream

    def step(self, step: Step, path: str, stream: Stream, blocks: tuple[Block, ...]) -> Stream:
        """One step, once."""
        unit, label = step.unit, step.label or ""
        if isinstance(unit, Group):
            named = blocks if step.repeat > 1 else (*blocks, Block("group", path, label))
            return self.chain(unit.chain, f"{path}.", stream, named)
        place = Place(path, label, blocks)
        if isinstance(unit, Op):
            return self.op(unit, place, stream)
        return self.python(unit, place, stream)

    # --- steps ---

    def op(self, op: Op, place: Place, stream: Stream) -> Stream:
        """A step in the shell's notation."""
        layer: Layer | None = None
        sources: list[Stream] = []
        try:
            layer, given = self.understood(op)
            if layer.name == "input":
                return self.source(layer, given, op, place)
            if self.options.unroll:
                return self.unroll(layer, given, op, place)
            sources = self.sources(layer, op, place, stream)
            keyed = self.keyed(layer, op, sources)
            if layer.name == "pick":
                return self.pick(layer, given, op, place, sources[0])
            return self.layer(self.for_count(layer, op, sources), given, op, place, sources, keyed)
        except LayerError as error:
            shapely = layer is not None and not error.path and error.code.startswith(("shape.", "torch."))
            if shapely and layer is not None:
                meant = torch_order(layer, op, sources[0].flow.shape if sources else ())
                if meant is not None:
                    error.fix = meant.fix
                elif layer.several is not None and len(sources) > 1:
                    clash(error, layer, sources)
                elif sources:
                    why_it_does_not_fit(error, self.rows, sources[0])
            raise error.located(span=op.span, path=place.path) from None

    def understood(self, op: Op) -> tuple[Layer, Given]:
        """The layer that an op names and the keys that were written, remembered."""
        if id(op) not in self._given:
            layer = find(op.name)
            if layer is None:
                raise unknown_layer(op.name, op.name_span)
            self._given[id(op)] = layer, from_op(layer, op)
        return self._given[id(op)]

    def sources(self, layer: Layer, op: Op, place: Place, stream: Stream) -> list[Stream]:
        """What a step is fed: its references and branches, the stream where it has none of them, or beside them."""
        found = []
        for name, path, span in op.references:
            try:
                found.append(self._labels[name].at(path, f"@{name}"))
            except LayerError as error:
                raise error.located(span=span) from None
        for number, chain in enumerate(op.branches):
            block = Block("branch", f"{place.path}.{number}", place.label, number, len(op.branches), layer.name)
            found.append(self.chain(chain, f"{place.path}.{number}.", stream, (*place.blocks, block)))
        if not layer.inputs:
            return []
        takes_several = layer.several is not None or sum(not item.optional for item in layer.inputs) > 1
        return found if found and (op.branches or not takes_several) else [stream, *found]

    def keyed(self, layer: Layer, op: Op, sources: Sequence[Stream]) -> list[tuple[str, Stream]]:
        """The inputs that are given by name: ``indices=@pool.1``."""
        keyed = []
        for argument in op.arguments:
            if argument.reference is None:
                continue
            name, path, span = argument.reference
            if argument.name not in [item.name for item in layer.inputs]:
                names = ", ".join(item.name for item in layer.inputs)
                raise LayerError(
                    "spec.unknown-key", f"{layer.name} has no input {argument.name!r}", span=argument.name_span,
                    fix=f"its inputs are {names}" if names else "leave it out",
                )  # fmt: skip
            try:
                keyed.append((str(argument.name), self._labels[name].at(path, f"@{name}")))
            except LayerError as error:
                raise error.located(span=span) from None
        return keyed

    def for_count(self, layer: Layer, op: Op, sources: Sequence[Stream]) -> Layer:
        """A step that merges, for so many inputs."""
        if layer.several is None:
            return layer
        count = len(sources)
        if count == 1 and self.first(sources) and not op.branches:
            count = len(self.inputs)  # layercli add -i 1,8,16,16 -i 1,8,1,1
        if count < 2:
            given = "one branch" if op.branches else "nothing to merge with"
            fix = f"write {layer.name}( … ; ), an empty branch is the input itself" if op.branches else (
                f"write {layer.name}( … ; … ), or {layer.name} @label"
            )  # fmt: skip
            raise LayerError("spec.merge", f"{layer.name} has {given}", span=op.span, fix=fix)
        return layer.several(count)

    def first(self, sources: Sequence[Stream]) -> bool:
        """Whether a step so fed is the first that takes an input of the whole."""
        return not self._taken and len(sources) == 1 and sources[0].wire == Ref(None, (0,))

    # --- layers ---

    def layer(
        self, layer: Layer, given: Given, op: Op | None, place: Place, sources: Sequence[Stream],
        keyed: Sequence[tuple[str, Stream]] = (),
    ) -> Stream:  # fmt: skip
        """One more layer on these inputs; the first takes all inputs of the whole that it has a name for."""
        if self.first(sources) and not keyed:
            return self._first(layer, given, op, place)
        if layer.name == "cat":
            sources = [self._stretched(source, sources, given, place) for source in sources]
        arguments: list[Argument] = [(None, *self._tensor(source)) for source in sources]
        arguments += [(name, source.tree, source.wire) for name, source in keyed]
        arguments += self._beside(layer, sources, arguments)
        bound = self._bind_again(layer, given, [(name, tree) for name, tree, _ in arguments])
        self._settle(layer, bound, arguments)
        return self._run(layer, given, op, place, bound, _call(layer, arguments, len(self.modules)))

    def _first(self, layer: Layer, given: Given, op: Op | None, place: Place) -> Stream:
        single = self._opened is False
        if given.shell:
            self.inputs = as_literals(layer, self.inputs)
        known = {part.name for item in layer.inputs for part in (item, *getattr(item, "items", ()))}
        taken = [index for index, item in enumerate(self.inputs) if single or item.name is None or item.name in known]
        if given.shell and len(self.inputs) > 1:
            taken = [index for index in taken if self.inputs[index].name is None or self.inputs[index].name in known]
        arguments: list[Argument] = [
            (self.inputs[index].name, from_feed(self.inputs[index].feed), Ref(None, (index,))) for index in taken
        ]
        bound = self.analyser.bind(layer, given, [(name, tree) for name, tree, _ in arguments])
        self._taken.update(taken)
        self.named = tuple(
            (item.name, bound.inputs.get(item.name)) for item in layer.inputs if item.name in bound.inputs
        )
        settled = completed(bound, [self.inputs[index] for index in taken])
        places = dict(zip(taken, settled))
        self.inputs = tuple(places.get(index, item) for index, item in enumerate(self.inputs))
        return self._run(layer, given, op, place, bound, _call(layer, arguments, len(self.modules)))

    def _tensor(self, source: Stream) -> tuple[Tree, Wire]:
        """The tensor of a source and its wire; of an input of the whole, as it is settled by now."""
        if source.wire.call is None:
            self._taken.add(source.wire.path[0])
            tree = from_feed(self.inputs[source.wire.path[0]].feed) if self.inputs else source.tree
            source = source._replace(tree=tree)
        return source.flow, source.flow_wire

    def _beside(self, layer: Layer, sources: Sequence[Stream], arguments: Sequence[Argument]) -> list[Argument]:
        """What else the layer takes: other outputs of the step before, inputs of the whole under its own names."""
        count = sum(name is None for name, _, _ in arguments)
        names = {item.name for item in layer.inputs[count:]} - {name for name, _, _ in arguments}
        found: list[Argument] = [
            (name, flow, wire) for source in sources[:1] for name, flow, wire in source.named if name in names
        ]
        names -= {name for name, _, _ in found if name}
        inner = {part.name for item in layer.inputs[count:] if isinstance(item, TupleIn) for part in item.items}
        for index, item in enumerate(self.inputs):
            if item.name and index not in self._taken and item.name in names | inner:
                self._taken.add(index)
                found.append((item.name, from_feed(item.feed), Ref(None, (index,))))
        return found

    def _settle(self, layer: Layer, bound: Bound, arguments: Sequence[Argument]) -> None:
        """Gives the inputs of the whole that this layer takes the dtype and the values that it can take."""
        order = [item.name for item in layer.inputs]
        settled = list(self.inputs)
        for position, (name, _, wire) in enumerate(arguments):
            if isinstance(wire, Ref) and wire.call is None and self.inputs:
                index = wire.path[0]
                item = settled[index]._replace(name=name or order[position])
                settled[index] = completed(bound, [item])[0]._replace(name=settled[index].name)
        self.inputs = tuple(settled)

    def _bind_again(self, layer: Layer, given: Given, arguments: Sequence[tuple[str | None, Tree]]) -> Bound:
        """Binding, remembered: a repeated step on the same shape is the same answer."""
        key: Any = (id(given), len(layer.inputs), tuple(arguments))
        if self.symbolic:
            from layercli.formula.symbolic import symbolic_key

            key = symbolic_key(key)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = self.analyser.bind(layer, given, arguments)
        return bound

    def _run(self, layer: Layer, given: Given, op: Op | None, place: Place, bound: Bound, call: Call) -> Stream:
        call = self._with_assumed(call, bound, place.path)
        self.modules.append(_module(layer, bound))
        self.add(bound, call, place, op, None)
        return outputs_of(bound, len(self.rows) - 1)

    def _stretched(self, source: Stream, sources: Sequence[Stream], given: Given, place: Place) -> Stream:
        """A learned tensor that is joined to a batch, stretched over the batch."""
        row = self.rows[source.wire.call] if source.wire.call is not None else None
        if row is None or row.bound.layer.name != "param":
            return source
        shape = source.flow.shape
        batch = next((other.flow.shape for other in sources if other.wire != source.wire), shape)
        dim = given.values.get("dim", 0)
        along_batch = dim in (0, -len(shape))
        if along_batch or len(batch) != len(shape) or shape[0] != 1 or batch[0] == 1:
            return source
        expand = find("expand")
        assert expand is not None
        sizes = Given({"shape": (batch[0], *[-1] * (len(shape) - 1))}, {}, shell=True)
        return self.layer(expand, sizes, None, place._replace(path=f"{row.path}.expand", blocks=row.blocks), [source])

    def _with_assumed(self, call: Call, bound: Bound, path: str) -> Call:
        """The call with the inputs that the command line leaves out: another one again, or a tensor of their own."""
        if not bound.assumed:
            return call
        order = [item.name for item in bound.layer.inputs]
        wires: dict[str, Wire] = {**dict(zip(order, call.args)), **call.kwargs}
        for item in bound.assumed:
            if item.like:
                wires[item.name] = wires[item.like]
                continue
            flow = bound.inputs[item.name]
            assert isinstance(flow, Flow)
            wires[item.name] = Ref(None, (len(self.inputs),))
            self._taken.add(len(self.inputs))
            self.inputs = (*self.inputs, *completed(bound, [Input(Tensor(flow.shape, ""), item.name)]))
            if self.rows:
                self.named = (*self.named, (f"{path}.{item.name}", flow))
        kwargs = {item.name: wires[item.name] for item in bound.assumed}
        return call._replace(kwargs={**call.kwargs, **kwargs})

    # --- steps that are no layers ---

    def source(self, layer: Layer, given: Given, op: Op, place: Place) -> Stream:
        """``input``: the first one opens the design, others are further inputs of it; -i overrides both."""
        bound = self.analyser.bind(layer, given, [])
        dtype = "" if bound.args["dtype"] == "none" else bound.args["dtype"]
        opens = not self._opened and not self.rows
        self._opened = True
        name = place.label or None
        index = 0 if opens and self.inputs else None
        if not opens:
            index = next((i for i, item in enumerate(self.inputs) if name and item.name == name), None)
        if index is None:
            index = len(self.inputs)
            taken = {item.name for item in self.inputs}
            said = None if opens else name if name not in taken else None
            self.inputs = (*self.inputs, Input(Tensor(bound.args["shape"], dtype), said))
        elif dtype and isinstance(feed := self.inputs[index].feed, Tensor) and not feed.dtype:
            item = self.inputs[index]._replace(feed=feed._replace(dtype=dtype))
            self.inputs = (*self.inputs[:index], item, *self.inputs[index + 1 :])
        tree = from_feed(self.inputs[index].feed)
        if not opens:
            self._taken.add(index)
            self.named = (*self.named, (name or f"input{index}", usual(tree, self.options.dtype)))
        return Stream(tree, Ref(None, (index,)))

    def pick(self, layer: Layer, given: Given, op: Op, place: Place, source: Stream) -> Stream:
        """Another output of the step before."""
        path = layer.keys[0].kind.read(given.values.get("output", 0))
        before = self.rows[source.wire.call].bound.layer.name if source.wire.call is not None else "the input"
        return self.layer(layer, given, op, place, [source.at(path, before)])

    def python(self, unit: PythonCall | Custom, place: Place, stream: Stream) -> Stream:
        """A module in PyTorch's notation."""
        try:
            assert isinstance(unit, PythonCall)
            layer, given = from_call(unit)
            return self.layer(layer, given, None, place, [stream])
        except LayerError as error:
            raise error.located(span=unit.span, path=place.path) from None

    def unroll(self, layer: Layer, given: Given, op: Op, place: Place) -> Stream:
        """A cell fed a sequence step by step, its state handed on; the weights are one module's."""
        if not layer.unroll or self.rows:
            cells = ", ".join(name for name in known_names() if name.endswith("cell"))
            raise LayerError(
                "spec.unroll", f"--unroll feeds a cell a sequence, and {op.name} is no cell", fix=f"use one of {cells}"
            )
        sequence, *states = self.inputs
        feed = sequence.feed
        if not isinstance(feed, Tensor) or len(feed.shape) < 2:
            raise LayerError("shape.rank", "--unroll needs a sequence: (T, N, F) or (T, F)", fix="give -i 5,3,16")
        if feed.shape[0] == 0:
            raise LayerError("shape.mismatch", "the sequence has no steps", fix="give it at least one step")
        step = Flow(feed.shape[1:], feed.dtype or self.options.dtype or "float32")
        state_name = layer.inputs[1].name
        arguments: list[tuple[str | None, Any]] = [(item.name, from_feed(item.feed)) for item in states]
        given_states = [(name or state_name, usual(value, self.options.dtype)) for name, value in arguments]
        self.named = (("input", Flow(feed.shape, step.dtype)), *given_states)
        bound = self.analyser.bind(layer, given, [(None, step), *arguments])
        self.inputs = (Input(feed._replace(dtype=step.dtype)), *completed(bound, self.inputs)[1:])
        self._taken.update(range(len(self.inputs)))
        wired: list[Argument] = [(item.name, None, Ref(None, (i,))) for i, item in enumerate(self.inputs)]
        initial = _call(layer, wired, 0)
        self.modules.append(_module(layer, bound))
        for time in range(feed.shape[0]):
            args: tuple[Wire, ...] = (Ref(None, (0, time)),)
            if time == 0:
                call = initial._replace(args=(*args, *initial.args[1:]))
            else:
                state: Tree = bound.outputs[0] if len(bound.outputs) == 1 else bound.outputs
                bound = self._bind_again(layer, given, [(None, step), (None, state)])
                parts = tuple(Ref(time - 1, (i,)) for i in range(len(bound.outputs)))
                call = Call(0, (*args, parts if len(parts) > 1 else Ref(time - 1)))
            self.add(bound, call, Place(str(time), f"step {time}", ()), op, 0 if time else None)
        return outputs_of(bound, len(self.rows) - 1)

    # --- rows ---

    def add(self, bound: Bound, call: Call, place: Place, op: Op | None, shares: int | None) -> None:
        """One more row."""
        if bound.tensor_count() > MOST_TENSORS:
            raise LayerError(
                "limit.tensors", f"{bound.layer.name} would have more than {MOST_TENSORS:,} parameter tensors",
                fix="use fewer layers",
            )  # fmt: skip
        index = len(self.rows)
        said = tuple(notes(bound, op, first=index == 0)) if shares is None else ()
        span = op.span if op else None
        reach = receptive.after(bound, self._reaches(bound, call)) if hasattr(bound.layer, "reach") else receptive.ENDED
        self.rows.append(Row(index, place.path, place.label, span, bound, call, reach, shares, said, place.blocks,
                             0 if op is None else len(op.branches)))

    def _reaches(self, bound: Bound, call: Call) -> dict[str, Field]:
        """The receptive field of each input of a call."""
        order = [item.name for item in bound.layer.inputs]
        wires = {**dict(zip(order, call.args)), **call.kwargs}
        return {name: self._reach(wire) for name, wire in wires.items() if isinstance(wire, Ref)}

    def _reach(self, wire: Ref) -> Field:
        if wire.call is not None:
            return self.rows[wire.call].reach
        return receptive.START if wire.path[0] == 0 else receptive.CONSTANT

    def check_inputs(self) -> None:
        """LayerError for an input of the whole that no step takes; the first may flow by a learned tensor unread."""
        if self.inputs and 0 not in self._taken and isinstance(feed := self.inputs[0].feed, Tensor):
            settled = feed._replace(dtype=feed.dtype or self.options.dtype or "float32")
            self.inputs = (self.inputs[0]._replace(feed=settled), *self.inputs[1:])
        for index, item in enumerate(self.inputs):
            if index not in self._taken and item.name is not None:
                raise LayerError(
                    "type.inputs", f"no step takes an input called {item.name}",
                    fix="name it as a layer's input, or as the label of an input step",
                )  # fmt: skip
            if index and index not in self._taken:
                message = f"the design takes one input, and {len(self.inputs)} are given"
                raise LayerError("type.inputs", message, fix="name the others")


def _call(layer: Layer, arguments: Sequence[Argument], module: int) -> Call:
    """A layer's call; on the command line the tensors of a tuple go by their own names."""
    args: list[Wire] = []
    kwargs: dict[str, Wire] = {}
    inner = {part.name: item for item in layer.inputs if isinstance(item, TupleIn) for part in item.items}
    gathered: dict[str, dict[str, Wire]] = {}
    own = {item.name for item in layer.inputs}
    for name, _, wire in arguments:
        if name is None:
            args.append(wire)
        elif name in inner and name not in own:
            gathered.setdefault(inner[name].name, {})[name] = wire
        else:
            kwargs[name] = wire
    for name, parts in gathered.items():
        outer = next(item for item in layer.inputs if item.name == name)
        assert isinstance(outer, TupleIn)
        kwargs[name] = tuple(parts[part.name] for part in outer.items)
    return Call(module, tuple(args), kwargs)


def _module(layer: Layer, bound: Bound) -> Module:
    """What torch is to build: what was given as it was given, and what was inferred."""
    given = bound.given.values
    kwargs = {
        key.name: given[key.name] if key.name in given and not _made(key, bound) else bound.args[key.name]
        for key in layer.keys
        if key.name in given
        or key.name in bound.given.taken
        or (bound.given.shell and key.infer is not None)
        or _made(key, bound)
    }
    if bound.given.dtype:
        kwargs["dtype"] = DType(bound.given.dtype)
    return Module(layer.torch, (), kwargs)


def _made(key: Key, bound: Bound) -> bool:
    """Whether the key holds a module that the command line describes by its keys."""
    return bound.given.shell and isinstance(key.kind, Part)
