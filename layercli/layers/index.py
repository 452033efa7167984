"""Which file defines which class, so that finding one layer builds no other family.

Written from the families by ``LAYERCLI_UPDATE=1 pytest tests/layers/test_index.py``; the same test keeps it true.
"""

from __future__ import annotations

# fmt: off
FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "conv": ("convolution", ("Conv1d", "Conv2d", "Conv3d")),
    "conv_transpose": ("convolution", ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")),
    "conv_lazy": ("convolution", ("LazyConv1d", "LazyConv2d", "LazyConv3d", "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d")),
    "pool": ("pooling", ("MaxPool1d", "MaxPool2d", "MaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d")),
    "pool_lp": ("pooling", ("LPPool1d", "LPPool2d", "LPPool3d")),
    "pool_adaptive": ("pooling", ("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d")),
    "pool_fractional": ("pooling", ("FractionalMaxPool2d", "FractionalMaxPool3d")),
    "pool_unpool": ("pooling", ("MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d")),
    "norm": ("normalisation", ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "SyncBatchNorm", "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d")),
    "norm_layer": ("normalisation", ("LayerNorm", "RMSNorm", "GroupNorm", "LocalResponseNorm", "CrossMapLRN2d")),
    "linear": ("linear", ("Linear", "LazyLinear", "Bilinear", "Identity")),
    "activation": ("activation", ("ReLU", "ReLU6", "LeakyReLU", "RReLU", "ELU", "CELU", "SELU", "Softplus", "Threshold", "GELU", "SiLU", "Mish", "Hardswish", "Sigmoid", "Tanh", "LogSigmoid", "Hardsigmoid", "Hardtanh", "Softsign", "Tanhshrink", "Hardshrink", "Softshrink")),
    "activation_axis": ("activation", ("PReLU", "GLU", "Softmax", "Softmin", "LogSoftmax", "Softmax2d")),
    "recurrent": ("recurrent", ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")),
    "attention": ("attention", ("MultiheadAttention",)),
    "transformer_layer": ("attention", ("TransformerEncoderLayer", "TransformerDecoderLayer")),
    "transformer": ("attention", ("TransformerEncoder", "TransformerDecoder", "Transformer")),
    "embedding": ("embedding", ("Embedding", "EmbeddingBag")),
    "dropout": ("dropout", ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")),
    "shape": ("shape", ("Flatten", "Unflatten", "ChannelShuffle")),
    "fold": ("shape", ("Unfold", "Fold")),
    "upsample": ("upsampling", ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d", "PixelShuffle", "PixelUnshuffle")),
    "padding": ("padding", ("ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d", "CircularPad1d", "CircularPad2d", "CircularPad3d")),
    "distance": ("distance", ("CosineSimilarity", "PairwiseDistance")),
    "loss": ("loss", ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "KLDivLoss", "PoissonNLLLoss", "GaussianNLLLoss")),
    "loss_binary": ("loss", ("BCELoss", "BCEWithLogitsLoss", "SoftMarginLoss")),
    "loss_class": ("loss", ("NLLLoss", "NLLLoss2d", "CrossEntropyLoss", "MultiMarginLoss", "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss")),
    "loss_margin": ("loss", ("HingeEmbeddingLoss", "CosineEmbeddingLoss", "MarginRankingLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss")),
    "loss_sequence": ("loss", ("CTCLoss", "AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss")),
    "axes": ("axes", ("reshape", "permute", "transpose", "squeeze", "unsqueeze", "select", "narrow", "expand", "chunk")),
    "merge": ("merging", ("add", "sub", "mul", "maximum", "minimum", "cat", "stack", "matmul")),
    "reduce": ("axes", ("mean", "sum", "amax", "crop", "pad")),
    "stream": ("stream", ("input", "pick", "param")),
}
# fmt: on
"""By module: the family's name, and the torch classes that it defines, or the steps that are no modules of torch.nn.

A layer's name is its class in lower case."""

ALIASES: dict[str, str] = {
    "swish": "silu",
    "mha": "multiheadattention",
}
"""Further names of layers."""
