"""What a definition says of the receptive field beyond sliding windows: cells spread or sampled, axes mixed or moved.

A layer's ``window`` is taken first, then its ``reach``. Rules speak of the axes of the first output's tensor in the
order torch has them. What they come to is worked out in :mod:`layercli.analysis.receptive`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from layercli.formula import Expr

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Any:
        return lambda cls: cls


Place: TypeAlias = int | str | Expr
"""An axis: a number as torch counts, the key that holds it (or several of them, none meaning all), or a formula."""


@dataclass_transform(frozen_default=True)
class Rule:
    """A value whose fields are what its class annotates; many classes at a tenth of a NamedTuple's cost to define."""

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = type(self).__annotations__
        given = {**dict(zip(fields, values, strict=False)), **named}
        missing = [name for name in fields if name not in given and not hasattr(type(self), name)]
        if missing or len(values) > len(fields) or not given.keys() <= fields.keys():
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(fields)}, not {values} {named}")
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} does not change")

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, name) for name in type(self).__annotations__)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


# --- along the last axes: how cells are read -------------------------------------------------------------------------


class Spread(Rule):
    """Along one axis: each input cell is spread over a kernel, as a transposed convolution does."""

    kernel: Expr
    stride: Expr
    padding: Expr
    dilation: Expr


class Spreads(Rule):
    """The last axes, each spread in its own way; ``mixes``: whether that mixes the axis before them, the channels."""

    axes: tuple[Spread, ...]
    mixes: bool = False


class Shares(Rule):
    """The cells of so many last axes are shared out evenly over those of the output: adaptive pooling."""

    last: int


class Samples(Rule):
    """All axes behind batch and channels are sampled anew: upsampling.

    ``mode``: torch's word; ``corners``: whether the centres of the corner cells stay where they are; ``factors``: what
    each of the last axes is multiplied by, 0 where the sizes say it.
    """

    mode: Expr
    corners: Expr
    factors: tuple[Expr, ...]


class Shifts(Rule):
    """Each cell along the last axes is one of the input's, further on by what was put before; negative is a crop."""

    before: tuple[Expr, ...]


class Pads(Rule):
    """As :class:`Shifts`, by the key that lists two numbers for each of the last axes, the last axis first."""

    key: str


class Crops(Rule):
    """The middle of every axis that becomes shorter; of an odd surplus the larger half goes at the end."""


class Hides(Rule):
    """What is read along so many last axes is not known; why stands in the layer's ``window_unknown``."""

    last: int


# --- whole axes: mixed, moved, joined --------------------------------------------------------------------------------


class Mixes(Rule):
    """Every cell along these axes of every input reads all of them: a linear map, a softmax, attention.

    ``labels``: axes by what the layer's forms call them; these count as positions even where no window slid before.
    """

    axes: tuple[Place, ...] = ()
    labels: tuple[str, ...] = ()


class Reduces(Rule):
    """The axes are read as a whole and go: a mean; ``keep``: whether they stay with one cell, or the key that says so."""

    axes: Place
    keep: bool | str = False


class Takes(Rule):
    """One or some of the positions of an axis are taken; ``gone``: whether the axis goes with them (select, not chunk)."""

    axis: Place
    gone: bool = False


class Narrows(Rule):
    """The cells of an axis from this one on."""

    axis: Place
    start: Place


class Joins(Rule):
    """The inputs are laid one behind the other along an axis; ``new``: along one that they do not have yet."""

    axis: Place
    new: bool = False


class Permutes(Rule):
    """The axes in another order: the key that lists them."""

    order: str


class Swaps(Rule):
    """Two axes change places."""

    first: Place
    second: Place


class Flattens(Rule):
    """The axes from one to another become one."""

    start: Place
    end: Place


class Inserts(Rule):
    """A new axis of one cell."""

    axis: Place


class Squeezes(Rule):
    """Axes of one cell go: these, or every one."""

    axes: Place


class Reshapes(Rule):
    """Other axes for the same cells in the same order."""


class Expands(Rule):
    """Axes of one cell are repeated, new ones stand before the others."""


Reach: TypeAlias = (
    Spreads | Shares | Samples | Shifts | Pads | Crops | Hides | Mixes | Reduces | Takes | Narrows | Joins | Permutes
    | Swaps | Flattens | Inserts | Squeezes | Reshapes | Expands
)  # fmt: skip
