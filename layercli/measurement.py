"""What torch did with a plan, as plain data: the one value that leaves the measuring room."""

from collections.abc import Mapping
from typing import Any, NamedTuple

MEASURED, NOT_RUN, FAILED = "measured", "not run", "failed"


class Refusal(NamedTuple):
    """What torch raised, and on the way to what."""

    stage: str
    """``construct`` (a module), ``input`` (making an input), ``forward`` (a call)."""
    type: str
    message: str
    module: int | None = None
    call: int | None = None


class Weights(NamedTuple):
    """What one module holds: every tensor's shape by name, None where torch never settled it (a lazy module)."""

    params: Mapping[str, list[int] | None]
    trainable: int
    buffers: Mapping[str, list[int] | None]


class Measurement(NamedTuple):
    """What torch answered. ``measured`` holds a refusal too: that is an answer; the other two are not answers."""

    status: str
    reason: str = ""
    """One sentence for people: why there is no answer, or what to know about the one there is."""
    torch: str | None = None
    device: str | None = None
    outputs: tuple[list[Any], ...] = ()
    """Per call that ran, the nested outputs: ``{"shape", "dtype"}`` (``"packed"`` too), None, or a list of these."""
    modules: tuple[Weights, ...] = ()
    macs: int | None = None
    saved: int | None = None
    """Bytes kept for backward."""
    fields: tuple[tuple[tuple[int | None, int, int], ...], ...] | None = None
    """Per axis of the plan's probe, output cells by their place, and the first and last cell that each reads."""
    error: Refusal | None = None
    seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """This measurement as JSON can hold it."""
        return {
            **self._asdict(),
            "outputs": list(self.outputs),
            "modules": [weights._asdict() for weights in self.modules],
            "error": self.error and self.error._asdict(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Measurement":
        """The measurement that :meth:`to_json` wrote."""
        fields = dict(data)
        fields["outputs"] = tuple(fields.get("outputs", ()))
        fields["modules"] = tuple(Weights(**weights) for weights in fields.get("modules", ()))
        if fields.get("fields") is not None:
            fields["fields"] = tuple(tuple(map(tuple, axis)) for axis in fields["fields"])
        fields["error"] = Refusal(**fields["error"]) if fields.get("error") else None
        return cls(**fields)
