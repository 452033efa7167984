"""PyTorch's notation as people write it in Python: ``nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU())``. Never run."""

from __future__ import annotations

import ast
from typing import Any

from layercli.errors import LayerError, Span
from layercli.spec import limits
from layercli.spec.notations import looks_like_printed, looks_like_python
from layercli.spec.python_brackets import closing
from layercli.spec.python_text import Places, read_syntax, refuse_length, too_deep
from layercli.spec.python_values import Values, dotted
from layercli.spec.tree import Call, Chain, Group, Spec, Step

__all__ = ["looks_like_printed", "looks_like_python", "parse_call", "parse_python"]

_TORCH = ("nn", "torch.nn")
_IN_A_ROW = "put them into one nn.Sequential(...), in the order in which they run"
_EXAMPLE = "write a module, such as nn.Conv2d(3, 8, kernel_size=5)"


def parse_python(text: str) -> Spec:
    """A whole text of Python that makes one module, perhaps assigned, perhaps after imports."""
    body, places = read_syntax(text, 0, len(text))
    try:
        return _Reader(places).spec(body)
    except RecursionError:
        raise too_deep(places, Span(places.start, places.stop)) from None


def parse_call(source: str, start: int, end: int) -> tuple[Call | Group, int]:
    """The one call that begins at ``start`` in a larger text, and the place after it; a Sequential is a group."""
    refuse_length(source)
    stop = closing(source, start, end)
    if stop is None:
        opening = source.find("(", start, end)
        span = Span(start, end) if opening < 0 else Span(opening, opening + 1)
        fix = 'write ")" where the call ends'
        raise LayerError("spec.unclosed", "this parenthesis is not closed", span=span, fix=fix, source=source)
    body, places = read_syntax(source, start, stop)
    try:
        return _Reader(places).module(_expression(body[0], places), 0), stop
    except RecursionError:
        raise too_deep(places, Span(start, stop)) from None


def _expression(statement: ast.stmt, places: Places) -> ast.expr:
    """What a statement makes."""
    value = getattr(statement, "value", None)
    if isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign, ast.Return)) and isinstance(value, ast.expr):
        return value
    span = places.span(statement)
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        line_end = places.source.find("\n", span.start)
        head = span._replace(end=min(span.end, line_end if line_end > 0 else span.end))
        fix = "write the modules as one nn.Sequential(...), or give what print(model) shows"
        raise places.error(head, f"{places.written(head)}: what it does is not worked out", fix)
    raise places.error(span, f"{places.written(span)} makes no module", _EXAMPLE)


