"""A crop to the size of another tensor: what it takes, what it gives, and what it reads."""

from __future__ import annotations

import pytest

from layercli import analyze

SKIP = "a: conv2d 8 3 | conv2d 8 3 s=2 | up: convtranspose2d 8 2 s=2 | cat dim=1 (crop like=@up @a ; )"


def test_torch_agrees() -> None:
    report = analyze(SKIP, (1, 8, 33, 35))
    assert report.status == "agrees"
    assert report.output is not None
    assert report.output.shape == (1, 16, 30, 32)


def test_with_sizes_left_open() -> None:
    report = analyze(SKIP, ("N", 8, "H", "W"))
    assert report.status == "agrees"
    assert report.analysis.symbolic is not None
    assert [demand.text for demand in report.analysis.symbolic.demands] == ["H >= 5", "W >= 5"]


def test_only_the_shape_of_like_counts() -> None:
    """What like reads of the input is no part of what the crop reads."""
    cropped = analyze("a: conv2d 8 3 | up: conv2d 8 9 | crop like=@up @a", (1, 3, 32, 32), run=False)
    alone = analyze("a: conv2d 8 3 | crop 22", (1, 3, 32, 32), run=False)
    assert cropped.to_dict()["receptive_field"] == alone.to_dict()["receptive_field"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("crop", "crop needs a size, or a tensor to be as large as"),
        ("x: maxpool2d 2 | crop 3 like=@x", "crop takes like=@label or a size"),
        ("x: identity | flatten | crop like=@x", "crop takes like=@label or a size"),
        ("x: maxpool2d 2 | a: maxpool2d 2 | crop like=@x @a", "is larger than what it is taken from, 1,3,8,8"),
    ],
)
def test_what_does_not_fit(spec: str, says: str) -> None:
    report = analyze(spec, (1, 3, 32, 32), run=False)
    assert report.analysis.error is not None
    assert says in report.analysis.error.message
