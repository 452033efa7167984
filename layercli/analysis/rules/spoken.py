"""The rules of notes that are said elsewhere: where an input is taken, or a layer bound."""

from __future__ import annotations

from layercli.analysis.rules.rule import Rule

RULES = (
    Rule(
        "input.default",
        "no input was given",
        "The design begins with no input step and no shape was given: the first layer's default is taken.",
        "Every figure holds for that input.",
        "Give a shape with -i, or begin with an input step.",
        "conv2d 8 3",
        "input 1,3,32,32 | conv2d 8 3",
    ),
    Rule(
        "input.assumed",
        "a further input was made up",
        "A layer takes more than one input, such as a loss its target, and this one was not given: a shape that fits "
        "is taken, and values that the layer can take.",
        "The shape is the usual one, not yours.",
        "Give it by name with -i, or as a labelled input step.",
        "input 8,10 | crossentropyloss",
        "input 8,10 | relu",
    ),
    Rule(
        "recurrent.batch-first",
        "batch and sequence may be exchanged",
        "The input is read as a sequence of a batch, torch's default, with fewer steps than samples.",
        "Most data come with the batch first; torch takes either without a word, and mixes samples.",
        "Write batch_first=true if the batch is first, batch_first=false if this is meant.",
        "input 5,32,16 | lstm 8",
        "input 5,32,16 | lstm 8 batch_first=true",
        "docs.pytorch.org LSTM, batch_first",
    ),
    Rule(
        "recurrent.dropout",
        "dropout in a single recurrent layer",
        "dropout is given and num_layers is 1.",
        "It acts between stacked layers, of which there is one: it does nothing, and torch warns.",
        "Use two layers or more, or a dropout step behind.",
        "input 5,2,16 | lstm 8 dropout=0.5",
        "input 5,2,16 | lstm 8 2 dropout=0.5",
        "docs.pytorch.org LSTM, dropout",
    ),
    Rule(
        "spec.torch-order",
        "most likely torch's order of arguments",
        "The first value is the size that is read off the input here, and comes first in torch only.",
        "conv2d 3 64 7 on three channels reads as 3 filters with a kernel of 64.",
        "Leave the first value out, or write nn.Conv2d(3, 64, 7).",
        "input 1,3,224,224 | conv2d 3 64 7",
        "input 1,3,224,224 | conv2d 64 7",
    ),
    Rule(
        "printed.hidden",
        "an argument that print(model) does not show",
        "A printed module leaves arguments out, and torch's defaults are taken for them.",
        "Figures that hang on them hold under that assumption only.",
        "Paste the source of the model if they differ.",
        "Sequential(\n  (0): AvgPool2d(kernel_size=2, stride=2, padding=0)\n)",
        "Sequential(\n  (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))\n)",
    ),
    Rule(
        "symbolic.tied",
        "weights that hang on an open size",
        "A size was left open (N, H, W), and a layer's weights are made for a figure in which it stands. It is said "
        "once for each set of sizes, at the first such layer.",
        "A net is built once: with these weights it takes no other size, whatever the formulas say.",
        "Put adaptiveavgpool2d 1 before the flatten, or give a number for the size.",
        "flatten | linear 10",
        "adaptiveavgpool2d 1 | flatten | linear 10",
        given="1,3,H,32",
    ),
)
