"""What the language means: each text beside the tree that it stands for."""

from __future__ import annotations

import pytest

from layercli.errors import LayerError, Span
from layercli.spec import Op, format_spec, parse, parse_op, parse_values

from .trees import outline, walk

CHAINS = [
    ("relu", "[relu()]"),
    ("conv2d 8 k=5 p=2 s=2 | relu | maxpool2d 2", "[conv2d(8, k=5, p=2, s=2), relu(), maxpool2d(2)]"),
    ("conv2d 8\nrelu\n\n\nmaxpool2d 2\n", "[conv2d(8), relu(), maxpool2d(2)]"),
    ("\n relu |\n\n tanh\r\n\t| gelu \n", "[relu(), tanh(), gelu()]"),
    ("relu # ReLU | tanh (\u2212\n# alone\ngelu#", "[relu(), gelu()]"),
    ("\ufeffrelu", "[relu()]"),
    ("enc: conv2d 8 | dec:relu | up : relu", "[enc! conv2d(8), dec! relu(), up! relu()]"),
    ("3*relu | 2 * lstm 8", "[3 x relu(), 2 x lstm(8)]"),
    ("1*relu | 02*relu", "[relu(), 2 x relu()]"),
    ("(relu | tanh)", "[[relu(), tanh()]]"),
    ("enc: 2*(3*(conv2d 8 | relu) | maxpool2d 2)", "[enc! 2 x [3 x [conv2d(8), relu()], maxpool2d(2)]]"),
    ("2*(\n  conv2d 8\n  relu\n)\ntanh", "[2 x [conv2d(8), relu()], tanh()]"),
    ("a: (b: relu)", "[a! [b! relu()]]"),
]

BRANCHES = [
    ("add(relu ; tanh)", "[add(){[relu()]; [tanh()]}]"),
    ("add(relu;tanh)", "[add(){[relu()]; [tanh()]}]"),
    ("add (relu ; tanh)", "[add(){[relu()]; [tanh()]}]"),
    ("add( ; relu)", "[add(){[]; [relu()]}]"),
    ("add(relu ; )", "[add(){[relu()]; []}]"),
    ("add(;)", "[add(){[]; []}]"),
    ("add(relu ;; tanh)", "[add(){[relu()]; []; [tanh()]}]"),
    ("add(relu | tanh)", "[add(){[relu(), tanh()]}]"),
    ("add(conv2d 8 k=3 p=1 | relu ; conv2d 8) | gelu", "[add(){[conv2d(8, k=3, p=1), relu()]; [conv2d(8)]}, gelu()]"),
    ("cat dim=1 (relu ; 2*tanh)", "[cat(dim=1){[relu()]; [2 x tanh()]}]"),
    ("cat 1 (3*(relu | tanh) ; gelu)", "[cat(1){[3 x [relu(), tanh()]]; [gelu()]}]"),
    ("cat dim=1(relu ; tanh)", "[cat(dim=1){[relu()]; [tanh()]}]"),
    ("add((relu | tanh) ; )", "[add(){[[relu(), tanh()]]; []}]"),
    ("add(((relu)) ; )", "[add(){[[[relu()]]]; []}]"),
    ("add(mul( ; relu) ; add(tanh ; ))", "[add(){[mul(){[]; [relu()]}]; [add(){[tanh()]; []}]}]"),
    ("2*add(relu ; tanh)", "[2 x add(){[relu()]; [tanh()]}]"),
    ("enc: add(left: relu ; right: tanh)", "[enc! add(){[left! relu()]; [right! tanh()]}]"),
    ("cat dim=1 (\n  relu\n  tanh\n;\n\n; # nothing\n)\ngelu", "[cat(dim=1){[relu(), tanh()]; []; []}, gelu()]"),
    ("conv2d 8 (3,3) (relu ; tanh)", "[conv2d(8, [3, 3]){[relu()]; [tanh()]}]"),
    ("add(nn.ReLU() ; Tanh())", "[add(){[nn.ReLU()]; [nn.Tanh()]}]"),
    ("add(true 3 ; 1*true)", "[add(){[true(3)]; [true()]}]"),
    ("Add (relu ; tanh)", "[Add(){[relu()]; [tanh()]}]"),
]