class _Reader:
    """Modules, and what they are put in."""

    __slots__ = ("places", "prefixes", "values")

    def __init__(self, places: Places) -> None:
        self.places = places
        self.prefixes = set(_TORCH)
        self.values = Values(places, self.call)

    # --- the whole ---------------------------------------------------------------------------------------------------

    def spec(self, body: list[ast.stmt]) -> Spec:
        """The one module that the statements make."""
        made = [statement for statement in body if not self.skipped(statement)]
        places = self.places
        if not made:
            raise places.error(Span(places.start, places.stop), "the text makes no module", _EXAMPLE, "spec.empty")
        first = _expression(made[0], places)
        if len(made) > 1:
            raise places.error(places.span(made[1]), "a second statement follows the module", _IN_A_ROW)
        if isinstance(first, (ast.Tuple, ast.List)):
            raise places.error(places.span(first), "these are several modules, not one", _IN_A_ROW)
        unit = self.module(first, 0)
        if isinstance(unit, Group):
            spec = Spec(places.source, unit.chain)
        else:
            spec = Spec(places.source, Chain((Step(None, None, 1, unit, unit.span),), unit.span))
        if not spec.expanded_steps:
            raise places.error(unit.span, "the model holds no layer", _EXAMPLE, "spec.empty")
        return spec

    def skipped(self, statement: ast.stmt) -> bool:
        """Whether the statement makes nothing; what an import calls torch.nn is kept in mind."""
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.name == "torch.nn" and alias.asname:
                    self.prefixes.add(alias.asname)
                elif alias.name == "torch" and alias.asname:
                    self.prefixes.add(f"{alias.asname}.nn")
        elif isinstance(statement, ast.ImportFrom) and statement.module == "torch":
            self.prefixes |= {alias.asname for alias in statement.names if alias.name == "nn" and alias.asname}
        value = statement.value if isinstance(statement, ast.Expr) else None
        documented = isinstance(value, ast.Constant) and isinstance(value.value, str)
        return documented or isinstance(statement, (ast.Import, ast.ImportFrom))

    # --- modules -----------------------------------------------------------------------------------------------------

    def module(self, node: ast.expr, depth: int) -> Call | Group:
        """The module that an expression makes; a Sequential is a group of its modules."""
        if not isinstance(node, ast.Call):
            raise self.no_module(node)
        if dotted(node.func).rpartition(".")[2] != "Sequential":
            return self.call(node, depth)
        self.class_name(node)
        if depth >= limits.NESTING:
            raise too_deep(self.places, self.places.span(node.func))
        if node.keywords:
            raise self.error(node.keywords[0], "a Sequential takes no argument by name", "write its modules in a row")
        steps = self.steps(node, depth + 1)
        span = self.places.span(node)
        return Group(Chain(tuple(steps), span), span)

    def steps(self, node: ast.Call, depth: int) -> list[Step]:
        """The modules of a Sequential, with their names where it is made of a dict."""
        items = self.values.items(node.args)
        only = items[0] if len(items) == 1 else None
        if isinstance(only, ast.Call) and dotted(only.func).rpartition(".")[2] == "OrderedDict":
            return self.named(only, depth)
        if isinstance(only, ast.Dict):
            raise self.error(only, "a Sequential takes an OrderedDict, not a dict", "put OrderedDict(...) around it")
        if isinstance(only, (ast.List, ast.Tuple)):
            raise self.error(only, "a Sequential takes its modules one by one, not in a list", "take the brackets away")
        steps = []
        for item in items:
            unit = self.module(item, depth)
            steps.append(Step(None, None, 1, unit, unit.span))
        return steps

    def named(self, node: ast.Call, depth: int) -> list[Step]:
        """The modules of an OrderedDict, whose names are their labels."""
        if len(node.args) > 1:
            raise self.error(node.args[1], "an OrderedDict is made of one list of pairs", "put all pairs into one list")
        pairs: list[tuple[ast.expr | ast.keyword, Any, ast.expr]] = []
        for source in node.args:
            pairs += self.pairs(source)
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self.error(keyword, f"{self.written(keyword)} is not worked out", "write its pairs out")
            pairs.append((keyword, keyword.arg, keyword.value))
        steps = []
        seen = set()
        for key, name, value in pairs:
            if not isinstance(name, str):
                raise self.error(key, "this is no name of a module", "write a text in quotes, such as 'conv1'")
            if name in seen:
                fix = f"write another name here, such as '{name}_2'"
                span, message = self.places.span(key), f"the name '{name}' stands before two modules"
                raise self.places.error(span, message, fix, "spec.duplicate-label")
            seen.add(name)
            unit = self.module(value, depth)
            at = self.places.span(key)
            label = name if name.isidentifier() else None
            span = Span(min(at.start, unit.span.start), unit.span.end)
            steps.append(Step(label, None if label is None else at, 1, unit, span))
        return steps

    def pairs(self, source: ast.expr) -> list[tuple[ast.expr | ast.keyword, Any, ast.expr]]:
        """The names and modules that a dict, or a list of pairs, holds."""
        found: list[tuple[ast.expr | ast.keyword, Any, ast.expr]] = []
        if isinstance(source, ast.Dict):
            for key, value in zip(source.keys, source.values):
                if key is None:
                    raise self.error(value, "a dict within a dict is not worked out", "write its pairs out")
                found.append((key, key.value if isinstance(key, ast.Constant) else None, value))
            return found
        if not isinstance(source, (ast.List, ast.Tuple)):
            self.values.read(source, 0)  # says better what it is
            raise self.error(source, "an OrderedDict is made of pairs", "write a list such as [('conv1', nn.ReLU())]")
        for pair in self.values.items(source.elts):
            if not isinstance(pair, (ast.Tuple, ast.List)) or len(pair.elts) != 2:
                raise self.error(pair, "this is no pair of name and module", "write one, such as ('act', nn.ReLU())")
            key, value = pair.elts
            found.append((key, key.value if isinstance(key, ast.Constant) else None, value))
        return found

    def call(self, node: ast.Call, depth: int) -> Call:
        """A call that makes a module, with its arguments as values."""
        name = self.class_name(node)
        if depth > limits.NESTING:
            raise too_deep(self.places, self.places.span(node.func))
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        spans: list[tuple[int | str, Span]] = []
        for item in self.values.items(node.args):
            spans.append((len(args), self.places.span(item)))
            args.append(self.values.read(item, depth))
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self.error(keyword, f"{self.written(keyword)} is not worked out", "write its arguments out")
            span = self.places.span(keyword)
            if keyword.arg in kwargs:
                message = f'the argument "{keyword.arg}" is given twice'
                raise self.places.error(span, message, "remove one of the two", "spec.duplicate-key")
            spans.append((keyword.arg, span))
            kwargs[keyword.arg] = self.values.read(keyword.value, depth)
        func = self.places.span(node.func)
        name_span = Span(max(func.start, func.end - len(name)), func.end)
        return Call(name, name_span, tuple(args), tuple(kwargs.items()), self.places.span(node), tuple(spans))

    def class_name(self, node: ast.Call) -> str:
        """The class that a call is of; nothing else is called."""
        whole = dotted(node.func)
        prefix, _, name = whole.rpartition(".")
        if name[:1].isupper() and (not prefix or prefix in self.prefixes):
            return name
        shown = self.written(node.func)
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            dot = Span(self.places.span(node.func.value).end, self.places.span(node).end)
            raise self.places.error(dot, f"what {self.places.written(dot)} does is not worked out", "leave it out")
        if name[:1].isupper():
            fix = f'write "nn.{name}" if torch\'s own is meant'
            raise self.error(node.func, f"{shown} is no class of torch.nn", fix)
        raise self.error(node.func, f"{shown} is a function, and functions are not called here", _fix_of(name))

    def no_module(self, node: ast.expr) -> LayerError:
        """The error for what stands where a module must."""
        shown = self.written(node)
        if isinstance(node, (ast.Name, ast.Attribute)) and dotted(node).rpartition(".")[2][:1].isupper():
            return self.error(node, f"{shown} is a class, not a module made of it", f'write "{dotted(node)}()"')
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self.error(node, f"{shown} is a name, and what it stands for is not known", _EXAMPLE)
        if isinstance(node, ast.Constant):
            return self.error(node, f"{shown} is no module", _EXAMPLE)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.BitOr)):
            return self.error(node, f"{shown} is no module", "write the modules one by one, with commas between them")
        try:
            self.values.read(node, 0)
        except LayerError as error:
            return error
        return self.error(node, f"{shown} is no module", _EXAMPLE)

    def error(self, node: ast.expr | ast.keyword, message: str, fix: str) -> LayerError:
        """An error at a node."""
        return self.places.error(self.places.span(node), message, fix)

    def written(self, node: ast.expr | ast.keyword) -> str:
        """The node as it was written, in quotes."""
        return self.places.written(self.places.span(node))


def _fix_of(name: str) -> str:
    """What to write in place of a function: the module of the same name, where there is one."""
    modules = {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "sigmoid": "Sigmoid", "tanh": "Tanh",
               "flatten": "Flatten", "softmax": "Softmax", "dropout": "Dropout", "elu": "ELU",
               "max_pool2d": "MaxPool2d", "avg_pool2d": "AvgPool2d"}  # fmt: skip
    module = modules.get(name)
    return f'write the module, "nn.{module}(...)"' if module else "write what comes out, a value or a module"
