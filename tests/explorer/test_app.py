"""The explorer's screen, key by key."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, OptionList

from layercli.explorer.app import Explorer
from layercli.explorer.dialogs import Ask, Choose
from layercli.explorer.help import KEYS, Help
from layercli.explorer.keys import KeyField
from tests.explorer.screens import NARROW, WIDE, head, press, run, shown

CHAIN = "conv2d 8 3 p=1 | relu | maxpool2d 2"


def test_a_layer_is_found_by_typing_and_arrows_go_on_meanwhile() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "m a x p o o l down")
        assert app.query_one("#names", OptionList).highlighted_option.id == "maxpool2d"  # type: ignore[union-attr]
        assert app.draft.layer == "conv2d", "not before Enter"
        await press(pilot, "enter")
        assert app.draft.layer == "maxpool2d"
        assert head(app).startswith("1,3,8,8")
        assert isinstance(app.focused, KeyField)
        assert app.focused.field.name == "k"
        await press(pilot, "/ escape 'lstm' enter")
        assert app.draft.layer == "lstm"
        assert "5,3,10" in head(app)

    run(do)


def test_keys_step_and_the_shape_and_the_picture_follow() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        before = shown(app)
        assert "output 12x12" in before
        await press(pilot, "right")
        assert head(app).startswith("1,3,11,11")
        assert "output 11x11" in shown(app)
        await press(pilot, "minus minus")
        assert head(app).startswith("1,3,13,13")
        await press(pilot, "up up right right")
        assert dict(app.draft.values)["in_channels"] == "5"
        assert "no output" in head(app)
        await press(pilot, "backspace")
        assert head(app).startswith("1,3,13,13")
        await press(pilot, "up shift+right")
        assert app.draft.inputs == "1,3,26,26"
        assert head(app).startswith("1,3,23,23")

    run(do, "conv2d k=5", "1,3,16,16")


def test_values_are_typed() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "7")
        assert head(app).startswith("1,3,10,10"), "while it is typed"
        await press(pilot, "comma 3")
        assert head(app).startswith("1,3,10,14")
        await press(pilot, "enter left")
        assert app.draft.told("kernel_size") == "7,2", "keys step again"
        await press(pilot, "enter backspace backspace backspace 'x'")
        assert "no output" in head(app)
        assert "kernel_size is" in shown(app)
        await press(pilot, "escape")
        assert app.draft.told("kernel_size") == "7,2"
        await press(pilot, "up up up enter")
        await press(pilot, "' hx=1'")
        assert "no output" in head(app)
        await press(pilot, "escape down")
        assert "no output" not in head(app)

    run(do, "conv2d k=5", "1,3,16,16")


def test_an_error_and_its_way_back() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "9 9")
        text = shown(app)
        assert "kernel_size 99 spans 99 cells" in text
        assert "fix: use a kernel_size of at most 16" in text
        assert "nothing to draw" in text
        await press(pilot, "enter a")
        assert not app.history.now.steps, "what is wrong is not appended"
        await press(pilot, "backspace 5")
        assert head(app).startswith("1,3,12,12")

    run(do, "conv2d k=5", "1,3,16,16")


def test_looking_at_another_cell() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "] ] ]")
        assert app.draft.at == (0, 2)
        assert "Picture: cell 0,2" in shown(app)
        await press(pilot, "[ right")
        assert app.draft.at is None

    run(do, "conv2d k=5", "1,3,16,16")


def test_a_design_is_put_together() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "a / 'relu' enter a / escape 'maxpool2d' enter a")
        now = app.history.now
        assert (now.steps, now.input) == (("conv2d k=5", "relu", "maxpool2d 2"), "1,3,16,16")
        assert app.draft.inputs == "1,3,6,6"
        assert "parameters 228" in shown(app)
        await press(pilot, "d up up ctrl+down")
        assert app.history.now.steps == ("relu", "conv2d k=5", "maxpool2d 2")
        assert app.query_one(DataTable).cursor_row == 1, "the cursor goes with it"
        await press(pilot, "ctrl+up ctrl+up")
        assert app.history.now == now
        await press(pilot, "x")
        assert app.history.now.steps == ("relu", "maxpool2d 2")
        await press(pilot, "ctrl+z ctrl+z")
        assert app.history.now.steps == ("relu", "conv2d k=5", "maxpool2d 2")
        await press(pilot, "ctrl+y ctrl+y")
        assert app.history.now.steps == ("relu", "maxpool2d 2")
        await press(pilot, "down enter")
        assert app.draft.layer == "maxpool2d"
        assert app.draft.inputs == "1,3,16,16"
        await press(pilot, "3 enter d equals_sign")
        assert app.history.now.steps == ("relu", "maxpool2d 3")

    run(do, "conv2d k=5", "1,3,16,16")


def test_a_step_is_edited_as_text() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "down e")
        assert isinstance(app.screen, Ask)
        await press(pilot, "' |' enter")
        assert isinstance(app.screen, Ask), "what is wrong is said, and the dialog stays"
        assert "after" in shown(app) or "step" in shown(app)
        await press(pilot, "' tanh' enter")
        assert app.history.now.steps == ("conv2d 8 3 p=1", "relu", "tanh", "maxpool2d 2")
        await press(pilot, "e escape")
        assert len(app.history.now.steps) == 4

    run(do, CHAIN, "1,3,16,16")


def test_a_design_with_a_mistake() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        assert "in_features is 7" in shown(app)
        await press(pilot, "c p")
        assert app.clipboard == ""
        await press(pilot, "enter")
        assert app.draft.layer == "linear" or app.draft.layer == "conv2d"

    run(do, "conv2d 8 3 | linear 4 in=7", "1,3,16,16")


def test_open_and_save(tmp_path: Path) -> None:
    path = tmp_path / "net.layers"

    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "ctrl+s")
        await press(pilot, f"ctrl+u '{tmp_path}/no/net.layers' enter")
        assert isinstance(app.screen, Ask)
        assert "cannot write" in shown(app)
        await press(pilot, f"ctrl+u '{path}' enter")
        assert not isinstance(app.screen, Ask)
        assert path.read_text() == "input 1,3,16,16\nconv2d 8 3 p=1\nrelu\nmaxpool2d 2\n"
        assert not app.history.changed
        await press(pilot, "d x")
        assert app.history.changed
        await press(pilot, "ctrl+o")
        await press(pilot, f"ctrl+u '{tmp_path}/none' enter")
        assert "cannot read" in shown(app)
        await press(pilot, f"ctrl+u '{path}' enter")
        assert len(app.history.now.steps) == 3
        await press(pilot, "ctrl+z")
        assert len(app.history.now.steps) == 2, "what was there is not lost"

    run(do, CHAIN, "1,3,16,16")


def test_another_file_is_not_written_over_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.layers").write_text("tanh\n")

    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, f"ctrl+s ctrl+u '{tmp_path}/a.layers' enter")
        assert "is there already" in shown(app)
        assert (tmp_path / "a.layers").read_text() == "tanh\n"
        await press(pilot, "enter")
        assert "conv2d" in (tmp_path / "a.layers").read_text()

    run(do, CHAIN, "1,3,16,16")


@pytest.mark.parametrize(
    ("letter", "text"), [("s", "input 1,3,16,16 | conv2d 8 3"), ("p", "nn.Conv2d(3, 8, 3"), ("j", '"schema"')]
)
def test_copy(letter: str, text: str) -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, f"c {letter}")
        assert text in app.clipboard

    run(do, CHAIN, "1,3,16,16")
    run(do, "conv2d 8 3", "1,3,16,16")


def test_help_lists_every_key() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "question_mark")
        assert isinstance(app.screen, Help)
        text = shown(app)
        assert all(does[:20] in text for keys in KEYS.values() for does in keys.values())
        await press(pilot, "escape")
        assert not isinstance(app.screen, Help)

    run(do, CHAIN, "1,3,16,16")


@pytest.mark.parametrize(("letter", "running"), [("b", True), ("l", False), ("escape", True)])
def test_leaving_with_a_design_that_is_not_saved(letter: str, running: bool) -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "q")
        assert isinstance(app.screen, Choose)
        assert "not saved" in shown(app)
        await press(pilot, letter)
        assert app.is_running is running or app._exit is not running

    run(do, CHAIN, "1,3,16,16")


@pytest.mark.parametrize("keys", ["c s s s", "q b b", "c escape escape", "question_mark q q", "ctrl+s escape escape"])
def test_a_key_too_many_is_no_harm(keys: str) -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        for key in keys.split():
            app.simulate_key(key)
        await pilot.pause(0.5)
        assert app.is_running

    app = run(do, CHAIN, "1,3,16,16")
    assert not app.return_code


def test_saving_on_the_way_out(tmp_path: Path) -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, f"ctrl+q s ctrl+u '{tmp_path}/x.layers' enter")
        assert app._exit

    run(do, CHAIN, "1,3,16,16")
    assert (tmp_path / "x.layers").exists()


def test_leaving_with_nothing_to_lose() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "q")
        assert app._exit

    run(do, "conv2d k=5")


def test_a_narrow_screen_has_one_of_three_in_front() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        def front() -> list[str]:
            return [view for view in ("result", "picture", "design") if app.query_one(f"#{view}").region.height]

        assert front() == ["result"]
        await press(pilot, "p")
        assert front() == ["picture"]
        assert "input 16x16" in shown(app)
        await press(pilot, "a d")
        assert front() == ["design"]
        assert "conv2d k=5" in shown(app)
        await pilot.click("#tabs .result")
        assert front() == ["result"]
        await pilot.resize_terminal(*WIDE)
        await pilot.pause()
        assert front() == ["result", "picture", "design"]

    run(do, "conv2d k=5", "1,3,16,16", NARROW)


def test_the_mouse() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        line = next(line for line in app.query(KeyField) if line.field.name == "k")
        await pilot.click(line.query_one(".value"), offset=(4, 0))
        assert app.draft.told("kernel_size") == "6"
        await pilot.click(line.query_one(".value"), offset=(0, 0))
        assert app.draft.told("kernel_size") == "5"
        await pilot.click("#names", offset=(3, 1))
        assert app.draft.layer == "conv1d"

    run(do, "conv2d k=5", "1,3,16,16")


def test_colours() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await press(pilot, "ctrl+t")
        assert app.screen.__class__.__name__ == "CommandPalette"
        await press(pilot, "escape")
        for theme in app.available_themes:
            app.theme = theme
            await pilot.pause()
        assert head(app).startswith("1,3,12,12")

    run(do, "conv2d k=5", "1,3,16,16")


def test_every_layer_is_shown() -> None:
    """One of three, one after the other in one explorer, on a wide screen: none takes it down."""
    from layercli.explain.pictures import file_of
    from layercli.layers import known_names

    def drawn(name: str) -> bool:
        from importlib.util import find_spec

        return not file_of(name) or find_spec(f"layercli.explain.{file_of(name)}") is not None

    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        from layercli.explorer import moves

        for name in known_names()[::3]:
            if name != "input" and drawn(name):
                app.draft = moves.taken(app.asker, app.draft, name)
                await pilot.pause()
                assert app.draft.layer == name
                assert "no output" not in head(app), name

    run(do)
