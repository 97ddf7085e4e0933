"""Products in bfloat16, against floats."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from ragbot.training.half import HalfLinear, halve, product  # noqa: E402


def error(exact: torch.Tensor, found: torch.Tensor) -> float:
    return float((exact - found).norm() / exact.norm())


def test_a_layer_is_near_floats_forward_and_backward_and_keeps_the_type() -> None:
    torch.manual_seed(0)
    exact = torch.nn.Linear(64, 48, bias=False).requires_grad_(False)
    half = copy.deepcopy(exact)
    assert halve(half) and isinstance(half, HalfLinear)
    found = []
    for layer in (exact, half):
        x = torch.randn(5, 64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        out = layer(x)
        (out * torch.linspace(-1, 1, 48)).sum().backward()
        found += [out.detach(), x.grad]
    assert found[2].dtype == found[3].dtype == torch.float32
    assert 0 < error(found[0], found[2]) < 0.01 and 0 < error(found[1], found[3]) < 0.01
    assert "half_weight" not in half.state_dict()


def test_what_is_trained_or_has_a_bias_is_left_as_it_is() -> None:
    for layer in (
        torch.nn.Linear(8, 8, bias=False),
        torch.nn.Linear(8, 8).requires_grad_(False),
        torch.nn.LayerNorm(8).requires_grad_(False),
    ):
        kind = type(layer)
        assert not halve(layer) and type(layer) is kind


def test_a_product_is_halved_only_where_it_is_asked_for() -> None:
    left, right = torch.randn(3, 7, 16), torch.randn(3, 16, 5)
    assert product(left, right, False).equal(left @ right)
    halved = product(left, right, True)
    assert halved.dtype == torch.float32 and 0 < error(left @ right, halved) < 0.02
