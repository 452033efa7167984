"""Losses of classes on a few scores: shares of a softmax and their logarithms, and margins between scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

from layercli.analysis.flow import Flow
from layercli.explain.cells import times
from layercli.explain.diagram import Above, Bar, Bars, Beside, Diagram, Grid, Picture
from layercli.explain.figures import column, explained, row, said, short, table
from layercli.explain.multiplied import features, product, weights
from layercli.explain.shared_out import softmax
from layercli.explain.subject import Subject

MOST = 5
"""Classes that are shown."""
SCORES = (2.0, 0.0, 3.0, 1.0, 1.0)
_SURE = 0.7
"""What a target of probabilities gives to one class; the others share the rest."""
_MEANINGS = {"tap": "the target's class", "out": "the loss", "two": "the other classes", "win": "what they share with"}


def cross_entropy(subject: Subject) -> Diagram:
    """Scores, their softmax, and minus the logarithm of what the target's class gets."""
    scores = list(SCORES[: min(MOST, _classes(subject))])
    return explained(_shares(subject, scores), _MEANINGS)


def negative_log_likelihood(subject: Subject) -> Diagram:
    """Logarithms of probabilities, and minus that of the target's class."""
    logs = [math.log(share) for share in softmax(SCORES[: min(MOST, _classes(subject))])]
    target = _target(subject, len(logs))
    shares = [math.exp(x) for x in logs]
    words = [f"exp({short(x)}) = {short(share)}" for x, share in zip(logs, shares)]
    bars = _bars(shares, target, words, "the probabilities")
    marks = ["tap" if index == target else "" for index in range(len(logs))]
    steps = Beside((row(logs, "input", marks), column([-logs[target]], "loss", ["out"])), ("→",))
    note = f"minus the input at class {target}: {said(-logs[target])}"
    return explained(Above((steps, bars), note="; ".join((note, *_options(subject, len(logs))))), _MEANINGS)


def linear_cross_entropy(subject: Subject) -> Diagram:
    """The scores come out of a linear map first."""
    into, count = subject.fed.shape[-1], min(MOST, _classes(subject))
    x = [number % 3 for number in features(min(4, into))]
    matrix = weights(count, len(x))
    bias = [1.0, -1.0, 0.0, 2.0, 0.0][:count] if subject.args["bias"] else []
    scores = product(matrix, x, bias)
    places = subject.args["out_features"]
    title = f"weight {times((_classes(subject), *places, into))}" if places else f"weight {_classes(subject)}x{into}"
    marked = [["tap" if index == _target(subject, count) else "" for _ in x] for index in range(count)]
    grids: tuple[Grid, ...] = (
        table(matrix, title, marked), column(x, "x"), *((column(bias, "b"),) if bias else ()), column(scores, "scores"),
    )  # fmt: skip
    note = "a linear map gives each class a score"
    note += f", with weights of its own for each of the {times(places)} places" if places else ""
    if len(x) < into:
        note += f"; {len(x)} of {into} features are shown"
    signs = ("·", *("+" for _ in bias[:1]), "=")
    return explained(Above((Beside(grids, signs, note=note), _shares(subject, scores))), _MEANINGS)


# --- shares ----------------------------------------------------------------------------------------------------------


def _classes(subject: Subject) -> int:
    """How many classes there are."""
    if subject.layer.name == "linearcrossentropyloss":
        return int(subject.args["num_classes"])
    shape = subject.fed.shape
    return shape[1] if len(shape) > 1 else shape[0]


def _target(subject: Subject, count: int) -> int:
    """The class that is right in the example, none that is ignored."""
    order = [index for index in (0, 1, *range(2, count)) if index < count]
    ignored = subject.args.get("ignore_index")
    return next((index for index in order if index != ignored), 0)


def wanted(subject: Subject, count: int) -> list[float]:
    """What the target gives to each class, smoothed."""
    target, given = _target(subject, count), subject.bound.inputs.get("target")
    share = 1.0
    if isinstance(given, Flow) and given.dtype.startswith(("float", "bfloat")) and count > 1:
        share = _SURE
    smoothing = max(0.0, subject.args.get("label_smoothing") or 0.0)
    others = (1 - share) / (count - 1) if count > 1 else 0.0
    plain = [share if index == target else others for index in range(count)]
    return [(1 - smoothing) * part + smoothing / count for part in plain]


