"""What the explorer holds and works out, without a screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from layercli.cli.inputs import parse_inputs
from layercli.errors import LayerError
from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.pictures import file_of
from layercli.explorer import files, moves
from layercli.explorer.answers import Asker, moved
from layercli.explorer.fields import INPUT, fields, stepped
from layercli.explorer.listing import listed
from layercli.explorer.specs import bare, design_of, draft_of, file_text, first_draft, inputs_of, step_text
from layercli.explorer.start import Opening, opened
from layercli.explorer.state import Design, Draft, History, titled
from layercli.explorer.told import Told
from layercli.layers import families, find, known_names
from layercli.measurement import FAILED, Measurement
from layercli.spec import parse
from tests.docs.console import ROOT

LAYERS = [name for name in known_names() if name != "input"]


@pytest.fixture
def asker() -> Asker:
    return Asker(parse_inputs)


# --- drafts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_opens_with_an_answer_and_steps(asker: Asker, name: str) -> None:
    draft = first_draft(name)
    answer = asker.answer(draft)
    assert answer.error is None
    assert answer.output
    assert isinstance(answer.drawing, Diagram) or "layercli failed" not in answer.drawing.why
    assert draft_of(step_text(draft), draft.inputs) == draft, "what is typed reads back"
    for field in answer.fields:
        for by in (1, -1):
            after = asker.answer(moves.step(draft, field, by))
            code = after.error.code if after.error else ""
            both = "both given" in str(after.error)  # two keys that exclude each other
            assert both or code.partition(".")[0] in ("", "shape", "torch"), (field, by, after.error)


def test_a_draft_is_told_and_forgets() -> None:
    draft = Draft("conv2d", (("kernel_size", "5"),), "1,3,16,16", (2, 3))
    told = draft.tell("stride", " 2 ")
    assert told.told("stride") == "2"
    assert told.at is None, "the position is another's"
    assert told.tell("stride", "") == draft._replace(at=None)
    assert step_text(told.tell("out_channels", "8")) == "conv2d 8 5 s=2"
    assert step_text(told) == "conv2d k=5 s=2"


@pytest.mark.parametrize(
    ("value", "up", "down", "key"),
    [
        ("5", "6", "4", "kernel_size"),
        ("1", "2", "1", "stride"),
        ("3,5", "3,6", "3,4", "kernel_size"),
        ("3,3", "4,4", "2,2", "kernel_size"),
        ("0", "1", "valid", "padding"),
        ("valid", "0", "same", "padding"),
        ("same", "valid", "same", "padding"),
        ("true", "false", "false", "bias"),
        ("zeros", "reflect", "circular", "padding_mode"),
    ],
)
def test_a_step(asker: Asker, value: str, up: str, down: str, key: str) -> None:
    draft = first_draft("conv2d").tell(key, value)
    field = next(each for each in fields(draft, None) if each.key == key)
    assert (stepped(field, 1), stepped(field, -1)) == (up, down)


def test_a_step_of_numbers_with_a_point_and_of_none(asker: Asker) -> None:
    dropout = next(each for each in asker.answer(first_draft("dropout")).fields if each.key == "p")
    assert (dropout.value, stepped(dropout, 1), stepped(dropout, -1)) == ("0.5", "0.6", "0.4")
    assert stepped(dropout._replace(value="1.0"), 1) == "1.0", "not above one"
    small = next(each for each in asker.answer(first_draft("layernorm")).fields if each.key == "eps")
    assert stepped(small, 1) == "2e-05"
    needed = next(each for each in fields(Draft("conv2d"), None) if each.key == "kernel_size")
    assert needed.value == "none, needed"
    assert stepped(needed, 1) == "1"


@pytest.mark.parametrize(
    ("text", "up"),
    [
        ("1,3,16,16", "1,3,17,17"), ("1,3,16,8", "1,3,16,9"), ("4,10", "4,11"), ("7", "8"), ("2,5:int64", "2,6:int64"),
        ("x=4,10 y=4", "x=4,11 y=4"), ("N,3,H,W", "N,3,H,W"), ("2,2", "2,3"), ("", ""),
    ],
)  # fmt: skip
def test_a_step_of_an_input(text: str, up: str) -> None:
    draft = first_draft("conv2d").fed(text)
    field = fields(draft, None)[0]
    assert field.key == INPUT
    assert stepped(field, 1) == up


@pytest.mark.parametrize("value", ["5 | relu", "5 s=2", "@a", "5)", "", "(relu; relu)", "#"])
def test_a_value_is_no_more_than_a_value(asker: Asker, value: str) -> None:
    answer = asker.answer(Draft("conv2d", (("kernel_size", value),), "1,3,16,16"))
    assert answer.error is not None
    assert answer.error.code.startswith(("spec.", "type."))
    assert isinstance(answer.drawing, Nothing)
    assert not answer.output


def test_an_answer_is_kept_and_an_error_has_a_way_back(asker: Asker) -> None:
    draft = first_draft("conv2d")
    assert asker.answer(draft) is asker.answer(Draft(*draft))
    wrong = asker.answer(draft.tell("kernel_size", "99"))
    assert wrong.error is not None
    assert wrong.error.fix
    assert asker.answer(draft.tell("kernel_size", "5")) is asker.answer(draft)
    assert asker.answer(draft.fed("1,3,x!")).error is not None
    open_sizes = asker.answer(draft.fed("N,3,H,W"))
    assert open_sizes.error is None
    assert isinstance(open_sizes.drawing, Nothing)


def test_a_bug_of_ours_is_shown_and_takes_nothing_down(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    from layercli.explorer import answers

    def broken(*_: object) -> None:
        raise NameError("oops")

    monkeypatch.setattr(answers, "picture", broken)
    answer = asker.answer(first_draft("conv2d"))
    assert (answer.error, answer.drawing) == (None, Nothing("layercli failed: NameError: oops"))
    monkeypatch.setattr(answers, "analyse_spec", broken)
    for error in (asker.answer(first_draft("relu")).error, asker.sum(Design(("relu",))).error):
        assert error is not None
        assert error.code == "internal.error"


def test_positions(asker: Asker) -> None:
    draft = first_draft("conv2d")
    assert asker.places(draft) == (12, 12)
    first = moved(None, (12, 12), 1)
    assert (first, moved(None, (12, 12), -1), moved((0, 11), (12, 12), 1)) == ((0, 0), (11, 11), (1, 0))
    assert moved((0, 0), (12, 12), -1) == (11, 11)
    assert asker.answer(draft._replace(at=(3, 4))).drawing != asker.answer(draft).drawing
    assert asker.places(first_draft("identity")) is None or file_of("identity")
    assert asker.places(draft.tell("kernel_size", "99")) is None


def test_another_layer_takes_the_input_over_where_it_can(asker: Asker) -> None:
    conv = first_draft("conv2d").fed("2,8,20,20")
    assert moves.taken(asker, conv, "maxpool2d").inputs == "2,8,20,20"
    assert moves.taken(asker, conv, "lstm").inputs == "5,3,16"
    assert moves.taken(asker, first_draft("conv2d"), "linear").inputs == "48,16"


def test_the_list_of_layers() -> None:
    everything = dict(listed(""))
    assert set(everything) <= set(families())
    assert [name for names in everything.values() for name in names] == LAYERS
    assert listed("conv2")[0] == ("convolution", ("conv2d", "lazyconv2d"))
    assert listed("mha")[0][1][0] == "multiheadattention"
    assert listed("relu")[0][1][0] == "relu"
    assert listed("conv2dd")
    assert listed("zzzz") == ()


# --- designs --------------------------------------------------------------------------------------------------------


def test_a_design_is_changed_and_its_history_goes_both_ways() -> None:
    design = Design(("a", "b", "c"))
    assert design.move(0, 1).steps == ("b", "a", "c")
    assert design.move(0, -1) is design
    assert design.move(2, 1) is design
    assert design.drop(1).steps == ("a", "c")
    assert design.add("d").add("e", 0).steps == ("e", "a", "b", "c", "d")
    history = History().do(design).do(design.drop(0))
    assert history.undo().now == design
    assert history.undo().redo() == history
    assert history.undo().do(design.add("x")).redo().now == design.add("x"), "what was undone is gone"
    assert History().undo() == History()
    assert History().redo() == History()
    assert history.do(history.now) is history


def test_what_is_saved() -> None:
    history = History()
    assert not history.changed
    history = history.do(Design(("relu",), "1,3"))
    assert history.changed
    assert titled(history) == "Design: not saved *, on 1,3"
    saved = history.written("a.layers")
    assert not saved.changed
    assert titled(saved) == "Design: a.layers, on 1,3"
    assert saved.do(Design()).changed, "an empty one is a change of the file"
    assert not saved.do(Design()).undo().changed


def test_a_design_from_text_keeps_its_comments() -> None:
    text = "# top\ninput 1,3,8,8 # in\nstem: conv2d 8 3 p=1 # keeps\n# middle\n2*(relu | identity)\nflatten\n# end\n"
    design = design_of(text)
    assert design.input == "1,3,8,8"
    assert [bare(step) for step in design.steps] == ["stem: conv2d 8 3 p=1", "2*(relu | identity)", "flatten"]
    again = file_text(design)
    assert [line for line in again.splitlines() if "#" in line] == [
        "# top", "# in", "stem: conv2d 8 3 p=1  # keeps", "# middle", "# end",
    ]  # fmt: skip
    assert design_of(again) == design, "a file that is written and read is the same design"


def test_pytorch_becomes_steps() -> None:
    assert design_of("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())").steps == ("conv2d 8 3 in=3", "relu")


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "designs").glob("*.layers")), ids=lambda path: path.stem)
def test_designs_open_and_are_written_as_they_were(asker: Asker, path: Path, tmp_path: Path) -> None:
    design = files.opened(str(path))
    found = asker.sum(design)
    assert found.error is None
    assert len(found.rows) == len(design.steps)
    assert all(row.output or not row.layers for row in found.rows)
    files.written(str(tmp_path / "x.layers"), design)
    assert files.opened(str(tmp_path / "x.layers")) == design
    before, after = (parse(text.read_text()).expanded_steps for text in (path, tmp_path / "x.layers"))
    assert before == after


def test_appending_goes_on_with_the_output(asker: Asker) -> None:
    both = moves.Both(first_draft("conv2d"), History())
    once = moves.appended(asker, both)
    assert once.history.now == Design(("conv2d k=5",), "1,3,16,16")
    assert once.draft.inputs == "1,3,12,12"
    twice = moves.appended(asker, once._replace(draft=moves.taken(asker, once.draft, "cat")))
    assert twice.history.now.steps[-1] == "cat dim=1 ( ; )"
    assert twice.draft.inputs == "1,6,12,12"
    with pytest.raises(LayerError):
        moves.appended(asker, both._replace(draft=both.draft.tell("kernel_size", "99")))
    loaded = moves.loaded(asker, twice, 0)
    assert loaded.draft == first_draft("conv2d")
    labelled = both._replace(history=History(Design(("stem: conv2d 8 3",), "1,3,16,16")))
    assert moves.replaced(asker, labelled, 0).history.now.steps == ("stem: conv2d k=5",)
    with pytest.raises(LayerError):
        moves.loaded(asker, both._replace(history=History(Design(("2*relu",)))), 0)


@pytest.mark.parametrize(
    ("steps", "wrong"), [(("conv2d 8 3", "linear 4 in=7"), 1), (("conv2d 8 3", "relu )"), 1), (("foo", "relu"), 0)]
)
def test_a_step_that_is_wrong_is_marked(asker: Asker, steps: tuple[str, ...], wrong: int) -> None:
    found = asker.sum(Design(steps, "1,3,8,8"))
    assert found.error is not None
    assert [row.wrong for row in found.rows] == [number == wrong for number in range(len(steps))]
    assert found.rows[wrong].output == "refused"
    assert not found.output


def test_what_is_copied(asker: Asker) -> None:
    design = Design(("conv2d 8 3  # first", "relu"), "1,3,8,8")
    report = Told(asker.sum(design).analysis, None, "not asked").report
    assert report is not None
    assert files.copied("s", design, report) == "input 1,3,8,8 | conv2d 8 3 | relu"
    assert "nn.Conv2d(3, 8, 3)" in files.copied("p", design, report)
    assert '"ok": true' in files.copied("j", design, report)


@pytest.mark.parametrize("name", ["", "no/such.layers", "folder", "bad.layers", "wrong.layers"])
def test_a_file_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "bad.layers").write_bytes(b"\xff\xfe")
    (tmp_path / "wrong.layers").write_text("conv2d 8 |")
    with pytest.raises(LayerError):
        files.opened(str(tmp_path / name))


# --- what it opens with ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "draft", "steps", "focus"),
    [
        (Opening(), first_draft("conv2d"), (), "layers"),
        (Opening("conv2d k=5", inputs="1,3,9,9"), Draft("conv2d", (("kernel_size", "5"),), "1,3,9,9"), (), "keys"),
        (Opening("conv2d k=50"), Draft("conv2d", (("kernel_size", "50"),), "1,3,16,16"), (), "keys"),
        (Opening("lstm hidden=4"), Draft("lstm", (("hidden_size", "4"),), "5,3,16"), (), "keys"),
        (
            Opening("conv2d 8 3 | relu", inputs="1,3,9,9"),
            Draft("conv2d", (("out_channels", "8"), ("kernel_size", "3")), "1,3,9,9"),
            ("conv2d 8 3", "relu"),
            "design",
        ),
    ],
)
def test_opening(asker: Asker, opening: Opening, draft: Draft, steps: tuple[str, ...], focus: str) -> None:
    both, begins = opened(opening, asker)
    assert both.draft == draft
    assert both.history.now.steps == steps
    assert begins == focus
    assert both.history.changed == bool(steps)


@pytest.mark.parametrize("text", ["conv2d 8 |", "conv2d foo=1", "convv2d", "conv2d k=five"])
def test_what_is_not_understood_opens_nothing(asker: Asker, text: str) -> None:
    with pytest.raises(LayerError):
        opened(Opening(text), asker)


def test_a_file_that_was_opened_is_saved(asker: Asker) -> None:
    both, focus = opened(Opening("relu", "net.layers"), asker)
    assert (both.history.now.steps, both.history.path, both.history.changed, focus) == (
        ("relu",), "net.layers", False, "design",
    )  # fmt: skip
    assert opened(Opening("", "empty.layers"), asker)[0].history.path == "empty.layers"


# --- torch beside it ------------------------------------------------------------------------------------------------


def test_marks(asker: Asker) -> None:
    analysis = asker.answer(first_draft("conv2d")).analysis
    assert Told(analysis, None).mark().text == "… torch"
    assert Told(analysis, None).waiting
    assert Told(analysis, None, "--no-run was given").mark().text == "torch: --no-run was given"
    failed = Told(analysis, (Measurement(FAILED, "torch cannot be imported"),)).mark()
    assert (failed.text, failed.style) == ("torch: torch cannot be imported", "dim")
    assert Told(None, None).mark().text == ""
    assert find("conv2d") is not None


def test_inputs_of_a_line() -> None:
    assert inputs_of("1, 3, 16  hx=1,3,10") == ["1, 3, 16", "hx=1,3,10"]