VALUES_OR_BRANCHES = [
    ("op (same)", "op('same')"),
    ("op k=(same)", "op(k='same')"),
    ("op 1 (same)", "op(1, 'same')"),
    ("op (true)", "op(True)"),
    ("op (same,valid)", "op(['same', 'valid'])"),
    ("op (same, valid)", "op(['same', 'valid'])"),
    ("op(same)", "op(){[same()]}"),
    ("op 1(same)", "op(1){[same()]}"),
    ("op (\nsame)", "op(){[same()]}"),
    ("op ((same))", "op(){[[same()]]}"),
    ("op (same 3)", "op(){[same(3)]}"),
    ("op (1*same)", "op(){[same()]}"),
    ("op (same ;)", "op(){[same()]; []}"),
    ("op (same | valid)", "op(){[same(), valid()]}"),
    ("op (a: same)", "op(){[a! same()]}"),
    ("op ((true))", "op(){[[true()]]}"),
]

REFERENCES = [
    ("enc: relu | @enc", "[enc! relu(), identity(@enc)]"),
    ("enc: relu | 2*@enc", "[enc! relu(), 2 x identity(@enc)]"),
    ("enc: relu | dec: @enc.1", "[enc! relu(), dec! identity(@enc.1)]"),
    ("enc: relu | cat dim=1 @enc", "[enc! relu(), cat(dim=1, @enc)]"),
    ("enc: relu | dec: tanh | add @enc @dec.0", "[enc! relu(), dec! tanh(), add(@enc, @dec.0)]"),
    ("pool: maxpool2d 2 | maxunpool2d 2 indices=@pool.1", "[pool! maxpool2d(2), maxunpool2d(2, indices=@pool.1)]"),
    ("a: lstm 8 | lstm 8 hx=@a.1.0 cx=@a.1.01 layers=2", "[a! lstm(8), lstm(8, hx=@a.1.0, cx=@a.1.1, layers=2)]"),
    ("enc: (a: relu | cat @a) | add @a @enc", "[enc! [a! relu(), cat(@a)], add(@a, @enc)]"),
    ("add(a: relu ; cat @a) | add @a", "[add(){[a! relu()]; [cat(@a)]}, add(@a)]"),
    ("a: relu | add( ; @a)", "[a! relu(), add(){[]; [identity(@a)]}]"),
    ("a: relu | cat dim=1 @a (relu ; tanh)", "[a! relu(), cat(dim=1, @a){[relu()]; [tanh()]}]"),
    ("a: relu | cat @a (relu)", "[a! relu(), cat(@a){[relu()]}]"),
    ("a: relu | op (@a)", "[a! relu(), op(){[identity(@a)]}]"),
    ("a: nn.ReLU() | cat @a", "[a! nn.ReLU(), cat(@a)]"),
    ("nn.Sequential(OrderedDict(a=nn.ReLU())) | cat @a", "[[a! nn.ReLU()], cat(@a)]"),
]

MODULES = [
    ("nn.Conv2d(3, 8, 5)", "[nn.Conv2d(3, 8, 5)]"),
    ("Conv2d(3, 8, kernel_size=(5, 3)) | relu", "[nn.Conv2d(3, 8, kernel_size=(5, 3)), relu()]"),
    ("relu | torch.nn.ReLU()\nnn.Tanh ( ) # ends", "[relu(), nn.ReLU(), nn.Tanh()]"),
    ("enc: 2*nn.Conv2d(\n  3,  # in | out\n  8,\n) | tanh", "[enc! 2 x nn.Conv2d(3, 8), tanh()]"),
    ("(nn.ReLU() | nn.PReLU(init=1e-3))", "[[nn.ReLU(), nn.PReLU(init=0.001)]]"),
    ("nn.X(')', \"|\", [3]) | relu", "[nn.X(')', '|', (3,)), relu()]"),
    ("relu | nn.Sequential(nn.ReLU(), nn.Tanh())", "[relu(), [nn.ReLU(), nn.Tanh()]]"),
    ("relu | nn.Sequential()", "[relu(), []]"),
]

