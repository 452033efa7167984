"""The modules that torch.nn exports and that are no layers here, each with the reason."""

from __future__ import annotations

_CONTAINER = "a container: it has no forward of its own"

LEFT_OUT = {
    "Module": "the base of all modules: its forward is for others to write",
    "RNNBase": "the base of RNN, LSTM and GRU: its forward is theirs",
    "RNNCellBase": "the base of RNNCell, LSTMCell and GRUCell: its forward is theirs",
    "Sequential": "a container: a chain of layers says the same",
    "ModuleList": _CONTAINER,
    "ModuleDict": _CONTAINER,
    "ParameterList": "a container of parameters: it has no forward of its own",
    "ParameterDict": "a container of parameters: it has no forward of its own",
    "Container": "a container, deprecated: Sequential took its place",
    "DataParallel": "runs another module on several GPUs: shapes and counts are that module's",
}
"""By torch class. A test compares it with the classes that the installed torch exports."""


def left_out(name: str) -> str:
    """Why a name, however it is spelled, is no layer here; empty where it is none of these."""
    return next((why for torch, why in LEFT_OUT.items() if torch.lower() == name.lower()), "")
