"""``solve`` and ``sweep``: how long a search takes, and how many designs of one layer a second a sweep goes through."""

from __future__ import annotations

import statistics

from tests.bench.figures import bar, heading, line
from tests.bench.timing import Ran, layercli, run

SEARCHES = {
    "a million settings of a convolution, by shape": (
        "conv2d 64 k=1..100 s=1..10 p=0..99 d=1..10", "-i", "1,3,224,224", "--want", "1,64,112,112",
    ),
    "a million settings of a convolution, by parameters": (
        "conv2d 64 k=1..100 s=1..10 p=0..99 d=1..10", "-i", "1,3,224,224", "--where", "params<=100k",
    ),
    "a million settings of a transposed convolution": (
        "convtranspose2d 64 k=1..20 s=1..10 p=0..49 d=1..10 op=0..9", "-i", "1,3,28,28", "--want", "1,64,56,56",
    ),
}  # fmt: skip
DESIGN = (
    "conv2d 32 k=1..10 s=1..10 p=0..9 | relu | maxpool2d k=1..10 | flatten | linear 10", "-i", "1,3,64,64",
    "--where", "params<=200k", "--where", "rf>=1",
)  # fmt: skip
SWEEPS = {
    "convolutions": ("conv2d 8..512..8 k=1..11 s=1..4 p=0..9", "-i", "1,3,224,224"),
    "convolutions, groups": ("conv2d 16..512..16 k=1..9 s=1..4 p=0..4 g=1/2/4/8", "-i", "1,16,56,56"),
    "transposed convolutions": ("convtranspose2d 8..256..8 k=1..8 s=1..4 p=0..3 op=0..2", "-i", "1,16,28,28"),
    "pools": ("maxpool2d k=1..20 s=1..20 p=0..9 ceil_mode=true/false", "-i", "1,16,64..72,64"),
    "LSTMs": ("lstm 8..512..8 1..8 bidirectional=true/false", "-i", "10,4,16..256..16"),
    "linear": ("linear 1..512 bias=true/false", "-i", "8,16..256..8"),
}
FORMATS = ("jsonl", "csv")


def ask(*words: str) -> Ran:
    """Runs a command on one core, its answer thrown away."""
    return run([*layercli(), *words], keep=False, cores=1)


def main(quick: bool) -> None:
    """Prints the times of searches and the rates of sweeps."""
    rounds = 1 if quick else 5
    heading("solve, the whole process, one core, without torch")
    for title, words in SEARCHES.items():
        line(title, *_seconds(rounds, 2, "solve", *words, "--no-run"))
    line("a design with four unknowns of ten values", *_seconds(rounds, 10, "solve", *DESIGN, "--no-run"))
    heading("sweep, designs of one layer a second, the whole process, one core")
    for title, words in SWEEPS.items():
        for form in FORMATS:
            counted = run([*layercli(), "sweep", *words, "--format", form], cores=1)
            count = counted.output.count("\n") - (form == "csv")
            seconds = [ask("sweep", *words, "--format", form).seconds for _ in range(rounds)]
            rate = count / statistics.median(seconds)
            line(f"{title}, {form}", f"{count:8,} designs", f"{rate:8,.0f} a second", bar(rate, 20_000, at_least=True))
    small, large = (ask("sweep", f"conv2d 8 k=1..{last}", "-i", "1,3,999,999", "p=0..19", "--format", "jsonl")
                    for last in (40, 900))  # fmt: skip
    grown = large.peak_mib - small.peak_mib
    line("memory, 18,000 less 800 designs", f"{grown:8.1f} MiB", bar(grown, 16, unit=" MiB"))


def _seconds(rounds: int, limit: float, *words: str) -> tuple[str, str]:
    taken = statistics.median(_took(*words) for _ in range(rounds))
    return f"{taken:8.2f} s", bar(taken, limit, unit=" s")


def _took(*words: str) -> float:
    return ask(*words).seconds
