"""Random designs of convolutions, as text: of every kind, in groups, repeats and branches."""

from __future__ import annotations

from hypothesis import strategies as st

_RANKS = st.sampled_from([1, 2, 2, 2, 3])


@st.composite
def designs(draw: st.DrawFn) -> tuple[str, tuple[int, ...]]:
    """A design and the shape of what it is fed."""
    rank = draw(_RANKS)
    width = draw(st.sampled_from([2, 4, 6]))
    size = draw(st.integers(7, 14)) if rank < 3 else draw(st.integers(6, 8))
    steps = [_block(draw, rank, width, number) for number in range(draw(st.integers(1, 3)))]
    if draw(st.integers(0, 3)) == 0:
        steps += ["flatten", f"linear {draw(st.integers(1, 5))}"]
    return " | ".join(steps), (draw(st.integers(1, 2)), width, *[size] * rank)


def _block(draw: st.DrawFn, rank: int, width: int, number: int) -> str:
    inner = _layer(draw, rank, width)
    if draw(st.integers(0, 2)) == 0:
        inner += f" | {draw(st.sampled_from([f'batchnorm{rank}d', 'relu', 'gelu', f'batchnorm{rank}d | silu']))}"
    form = draw(st.integers(0, 5))
    if form == 0:
        return f"2*({inner})"
    if form == 1:
        return f"x{number}: ({inner})"
    if form == 2:
        return f"cat dim=1 ({inner} ; {inner})"
    return inner


def _layer(draw: st.DrawFn, rank: int, width: int) -> str:
    kernel = [draw(st.integers(1, 7)) for _ in range(rank)] if draw(st.booleans()) else [draw(st.integers(1, 7))] * rank
    transposed = draw(st.integers(0, 4)) == 0
    words = [
        f"conv{'transpose' * transposed}{rank}d {width * draw(st.sampled_from([1, 1, 2]))}",
        ",".join(map(str, kernel)),
    ]
    usual = {"s": st.integers(1, 3), "p": st.integers(0, max(kernel) // 2), "d": st.integers(1, 2)}
    for key, values in usual.items():
        if draw(st.integers(0, 1 if key == "p" else 3)) == 0:
            words.append(f"{key}={draw(values)}")
    if draw(st.integers(0, 4)) == 0:
        words.append(f"g={draw(st.sampled_from([2, width]))}")
    if draw(st.integers(0, 3)) == 0:
        words.append("bias=false")
    if not transposed and draw(st.integers(0, 5)) == 0:
        words.append("padding_mode=replicate")
    if not transposed and draw(st.integers(0, 5)) == 0 and not any(word.startswith(("s=", "p=")) for word in words):
        words.append("p=same")
    if transposed and draw(st.integers(0, 2)) == 0:
        words.append("op=1")
    return " ".join(words)
