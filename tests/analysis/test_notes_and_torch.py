"""What notes say of single numbers, held against what torch does: gradients, in-place writing, ranges, shapes."""

from __future__ import annotations

from math import isinf
from typing import Any

import pytest

from layercli.analysis.advice import advice
from layercli.analysis.rules.ranges import range_of
from layercli.analysis.rules.wiring import Wiring
from layercli.layers import find, known_names
from layercli.plan import Ref
from tests.analysis.test_advice import analysed, codes


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect", "replicate"])
@pytest.mark.parametrize(
    ("size", "k", "s", "p"), [(6, 3, 3, 1), (8, 3, 4, 1), (9, 2, 3, 2), (10, 1, 4, 3), (9, 2, 2, 0)]
)
def test_what_a_padding_reads_has_a_gradient(torch: Any, mode: str, size: int, k: int, s: int, p: int) -> None:
    layer = torch.nn.Conv2d(1, 1, k, s, p, padding_mode=mode)
    data = torch.ones(1, 1, size, size, requires_grad=True)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    layer(data).sum().backward()
    unread = int((data.grad == 0).sum())
    notes = advice(analysed(f"input 1,1,{size},{size} | conv2d 1 {k} s={s} p={p} padding_mode={mode}").rows)
    told = {note.code: note.message for note in notes if note.code in ("conv.border", "window.skipped")}
    assert len(told) == (unread > 0)
    if "window.skipped" in told:
        assert told["window.skipped"].startswith(f"{unread} of {size * size} cells")


@pytest.mark.parametrize(
    ("first", "second"), [("1 s=4", "1x2 s=4"), ("1 s=4", "1 s=4 p=2"), ("2 s=4", "1x4 s=4"), ("3 s=4", "1 s=4")]
)
def test_what_two_layers_read_together_has_a_gradient(torch: Any, first: str, second: str) -> None:
    rows = analysed(f"input 1,1,16,16 | add(conv2d 1 {first} | mean ; conv2d 1 {second} | mean)").rows
    data = torch.ones(1, 1, 16, 16, requires_grad=True)
    for row in (rows[0], rows[2]):
        layer = torch.nn.Conv2d(**row.bound.args)
        with torch.no_grad():
            layer.weight.fill_(1.0)
        layer(data).sum().backward()
    messages = [note.message for note in advice(rows) if note.code == "window.skipped"]
    assert messages
    assert all(words.startswith(f"{int((data.grad == 0).sum())} of 256 cells") for words in messages)


ARGUMENTS = {"threshold": "0.5 2"}
IN_PLACE = [
    name
    for name in known_names()
    if (layer := find(name)) is not None and layer.name == name and layer.key("inplace") and not name.startswith("lazy")
]


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_step_in_place_is_read_by_who_reads_its_input_where_torch_writes_there(torch: Any, name: str) -> None:
    layer = find(name)
    assert layer is not None
    arguments = [float(value) for value in ARGUMENTS.get(name, "").split()]
    data = torch.randn(4, *[8] * int(name[-2] if name.endswith("d") and name[-2].isdigit() else 1), 8)
    given = getattr(torch.nn, layer.torch)(*arguments, inplace=True)(data)
    shape = ",".join(map(str, data.shape))
    spec = f"input {shape} | q: tanh | {name} {ARGUMENTS.get(name, '')} inplace=true | identity @q"
    assert ("net.unused" in codes(spec)) == (given.data_ptr() != data.data_ptr())


@pytest.mark.parametrize("beta", [-2, -0.5, 0.5, 3])
@pytest.mark.parametrize("threshold", [-6, 0, 20])
def test_a_softplus_gives_what_is_said(torch: Any, beta: float, threshold: float) -> None:
    found = range_of(Wiring(analysed(f"softplus {beta} {threshold}").rows), Ref(0))
    assert found is not None
    given = torch.nn.Softplus(beta, threshold)(torch.linspace(-300, 300, 60001, dtype=torch.float64))
    for end, reached in ((found.low, given.min()), (found.high, given.max())):
        assert abs(reached) > 200 if isinf(end) else abs(float(reached) - end) < 0.02


@pytest.mark.parametrize("keys", ["3 2", "3 2 p=1", "3 2 p=1 count_include_pad=false", "2 2 ceil_mode=true"])
@pytest.mark.parametrize("divisor", [None, 1, -2, 9])
@pytest.mark.parametrize("size", [7, 8])
def test_an_average_gives_what_is_said(torch: Any, keys: str, divisor: int | None, size: int) -> None:
    spec = f"input 1,1,{size},{size} | hardtanh 1 3 | avgpool2d {keys}"
    rows = analysed(spec if divisor is None else f"{spec} divisor_override={divisor}").rows
    found = range_of(Wiring(rows), Ref(1))
    assert found is not None
    args = {key: value for key, value in rows[1].bound.args.items() if key != "kernel_size"}
    pool = torch.nn.AvgPool2d(rows[1].bound.args["kernel_size"], **args)
    given = [pool(torch.full((1, 1, size, size), value)) for value in (1.0, 3.0)]
    assert found.low - 1e-5 <= min(float(each.min()) for each in given)
    assert max(float(each.max()) for each in given) <= found.high + 1e-5
    if divisor is None and "p=1" not in keys:
        assert found == (1, 3)