VALUES = [
    ("3", "3"),
    ("007", "7"),
    ("-1", "-1"),
    ("0.5", "0.5"),
    (".5", "0.5"),
    ("5.", "5.0"),
    ("-.5", "-0.5"),
    ("1e-5", "1e-05"),
    ("2E3", "2000.0"),
    ("inf", "inf"),
    ("-inf", "-inf"),
    ("nan", "nan"),
    ("true", "True"),
    ("False", "False"),
    ("none", "None"),
    ("same", "'same'"),
    ("nearest-exact", "'nearest-exact'"),
    ("Same", "'Same'"),
    ("max", "'max'"),
    ("in", "'in'"),
    ("_private", "'_private'"),
    ("3,5", "[3, 5]"),
    ("3x5", "[3, 5]"),
    ("1x2x3", "[1, 2, 3]"),
    ("-1,0.5,same,true", "[-1, 0.5, 'same', True]"),
    ("(3,5)", "[3, 5]"),
    ("( 3 ,\t5 )", "[3, 5]"),
    ("(3x5)", "[3, 5]"),
    ("(3,5,)", "[3, 5]"),
    ("(3,)", "[3]"),
    ("(3)", "3"),
    ("(true)", "True"),
    ("(same,valid)", "['same', 'valid']"),
]

OPS = [
    ("conv2d 3 64 7", "conv2d(3, 64, 7)"),
    ("conv2d 8 k=5 2 s=1", "conv2d(8, k=5, 2, s=1)"),
    ("maxpool2d (2,2)", "maxpool2d([2, 2])"),
    ("maxpool2d 2 2", "maxpool2d(2, 2)"),
    ("conv2d\t8  k=(3, 5)\ts=1,2", "conv2d(8, k=[3, 5], s=[1, 2])"),
    ("conv2d (3,5) (1,2)", "conv2d([3, 5], [1, 2])"),
    ("conv2d 8 3 relu", "conv2d(8, 3, 'relu')"),
    ("Conv2d k=5", "Conv2d(k=5)"),
    ("conv2d K=5 k=6", "conv2d(K=5, k=6)"),
    ("_op9 _k=none", "_op9(_k=None)"),
    ("input 1,3,32,32 dtype=int64", "input([1, 3, 32, 32], dtype='int64')"),
]


@pytest.mark.parametrize(("text", "tree"), CHAINS)
def test_chains(text: str, tree: str) -> None:
    """Steps, separators, comments, labels, repeats, groups."""
    assert outline(parse(text).chain) == tree


@pytest.mark.parametrize(("text", "tree"), BRANCHES + REFERENCES + MODULES)
def test_branches_references_and_modules(text: str, tree: str) -> None:
    """Chains that are fed the same input, what labelled steps gave, and PyTorch's own notation as a step."""
    assert outline(parse(text).chain) == tree


@pytest.mark.parametrize(("text", "tree"), VALUES_OR_BRANCHES)
def test_what_can_be_a_value_is_one(text: str, tree: str) -> None:
    """A parenthesis after a blank holds values where it can, right behind a name or a value it holds branches."""
    assert outline(parse(text).chain) == f"[{tree}]"
    assert outline(parse(format_spec(parse(text))).chain) == f"[{tree}]"


@pytest.mark.parametrize(("text", "tree"), OPS)
def test_ops(text: str, tree: str) -> None:
    """An op reads the same alone, in a chain and in the middle of another text."""
    assert outline(parse(text).chain) == f"[{tree}]"
    assert outline(parse_op(text, 0, len(text))) == tree
    assert outline(parse_op(f"8) {text} | x", 3, 3 + len(text))) == tree


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values(text: str, value: str) -> None:
    """A value reads the same alone, after a key and, where it is no lone parenthesis, in a place of its own."""
    assert outline(parse_values(text, 0, len(text))) == value
    assert outline(parse(f"op key={text}").chain) == f"[op(key={value})]"
    assert outline(parse(f"op {text}").chain) == f"[op({value})]"


