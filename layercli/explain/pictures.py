"""Which file draws which layer; only that one is loaded."""

from __future__ import annotations

from importlib import import_module

from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.subject import Subject


def _ranked(*words: str) -> tuple[str, ...]:
    return tuple(f"{word}{rank}d" for word in words for rank in (1, 2, 3))


_FILES: dict[str, tuple[str, ...]] = {
    "convolution": _ranked("conv", "lazyconv"),
    "transposed": _ranked("convtranspose", "lazyconvtranspose"),
    "pooling": _ranked("maxpool", "avgpool", "lppool"),
    "adaptive": (*_ranked("adaptiveavgpool", "adaptivemaxpool"), "fractionalmaxpool2d", "fractionalmaxpool3d"),
    "unpooling": _ranked("maxunpool"),
    "blocks": ("unfold", "fold"),
    "upsampling": ("upsample", "upsamplingnearest2d", "upsamplingbilinear2d"),
    "shuffles": ("pixelshuffle", "pixelunshuffle", "channelshuffle"),
    "padded": (
        *_ranked("constantpad", "zeropad", "reflectionpad", "replicationpad", "circularpad"),
        "pad",
        "crop",
        "narrow",
    ),
    "normalised": (
        *_ranked("batchnorm", "lazybatchnorm", "instancenorm", "lazyinstancenorm"),
        "syncbatchnorm",
        "layernorm",
        "rmsnorm",
        "groupnorm",
    ),
    "neighbours": ("localresponsenorm", "crossmaplrn2d"),
    "activated": (
        "relu",
        "relu6",
        "leakyrelu",
        "rrelu",
        "elu",
        "celu",
        "selu",
        "softplus",
        "threshold",
        "gelu",
        "silu",
        "mish",
        "hardswish",
        "sigmoid",
        "tanh",
        "logsigmoid",
        "hardsigmoid",
        "hardtanh",
        "softsign",
        "tanhshrink",
        "hardshrink",
        "softshrink",
        "prelu",
    ),
    "shared_out": ("softmax", "softmin", "logsoftmax", "softmax2d", "glu"),
    "multiplied": ("linear", "lazylinear", "bilinear", "identity"),
    "dropped": (*_ranked("dropout"), "dropout", "alphadropout", "featurealphadropout"),
    "looked_up": ("embedding", "embeddingbag"),
    "losses": (
        "l1loss",
        "mseloss",
        "smoothl1loss",
        "huberloss",
        "kldivloss",
        "poissonnllloss",
        "gaussiannllloss",
        "bceloss",
        "bcewithlogitsloss",
        "softmarginloss",
        "nllloss",
        "nllloss2d",
        "crossentropyloss",
        "multimarginloss",
        "multilabelmarginloss",
        "multilabelsoftmarginloss",
        "hingeembeddingloss",
        "cosineembeddingloss",
        "marginrankingloss",
        "tripletmarginloss",
        "tripletmarginwithdistanceloss",
        "ctcloss",
        "adaptivelogsoftmaxwithloss",
        "linearcrossentropyloss",
    ),
    "distances": ("cosinesimilarity", "pairwisedistance"),
    "recurrent": ("rnn", "lstm", "gru", "rnncell", "lstmcell", "grucell"),
    "attention": ("multiheadattention",),
    "transformers": (
        "transformerencoderlayer",
        "transformerdecoderlayer",
        "transformerencoder",
        "transformerdecoder",
        "transformer",
    ),
    "axes": (
        "flatten",
        "unflatten",
        "reshape",
        "permute",
        "transpose",
        "squeeze",
        "unsqueeze",
        "select",
        "expand",
        "chunk",
    ),
    "reduced": ("mean", "sum", "amax"),
    "merged": ("add", "sub", "mul", "maximum", "minimum"),
    "merged_parts": ("cat", "stack"),
    "merged_product": ("matmul",),
    "streams": ("input", "pick", "param"),
}
"""The layers that a file of this room has a picture for, by the file's name; each has a function ``draw``."""

_DRAWN_BY = {layer: file for file, layers in _FILES.items() for layer in layers}


def file_of(name: str) -> str:
    """The file that draws the layer of this name; empty for none."""
    return _DRAWN_BY.get(name, "")


def picture(subject: Subject) -> Diagram | Nothing:
    """The picture of a layer for the very numbers that it is given, or why there is none."""
    found: Diagram | Nothing = import_module(f"layercli.explain.{_DRAWN_BY[subject.layer.name]}").draw(subject)
    return found
