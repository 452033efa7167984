"""What torch's own tables and docstrings do with torch.nn: run as a process, which prints a call a line.

    python -m tests.conformance.record tables       every module of module_db with every one of its inputs
    python -m tests.conformance.record docstrings   every example of every exported class

A line holds the call in the vocabulary of ``layercli batch`` and what torch did with it, or why it cannot be put so.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import itertools
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

from layercli.measure.build import run_plan
from layercli.plan import Call, DType, Input, Literal, Module, Packing, Plan, Ref, Tensor, encode_input, encode_module

MOST_VALUES = 4096
"""A float tensor with more numbers is described by its range."""

COUNTED = 5
"""Of so many calls torch is asked for the multiply-adds of one: that takes it ten times as long."""


class CannotSayError(Exception):
    """A value that the vocabulary has no word for."""


class Recorder:
    """Remembers with which arguments modules are made, and every outermost call of one."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
        self._made: dict[int, tuple[Any, str, tuple[Any, ...], dict[str, Any]]] = {}
        self._depth = 0
        for cls in exported():
            self._watch(cls)
        called = torch.nn.Module.__call__

        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            if not self._depth and id(module) in self._made:
                self.calls.append((module, args, kwargs))
            self._depth += 1
            try:
                return called(module, *args, **kwargs)
            finally:
                self._depth -= 1

        torch.nn.Module.__call__ = call

    def taken(self) -> list[tuple[Any, tuple[Any, ...], dict[str, Any]]]:
        """The calls since the last time."""
        calls, self.calls = self.calls, []
        return calls

    def _watch(self, cls: type[Any]) -> None:
        made = cls.__init__

        def init(module: Any, *args: Any, **kwargs: Any) -> None:
            if type(module) is cls:
                # its class then: a lazy module becomes another one in its first call
                self._made[id(module)] = module, cls.__name__, args, kwargs
            made(module, *args, **kwargs)

        cls.__init__ = init

    def module(self, module: Any) -> Module:
        """The module by its class and its constructor's arguments."""
        if id(module) not in self._made:
            raise CannotSayError(f"a {type(module).__name__}")
        _, name, args, kwargs = self._made[id(module)]
        return Module(name, tuple(map(self.value, args)), {key: self.value(item) for key, item in kwargs.items()})

    def value(self, value: Any) -> Any:
        """A constructor's argument."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, torch.dtype):
            return DType(str(value).removeprefix("torch."))
        if isinstance(value, torch.device):
            return str(value)
        if isinstance(value, (tuple, list, torch.Size)):
            return tuple(map(self.value, value))
        if isinstance(value, torch.Tensor):
            return tensor(value)
        if isinstance(value, torch.nn.Module):
            return self.module(value)
        raise CannotSayError(f"the argument {value!r}"[:80])

    def feed(self, value: Any) -> Any:
        """An argument of a call."""
        if value is None:
            return None
        if isinstance(value, torch.nn.utils.rnn.PackedSequence):
            return packed(value)
        if isinstance(value, torch.Tensor):
            return tensor(value)
        if isinstance(value, (tuple, list)) and any(isinstance(item, torch.Tensor) for item in value):
            return tuple(map(self.feed, value))
        return Literal(self.value(value))


def tensor(value: torch.Tensor) -> Tensor:
    """A tensor by shape and dtype, and its values or their range."""
    if value.layout != torch.strided or value.is_nested:
        raise CannotSayError("a tensor that is not strided")
    dtype = str(value.dtype).removeprefix("torch.")
    if value.dtype.is_complex:
        return Tensor(tuple(value.shape), dtype)
    if value.numel() <= MOST_VALUES:
        return Tensor(tuple(value.shape), dtype, tuple(value.detach().flatten().tolist()))
    return Tensor(tuple(value.shape), dtype, None, value.min().item(), value.max().item())


def packed(value: Any) -> Tensor:
    """A packed sequence by what it was packed from."""
    padded, lengths = torch.nn.utils.rnn.pad_packed_sequence(value)
    return tensor(padded)._replace(packed=Packing(tuple(lengths.tolist()), False, False))


def exported() -> list[type[Any]]:
    """Every module that torch.nn exports."""
    found = (getattr(torch.nn, name) for name in dir(torch.nn))
    return [item for item in found if isinstance(item, type) and issubclass(item, torch.nn.Module)]


def tables(recorder: Recorder) -> Iterator[str]:
    """Makes and calls what module_db lists; yields what is being run."""
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        for training in (True, False) if info.train_and_eval_differ else (True,):
            options = {"device": "cpu", "dtype": torch.float32, "requires_grad": False, "training": training}
            inputs = list(info.module_inputs_func(info, **options))
            if info.module_error_inputs_func is not None:
                inputs += [item.module_error_input for item in info.module_error_inputs_func(info, **options)]
            for index, item in enumerate(inputs):
                made, fed = item.constructor_input, item.forward_input
                with contextlib.suppress(Exception):
                    module = info.module_cls(*made.args, **made.kwargs).train(training)
                    if fed is not None:
                        module(*fed.args, **fed.kwargs)
                yield f"{info.name} {index} {'train' if training else 'eval'}"


def docstrings(recorder: Recorder) -> Iterator[str]:
    """Runs the examples in the docstring of every exported class; yields what was run."""
    parser = doctest.DocTestParser()
    for cls in exported():
        scope: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
        for number, example in enumerate(parser.get_examples(cls.__doc__ or "")):
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                exec(compile(example.source, cls.__name__, "exec"), scope)
            yield f"{cls.__name__} line {number}"


def answers(recorder: Recorder, run: Callable[[Recorder], Iterator[str]]) -> Iterator[dict[str, Any]]:
    """Every call that a run makes, and what torch does with it once more, from its description alone."""
    number = itertools.count()
    for origin in run(recorder):
        for module, args, kwargs in recorder.taken():
            try:
                made = recorder.module(module)
                inputs = [Input(recorder.feed(item)) for item in args]
                inputs += [Input(recorder.feed(item), name) for name, item in kwargs.items()]
            except CannotSayError as reason:
                yield {"origin": origin, "skipped": f"{type(module).__name__}: {reason}"}
                continue
            mode = "train" if module.training else "eval"
            refs = [Ref(None, (index,)) for index in range(len(inputs))]
            call = Call(0, tuple(refs[: len(args)]), dict(zip(kwargs, refs[len(args) :])))
            count = next(number) % COUNTED == 0
            plan = Plan((made,), tuple(inputs), (call,), mode=mode, device="cpu", count_macs=count)
            yield {
                "origin": origin, "module": encode_module(made), "inputs": [encode_input(item) for item in inputs],
                "mode": mode, "measurement": run_plan(plan).to_json(),
            }  # fmt: skip
        recorder.taken()  # what the run of the plan has called is not asked again


def main(which: str) -> None:
    """Prints a line of JSON per call."""
    recorder = Recorder()
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for answer in answers(recorder, {"tables": tables, "docstrings": docstrings}[which]):
            print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
