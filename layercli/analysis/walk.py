"""A spec, or a module in torch's own terms, on given inputs: one row per layer, totals, and the plan for torch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from layercli.analysis.flow import Flow, Tree, from_feed, tensors
from layercli.analysis.inputs import as_literals, completed, refused, usual
from layercli.analysis.keys import Given, from_module, from_op
from layercli.analysis.layer import MOST_TENSORS, Analyser, Bound, param_bytes
from layercli.analysis.notes import Note, notes, torch_order
from layercli.analysis.receptive import Reaches, advance
from layercli.errors import LayerError, Span
from layercli.layers import did_you_mean, find, find_torch, known_names, suggest
from layercli.layers.definition import Key, Layer, Out, TupleIn
from layercli.layers.left_out import left_out
from layercli.layers.parts import Part
from layercli.plan import ITEM_SIZE, Call, DType, Input, Module, Plan, Ref, Tensor, Wire, elements
from layercli.spec import Chain, Group, Op, Spec


class Options(NamedTuple):
    """What holds for a whole run."""

    mode: str = "train"
    dtype: str | None = None
    device: str = "auto"
    unroll: bool = False
    count_macs: bool = False
    planned: bool = True
    """Whether a plan for torch is wanted."""


class Row(NamedTuple):
    """A layer at its place in the net."""

    number: int
    path: str
    label: str
    span: Span | None
    bound: Bound
    reach: Reaches
    shares: int | None = None
    """The row whose parameters this one uses again."""
    notes: tuple[Note, ...] = ()


class Analysis(NamedTuple):
    """What the formulas say of a whole net; where it ends in an error, the rows before it."""

    source: str | None
    options: Options
    inputs: tuple[tuple[str, Tree], ...]
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]
    error: LayerError | None
    plan: Plan | None


class _Walk:
    """The state of one walk."""

    def __init__(self, analyser: Analyser, options: Options, inputs: Sequence[Input]) -> None:
        self.analyser = analyser
        self.options = options
        self.inputs = tuple(inputs)
        self.rows: list[Row] = []
        self.calls: list[Call] = []
        self.modules: list[Module] = []
        self.reach: Reaches = ()
        self.flow: Flow | None = None
        self.wire: Ref | None = None
        self.beside: dict[str, tuple[Flow, Ref]] = {}
        """The last layer's outputs after the first: the next takes those that it has an input of that name for."""
        self.named: tuple[tuple[str, Tree], ...] = ()
        self._given: dict[int, tuple[Layer, Given]] = {}
        self._bound: dict[Any, Bound] = {}

    # --- chains ---

    def chain(self, chain: Chain, prefix: str) -> None:
        for position, step in enumerate(chain.steps):
            base = f"{prefix}{step.label or position}"
            for time in range(step.repeat):
                path = base if step.repeat == 1 else f"{base}.{time}"
                if isinstance(step.unit, Group):
                    self.chain(step.unit.chain, f"{path}.")
                else:
                    self.op(step.unit, path, step.label or "")

    def op(self, op: Op, path: str, label: str) -> None:
        layer: Layer | None = None
        try:
            layer, given = self._understood(op)
            if self.options.unroll:
                self.unroll(layer, given, op)
            else:
                self.layer(layer, given, op, path, label)
        except LayerError as error:
            meant = (
                torch_order(layer, op, self._next_shape())
                if layer and error.code.startswith(("shape.", "torch."))
                else None
            )
            if meant is not None:
                error.fix = meant.fix
            raise error.located(span=op.span, path=path) from None

    def _next_shape(self) -> tuple[int, ...]:
        """The shape that the next layer is given."""
        if self.flow is not None:
            return self.flow.shape
        feed = self.inputs[0].feed if self.inputs else None
        return feed.shape if isinstance(feed, Tensor) else ()

    def _understood(self, op: Op) -> tuple[Layer, Given]:
        if id(op) not in self._given:
            layer = find(op.name)
            if layer is None:
                raise unknown_layer(op.name, op.name_span)
            self._given[id(op)] = layer, from_op(layer, op)
        return self._given[id(op)]

    # --- layers ---

    def layer(self, layer: Layer, given: Given, op: Op | None, path: str, label: str) -> None:
        """One more layer, on the inputs of the whole where it is the first."""
        if self.flow is None:
            if given.shell:
                self.inputs = as_literals(layer, self.inputs)
            arguments = [(item.name, from_feed(item.feed)) for item in self.inputs]
            bound = self.analyser.bind(layer, given, arguments)
            self.named = tuple(
                (item.name, bound.inputs.get(item.name)) for item in layer.inputs if item.name in bound.inputs
            )
            self.inputs = completed(bound, self.inputs)
            call = self._first_call(layer, bound)
        else:
            taken = {item.name: self.beside[item.name] for item in layer.inputs[1:] if item.name in self.beside}
            bound = self._bind_again(layer, given, self.flow, {name: flow for name, (flow, _) in taken.items()})
            call = Call(len(self.modules), (self.wire,), {name: wire for name, (_, wire) in taken.items()})
        call = self._with_assumed(call, bound, path)
        self.modules.append(_module(layer, bound))
        self._add(bound, call, path, label, op, None)

    def _bind_again(self, layer: Layer, given: Given, flow: Flow, beside: Mapping[str, Flow]) -> Bound:
        """Binding, remembered: a repeated step on the same shape is the same answer."""
        key = (id(given), flow, *beside.items())
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = self.analyser.bind(layer, given, [(None, flow), *beside.items()])
        return bound

    def _first_call(self, layer: Layer, bound: Bound) -> Call:
        """The first layer's arguments, wired to the inputs of the whole."""
        args: list[Wire] = []
        kwargs: dict[str, Wire] = {}
        inner = {part.name: item for item in layer.inputs if isinstance(item, TupleIn) for part in item.items}
        gathered: dict[str, dict[str, Ref]] = {}
        for index, item in enumerate(self.inputs):
            if item.name in inner:
                gathered.setdefault(inner[item.name].name, {})[item.name] = Ref(None, (index,))
            elif item.name is None:
                args.append(Ref(None, (index,)))
            else:
                kwargs[item.name] = Ref(None, (index,))
        for name, parts in gathered.items():
            outer = next(item for item in layer.inputs if item.name == name)
            assert isinstance(outer, TupleIn)
            kwargs[name] = tuple(parts[part.name] for part in outer.items)
        return Call(len(self.modules), tuple(args), kwargs)

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
            self.inputs = (*self.inputs, *completed(bound, [Input(Tensor(flow.shape, ""), item.name)]))
            if self.rows:
                self.named = (*self.named, (f"{path}.{item.name}", flow))
        kwargs = {item.name: wires[item.name] for item in bound.assumed}
        return call._replace(kwargs={**call.kwargs, **kwargs})

    def unroll(self, layer: Layer, given: Given, op: Op) -> None:
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
        initial = self._first_call(layer, bound)
        self.modules.append(_module(layer, bound))
        for time in range(feed.shape[0]):
            args: tuple[Wire, ...] = (Ref(None, (0, time)),)
            if time == 0:
                call = initial._replace(args=(*args, *initial.args[1:]))
            else:
                bound = self._step(layer, given, step, bound)
                single = len(bound.outputs) == 1
                state: Wire = Ref(time - 1) if single else tuple(Ref(time - 1, (i,)) for i in range(len(bound.outputs)))
                call = Call(0, (*args, state))
            self._add(bound, call, str(time), f"step {time}", op, 0 if time else None)

    def _step(self, layer: Layer, given: Given, step: Flow, before: Bound) -> Bound:
        state = before.outputs[0] if len(before.outputs) == 1 else before.outputs
        key = (id(given), step, state)
        if key not in self._bound:
            self._bound[key] = self.analyser.bind(layer, given, [(None, step), (None, state)])
        return self._bound[key]

    def _add(self, bound: Bound, call: Call, path: str, label: str, op: Op | None, shares: int | None) -> None:
        if bound.tensor_count() > MOST_TENSORS:
            raise LayerError(
                "limit.tensors", f"{bound.layer.name} would have more than {MOST_TENSORS:,} parameter tensors",
                fix="use fewer layers",
            )  # fmt: skip
        index = len(self.rows)
        self.reach = advance(self.reach, bound)
        said = tuple(notes(bound, op, first=index == 0)) if shares is None else ()
        self.rows.append(Row(index, path, label, op.span if op else None, bound, self.reach, shares, said))
        self.calls.append(call)
        first = bound.outputs[0]
        self.flow = next(tensors(bound.outputs))
        self.beside = {
            out.name: (flow, Ref(index, (place,)))
            for place, (out, flow) in enumerate(zip(bound.layer.outputs, bound.outputs))
            if place and isinstance(out, Out) and isinstance(flow, Flow)
        }
        self.wire = Ref(index) if len(bound.outputs) == 1 and isinstance(first, Flow) else Ref(index, (0,))