def test_an_instance_norm_does_what_it_does_with_a_batch_norm_behind(torch: Any) -> None:
    torch.manual_seed(0)
    data = 3 * torch.randn(4, 3, 16, 16) + 1
    pair = torch.nn.Sequential(torch.nn.InstanceNorm2d(3), torch.nn.BatchNorm2d(3, momentum=None))
    alone = torch.nn.InstanceNorm2d(3, affine=True)
    with torch.no_grad():
        pair[1].weight.copy_(torch.tensor([2.0, -1.0, 0.5]))
        pair[1].bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    alone.load_state_dict({"weight": pair[1].weight, "bias": pair[1].bias})
    assert torch.allclose(pair(data), alone(data), atol=1e-3)
    assert torch.allclose(pair.eval()(data), alone(data), atol=1e-2)


@pytest.mark.parametrize(
    ("keys", "counts"), [("", False), ("momentum=0", True), ("momentum=none", False), ("momentum=0 track=false", False)]
)
@pytest.mark.parametrize("name", ["batchnorm2d", "instancenorm2d"])
def test_a_bias_counts_in_evaluation_where_nothing_is_said(torch: Any, name: str, keys: str, counts: bool) -> None:
    tracks = name == "batchnorm2d" or bool(keys)
    tracks = tracks and "track=false" not in keys
    momentum = 0.0 if "=0" in keys else None if "none" in keys else 0.1
    layer = find(name)
    assert layer is not None
    norm = getattr(torch.nn, layer.torch)(2, momentum=momentum, track_running_stats=tracks)
    torch.manual_seed(0)
    data = torch.randn(8, 2, 9, 9) + 5
    for _ in range(200):
        norm(data)
    moved = float(norm.eval()(data).detach().mean().abs())
    written = f"momentum={str(momentum).lower()} track_running_stats={str(tracks).lower()}"
    said = "norm.bias" in codes(f"conv2d 2 3 | {name} {written}")
    assert said == (moved < 1)
    if name == "batchnorm2d":
        assert said != counts


@pytest.mark.parametrize("shape", ["8,16,16", "2,8,16,16"])
@pytest.mark.parametrize("pool", ["avgpool2d 2", "adaptiveavgpool2d 1", "adaptiveavgpool2d 4"])
def test_a_1x1_convolution_behind_a_pool_has_so_many_times_fewer_multiply_adds(shape: str, pool: str) -> None:
    (note,) = advice(analysed(f"input {shape} | conv2d 4 1 | {pool}").rows)
    before, behind = (
        sum(row.bound.macs or 0 for row in analysed(f"input {shape} | {spec}").rows)
        for spec in (f"conv2d 4 1 | {pool}", f"{pool} | conv2d 4 1")
    )
    assert f"with {before // behind} times fewer" in note.message


def test_a_gate_of_two_axes_acts_along_the_width(torch: Any) -> None:
    """What ``merge.ranks`` says: the sample's own gate is laid on rows and columns of all samples."""
    data = torch.ones(4, 4, 4, 4)
    gate = torch.zeros(4, 4)
    gate[0] = 1.0
    assert torch.equal((data * gate)[3, 3, 0], torch.ones(4))
    assert float((data * gate)[0, 0, 1].sum()) == 0.0
    mended = data * gate.unflatten(-1, (4, 1, 1))
    assert mended[0].sum() == 64
    assert mended[1:].sum() == 0
    assert codes("input 4,4,4,4 | mul( ; mean 2,3 | linear 4)") == ["merge.ranks"]


def test_a_flatten_without_a_batch_gives_a_vector_for_each_channel(torch: Any) -> None:
    spec = "conv2d 8 3 | flatten | linear 10"
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Flatten(), torch.nn.Linear(900, 10))
    assert tuple(net(torch.ones(3, 32, 32)).shape) == (8, 10)
    (note,) = advice(analysed(f"input 3,32,32 | {spec}").rows)
    assert note.code == "flatten.unbatched"
    mended = analysed(f"input 3,32,32 | {spec.replace('flatten', 'flatten 0')}")
    assert not advice(mended.rows)
    assert mended.rows[-1].bound.params == 72_010
