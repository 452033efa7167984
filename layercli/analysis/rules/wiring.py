"""A design as the rules see it: its rows, who makes what a row is fed, who reads what it gives."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from layercli.analysis.flow import Flow
from layercli.analysis.in_place import may_write
from layercli.analysis.rows import Row
from layercli.analysis.rules.overwritten import Overwritten, nobody_gives
from layercli.plan import Ref, refs

IDENTITY = frozenset({"identity"})


class Use(NamedTuple):
    """One reading of a row's output: by which row, and which of the outputs."""

    row: Row
    path: tuple[int, ...]


class Wiring:
    """See the module's docstring; ``end``: the row that the whole's output comes from, the last where not said."""

    def __init__(self, rows: Sequence[Row], end: int | None = None) -> None:
        self.rows = rows
        self.end = len(rows) - 1 if end is None else end
        self.uses: list[list[Use]] = [[] for _ in rows]
        """By row: who reads it."""
        self.ranges: dict[int, Any] = {}
        """By row, between which numbers its output lies, as far as that was asked."""
        self.shared: set[int] = set()
        """Rows of whose output somebody reads a part, or what became of it: where something is written in place."""
        self._feeds: list[tuple[tuple[str, Ref], ...]] = []
        self._by_name: dict[str, list[Row]] = {}
        self._over = Overwritten(IDENTITY) if any(may_write(row.bound) for row in rows) else None
        for row in rows:
            feeds = tuple((name, self._read(ref)) for name, ref in _feeds(row))
            self._feeds.append(feeds)
            self._by_name.setdefault(kind(row), []).append(row)
            for _, ref in feeds:
                if ref.call is not None:
                    self.uses[ref.call].append(Use(row, ref.path))
            if self._over is not None:
                self._over.done(row, kind(row), next((ref for _, ref in _feeds(row)), None))
        if rows:
            self.end = self._read(Ref(self.end)).call or self.end

    def _read(self, ref: Ref) -> Ref:
        """Who gives what this wire brings, by now."""
        if self._over is None:
            return ref
        found, writer = self._over.read(ref)
        if writer is not None:
            self.shared.update(number for number in (writer, ref.call) if number is not None)
        return found

    def of(self, names: Iterable[str]) -> Iterator[Row]:
        """The rows of these layers, lazy ones among them."""
        for name in names:
            yield from self._by_name.get(name, ())

    def feed(self, row: Row, name: str = "") -> Ref | None:
        """Where the input of this name comes from, the first where none is said."""
        feeds = self._feeds[row.number]
        return next((ref for of, ref in feeds if not name or of == name), None)

    def named(self, row: Row) -> tuple[tuple[str, Ref], ...]:
        """Where its inputs come from, by their names."""
        return self._feeds[row.number]

    def feeds(self, row: Row) -> tuple[Ref, ...]:
        """Where its inputs come from."""
        return tuple(ref for _, ref in self._feeds[row.number])

    def maker(self, ref: Ref | None, across: frozenset[str] = IDENTITY) -> Row | None:
        """The row that gives this tensor as its first output, looked for across layers of these names."""
        while ref is not None and ref.call is not None and not any(ref.path):
            row = self.rows[ref.call]
            if kind(row) not in across:
                return row
            ref = self.feed(row)
        return None

    def before(self, row: Row, across: frozenset[str] = IDENTITY, name: str = "") -> Row | None:
        """The row whose first output this one is fed."""
        return self.maker(self.feed(row, name), across)

    def after(self, row: Row, across: frozenset[str] = IDENTITY) -> Row | None:
        """The one row that reads this one, where nothing else does and its output is not the whole's."""
        while row.number != self.end and row.number not in self.shared:
            uses = self.uses[row.number]
            if len(uses) != 1 or any(uses[0].path):
                return None
            row = uses[0].row
            if kind(row) not in across:
                return row
        return None

    def readers(self, row: Row) -> list[Row] | None:
        """All rows that read the tensor that this one is fed, itself among them; None where that is not known.

        Steps that give what they are fed are looked through, both ways.
        """
        ref = self.feed(row)
        while ref is not None and ref.call is not None and kind(self.rows[ref.call]) in IDENTITY:
            ref = self.feed(self.rows[ref.call])
        found: list[Row] = []
        waiting = [ref]
        while waiting:
            ref = waiting.pop()
            if ref is None or nobody_gives(ref) or ref.call == self.end or ref.call in self.shared:
                return None
            for other in self._reading(ref):
                if kind(other) in IDENTITY:
                    waiting.append(Ref(other.number))
                else:
                    found.append(other)
        return found

    def _reading(self, ref: Ref) -> list[Row]:
        if ref.call is None:
            return [other for other in self.rows if ref in self.feeds(other)]
        return [use.row for use in self.uses[ref.call] if use.path == ref.path]


def kind(row: Row) -> str:
    """The layer's name; a lazy one's is that of its ordinary class."""
    return row.bound.layer.name.removeprefix("lazy")


def fed(row: Row) -> Flow:
    """The first tensor that goes in."""
    value = row.bound.inputs[row.bound.layer.inputs[0].name]
    return value if isinstance(value, Flow) else Flow((), "")


def given(row: Row) -> Flow:
    """The first tensor that comes out."""
    value = row.bound.outputs[0] if row.bound.outputs else None
    return value if isinstance(value, Flow) else Flow((), "")


def ranks(*names: str) -> frozenset[str]:
    """The layers of these names over one, two and three axes."""
    return frozenset(f"{name}{rank}d" for name in names for rank in (1, 2, 3))


def words(text: str) -> frozenset[str]:
    """The names that a text lists."""
    return frozenset(text.split())


def _feeds(row: Row) -> Iterator[tuple[str, Ref]]:
    names = [item.name for item in row.bound.layer.inputs]
    for name, wire in (*zip(names, row.call.args), *row.call.kwargs.items()):
        for ref in refs(wire):
            yield name, ref


CONVS = ranks("conv")
TRANSPOSED = ranks("convtranspose")
POOLS = ranks("maxpool", "avgpool", "lppool")
AVERAGES = ranks("avgpool")
ADAPTIVE = ranks("adaptiveavgpool", "adaptivemaxpool")
BATCH_NORMS = ranks("batchnorm") | {"syncbatchnorm"}
INSTANCE_NORMS = ranks("instancenorm")
DROPOUTS = ranks("dropout") | {"dropout"}
ALPHA_DROPOUTS = frozenset({"alphadropout", "featurealphadropout"})
"""Those that set numbers to SELU's floor, and shift and scale the others."""
ELEMENTWISE = frozenset({"add", "sub", "mul", "maximum", "minimum"})
RECURRENT = frozenset({"rnn", "lstm", "gru"})
ACTIVATIONS = words(
    "relu relu6 leakyrelu rrelu elu celu selu softplus threshold gelu silu mish hardswish sigmoid tanh logsigmoid "
    "hardsigmoid hardtanh softsign tanhshrink hardshrink softshrink prelu"
)
"""Those that work on each number by itself."""
POINTWISE = ACTIVATIONS | BATCH_NORMS | INSTANCE_NORMS | DROPOUTS | ALPHA_DROPOUTS | IDENTITY | {"groupnorm"}
"""Those that keep every number in its place; norms are taken for such, whose statistics only scale and shift."""
