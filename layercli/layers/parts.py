"""Keys that hold what has a shape or keys of its own: a tensor of weights, a module that the layer is made of."""

from __future__ import annotations

from typing import Any

from layercli.layers.kinds import BadValue, Kind, shown


class Weights(Kind):
    """A tensor of numbers (a loss's class weights), or None. On the command line its shape stands for it.

    Formulas know its shape under the key's symbol, whether it is there by ``<key>_given``, its dtype by ``<key>_dtype``.
    """

    takes_tuple = True
    listed = True
    describe = "a tensor, by its shape, or none"

    def read(self, value: Any) -> Any:
        """The value in its normal form; BadValue where torch would not take it."""
        if value is None or hasattr(value, "shape"):
            return value
        raise BadValue(f"is {self.describe}, not {shown(value)}", "write its shape, such as 10")


class Part(Kind):
    """A module that a layer is made of, such as an encoder's layer: the definition of the only class it may have.

    Formulas know its keys' symbols with ``prefix`` before them. On the command line its keys are the layer's own
    keys. ``optional``: it may be None, and on the command line it is there where the key is true; rules ask by
    ``<key>_given``. ``others``: further classes that it may have in torch's notation; rules ask by ``<key>_class``.
    """

    def __init__(self, layer: Any, prefix: str = "", optional: bool = False, others: tuple[Any, ...] = ()) -> None:
        self.layer = layer
        self.layers = {item.torch: item for item in (layer, *others)}
        self.prefix = prefix
        self.optional = optional
        self.switch = optional
        self.always = not optional
        self.describe = "true or false" if optional else f"a {layer.torch}"
