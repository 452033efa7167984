"""Names for the attributes, the classes and the variables of printed code: short, the field's own, never taken."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Collection, Sequence

_SHORT = {
    "Conv": "conv", "ConvTranspose": "upconv", "BatchNorm": "bn", "SyncBatchNorm": "bn", "InstanceNorm": "norm",
    "LayerNorm": "norm", "GroupNorm": "norm", "RMSNorm": "norm", "MultiheadAttention": "attn", "Unfold": "unfold",
    "TransformerEncoder": "encoder", "TransformerDecoder": "decoder", "TransformerEncoderLayer": "encoder_layer",
    "TransformerDecoderLayer": "decoder_layer", "EmbeddingBag": "embedding", "AlphaDropout": "dropout",
    "FeatureAlphaDropout": "dropout", "PixelShuffle": "shuffle", "PixelUnshuffle": "unshuffle",
    "UpsamplingNearest": "upsample", "UpsamplingBilinear": "upsample", "LocalResponseNorm": "lrn",
    "CrossMapLRN": "lrn", "LeakyReLU": "relu", "RNNCell": "cell", "LSTMCell": "cell", "GRUCell": "cell",
}  # fmt: skip
_ENDINGS = {"MaxPool": "pool", "AvgPool": "pool", "LPPool": "pool", "MaxUnpool": "unpool", "Pad": "pad", "Loss": "loss"}

MODULES = frozenset((
    "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile",
    "cpu", "cuda", "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer",
    "get_extra_state", "get_parameter", "get_submodule", "half", "ipu", "load_state_dict", "modules", "mtia",
    "named_buffers", "named_children", "named_modules", "named_parameters", "parameters",
    "register_backward_hook", "register_buffer", "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "register_full_backward_pre_hook", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook", "register_module", "register_parameter", "register_state_dict_post_hook",
    "register_state_dict_pre_hook", "requires_grad_", "set_extra_state", "set_submodule", "share_memory",
    "state_dict", "to", "to_empty", "train", "training", "type", "xpu", "zero_grad",
))  # fmt: skip
"""What an nn.Module has already: an attribute of that name would break it."""
_CODE = frozenset({"self", "torch", "nn", "F", "super", "range", "_"})

_VARIABLES = "xyzuvw"


def short(torch: str) -> str:
    """What an attribute that holds this class is called."""
    bare = re.sub(r"[123]d$", "", torch.removeprefix("Lazy"))
    if bare in _SHORT:
        return _SHORT[bare]
    return next((name for ending, name in _ENDINGS.items() if bare.endswith(ending)), bare.lower())


def identifier(label: str, taken: Collection[str] = _CODE) -> str:
    """The label as a Python name that means nothing else."""
    name = re.sub(r"\W", "_", label).lstrip("_") or "value"
    name = f"n{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) or name in taken else name


def attributes(wanted: Sequence[tuple[str, bool]]) -> list[str]:
    """A name for each: (what it would be called, whether that is a label), several of one kind numbered."""
    labels = Counter(identifier(name, MODULES) for name, label in wanted if label)
    several = Counter(name for name, label in wanted if not label)
    used = {name for name, count in labels.items() if count == 1}
    numbers: Counter[str] = Counter()
    found = []
    for name, label in wanted:
        base = identifier(name, MODULES)
        if label and labels[base] == 1:
            found.append(base)
        elif not label and several[name] == 1 and base not in used:
            used.add(base)
            found.append(base)
        else:
            found.append(_numbered(base, used, numbers))
    return found


def _numbered(base: str, used: set[str], numbers: Counter[str]) -> str:
    base = f"{base}_" if base[-1].isdigit() else base
    numbers[base] += 1
    while f"{base}{numbers[base]}" in used:
        numbers[base] += 1
    used.add(f"{base}{numbers[base]}")
    return f"{base}{numbers[base]}"


def class_name(label: str, used: set[str]) -> str:
    """What the class of a labelled part of the design is called: ``stage2`` is a Stage."""
    singular = label[:-1] if len(label) > 4 and label.endswith("s") and not label.endswith("ss") else label
    words = [word for word in re.split(r"\W|_", singular) if word]
    name = "".join(word[0].upper() + word[1:] for word in words) or "Block"
    name = name if name[0].isalpha() else f"Block{name}"
    base = name.rstrip("0123456789")
    for wish in (base, name):
        if wish not in used and not keyword.iskeyword(wish):
            used.add(wish)
            return wish
    return _numbered(base, used, Counter({base: 1}))


def variable(live: Collection[str], free: Collection[str] = ()) -> str:
    """The name for a value: the first of the ``free`` ones, else one that nothing has which is still needed."""
    for name in _pool(len(live) + 1):
        if name in free:
            return name
    return next(name for name in _pool(len(live) + 1) if name not in live)


def plain(name: str) -> bool:
    """Whether it is one of the names that pass from value to value."""
    return name in _VARIABLES or bool(re.fullmatch(r"x\d+", name))


def _pool(least: int) -> list[str]:
    return [*_VARIABLES, *(f"x{number}" for number in range(1, least + 1))]


def distinct(name: str, live: Collection[str]) -> str:
    """The name, or one near it that nothing has which is still needed."""
    name = identifier(name)
    if name not in live:
        return name
    number = 2
    while f"{name}{number}" in live:
        number += 1
    return f"{name}{number}"
