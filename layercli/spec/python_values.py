"""What an argument in Python's notation holds: literals and sums of them, read and never run."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable
from typing import Any

from layercli.errors import LayerError
from layercli.spec import limits
from layercli.spec.python_text import Places, too_deep, too_many_digits
from layercli.spec.torch_name import TorchName

__all__ = ["Values", "dotted"]

_TOO_LARGE = 10**limits.DIGITS
_FLOATS = {"inf": float("inf"), "nan": float("nan")}
_FUNCTIONS = ("F.", "nn.functional.", "torch.nn.functional.")

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
    ast.FloorDiv: lambda left, right: left // right,
    ast.Mod: lambda left, right: left % right,
    ast.Pow: lambda left, right: left**right,
}

_NO_LITERAL: dict[type[ast.expr], tuple[str, str]] = {
    ast.JoinedStr: ("an f-string is not worked out", "write the text that comes out"),
    ast.ListComp: ("a comprehension is not worked out", "write what comes out, item by item"),
    ast.GeneratorExp: ("a comprehension is not worked out", "write what comes out, item by item"),
    ast.SetComp: ("a comprehension is not worked out", "write what comes out, item by item"),
    ast.DictComp: ("a comprehension is not worked out", "write what comes out, item by item"),
    ast.Lambda: ("a function of one's own is not read", "leave it out"),
    ast.IfExp: ("a condition is not worked out", "write the one that holds"),
    ast.Compare: ("a comparison is not worked out", "write true or false as Python does: True or False"),
    ast.BoolOp: ("a condition is not worked out", "write what comes out"),
    ast.Subscript: ("an item of something is not looked up", "write its value"),
    ast.Set: ("a set has no order", "write a tuple, such as (3, 5)"),
}


def dotted(node: ast.expr) -> str:
    """The name that the node is, dots in it or not; empty for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(names)])


class Values:
    """Reads the arguments of one text. ``module`` reads a call that makes a module.

    ``words``: whether a name stands for itself, as in what ``print(model)`` shows: ``padding=same``, ``inf``.
    """

    __slots__ = ("module", "places", "words")

    def __init__(self, places: Places, module: Callable[[ast.Call, int], Any] | None, words: bool = False) -> None:
        self.places, self.module, self.words = places, module, words

    def read(self, node: ast.expr, depth: int) -> Any:
        """The value; a list is a tuple, because no layer tells the two apart."""
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, (ast.Tuple, ast.List)):
            return tuple(self.read(item, self._deeper(item, depth)) for item in self.items(node.elts))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            number = self._number(node.operand, depth)
            return -number if isinstance(node.op, ast.USub) else number
        if isinstance(node, ast.BinOp):
            return self._sum(node, depth)
        if isinstance(node, (ast.Attribute, ast.Name)):
            return self._name(node)
        if isinstance(node, ast.Dict):
            return self._dict(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        message, fix = _NO_LITERAL.get(type(node), ("this is no literal", "write a value such as 3, 0.5 or 'same'"))
        raise self.error(node, f"{self._written(node)}: {message}", fix)

    def items(self, nodes: list[ast.expr]) -> list[ast.expr]:
        """The items, those of a list with a star before it in its place."""
        found: list[ast.expr] = []
        for node in nodes:
            if not isinstance(node, ast.Starred):
                found.append(node)
            elif isinstance(node.value, (ast.List, ast.Tuple)):
                found += self.items(node.value.elts)
            else:
                raise self.error(
                    node,
                    f"{self._written(node)} is not worked out",
                    "write its items out; a chain repeats a module, such as 3*nn.Linear(8, 8)",
                )
        return found

    def error(self, node: ast.expr | ast.keyword, message: str, fix: str) -> LayerError:
        """An error at a node."""
        return self.places.error(self.places.span(node), message, fix)

    def _deeper(self, node: ast.expr, depth: int) -> int:
        if depth >= limits.NESTING:
            raise too_deep(self.places, self.places.span(node))
        return depth + 1

    def _written(self, node: ast.expr) -> str:
        return self.places.written(self.places.span(node))

    def _constant(self, node: ast.Constant) -> Any:
        value = node.value
        if isinstance(value, int) and abs(value) >= _TOO_LARGE:
            raise too_many_digits(self.places, self.places.span(node))
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise self.error(
            node, f"{self._written(node)} is no value of a layer", "write a number, True, False, None or a text"
        )

    def _number(self, node: ast.expr, depth: int) -> Any:
        value = self.read(node, self._deeper(node, depth))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(node, f"{self._written(node)} is no number to reckon with", "write a number in its place")
        return value

    def _sum(self, node: ast.BinOp, depth: int) -> int | float:
        operator = _OPERATORS.get(type(node.op))
        if operator is None:
            raise self.error(node, f"{self._written(node)} is not worked out", "write the number that comes out")
        left, right = self._number(node.left, depth), self._number(node.right, depth)
        span = self.places.span(node)
        if isinstance(node.op, ast.Pow) and _bits_of_power(left, right) > 4 * limits.DIGITS:
            raise too_many_digits(self.places, span)
        try:
            value = operator(left, right)
        except (ArithmeticError, ValueError):  # by zero, or too large for a float
            value = None
        if isinstance(value, int) and abs(value) >= _TOO_LARGE:
            raise too_many_digits(self.places, span)
        if isinstance(value, (int, float)):
            return value
        raise self.error(node, f"{self._written(node)} gives no number", "write the number that was meant")

    def _name(self, node: ast.Attribute | ast.Name) -> Any:
        name = dotted(node)
        last = name.rpartition(".")[2]
        if last in ("inf", "nan") and (name != last or self.words):
            return _FLOATS[last]
        if self.words and name == last:
            return name
        for prefix in _FUNCTIONS:
            if name.startswith(prefix):
                return TorchName(f"nn.functional.{name.removeprefix(prefix)}")
        if name.count(".") == 1 and name.startswith("torch.") and last != "nn":
            return TorchName(last)
        shown = self._written(node)
        if name.startswith(("nn.", "torch.nn.")) and last[:1].isupper():
            raise self.error(node, f"{shown} is a class, not a module made of it", f'write "{name}()"')
        raise self.error(
            node,
            f"{shown} is a name, and what it stands for is not known",
            "write what it stands for, such as 64, or a text in quotes",
        )

    def _dict(self, node: ast.Dict, depth: int) -> dict[Any, Any]:
        found = {}
        for key, value in zip(node.keys, node.values):
            if not isinstance(key, ast.Constant):
                raise self.error(key or value, "this is no plain key", "write a text or a number as the key")
            found[self._constant(key)] = self.read(value, self._deeper(value, depth))
        return found

    def _call(self, node: ast.Call, depth: int) -> Any:
        name = dotted(node.func)
        only = node.args[0] if len(node.args) == 1 and not node.keywords else None
        if name == "float" and isinstance(only, ast.Constant) and isinstance(only.value, str):
            with contextlib.suppress(ValueError):
                return float(only.value)
        if name in ("torch.Size", "tuple", "list") and isinstance(only, (ast.Tuple, ast.List)):
            return self.read(only, depth)
        if self.module is None:
            raise self.error(node, f"{self._written(node)} is no literal", "write a value such as 3, 0.5 or same")
        return self.module(node, self._deeper(node, depth))


def _bits_of_power(base: int | float, exponent: int | float) -> int:
    """How many bits a power of integers has at the most; a float has its own bounds."""
    if isinstance(base, float) or isinstance(exponent, float) or exponent < 0 or abs(base) < 2:
        return 0
    return base.bit_length() * exponent
