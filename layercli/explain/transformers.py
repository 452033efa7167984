"""Transformers: a layer with its short cuts, norms and sizes, and stacks of layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from layercli.analysis.flow import Flow as Tensor
from layercli.explain.attention import masks
from layercli.explain.boxes import join, op, tensor, written_shape
from layercli.explain.diagram import Above, Diagram, Flow, Node, Picture, Wire
from layercli.explain.subject import Subject

_SIDE, _MEMORY = 1, 2
"""The rows of the short cuts, and of what an encoder made."""
_HINTS = {
    "is_causal": "mask",
    "src_is_causal": "src_mask",
    "tgt_is_causal": "tgt_mask",
    "memory_is_causal": "memory_mask",
}


def draw(subject: Subject) -> Diagram:
    """A layer, or a stack and one of its layers, or encoder and decoder."""
    name = subject.layer.name
    if name == "transformer":
        return Diagram(_whole(subject))
    decodes = "decoder" in name
    layer = _decoder_layer(subject) if decodes else _encoder_layer(subject)
    if name.endswith("layer"):
        return Diagram(layer)
    parts: tuple[Picture, ...] = (_stack(subject, decodes), layer._replace(title=f"each of the layers: {layer.title}"))
    return Diagram(Above(parts))


class _Lane:
    """A layer as it is built: its parts one after the other, each with a short cut from its input to its output."""

    def __init__(self, subject: Subject, source: Node) -> None:
        self.subject = subject
        self.nodes, self.last, self.column = [source], source.name, 1
        self.wires: list[Wire] = []
        self.norms = 0

    def go(self, node: Node, *more: Wire) -> None:
        """A box behind the last one; ``more`` wires lead to it too."""
        self.nodes.append(node)
        self.wires += [Wire(self.last, node.name), *more]
        self.last, self.column = node.name, self.column + 1

    def norm(self) -> None:
        """The next layer norm."""
        self.norms += 1
        name = f"norm{self.norms}"
        self.go(op(name, [name, f"over {self.subject.size('d')}"], self.column, 0))

    def part(self, name: str, lines: Sequence[str], memory: str = "") -> None:
        """Attention or linear layers, to whose output the input is added; the norm is before them or after that."""
        first, begin = bool(self.subject.bound.variant.known["norm_first"]), self.last
        if first:
            self.norm()
        self.go(op(name, lines, self.column, 0), *([Wire(memory, name)] if memory else []))
        total = f"{name} added"
        self.go(join(total, "+", self.column, 0), Wire(begin, total, via=_SIDE))
        if not first:
            self.norm()

    def flow(self, title: str) -> Flow:
        """All of it, with the output."""
        shape = self.subject.given.shape
        self.go(tensor("output", "output", shape, self.column, 0))
        when = "before each part" if self.subject.bound.variant.known["norm_first"] else "after each sum"
        note = f"every box gives {written_shape(shape)}; norms come {when}"
        dropout = self.subject.bound.sizes["dropout"]
        note += f"; dropout {dropout} inside and after each part, in train mode" if dropout else ""
        return Flow(tuple(self.nodes), tuple(self.wires), title, note)


def _encoder_layer(subject: Subject) -> Flow:
    stacked = subject.layer.name == "transformerencoder"
    lane = _Lane(subject, tensor("src", "src", subject.fed.shape, 0, 0))
    lane.part("self-attention", _attention(subject, "self-attention", "mask" if stacked else "src_mask", "src"))
    lane.part("feed-forward", _feed_forward(subject))
    return lane.flow("an encoder layer")


def _decoder_layer(subject: Subject) -> Flow:
    memory = subject.bound.inputs["memory"]
    assert isinstance(memory, Tensor)
    lane = _Lane(subject, tensor("tgt", "tgt", subject.fed.shape, 0, 0))
    lane.nodes.append(tensor("memory", "memory", memory.shape, 0, _MEMORY))
    lane.part("self-attention", _attention(subject, "self-attention", "tgt_mask", "tgt"))
    lane.part("attention", _attention(subject, "attention to memory", "memory_mask", "memory"), "memory")
    lane.part("feed-forward", _feed_forward(subject))
    return lane.flow("a decoder layer")


def _attention(subject: Subject, title: str, mask: str, of: str) -> list[str]:
    heads, width = subject.size("heads"), subject.size("d")
    dealt = f"{heads} heads of {width // heads}" if heads > 1 else "1 head"
    return [title, dealt, *_masked(subject, (mask, f"{of}_key_padding_mask"))]


def _masked(subject: Subject, names: Sequence[str]) -> list[str]:
    """The masks that are given, and which of them are said to be causal."""
    hints = {
        mask for hint, mask in _HINTS.items() if getattr(subject.bound.inputs.get(hint), "value", False) is True
    }  # fmt: skip
    if "mask" in hints:  # an encoder layer calls its hint is_causal, and its mask src_mask
        hints.add("src_mask")
    return [line + (", causal" if line[2:] in hints else "") for line in masks(subject, *names)]


def _feed_forward(subject: Subject) -> list[str]:
    width, inner = subject.size("d"), subject.size("ff")
    return ["feed-forward", f"{width} to {inner}, {_activation(subject)}", f"{inner} to {width}"]


def _activation(subject: Subject) -> str:
    """By name. A decoder that is stacked is copied, and a copy forgets an activation that is a module: relu then."""
    word = str(subject.bound.variant.known["activation"])
    stacked = subject.args.get("decoder_layer")
    if stacked is not None and not isinstance(stacked.kwargs.get("activation", "relu"), str):
        return "relu"
    return "activation" if word == "other" else word


# --- stacks ----------------------------------------------------------------------------------------------------------


def _stack(subject: Subject, decodes: bool) -> Flow:
    """Layers of one kind, one after the other, and the norm at the end."""
    shape, count = subject.fed.shape, subject.size("layers")
    source = "tgt" if decodes else "src"
    names = ("tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask")
    lines = _layers(subject, "decoder" if decodes else "encoder", count, "layers.0.")
    lines += _masked(subject, names if decodes else ("mask", "src_key_padding_mask"))
    nodes = [tensor(source, source, shape, 0, 0), op("layers", lines, 1, 0)]
    wires = [Wire(source, "layers")]
    if decodes:
        memory = subject.bound.inputs["memory"]
        assert isinstance(memory, Tensor)
        nodes.append(tensor("memory", "memory", memory.shape, 0, 1))
        wires.append(Wire("memory", "layers"))
    last, column = "layers", 2
    if subject.args["norm"] is not None:
        over = [size for name, size in subject.bound.sizes.items() if name.removeprefix("norm_S").isdigit()]
        nodes.append(op("norm", ["norm", f"over {written_shape(over)}"], 2, 0))
        wires.append(Wire("layers", "norm"))
        last, column = "norm", 3
    nodes.append(tensor("output", "output", subject.given.shape, column, 0))
    wires.append(Wire(last, "output"))
    note = f"{subject.bound.params:,} parameters in all"
    note += "; every layer looks at the same memory" if decodes else ""
    return Flow(tuple(nodes), tuple(wires), f"a stack of {count} layer" + ("s" if count > 1 else ""), note)


def _layers(subject: Subject, kind: str, count: int, prefix: str) -> list[str]:
    """What is said of so many layers."""
    shapes = subject.bound.tensors(subject.bound.variant.params).items()
    each = sum(prod(shape) for name, shape in shapes if name.startswith(prefix))
    return [f"{count} x {kind} layer", f"{each:,} parameters each"]


def _whole(subject: Subject) -> Flow:
    """The encoder above, whose memory each layer of the decoder looks at."""
    target = subject.bound.inputs["tgt"]
    assert isinstance(target, Tensor)
    encoder = _layers(subject, "encoder", subject.size("enc"), "encoder.layers.0.")
    decoder = _layers(subject, "decoder", subject.size("dec"), "decoder.layers.0.")
    encoder += _masked(subject, ("src_mask", "src_key_padding_mask"))
    masked = ("tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask")
    width = f"over {subject.size('d')}"
    nodes = (
        tensor("src", "src", subject.fed.shape, 0, 0), op("encoder", encoder, 1, 0), op("norm", ["norm", width], 2, 0),
        tensor("tgt", "tgt", target.shape, 0, 1), op("decoder", [*decoder, *_masked(subject, masked)], 3, 1),
        op("last norm", ["norm", width], 4, 1), tensor("output", "output", subject.given.shape, 5, 1),
    )  # fmt: skip
    memory = f"memory {written_shape(subject.fed.shape)}"
    wires = (
        Wire("src", "encoder"), Wire("encoder", "norm"), Wire("norm", "decoder", memory), Wire("tgt", "decoder"),
        Wire("decoder", "last norm"), Wire("last norm", "output"),
    )  # fmt: skip
    parts = [*_attention(subject, "attention", "", "")[1:], ", ".join(_feed_forward(subject))]
    note = f"each layer: {'; '.join(parts)}; {subject.bound.params:,} parameters in all"
    return Flow(nodes, wires, "encoder and decoder", note)