def test_kinds_and_texts() -> None:
    """An item says what kind it is and keeps what was written."""
    argument = parse_values("007,1e-5,same,true,none,-inf", 0, 28)
    assert [(item.kind, item.text) for item in argument.items] == [
        ("int", "007"),
        ("float", "1e-5"),
        ("word", "same"),
        ("bool", "true"),
        ("none", "none"),
        ("float", "-inf"),
    ]
    assert argument.items[3].value is True


def test_spans_of_everything() -> None:
    """Each node knows where it stands; a group holds its parentheses, a step its label and repeat."""
    text = "  relu | enc: 2*(conv2d 3x5 k=( 1, 2 ) | tanh )  "
    nodes = [(type(node).__name__, text[node.span.start : node.span.end]) for node in walk(parse(text).chain)]
    group = "(conv2d 3x5 k=( 1, 2 ) | tanh )"
    assert nodes == [
        ("Chain", f"relu | enc: 2*{group}"),
        ("Step", "relu"),
        ("Op", "relu"),
        ("Step", f"enc: 2*{group}"),
        ("Group", group),
        ("Chain", "conv2d 3x5 k=( 1, 2 ) | tanh"),
        ("Step", "conv2d 3x5 k=( 1, 2 )"),
        ("Op", "conv2d 3x5 k=( 1, 2 )"),
        ("Argument", "3x5"),
        ("Item", "3"),
        ("Item", "5"),
        ("Argument", "k=( 1, 2 )"),
        ("Item", "1"),
        ("Item", "2"),
        ("Step", "tanh"),
        ("Op", "tanh"),
    ]


def test_spans_of_branches_and_references() -> None:
    """Branches have the span of their steps, an empty one the place where it ends; a reference holds its "@"."""
    text = "a: relu | cat dim=1 k=@a.0 @a ( relu | tanh ; ) | @a"
    nodes = [(type(node).__name__, text[node.span.start : node.span.end]) for node in walk(parse(text).chain)]
    op = "cat dim=1 k=@a.0 @a ( relu | tanh ; )"
    assert nodes == [
        ("Chain", text),
        ("Step", "a: relu"),
        ("Op", "relu"),
        ("Step", op),
        ("Op", op),
        ("Argument", "dim=1"),
        ("Item", "1"),
        ("Argument", "k=@a.0"),
        ("Reference", "@a.0"),
        ("Reference", "@a"),
        ("Chain", "relu | tanh"),
        ("Step", "relu"),
        ("Op", "relu"),
        ("Step", "tanh"),
        ("Op", "tanh"),
        ("Chain", ""),
        ("Step", "@a"),
        ("Op", "@a"),
        ("Reference", "@a"),
    ]


def test_spans_of_names() -> None:
    """Labels, ops and keys have spans of their own; what is absent has none."""
    text = "enc: conv2d 8 k=5 | relu"
    first, second = parse(text).chain.steps
    assert isinstance(first.unit, Op)
    positional, keyed = first.unit.arguments
    assert first.label_span == Span(0, 3)
    assert first.unit.name_span == Span(5, 11)
    assert (positional.name, positional.name_span, keyed.name_span) == (None, None, Span(14, 15))
    assert (second.label, second.label_span, second.repeat) == (None, None, 1)


def test_a_byte_order_mark_stands_at_the_start_of_a_whole_text_only() -> None:
    """A part of a text has no such mark of its own."""
    assert parse_op("\ufeffrelu", 0, 5).name == "relu"
    assert parse_op("\ufeffrelu", 1, 5).name == "relu"


