"""The net in the making: layers bound one after another to what they are fed, their rows, and the calls for torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from layercli.analysis import receptive
from layercli.analysis.flow import Flow, Tree, from_feed, tensors
from layercli.analysis.in_place import IN_PLACE
from layercli.analysis.inputs import as_literals, completed, usual
from layercli.analysis.keys import Given
from layercli.analysis.layer import MOST_TENSORS, Analyser, Bound
from layercli.analysis.notes import notes
from layercli.analysis.receptive import Field
from layercli.analysis.remembered import Remembered
from layercli.analysis.rows import Options, Place, Row
from layercli.analysis.stream import Stream, outputs_of
from layercli.errors import LayerError
from layercli.layers import find, known_names
from layercli.layers.definition import Key, Layer, TensorIn, TupleIn
from layercli.layers.parts import Part
from layercli.plan import Call, DType, Input, Module, Ref, Tensor, Wire
from layercli.spec import Chain, Op

Argument = tuple[str | None, Tree, Wire]
"""An input of a layer's call: its name where it is given by name, the value, where the run finds it."""


class Net:
    """The state of one walk that layers change."""

    def __init__(
        self, analyser: Analyser, options: Options, inputs: Sequence[Input], remembered: Remembered | None = None
    ) -> None:
        self.analyser = analyser
        self.options = options
        self.inputs = tuple(inputs)
        self.rows: list[Row] = []
        self.modules: list[Module] = []
        self.symbolic = analyser.symbolic
        """Whether sizes may be symbols."""
        self.told: dict[int, str | tuple[tuple[str, Tree], ...]] = {}
        """What the inputs of the whole are called, by their numbers; with the first, all that its layer takes."""
        self.taken: set[int] = set()
        """The inputs of the whole that a step has taken."""
        self.opened = False
        """Whether an input step opens the design."""
        self.remembered = Remembered() if remembered is None else remembered

    @property
    def named(self) -> tuple[tuple[str, Tree], ...]:
        """The inputs of the whole, in order, by the names that the layers which take them have for them."""
        found: list[tuple[str, Tree]] = []
        for index, name in sorted(self.told.items()):
            if isinstance(name, str):
                found.append((name, usual(from_feed(self.inputs[index].feed), self.options.dtype)))
            else:
                found += name
        return tuple(found)

    def start(self) -> Stream:
        """The first input of the whole."""
        tree = from_feed(self.inputs[0].feed) if self.inputs else Flow((), "")
        return Stream(tree, Ref(None, (0,)))

    def aside(self) -> AbstractContextManager[None]:
        """What is worked out inside says something of the answer: what it compares of symbolic sizes is no demand."""
        if not self.symbolic:
            return nullcontext()
        from layercli.formula.guards import untraced

        return untraced()

    def first(self, sources: Sequence[Stream]) -> bool:
        """Whether a step so fed is the first that takes an input of the whole."""
        return not self.taken and len(sources) == 1 and sources[0].wire == Ref(None, (0,))

    def layer(
        self,
        layer: Layer,
        given: Given,
        place: Place,
        sources: Sequence[Stream],
        keyed: Sequence[tuple[str, Stream]] = (),
    ) -> Stream:
        """One more layer on these inputs; the first takes all inputs of the whole that it has a name for."""
        if self.first(sources) and not keyed:
            return self._first(layer, given, place)
        if layer.name == "cat":
            sources = [self._stretched(source, sources, given, place) for source in sources]
        arguments: list[Argument] = [(None, *self._tensor(source)) for source in sources]
        arguments += [(name, source.tree, source.wire) for name, source in keyed]
        arguments += self._beside(layer, sources, arguments)
        bound = self._bind_again(layer, given, [(name, tree) for name, tree, _ in arguments])
        self._settle(layer, bound, arguments)
        return self._run(layer, given, place, bound, _call(layer, arguments, len(self.modules)))

    def _first(self, layer: Layer, given: Given, place: Place) -> Stream:
        single = self.opened is False
        if given.shell:
            self.inputs = as_literals(layer, self.inputs)
        known = {part.name for item in layer.inputs for part in (item, *getattr(item, "items", ()))}
        taken = [index for index, item in enumerate(self.inputs) if single or item.name is None or item.name in known]
        if given.shell and len(self.inputs) > 1:
            taken = [index for index in taken if self.inputs[index].name is None or self.inputs[index].name in known]
        if self.opened and 0 not in taken:
            taken.insert(0, 0)  # by the label of its step
        arguments: list[Argument] = [
            (item.name if item.name in known or single else None, from_feed(item.feed), Ref(None, (index,)))
            for index, item in ((index, self.inputs[index]) for index in taken)
        ]
        bound = self._bind_again(layer, given, [(name, tree) for name, tree, _ in arguments])
        self.taken.update(taken)
        self.told[0] = tuple(
            (item.name, bound.inputs.get(item.name)) for item in layer.inputs if item.name in bound.inputs
        )
        fed = [self.inputs[index]._replace(name=name) for index, (name, _, _) in zip(taken, arguments)]
        settled = [item._replace(name=self.inputs[index].name) for index, item in zip(taken, completed(bound, fed))]
        places = dict(zip(taken, settled))
        self.inputs = tuple(places.get(index, item) for index, item in enumerate(self.inputs))
        return self._run(layer, given, place, bound, _call(layer, arguments, len(self.modules)))

    def _tensor(self, source: Stream) -> tuple[Tree, Wire]:
        """The tensor of a source and its wire; of an input of the whole, as it is settled by now."""
        if source.wire.call is None:
            if not self.inputs:
                raise LayerError("type.inputs", "nothing says what the first input is", fix="give it with -i")
            self.taken.add(source.wire.path[0])
            self.told.setdefault(source.wire.path[0], "input")
            source = source._replace(tree=from_feed(self.inputs[source.wire.path[0]].feed))
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
            if item.name and index not in self.taken and item.name in names | inner:
                self.taken.add(index)
                self.told[index] = item.name
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
        found = self.remembered.bound
        bound = found.get(key)
        if bound is None:
            bound = found[key] = self.analyser.bind(layer, given, arguments)
        return bound

    def _run(self, layer: Layer, given: Given, place: Place, bound: Bound, call: Call) -> Stream:
        call = self._with_assumed(call, bound, place.path)
        self._check_in_place(bound, call)
        self.modules.append(_module(layer, bound))
        self.add(bound, call, place)
        return outputs_of(bound, len(self.rows) - 1)

    def _check_in_place(self, bound: Bound, call: Call) -> None:
        """LayerError where it writes over what torch does not let it; how a tensor lies hangs on the rows before."""
        if bound.args.get(IN_PLACE):
            from layercli.analysis.overlap import refused

            with self.aside():
                problem = refused(self.rows, bound, call)
            if problem is not None:
                raise problem

    def _stretched(self, source: Stream, sources: Sequence[Stream], given: Given, place: Place) -> Stream:
        """A learned tensor that is joined to a batch, stretched over the batch."""
        row = self._learned(source)
        if row is None:
            return source
        shape = source.flow.shape
        batch = next((other.flow.shape for other in sources if self._learned(other) is None), shape)
        dim = given.values.get("dim", 0)
        if dim in (0, -len(shape)) or len(batch) != len(shape) or shape[0] != 1:
            return source
        expand = find("expand")
        assert expand is not None
        sizes = Given({"shape": (batch[0], *[-1] * (len(shape) - 1))}, {}, shell=True)
        return self.layer(expand, sizes, Place(f"{row.path}.expand", "", row.blocks, row.span), [source])

    def _learned(self, source: Stream) -> Row | None:
        """The row of a learned tensor; None for another source."""
        row = self.rows[source.wire.call] if source.wire.call is not None else None
        return row if row is not None and row.bound.layer.name == "param" else None

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
            self.taken.add(len(self.inputs))
            self.inputs = (*self.inputs, *completed(bound, [Input(Tensor(flow.shape, ""), item.name)]))
            if self.rows:
                self.told[len(self.inputs) - 1] = f"{path}.{item.name}"
        kwargs = {item.name: wires[item.name] for item in bound.assumed}
        return call._replace(kwargs={**call.kwargs, **kwargs})

    def unroll(self, layer: Layer, given: Given, place: Place) -> Stream:
        """A cell fed a sequence step by step, its state handed on; the weights are one module's."""
        if not layer.unroll or self.rows:
            cells = ", ".join(name for name in known_names() if name.endswith("cell"))
            message = f"--unroll feeds a cell a sequence, and {layer.name} is no cell"
            raise LayerError("spec.unroll", message, fix=f"use one of {cells}")
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
        self.told[0] = (("input", Flow(feed.shape, step.dtype)), *given_states)
        bound = self.analyser.bind(layer, given, [(None, step), *arguments])
        self.inputs = (Input(feed._replace(dtype=step.dtype)), *completed(bound, self.inputs)[1:])
        self.taken.update(range(len(self.inputs)))
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
            step_place = place._replace(path=str(time), label=f"step {time}")
            self.add(bound, call, step_place, 0 if time else None)
        return outputs_of(bound, len(self.rows) - 1)

    # --- rows ---

    def add(self, bound: Bound, call: Call, place: Place, shares: int | None = None) -> None:
        """One more row."""
        if bound.tensor_count() > MOST_TENSORS:
            raise LayerError(
                "limit.tensors", f"{bound.layer.name} would have more than {MOST_TENSORS:,} parameter tensors",
                fix="use fewer layers",
            )  # fmt: skip
        index = len(self.rows)
        op = place.op
        with self.aside():
            noted = shares is None and self.options.noted
            said = (*place.said, *notes(bound, op, first=index == 0)) if noted else ()
            reach = self._reach_of(bound, self._reaches(bound, call))
        row = Row(index, place.path, place.label, place.span, bound, call, reach, shares, said, place.blocks)
        if op is not None:
            row = row._replace(merged=len(op.branches), refers=_refers(op), handed=tuple(map(_handed, op.branches)))
        self.rows.append(row)

    def _reach_of(self, bound: Bound, reaches: Mapping[str, Field]) -> Field:
        """The receptive field of a layer's output, remembered: repeats and neighbours of a sweep share it."""
        key = (id(bound), *((name, id(field)) for name, field in reaches.items()))
        found = self.remembered.reach.get(key)
        if found is None:
            reach = _placed(receptive.after(bound, reaches), bound)
            found = self.remembered.reach[key] = (bound, reaches, reach)
        return found[2]

    def _reaches(self, bound: Bound, call: Call) -> dict[str, Field]:
        """The receptive field of each input of a call."""
        order = [item.name for item in bound.layer.inputs]
        wires = {**dict(zip(order, call.args)), **call.kwargs}
        unread = {item.name for item in bound.layer.inputs if isinstance(item, TensorIn) and item.unread}
        return {name: self._reach(wire) for name, wire in wires.items() if isinstance(wire, Ref) and name not in unread}

    def _reach(self, wire: Ref) -> Field:
        if wire.call is not None:
            return self.rows[wire.call].reach
        return receptive.START if wire.path[0] == 0 else receptive.CONSTANT

    def check_inputs(self) -> None:
        """LayerError for an input of the whole that no step takes; the first may flow by a learned tensor unread."""
        usual_dtype = self.options.dtype or "float32"
        self.inputs = tuple(
            item._replace(feed=item.feed._replace(dtype=usual_dtype))
            if isinstance(item.feed, Tensor) and not item.feed.dtype
            else item
            for item in self.inputs
        )
        for index, item in enumerate(self.inputs):
            if index not in self.taken and item.name is not None:
                raise LayerError(
                    "type.inputs", f"no step takes an input called {item.name}",
                    fix="name it as a layer's input, or as the label of an input step",
                )  # fmt: skip
            if index and index not in self.taken:
                message = f"the design takes one input, and {len(self.inputs)} are given"
                raise LayerError("type.inputs", message, fix="name the others")


def _placed(reach: Field, bound: Bound) -> Field:
    """The field without places on axes that the output has not: a product with a vector has fewer than its factors."""
    rank = len(next(tensors(bound.outputs)).shape) if bound.outputs else 0
    if reach.axes is None or all(axis.dim is None or axis.dim < rank for axis in reach.axes):
        return reach
    axes = (axis if axis.dim is None or axis.dim < rank else axis._replace(dim=None) for axis in reach.axes)
    return reach._replace(axes=tuple(axes))


def _refers(op: Op) -> tuple[str, ...]:
    keyed = [(f"{item.name}=", item.reference) for item in op.arguments if item.reference is not None]
    every = [*keyed, *(("", reference) for reference in op.references)]
    return tuple(f"{key}@{'.'.join([name, *map(str, path)])}" for key, (name, path, _) in every)


def _handed(branch: Chain) -> str:
    """A branch that is an input of the whole and nothing else, as it is written; empty for any other."""
    if not branch.steps or not all(isinstance(step.unit, Op) and step.unit.name == "input" for step in branch.steps):
        return ""
    from layercli.spec import format_spec

    return format_spec(branch)


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