def _shares(subject: Subject, scores: Sequence[float]) -> Above:
    count = len(scores)
    target, shares, goal = _target(subject, count), softmax(scores), wanted(subject, count)
    loss = -math.fsum(part * math.log(share) for part, share in zip(goal, shares))
    names = [f"class {index}, score {short(score)}" for index, score in enumerate(scores)]
    parts: list[Picture] = [_bars(shares, target, [short(share) for share in shares], "softmax of the scores", names)]
    if goal[target] == 1:
        words = f"loss -log({short(shares[target])}) = {said(loss)}"
    else:
        parts.append(_bars(goal, target, [short(part) for part in goal], "what the target says", names))
        words = f"loss: minus the sum of what the target says times log(softmax) = {said(loss)}"
    return Above(tuple(parts), note="; ".join((words, *_options(subject, count))))


def _bars(shares: Sequence[float], target: int, texts: Sequence[str], title: str, names: Sequence[str] = ()) -> Bars:
    """Shares as bars, that of the target's class marked."""
    names = names or [f"class {index}" for index in range(len(shares))]
    bars = [Bar(name, share, words) for name, share, words in zip(names, shares, texts)]
    bars[target] = bars[target]._replace(name=f"{names[target]} (target)", mark="tap")
    return Bars(tuple(bars), title)


def _options(subject: Subject, count: int) -> list[str]:
    """What the arguments add, in words."""
    args, found = subject.args, []
    smoothing = args.get("label_smoothing") or 0
    if smoothing > 0:
        found.append(f"label_smoothing spreads {said(smoothing)} of the target over all classes")
    if args.get("weight") is not None:
        found.append("weight multiplies the loss of each class, here by 1")
    ignored = args.get("ignore_index")
    if ignored is not None and ignored >= 0:
        found.append(f"targets of {ignored} do not count")
    if count < _classes(subject):
        found.append(f"{count} of {_classes(subject)} classes, as if they were all")
    return found


# --- margins ---------------------------------------------------------------------------------------------------------


def multi_margin(subject: Subject) -> Diagram:
    """By how much the other classes come within the margin of the right one."""
    total = subject.fed.shape[-1] if subject.fed.shape else 1
    scores = SCORES[: min(MOST, total)]
    count, margin, p = len(scores), subject.args["margin"], subject.args["p"]
    target = 0
    close = [max(0.0, margin - scores[target] + score) for score in scores]
    terms = [None if index == target else short_of**p for index, short_of in enumerate(close)]
    loss = sum(term for term in terms if term is not None) / count
    marks = [["tap" if index == target else "" for index in range(count)]] + [[""] * count] * 2
    inner = f"{said(margin)} - {short(scores[target])} + score"
    steps = table(
        [scores, [margin - scores[target] + score for score in scores], close],
        "scores of classes", marks, ("score", inner, "max(0, .)"), [str(index) for index in range(count)],
    )  # fmt: skip
    power = " to the power 2" if p == 2 else ""
    note = (
        f"class {target} is right: the last row{power}, without its own, adds up to {said(loss * count)}; "
        f"divided by {count} classes: {said(loss)}"
    )
    more = [] if count == total else [f"{count} of {total} classes, as if they were all"]
    if subject.args["weight"] is not None:
        more.append("weight multiplies the loss by the factor of the right class, here 1")
    picture = Beside((steps, column([loss], "loss", ["out"])), ("→",), note="; ".join((note, *more)))
    return explained(picture, _MEANINGS)


def multi_label_margin(subject: Subject) -> Diagram:
    """The same for several classes that hold: every one of them against every other class."""
    total = subject.fed.shape[-1] if subject.fed.shape else 1
    scores = SCORES[: min(MOST, total)]
    count = len(scores)
    holding = [index for index in (2, 1) if index < count] or [0]
    others = [index for index in range(count) if index not in holding]
    terms = [[max(0.0, 1 - scores[j] + scores[i]) for i in others] for j in holding]
    loss = sum(map(sum, terms)) / count
    row_marks = ["tap" if index in holding else "" for index in range(count)]
    given = table([scores], "scores of classes", [row_marks], (), [str(index) for index in range(count)])
    pairs = table(
        terms, "1 - holding + other, at least 0", (), [f"class {j}" for j in holding], [str(i) for i in others]
    )
    target = ",".join(map(str, (*holding, -1) if count > len(holding) else holding))
    note = (
        f"the target {target} says which classes hold: each row is one of them against the others; all of it adds up "
        f"to {said(loss * count)}; divided by {count} classes: {said(loss)}"
    )
    if count < total:
        note += f"; {count} of {total} classes, as if they were all"
    parts = (given, pairs, column([loss], "loss", ["out"])) if others else (given, column([loss], "loss", ["out"]))
    return explained(Beside(parts, ("→",) * (len(parts) - 1), note=note), {**_MEANINGS, "tap": "a class that holds"})