def _module(layer: Layer, bound: Bound) -> Module:
    """What torch is to build: what was given as it was given, and what was inferred."""
    given = bound.given.values
    kwargs = {
        key.name: given[key.name] if key.name in given and not _made(key, bound) else bound.args[key.name]
        for key in layer.keys
        if key.name in given or (bound.given.shell and key.infer is not None) or _made(key, bound)
    }
    if bound.given.dtype:
        kwargs["dtype"] = DType(bound.given.dtype)
    return Module(layer.torch, (), kwargs)


def _made(key: Key, bound: Bound) -> bool:
    """Whether the key holds a module that the command line describes by its keys."""
    return bound.given.shell and isinstance(key.kind, Part)


def unknown_layer(name: str, span: Span | None) -> LayerError:
    """The error for a name that no layer has."""
    why = left_out(name)
    if why:
        return LayerError("spec.unknown-layer", f"{name} is no layer: it is {why}", span=span, fix=_WRITE_A_CHAIN)
    near = suggest(name)
    lower = find(name.lower())
    fix = did_you_mean(near, "layercli list shows every layer")
    return LayerError(
        "spec.unknown-layer", f"there is no layer {name[:60]!r}",
        span=span, fix=f"write {lower.name}" if lower else fix, suggestions=(lower.name,) if lower else near,
    )  # fmt: skip


