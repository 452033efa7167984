"""The explorer as pictures: ``LAYERCLI_UPDATE=1 pytest tests/explorer/test_snapshots.py`` draws them anew."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

import pytest
from textual.pilot import Pilot

from layercli.explorer.app import Explorer
from layercli.measure.child import measure_in_process
from tests.docs.console import ROOT
from tests.explorer.screens import NARROW, WIDE, Fake, head, press, run, shown, wait
from tests.explorer.test_judge import right

FOLDER = Path(__file__).parent / "snapshots"
UPDATE = bool(os.environ.get("LAYERCLI_UPDATE"))
NET = "stem: conv2d 8 3 p=1 | relu | maxpool2d 2 | conv2d 16 3 p=1 | relu | flatten | linear 10"

SCREENS = {
    "wide": ("conv2d k=5", WIDE, ""),
    "narrow": ("conv2d k=5", NARROW, ""),
    "narrow_picture": ("conv2d k=5 p=2", NARROW, "p ] ]"),
    "narrow_design": (NET, NARROW, "d down"),
    "wide_design": (NET, WIDE, "d down"),
    "list": ("conv2d k=5", NARROW, "/ m a x p o o l down"),
    "typing": ("conv2d k=5", NARROW, "9 9"),
    "mistake": ("conv2d 8 3 | linear 4 in=7 | relu", WIDE, ""),
    "help": ("conv2d k=5", WIDE, "question_mark"),
    "save": (NET, NARROW, "ctrl+s"),
    "leave": (NET, NARROW, "q"),
    "copy": (NET, WIDE, "c"),
}


def steady(svg: str) -> str:
    """Without what is another each time: the names of classes hang on a number."""
    return re.sub(r"terminal-\d+", "terminal", svg)


def draw(text: str, size: tuple[int, int], keys: str, fake: Fake | None = None, theme: str = "") -> str:
    found: list[str] = []

    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        app.theme = theme or app.theme
        await press(pilot, keys)
        if fake is not None:
            await wait(pilot, lambda: "agrees" in head(app) and "… torch" not in shown(app), 60)
        await pilot.pause(0.3)
        found.append(steady(app.export_screenshot(title="layercli explore")))

    run(do, text, "1,3,16,16", size, fake)
    return found[0]


Seen = dict[tuple[int, int], tuple[str, str, str]]
_ACROSS, _DOWN = 12.2, 24.4
"""Pixels of a character."""
_STYLE = re.compile(r"\.(terminal-r\d+) \{ ([^}]*) \}")
_TEXT = re.compile(r'<text class="(terminal-r\d+)" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')
_BEHIND = re.compile(r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"')


def seen(svg: str) -> Seen:
    """What a person sees: of each cell its character, its style, and what is behind it.

    How a line is cut into pieces hangs on what was drawn before, and is seen by nobody.
    """
    styles = dict(_STYLE.findall(svg))
    found: Seen = {}
    for fill, x, y, width in _BEHIND.findall(svg):
        first = round(float(x) / _ACROSS)
        for column in range(first, first + round(float(width) / _ACROSS)):
            found[int(float(y) / _DOWN), column] = (" ", "", fill)
    for name, x, y, text in _TEXT.findall(svg):
        row, first = int((float(y) - 20) / _DOWN + 0.5), round(float(x) / _ACROSS)
        for column, character in enumerate(html.unescape(text).replace("\u00a0", " "), first):
            if character != " ":
                behind = found.get((row, column), ("", "", ""))[2]
                found[row, column] = (character, styles[name], behind)
    return found


def check(path: Path, svg: str) -> None:
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg, "utf-8")
    wanted, found = seen(path.read_text("utf-8")), seen(svg)
    assert len(found) > 500
    pairs = {place: (wanted.get(place), found.get(place)) for place in sorted({*wanted, *found})}
    wrong = [(place, *pair) for place, pair in pairs.items() if pair[0] != pair[1]]
    assert not wrong, f"{path.name} is drawn differently: look at it, LAYERCLI_UPDATE=1 keeps it; {wrong[:5]}"


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen(name: str) -> None:
    check(FOLDER / f"{name}.svg", draw(*SCREENS[name]))


def test_a_screen_that_torch_agrees_with() -> None:
    check(FOLDER / "agrees.svg", draw("conv2d k=5", WIDE, "", Fake(right)))


def test_a_light_screen() -> None:
    check(FOLDER / "light.svg", draw(NET, WIDE, "d", theme="textual-light"))


def test_the_picture_in_the_guide() -> None:
    check(ROOT / "docs" / "explorer.svg", draw(NET, (150, 44), "k right", Fake(measure_in_process)))
