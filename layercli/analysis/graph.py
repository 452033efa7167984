"""The walk over a design: steps one after another, branches on the same value, references to labelled steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from layercli.analysis.flow import Flow, from_feed
from layercli.analysis.keys import Given, from_op
from layercli.analysis.layer import Analyser
from layercli.analysis.net import Net
from layercli.analysis.remembered import Remembered
from layercli.analysis.rows import Block, Options, Place
from layercli.analysis.settle import read
from layercli.analysis.stream import Stream
from layercli.errors import LayerError
from layercli.layers import find
from layercli.layers.definition import Layer
from layercli.plan import Call, Input, Module, Ref, Tensor
from layercli.spec import Call as PythonCall
from layercli.spec import Chain, Custom, Group, Op, Step

_CHANGED = ("rows", "modules", "told", "taken", "called", "_labels")
_REPLACED = ("inputs", "opened", "opaque", "why_opaque")
"""What of a walk its steps change: in place, or by putting another value there."""


class Walk(Net):
    """The state of one walk."""

    def __init__(
        self, analyser: Analyser, options: Options, inputs: Sequence[Input], remembered: Remembered | None = None
    ) -> None:
        super().__init__(analyser, options, inputs, remembered)
        self.output: Stream | None = None
        """What the whole gives."""
        self.opaque = ""
        """The class of the user's own that was met: what comes after it has no known shape."""
        self.why_opaque = ""
        """Why that is not known."""
        self.called: set[int] = set()
        """The rows that are modules in PyTorch's notation: what one gives goes to the next as it is."""
        self._labels: dict[str, Stream] = {}
        self._further: frozenset[str] = frozenset()
        """The labels of input steps."""

    # --- chains ---

    def whole(self, chain: Chain) -> None:
        """The design."""
        if any(item.name is not None for item in self.inputs):
            from layercli.analysis.complaints import unknown_input

            problem = unknown_input(chain, [item.name for item in self.inputs])
            if problem is not None:
                raise problem
        self._further = frozenset(_input_labels(chain))
        self.output = self.chain(chain, "", *self._begun(chain))
        self.check_inputs()
        if not self.rows:
            raise LayerError(
                "spec.no-layer", "the design has no layer: input says only what is fed to one", span=chain.span,
                fix='write the layers behind it: "input 1,3,32,32 | conv2d 8 3"',
            )  # fmt: skip

    def _begun(self, chain: Chain) -> tuple[Stream, tuple[Block, ...], int]:
        """Where the walk starts: behind the steps that the last design began with too, if that is remembered."""
        trail, done = self.remembered.trail, 0
        if trail is None:
            return self.start(), (), 0
        if self.inputs == self.remembered.fed:
            while done < min(len(trail), len(chain.steps)) and trail[done][0] is chain.steps[done]:
                done += 1
        self.remembered.fed = self.inputs
        del trail[done:]
        if not done:
            return self.start(), (), 0
        stream: Stream = self._restored(trail[-1][1])
        return stream, (), done

    def _state(self, stream: Stream) -> dict[str, Any]:
        """The state behind a step: what later steps change is copied."""
        copied = {name: getattr(self, name).copy() for name in _CHANGED}
        return {**copied, **{name: getattr(self, name) for name in _REPLACED}, "stream": stream}

    def _restored(self, state: dict[str, Any]) -> Any:
        for name in _CHANGED:
            setattr(self, name, state[name].copy())
        for name in _REPLACED:
            setattr(self, name, state[name])
        return state["stream"]

    def chain(self, chain: Chain, prefix: str, stream: Stream, blocks: tuple[Block, ...], done: int = 0) -> Stream:
        """The steps of a chain, one after another; so many of them are done."""
        trail = self.remembered.trail if not prefix else None
        for position, step in enumerate(chain.steps[done:], done):
            base = f"{prefix}{step.label or position}"
            for time in range(step.repeat):
                path, inside = base, blocks
                if step.repeat > 1:
                    path = f"{base}.{time}"
                    inside = (*blocks, Block("repeat", base, step.label or "", time, step.repeat))
                stream = self.step(step, path, stream, inside)
            if step.label:
                self._labels[step.label] = stream
            if trail is not None:
                trail.append((step, self._state(stream)))
        return stream

    def step(self, step: Step, path: str, stream: Stream, blocks: tuple[Block, ...]) -> Stream:
        """One step, once."""
        unit, label = step.unit, step.label or ""
        if isinstance(unit, Group):
            named = blocks if step.repeat > 1 else (*blocks, Block("group", path, label))
            return self.chain(unit.chain, f"{path}.", stream, named)
        place = Place(path, label, blocks, unit.span, unit if isinstance(unit, Op) else None)
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
                return self.source(layer, given, place)
            if self.options.unroll:
                return self.unroll(layer, given, place)
            keyed = self.keyed(layer, op)
            sources = self.sources(layer, op, place, stream)
            if layer.name == "pick":
                return self.pick(layer, given, place, sources[0])
            return self.layer(self.for_count(layer, op, sources, keyed), given, place, sources, keyed)
        except LayerError as error:
            if layer is not None and not error.path and error.code.startswith(("shape.", "torch.")):
                from layercli.analysis.complaints import explain

                explain(error, layer, given, op, sources, self.rows)
            raise error.located(span=op.span, path=place.path) from None

    def understood(self, op: Op) -> tuple[Layer, Given]:
        """The layer that an op names and the keys that were written, remembered."""
        found = self.remembered.given.get(id(op))
        if found is None:
            layer = find(op.name)
            if layer is None:
                from layercli.analysis.complaints import unknown_layer

                raise unknown_layer(op.name, op.name_span)
            found = self.remembered.given[id(op)] = op, layer, from_op(layer, op)
        return found[1:]

    def sources(self, layer: Layer, op: Op, place: Place, stream: Stream) -> list[Stream]:
        """What a step is fed: its references and branches, the stream where it has none of them, or beside them."""
        if op.branches and layer.several is None and len(layer.inputs) == 1:
            raise LayerError(
                "spec.branches", f"{layer.name} takes one input, and no branches", span=op.span,
                fix=f"put what comes before it in front: … | {layer.name}",
            )  # fmt: skip
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
        if found:
            return found if op.branches or not takes_several else [stream, *found]
        named = (argument.name for argument in op.arguments if argument.reference is not None)
        return [] if layer.inputs[0].name in named else [stream]

    def keyed(self, layer: Layer, op: Op) -> list[tuple[str, Stream]]:
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

    def for_count(self, layer: Layer, op: Op, sources: Sequence[Stream], keyed: Sequence[tuple[str, Stream]]) -> Layer:
        """A step that merges, for so many inputs."""
        count = len(sources)
        if layer.several is None:
            needed = sum(not item.optional for item in layer.inputs) if layer.operation else 0
            if count == 1 < needed and not keyed and not self.first(sources):
                raise _nothing_to_merge(layer, op)
            return layer
        if count == 1 and self.first(sources) and not op.branches:
            count = len(self.inputs)  # layercli add -i 1,8,16,16 -i 1,8,1,1
        if count < 2:
            raise _nothing_to_merge(layer, op)
        return layer.several(count)

    # --- steps that are no layers ---

    def source(self, layer: Layer, given: Given, place: Place) -> Stream:
        """``input``: the first one opens the design, others are further inputs of it; -i overrides both."""
        bound = self.analyser.bind(layer, given, [])
        dtype = "" if bound.args["dtype"] == "none" else bound.args["dtype"]
        behind = any(block.number for block in place.blocks if block.kind == "branch")
        opens = not self.opened and not self.rows and not behind
        self.opened = True
        name = place.label or None
        if opens:
            index = self.opening(name, Tensor(bound.args["shape"], dtype))
        else:
            index = next((i for i, item in enumerate(self.inputs) if name and item.name == name), len(self.inputs))
        if not opens and index == 0:
            raise LayerError("type.inputs", "nothing says what the first input is", fix="give it with -i")
        if index == len(self.inputs):
            self.inputs = (*self.inputs, Input(Tensor(bound.args["shape"], dtype), name))
        elif dtype and isinstance(feed := self.inputs[index].feed, Tensor) and not feed.dtype:
            item = self.inputs[index]._replace(feed=feed._replace(dtype=dtype))
            self.inputs = (*self.inputs[:index], item, *self.inputs[index + 1 :])
        tree = from_feed(self.inputs[index].feed)
        if not opens:
            self.taken.add(index)
            self.told[index] = name or f"input{index}"
        return Stream(tree, Ref(None, (index,)))

    def opening(self, name: str | None, otherwise: Tensor) -> int:
        """The number of the first input, which is the step's own where -i gives none for it."""
        called = [item.name for item in self.inputs]
        mine = [index for index, other in enumerate(called) if other is None or other not in self._further]
        index = called.index(name) if name in called else next(iter(mine), None)
        first = Input(otherwise) if index is None else self.inputs[index]
        self.inputs = (first, *(item for other, item in enumerate(self.inputs) if other != index))
        return 0

    def pick(self, layer: Layer, given: Given, place: Place, source: Stream) -> Stream:
        """Another output of the step before."""
        path = read("output", layer.keys[0].kind, given.values.get("output", 0), given.spans.get("output"))
        before = self.rows[source.wire.call].bound.layer.name if source.wire.call is not None else "the input"
        return self.layer(layer, given, place, [source.at(path, before)])

    def python(self, unit: PythonCall | Custom, place: Place, stream: Stream) -> Stream:
        """A module in PyTorch's notation."""
        from layercli.analysis.complaints import several_outputs
        from layercli.analysis.opaque import own
        from layercli.analysis.pytorch import from_call

        try:
            why = own(unit)
            if why and not self.opaque:
                self.opaque, self.why_opaque = unit.name, why
            if self.opaque:
                return self.unknown(unit, place, why or f"it stands behind {self.opaque}, whose output is not known")
            assert isinstance(unit, PythonCall)
            layer, given, said = from_call(unit)
            before = stream.wire.call
            if before is not None and before in self.called and not isinstance(stream.tree, Flow):
                raise several_outputs(self.rows[before], layer)
            self.called.add(len(self.rows))
            return self.layer(layer, given, place._replace(said=said), [stream])
        except LayerError as error:
            if error.code.startswith("shape."):
                from layercli.analysis.complaints import why_it_does_not_fit

                why_it_does_not_fit(error, self.rows, stream)
            raise error.located(span=unit.span, path=place.path) from None

    def unknown(self, unit: PythonCall | Custom, place: Place, why: str) -> Stream:
        """A module of a printed model of which only the weights are known."""
        from layercli.analysis.opaque import opaque

        bound = opaque(self.analyser, unit, why)
        self.modules.append(Module(unit.name))
        self.add(bound, Call(len(self.modules) - 1, ()), place)
        return Stream((), Ref(len(self.rows) - 1))


def _nothing_to_merge(layer: Layer, op: Op) -> LayerError:
    given = "one branch" if op.branches else "nothing to merge with"
    fix = f"write {layer.name}( … ; ), an empty branch is the input itself" if op.branches else (
        f"write {layer.name}( … ; … ), or {layer.name} @label"
    )  # fmt: skip
    return LayerError("spec.merge", f"{layer.name} has {given}", span=op.span, fix=fix)


def _input_labels(chain: Chain) -> Iterator[str]:
    """The labels of the steps that stand for inputs."""
    for step in chain.steps:
        if isinstance(step.unit, Group):
            yield from _input_labels(step.unit.chain)
        elif isinstance(step.unit, Op):
            if step.unit.name == "input" and step.label:
                yield step.label
            for branch in step.unit.branches:
                yield from _input_labels(branch)