_WRITE_A_CHAIN = 'write layers, a chain of them as "conv2d 8 3 | relu"'


def analyse_spec(spec: Spec, inputs: Sequence[Input], options: Options, analyser: Analyser | None = None) -> Analysis:
    """A chain in the shell's notation; without inputs, on the first layer's default."""
    said: tuple[Note, ...] = ()
    if not inputs:
        first = _first_op(spec.chain)
        layer = find(first.name)
        shape = layer.default_input if layer else ()
        if layer and options.unroll:
            shape = (5, *shape)
        if layer:
            inputs = (Input(Tensor(shape, "")),)
            written = ",".join(map(str, shape))
            said = (Note("input.default", f"no input given: {written} is taken", "give your own with -i"),)
    walk = _Walk(analyser or Analyser(options.mode, options.dtype), options, inputs)
    return _finish(walk, spec.source, said, lambda: walk.chain(spec.chain, ""))


def analyse_module(
    module: Module, inputs: Sequence[Input], options: Options, analyser: Analyser | None = None
) -> Analysis:
    """One module in torch's own terms, on these inputs."""
    walk = _Walk(analyser or Analyser(options.mode, options.dtype), options, inputs)

    def run() -> None:
        layer = find_torch(module.torch)
        if layer is None:
            meant = find(module.torch.rpartition(".")[2].lower())
            if meant is None:
                raise unknown_layer(module.torch, None)
            raise LayerError(
                "spec.unknown-layer", f"torch.nn has no {module.torch[:60]!r}", fix=f"write {meant.torch}",
                suggestions=(meant.torch,),
            )  # fmt: skip
        walk.layer(layer, from_module(layer, module), None, "0", "")

    return _finish(walk, None, (), run)


def _finish(walk: _Walk, source: str | None, said: tuple[Note, ...], run: Any) -> Analysis:
    error = None
    try:
        for item in walk.inputs:
            problem = refused(item)
            if problem is not None:
                raise problem
        run()
    except LayerError as raised:
        error = raised.located(source)
    inputs = walk.named or tuple(
        (item.name or "input", usual(from_feed(item.feed), walk.options.dtype)) for item in walk.inputs
    )
    plan = _plan(walk) if error is None and walk.options.planned else None
    return Analysis(source, walk.options, inputs, tuple(walk.rows), said, error, plan)


def _first_op(chain: Chain) -> Op:
    unit = chain.steps[0].unit
    while isinstance(unit, Group):
        unit = unit.chain.steps[0].unit
    return unit


def _plan(walk: _Walk) -> Plan:
    held = sum(param_bytes(row.bound) for row in walk.rows if row.shares is None)
    held += sum(_bytes(flow) for row in walk.rows for flow in tensors(row.bound.outputs))
    held += sum(_bytes(flow) for item in walk.inputs for flow in tensors(from_feed(item.feed)))
    macs = sum(row.bound.macs or 0 for row in walk.rows)
    steps = sum(row.bound.sizes["steps"] for row in walk.rows)
    options = walk.options
    return Plan(
        tuple(walk.modules), walk.inputs, tuple(walk.calls), options.mode, options.dtype, options.device,
        (held, macs, steps), options.count_macs,
    )  # fmt: skip


def _bytes(flow: Flow) -> int:
    return elements(flow.shape) * ITEM_SIZE[flow.dtype]


def every_note(analysis: Analysis) -> Iterator[Note]:
    """The whole's notes and each row's, with the row's path."""
    yield from analysis.notes
    for row in analysis.rows:
        for note in row.notes:
            yield note._replace(path=row.path)