def test_an_op_inside_a_command_line() -> None:
    """Spans count from the start of the whole text, which errors keep too."""
    text = "layercli conv2d 8 k=5 --dilation 2"
    op = parse_op(text, 9, 21)
    assert (op.span, op.arguments[1].span) == (Span(9, 21), Span(18, 21))
    assert parse_values(text, 33, 34).items[0].span == Span(33, 34)
    with pytest.raises(LayerError) as caught:
        parse_op(text, 9, 20)
    assert (caught.value.span, caught.value.source) == (Span(18, 20), text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("relu", 1),
        ("relu | tanh", 2),
        ("3*relu | tanh", 4),
        ("2*(3*(conv2d 8 | relu) | maxpool2d 2) | linear 5", 15),
        ("1000*(1000*relu)", 1_000_000),
        ("add(relu ; tanh)", 3),
        ("add( ; )", 1),
        ("2*add(3*relu | tanh ; 10*(add( ; gelu) | tanh))", 70),
        ("enc: relu | 3*@enc", 4),
        ("2*nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU(), nn.Tanh()))", 6),
    ],
)
def test_expanded_steps(text: str, count: int) -> None:
    """Repeats multiply; nothing is written out."""
    assert parse(text).expanded_steps == count


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("relu\ntanh", "relu | tanh"),
        ("enc :2 * ( relu\n)", "enc: 2*(relu)"),
        ("op 3x5  k=( 3, 5 ) j=(3,) i=(3)", "op 3,5 k=3,5 j=(3,) i=3"),
        ("op 007 1E-5 True # why", "op 007 1E-5 True"),
        ("1*relu", "relu"),
        ("add (relu;tanh)", "add(relu ; tanh)"),
        ("cat dim=1(relu;)", "cat dim=1 (relu ; )"),
        ("add(;relu)", "add( ; relu)"),
        ("add(;)", "add( ; )"),
        ("add(relu;;;tanh;)", "add(relu ; ; ; tanh ; )"),
        ("add(;;)", "add( ; ; )"),
        ("2 * add(\n ( relu\ntanh )\n; mul( ; gelu ))", "2*add((relu | tanh) ; mul( ; gelu))"),
        ("add(relu)", "add(relu)"),
        ("cat dim=1 (1*relu)", "cat dim=1 (1*relu)"),
        ("Add (1*relu)", "Add (1*relu)"),
        ("Add (relu ; tanh)", "Add (relu ; tanh)"),
        ("a: relu | @a.01", "a: relu | identity @a.1"),
        ("a: relu | cat  @a   (tanh)", "a: relu | cat @a (tanh)"),
        ("a: relu | op k=@a  @a", "a: relu | op k=@a @a"),
        ("Conv2d( 3,8, kernel_size = [5, 3] )", "nn.Conv2d(3, 8, kernel_size=(5, 3))"),
        (
            "relu | torch.nn.X({'a': -float('inf')}, dtype=torch.int8)",
            "relu | nn.X({'a': float('-inf')}, dtype=torch.int8)",
        ),
        ("nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh()))", "nn.ReLU() | (nn.Tanh())"),
        ("relu | nn.Sequential(nn.ReLU(), nn.Sequential())", "relu | (nn.ReLU() | nn.Sequential())"),
        ("nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh()))", "a: nn.ReLU() | b: nn.Tanh()"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    """One spelling for the structure; each scalar stays as it was written."""
    assert format_spec(parse(text)) == canonical
    assert format_spec(parse(text).chain) == canonical
    assert format_spec(parse(canonical)) == canonical


def test_names_that_modules_share_are_left_out() -> None:
    """PyTorch has a name once in each Sequential, a spec has a label once; nothing can refer to such a module."""
    block = "nn.Sequential(OrderedDict([('conv', nn.ReLU()), ('é', nn.Tanh())]))"
    model = parse(f"nn.Sequential(OrderedDict([('first', {block}), ('second', {block})]))")
    canonical = "first: (nn.ReLU() | nn.Tanh()) | second: (nn.ReLU() | nn.Tanh())"
    assert format_spec(model) == canonical
    assert format_spec(parse(canonical)) == canonical
