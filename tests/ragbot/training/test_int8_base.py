"""Frozen linear layers in integers, against floats."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from ragbot.training.int8_base import Int8Linear, freeze_to_int8  # noqa: E402


def both(rows: int = 33) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Outputs and gradients of a layer in floats and in integers, for activations of very different sizes."""
    torch.manual_seed(0)
    exact = torch.nn.Sequential(torch.nn.Linear(64, 48, bias=False))
    exact.requires_grad_(False)
    frozen = copy.deepcopy(exact)
    assert freeze_to_int8(frozen, ("0",)) == 1
    found = []
    for model in (exact, frozen):
        x = torch.randn(2, rows, 64, generator=torch.Generator().manual_seed(1))
        x = (x * torch.logspace(-3, 3, rows)[:, None]).requires_grad_()
        out = model(x)
        (out * torch.linspace(-1, 1, 48)).sum().backward()
        found += [out.detach(), x.grad]
    return tuple(found)  # type: ignore[return-value]


def error(exact: torch.Tensor, found: torch.Tensor) -> float:
    """The largest of the rows' relative errors."""
    return float(((exact - found).norm(dim=-1) / exact.norm(dim=-1)).max())


def test_it_is_near_floats_forward_and_backward() -> None:
    exact, exact_gradient, found, gradient = both()
    assert 0 < error(exact, found) < 0.02 and found.shape == exact.shape
    assert 0 < error(exact_gradient, gradient) < 0.02 and gradient.shape == exact_gradient.shape


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(16, 24, bias=False))
    freeze_to_int8(layer, ("0",))
    x = torch.randn(20, 16)
    with torch.no_grad():
        assert torch.equal(layer(x)[3:4], layer(torch.cat([x[3:4], 1000 * torch.ones(19, 16)]))[:1])


def test_zeros_stay_zeros() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(16, 24, bias=False))
    freeze_to_int8(layer, ("0",))
    assert not layer(torch.zeros(20, 16)).any()


def test_only_what_can_be_is_frozen() -> None:
    model = torch.nn.ModuleDict(
        {
            "q_proj": torch.nn.Linear(16, 24, bias=False),
            "k_proj": torch.nn.Linear(16, 24),
            "v_proj": torch.nn.Linear(12, 24, bias=False),
            "lm_head": torch.nn.Linear(16, 24, bias=False),
        }
    )
    assert freeze_to_int8(model, ("q_proj", "k_proj", "v_proj")) == 1
    assert [name for name, layer in model.items() if isinstance(layer, Int8Linear)] == ["q_proj"]
    assert [p.requires_grad for p in model.parameters()] == [False, True, True, True, True]
    # What is made of the weights can be made again: it is stored nowhere.
    assert set(model.state_dict()) == {
        "q_proj.weight",
        "k_proj.weight",
        "k_proj.bias",
        "v_proj.weight",
        "lm_head.weight",
    }
