"""Both kernels of a linear layer against its formula in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tune_noise.models import product
from tune_noise.models.layers import StackedLinear
from tune_noise.models.product import onednn_agrees, stacked_product
from tune_noise.models.stack import reset_member

KERNELS = [
    "plain",
    pytest.param(
        "onednn",
        marks=pytest.mark.skipif(not onednn_agrees(), reason="this torch has no such operator"),
    ),
]
all_kernels = pytest.mark.parametrize("kernel", KERNELS)
sizes = st.integers(1, 9)
# How a tensor [G, rows, columns] lies in memory.
layouts = st.sampled_from(["rows", "columns", "across", "shared"])


def use(kernel, monkeypatch):
    """Have all products go one way, whatever the CPU and the shape."""
    monkeypatch.setattr(product, "MIN_MULTIPLICATIONS", 0)
    monkeypatch.setattr(product, "onednn_is_faster", lambda: kernel == "onednn")


def laid_out(values, layout):
    if layout == "columns":
        return values.mT.contiguous().mT
    if layout == "across":  # the groups side by side in each row
        return values.transpose(0, 1).contiguous().transpose(0, 1)
    if layout == "shared":  # one input for all groups, without a copy
        return values[:1].expand_as(values)
    return values


@all_kernels
@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), sizes, sizes, sizes),
    own_layouts=st.tuples(layouts, layouts, layouts),
    seed=st.integers(0, 10),
    x_wants_gradient=st.booleans(),
)
def test_product_and_gradients_are_those_of_the_formula(
    kernel, shape, own_layouts, seed, x_wants_gradient
):
    groups, batch, inputs, outputs = shape
    random = torch.Generator().manual_seed(seed)

    def drawn(layout, *size):
        return laid_out(torch.randn(size, generator=random), layout)

    x = drawn(own_layouts[0], groups, batch, inputs).requires_grad_(x_wants_gradient)
    weight = drawn(own_layouts[1], groups, outputs, inputs).requires_grad_()
    bias = drawn("rows", groups, 1, outputs).requires_grad_()
    towards = drawn(own_layouts[2], groups, batch, outputs)
    with pytest.MonkeyPatch.context() as monkeypatch:
        use(kernel, monkeypatch)
        y = stacked_product(x, weight, bias)
        wanted = [tensor for tensor in (x, weight, bias) if tensor.requires_grad]
        found = torch.autograd.grad(y, wanted, towards)
    x, weight, bias, towards = (t.detach().double() for t in (x, weight, bias, towards))
    expected = [
        torch.einsum("gbo,goi->gbi", towards, weight),
        torch.einsum("gbo,gbi->goi", towards, x),
        towards.sum(dim=1, keepdim=True),
    ]
    formula = torch.einsum("gbi,goi->gbo", x, weight) + bias
    pairs = zip([y, *found], [formula, *expected[-len(found) :]], strict=True)
    for one, other in pairs:
        assert one.shape == other.shape
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)


@all_kernels
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_members_that_share_an_input_are_those_that_each_have_a_copy(kernel, groups, monkeypatch):
    use(kernel, monkeypatch)
    layer = StackedLinear(6, 7, 5)
    for member in range(6):
        reset_member(layer, member, seed=member)
    x = torch.randn((groups, 4, 7), generator=torch.Generator().manual_seed(0))
    shared, own = layer(x), layer(x.repeat_interleave(6 // groups, dim=0))
    torch.testing.assert_close(shared, own)
    towards = torch.randn(own.shape, generator=torch.Generator().manual_seed(1))
    for one, other in zip(
        torch.autograd.grad(shared, list(layer.parameters()), towards),
        torch.autograd.grad(own, list(layer.parameters()), towards),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@all_kernels
def test_the_gradient_lies_in_memory_as_the_weights_do(kernel, monkeypatch):
    use(kernel, monkeypatch)
    layer = StackedLinear(2, 7, 5)
    for x in (torch.ones(1, 4, 7), torch.ones(2, 4, 7)):
        gradients = torch.autograd.grad(layer(x).sum(), list(layer.parameters()))
        for parameter, gradient in zip(layer.parameters(), gradients, strict=True):
            assert gradient.stride() == parameter.stride()


def test_the_kernel_follows_from_the_cpu_and_never_from_a_measurement():
    found = {product.onednn_is_faster.__wrapped__() for _ in range(20)}
    assert len(found) == 1


def test_where_the_operator_is_not_there_the_plain_kernel_serves(monkeypatch):
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    assert not onednn_agrees()


def test_other_types_than_float32_have_the_plain_kernel(monkeypatch):
    use("onednn", monkeypatch)
    layer, own = StackedLinear(1, 7, 5).double(), nn.Linear(7, 5).double()
    own.load_state_dict({"weight": layer.weight[0].T, "bias": layer.bias[0, 0]})
    x = torch.ones((1, 4, 7), dtype=torch.float64)
    torch.testing.assert_close(layer(x)[0], own(x[0]))


def test_no_product_is_given_a_matrix_that_onednn_is_slow_with(monkeypatch):
    use("onednn", monkeypatch)
    seen, own = [], product._onednn

    def watched(a, b, bias):
        seen.append((b.shape, b.stride()))
        return own(a, b, bias)

    monkeypatch.setattr(product, "_onednn", watched)
    network = nn.Sequential(StackedLinear(2, 7, 6), nn.ReLU(), StackedLinear(2, 6, 5))
    # Two members share each image, so their hidden units lie side by side.
    network(torch.ones(1, 3, 7)).sum().backward()
    assert len(seen) == 1 + 2 + 2 + 2 + 1
    for (rows, columns), strides in seen:
        assert strides in ((columns, 1), (1, rows))


@all_kernels
@pytest.mark.parametrize("layout", ["rows", "across"])
def test_the_gradient_of_rows_lies_in_rows(kernel, layout, monkeypatch):
    use(kernel, monkeypatch)
    x = laid_out(torch.randn(2, 5, 7), layout).requires_grad_()
    weight = torch.randn(2, 3, 7, requires_grad=True)
    y = stacked_product(x, weight, torch.zeros(2, 1, 3))
    [gradient] = torch.autograd.grad(y, x, laid_out(torch.randn(2, 5, 3), "columns"))
    assert gradient.stride(2) == 1
