"""Builds the whole net of a plan with torch and runs it end to end, on its own outputs, in this process."""

from __future__ import annotations

import contextlib
import inspect
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from layercli.measure import count, operations, study, tensors
from layercli.measure.device import choose
from layercli.measurement import FAILED, MEASURED, NOT_RUN, Measurement, Refusal, Weights
from layercli.plan import Call, Module, Plan, Ref, Wire, refs

_RNN_POSITIONS = 8  # the arguments of nn.LSTM, nn.GRU and nn.RNN before device and dtype, which take *args


class _RefusedError(Exception):
    """Torch raised: not ours, the answer."""

    def __init__(self, refusal: Refusal, cause: Exception) -> None:
        super().__init__(refusal.message)
        self.refusal, self.cause = refusal, cause


class _UnableError(Exception):
    """The plan cannot be put to this torch on this machine; the message is the reason."""


def run_plan(plan: Plan) -> Measurement:
    """What torch does with the plan. Raises only what is a mistake of ours, and ImportError where there is no torch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the import warns too, where numpy is missing
        import torch

        return _run(torch, plan)


def _run(torch: Any, plan: Plan) -> Measurement:
    choice = choose(plan)
    start = Measurement(NOT_RUN, choice.reason, torch=str(torch.__version__))
    if choice.device is None:
        return start
    try:
        device = _device(torch, choice.device)
    except _UnableError as unable:
        return start._replace(status=FAILED, reason=str(unable))
    with _undisturbed(torch, device, [module.torch for module in plan.modules]):
        return _Net(torch, plan, device).measure(start._replace(device=device))


class _Net:
    """One net in the making. Torch is asked only inside :meth:`_asking`, so that our mistakes stay ours."""

    def __init__(self, torch: Any, plan: Plan, device: str) -> None:
        self.torch, self.plan, self.device = torch, plan, device
        self.modules: list[Any] = []
        self.feeds: list[Any] = []
        self.outputs: list[list[Any]] = []

    def measure(self, start: Measurement) -> Measurement:
        error = None
        try:
            for index, spec in enumerate(self.plan.modules):
                self.modules.append(self._module(index, spec))
            for item in self.plan.inputs:
                with self._asking("input"):
                    self.feeds.append(tensors.feed(self.torch, item.feed, self.device, self._nested))
            began = time.perf_counter()
            with self.torch.no_grad():
                self.run(self.outputs)
            start = start._replace(seconds=time.perf_counter() - began)
        except _UnableError as unable:
            return start._replace(reason=str(unable))
        except _RefusedError as refused:
            error = refused.refusal
            if _out_of_memory(refused.cause):
                start = start._replace(status=FAILED, reason=f"not enough memory on {self.device}: {_line(error)}")
            elif self.device == "meta" and error.stage != "construct":
                why = f" ({start.reason})" if start.reason else ""
                start = start._replace(reason=f"the meta device could not run it: {_line(error)}{why}")
            else:
                start = start._replace(status=MEASURED, error=error)
        else:
            start = start._replace(status=MEASURED)
        answer = start._replace(outputs=tuple(self.outputs), modules=tuple(map(self._weights, self.modules)))
        if error is not None or answer.status != MEASURED:
            return answer
        answer = self._count(answer) if self.plan.count_macs else answer
        return study.study(self, answer) if self.plan.count_saved or self.plan.probe else answer

    # --- building ----------------------------------------------------------------------------------------------------

    def _module(self, index: int, spec: Module) -> Any:
        with self._asking("construct", module=index):
            return self._nested(spec).train(self.plan.mode == "train")

    def _nested(self, spec: Module) -> Any:
        """The module, with the dtype and the device of the run where its own arguments do not say."""
        torch = self.torch
        dtype = None if self.plan.dtype is None else getattr(torch, self.plan.dtype)
        if spec.torch in operations.KNOWN:
            return operations.make(torch, spec.torch, self._arguments(spec)[1], dtype, self.device)
        cls = getattr(torch.nn, spec.torch, None)
        if not (isinstance(cls, type) and issubclass(cls, torch.nn.Module)):
            raise _UnableError(f"torch {torch.__version__} has no nn.{spec.torch}")
        args, kwargs = self._arguments(spec)
        takes = _takes(torch, cls, args)
        if "device" in takes:
            kwargs.setdefault("device", self.device)
        if "dtype" in takes and dtype is not None:
            kwargs.setdefault("dtype", dtype)
        module = cls(*args, **kwargs)
        if "dtype" not in takes and dtype is not None and dtype.is_floating_point and not _holds_modules(spec):
            module = module.to(dtype)
        return module

    def _arguments(self, spec: Module) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args = tensors.argument(self.torch, spec.args, self.device, self._nested)
        return args, tensors.argument(self.torch, spec.kwargs, self.device, self._nested)

    def _weights(self, module: Any) -> Weights:
        params = tensors.shapes(module.named_parameters())
        trainable = sum(
            item.numel() for name, item in module.named_parameters() if item.requires_grad and params[name] is not None
        )
        return Weights(params, trainable, tensors.shapes(module.named_buffers()))

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, outputs: list[list[Any]] | None = None, modules: Sequence[Any] | None = None, until: int = -1) -> Any:
        """Runs the calls, on other modules where they are given; gives back what the last, or ``until``, returns."""
        results: dict[int, Any] = {}
        last = _last_uses(self.plan.calls)
        result = None
        for index, call in enumerate(self.plan.calls):
            args = [self._wire(wire, results) for wire in call.args]
            kwargs = {name: self._wire(wire, results) for name, wire in call.kwargs.items()}
            module = (modules or self.modules)[call.module]
            with self._asking("forward", module=call.module, call=index):
                result = results[index] = module(*args, **kwargs)
                if self.device.startswith("cuda"):
                    self.torch.cuda.synchronize()
            if outputs is not None:
                outputs.append(tensors.outputs(self.torch, result))
            if index == until:
                break
            for done in last.get(index, ()):
                del results[done]
        return result

    def _wire(self, wire: Wire, results: dict[int, Any]) -> Any:
        if wire is None:
            return None
        if not isinstance(wire, Ref):
            return tuple(self._wire(item, results) for item in wire)
        if wire.call is None:
            value, path = self.feeds[wire.path[0]], wire.path[1:]
            for index in path:
                value = value.select(0, index) if isinstance(value, self.torch.Tensor) else value[index]
            return value
        value = results[wire.call]
        if wire.path == (0,) and not isinstance(value, (tuple, list)):
            return value  # a lone tensor is a list of one
        for index in wire.path:
            if not isinstance(value, (tuple, list)):
                raise LookupError(f"output {wire.path} of call {wire.call}: a {type(value).__name__} has no parts")
            value = value[index]
        return value

    def _count(self, answer: Measurement) -> Measurement:
        missed = count.missed(self.torch, self.modules)
        if missed:
            note = f"torch's counter knows no multiply-adds of {', '.join(missed)}"
            return answer._replace(reason="; ".join(filter(None, (answer.reason, note))))
        try:
            return answer._replace(macs=count.counted(self.torch, self._without_gradients))
        except Exception as error:  # the answer stands without a count
            note = f"torch's multiply-adds could not be counted: {_first_line(error)}"
            return answer._replace(reason="; ".join(filter(None, (answer.reason, note))))

    def _without_gradients(self) -> Any:
        with self.torch.no_grad():
            return self.run()

    @contextlib.contextmanager
    def _asking(self, stage: str, module: int | None = None, call: int | None = None) -> Iterator[None]:
        try:
            yield
        except _UnableError:
            raise
        except Exception as error:
            raise _RefusedError(Refusal(stage, type(error).__name__, str(error), module, call), error) from error


def _takes(torch: Any, cls: type[Any], args: tuple[Any, ...]) -> set[str]:
    """Which of ``device`` and ``dtype`` the constructor accepts and these arguments leave open."""
    if issubclass(cls, torch.nn.RNNBase):
        return {"device", "dtype"} if len(args) <= _RNN_POSITIONS else set()
    signature = inspect.signature(cls)
    try:
        given = signature.bind_partial(*args).arguments
    except TypeError:
        return set()  # too many: the constructor's to refuse
    return {"device", "dtype"} & signature.parameters.keys() - given.keys()


def _holds_modules(spec: Module) -> bool:
    return any(isinstance(item, Module) for item in (*spec.args, *spec.kwargs.values()))


def _last_uses(calls: tuple[Call, ...]) -> dict[int, list[int]]:
    """Per call, the calls whose results nobody reads after it: what can be freed there."""
    last = {index: index for index in range(len(calls))}
    for index, call in enumerate(calls):
        for ref in refs((*call.args, *call.kwargs.values())):
            if ref.call is not None:
                last[ref.call] = index
    freed: dict[int, list[int]] = {}
    for made, used in last.items():
        freed.setdefault(used, []).append(made)
    return freed


def _device(torch: Any, name: str) -> str:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise _UnableError(f"torch knows no device {name!r}") from None
    if device.type in ("cpu", "meta"):
        return str(device.type)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise _UnableError("torch finds no CUDA device here")
    try:
        return str(torch.empty(0, device=device).device)
    except Exception as error:
        raise _UnableError(f"the device {name!r} cannot be used: {_first_line(error)}") from None


@contextlib.contextmanager
def _undisturbed(torch: Any, device: str, classes: list[str]) -> Iterator[None]:
    """Leaves the caller's random numbers, default dtype and threads as they were; fixes them for the run.

    One thread for EmbeddingBag: with several, whether torch takes some bags depends on how it deals them out.
    """
    default, threads = torch.get_default_dtype(), torch.get_num_threads()
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng([device] if device.startswith("cuda") else []))
        torch.default_generator.manual_seed(0)
        stack.callback(torch.set_default_dtype, default)
        torch.set_default_dtype(torch.float32)
        if "EmbeddingBag" in classes:
            stack.callback(torch.set_num_threads, threads)
            torch.set_num_threads(1)
        yield


def _out_of_memory(error: Exception) -> bool:
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "not enough memory" in text
        or "can't allocate memory" in text
    )


def _line(refusal: Refusal) -> str:
    """The first line of what torch said, with its type."""
    return f"{refusal.type}: {_first_line(refusal.message)}"


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0]
