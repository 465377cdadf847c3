"""Guided AbsoluteGrad: golden values, chunks, batches, seeds, scales, Captum's conventions, what cannot be done."""

from typing import Any

import pytest
import torch
from captum.attr import IntegratedGradients, NoiseTunnel, Saliency
from torch import Tensor, nn

from antigrad.attribution.methods.guide import Guide, guide_weights, quantile
from antigrad.attribution.methods.guided_absolute_grad import GuidedAbsoluteGrad
from antigrad.attribution.methods.moments import Moments
from antigrad.attribution.methods.noise import noise_std
from antigrad.attribution.views import to_map
from antigrad.core.errors import InputValueError
from helpers.fixed import fixed, small_network

GOLDEN = {
    (0.0, "paper", 1.0): ((25.386906173489, 28.927132530755), (0.323882967388, 0.406372690213, 0.702045136378)),
    (0.5, "paper", 1.0): ((27.128985831896, 27.780024952594), (0.255804442809, 0.284338234596, 0.375834073731)),
    (0.85, "paper", 1.0): ((11.660360199110, 15.436593863923), (0.032965190751, 0.039740147191, 0.053990713125)),
    (0.85, "relative", 1.0): ((26.188045563907, 28.256819273809), (0.295240295912, 0.360678546157, 0.494804844447)),
    (0.85, "paper", 10.0): ((27.246326843775, 26.029211144298), None),
    (0.85, "paper", 100.0): ((30.079071642873, 27.695447644939), None),
    (0.85, "relative", 1000.0): ((26.188045563907, 28.256819273809), (0.295240295912, 0.360678546157, 0.494804844447)),
}


def attribute(model: nn.Module, images: Tensor, seed: int = 0, **options: Any) -> Tensor:
    """Attributions to class 1 with a seeded generator."""
    options = {"target": 1, "generator": torch.Generator().manual_seed(seed), **options}
    return GuidedAbsoluteGrad(model).attribute(images, **options)  # type: ignore[return-value]


@pytest.mark.parametrize(("p", "guide", "scale"), GOLDEN)
def test_golden_maps(p: float, guide: Guide, scale: float) -> None:
    moments = Moments()
    for chunk in (scale * fixed(5, 2, 3, 8, 8)).split([2, 1, 2]):
        moments.add(chunk)
    found = to_map(moments.absolute * guide_weights(moments.variance, p, guide))
    sums, first = GOLDEN[p, guide, scale]
    assert found.sum((1, 2)).tolist() == pytest.approx(sums, rel=1e-10)
    if first is not None:
        assert found[0, 0, :3].tolist() == pytest.approx(first, abs=1e-10)


def test_golden_variance_and_threshold() -> None:
    moments = Moments()
    moments.add(fixed(5, 2, 3, 8, 8))
    variance = moments.variance
    assert variance[0, 0, 0, :3].tolist() == pytest.approx(
        [0.0573106302014, 0.0731420567085, 0.0632188010500], abs=1e-12
    )
    threshold = quantile(variance.flatten(2), 0.85)
    assert threshold[0].tolist() == pytest.approx([0.1278874574275, 0.1304846697059, 0.1247208817765], abs=1e-12)
    assert ((variance.flatten(2) > threshold[..., None]).sum(-1) == 10).all()


def test_it_is_the_stack_of_all_gradients() -> None:
    model, images = small_network(), fixed(2, 3, 16, 16)
    numbers = torch.Generator().manual_seed(3)
    spread = 0.15 * (images.amax((1, 2, 3)) - images.amin((1, 2, 3)))
    stack = []
    for _ in range(6):
        noise = torch.randn(images.shape, generator=numbers, dtype=torch.float64)
        noisy = (images + spread[:, None, None, None] * noise).requires_grad_()
        stack.append(torch.autograd.grad(model(noisy)[:, 1].sum(), noisy)[0])
    gradients = torch.stack(stack)
    threshold = torch.quantile(gradients.var(0).flatten(2), 0.85, dim=-1)[..., None, None]
    weights = torch.where(gradients.var(0) > threshold, 1.0, gradients.var(0))
    expected = gradients.abs().mean(0) * weights
    torch.testing.assert_close(attribute(model, images, 3, n_samples=6), expected, rtol=1e-10, atol=1e-18)


@pytest.mark.parametrize("size", [1, 3, 4, 1000])
def test_the_size_of_a_chunk_changes_nothing(size: int) -> None:
    model, images = small_network(), fixed(2, 3, 5, 5)  # 75 entries: no multiple of 16.
    one = attribute(model, images, n_samples=7, internal_batch_size=2)
    torch.testing.assert_close(
        attribute(model, images, n_samples=7, internal_batch_size=size), one, rtol=1e-10, atol=1e-16
    )


def test_seeds_decide_and_nothing_else() -> None:
    model, images = small_network(), fixed(1, 3, 8, 8)
    assert torch.equal(attribute(model, images, 1), attribute(model, images, 1))
    assert not torch.allclose(attribute(model, images, 1), attribute(model, images, 2))
    state = torch.random.get_rng_state()
    attribute(model, images, 1)
    assert torch.equal(state, torch.random.get_rng_state())


def test_an_image_does_not_depend_on_its_neighbours() -> None:
    model, images = small_network(), fixed(3, 3, 8, 8)
    wild = images.clone()
    wild[1:] *= 40
    assert torch.equal(attribute(model, images)[0], attribute(model, wild)[0])
    assert not torch.allclose(
        attribute(model, images, noise_range="batch")[0], attribute(model, wild, noise_range="batch")[0], rtol=1e-3
    )
    alone = attribute(model, images[:1], shared_noise=True)
    torch.testing.assert_close(attribute(model, images, shared_noise=True)[:1], alone, rtol=1e-10, atol=1e-16)


@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_the_unit_of_the_logits(size: float) -> None:
    model, images = small_network(), fixed(1, 3, 12, 12)

    def scaled(inputs: Tensor) -> Tensor:
        return size * model(inputs)

    def maps(forward: Any, **options: Any) -> Tensor:
        return to_map(attribute(forward, images, **options))

    for free in ({"guide": "relative"}, {"guide": None}):
        torch.testing.assert_close(maps(scaled, **free), maps(model, **free), rtol=1e-9, atol=1e-12)
    if size > 1:  # The paper's guide depends on it.
        assert (maps(scaled) - maps(model)).abs().max() > 1e-4


def test_magnitudes_are_above_signed_means_and_the_guide_takes_away() -> None:
    model, images = small_network(), fixed(2, 3, 10, 10)
    bare = attribute(model, images, guide=None)
    assert (attribute(model, images, guide=None, absolute=False).abs() <= bare + 1e-18).all()
    ones = []
    for p in (0.25, 0.5, 0.85):
        kept = attribute(model, images, percentile=p) == bare
        assert (kept.flatten(2).sum(-1) - (1 - p) * 100).abs().max() <= 1
        ones.append(kept)
    assert (ones[2] <= ones[1]).all() and (ones[1] <= ones[0]).all()
    assert torch.equal(attribute(model, images, percentile=0.0), bare)


def test_a_linear_model_has_no_guide() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2)).double().eval()
    with pytest.warns(UserWarning, match="1 of 1 inputs do not vary"):
        found = attribute(model, fixed(1, 3, 4, 4))
    weight = model[1].weight.detach()[1].abs().reshape(1, 3, 4, 4)  # type: ignore[union-attr,operator]
    torch.testing.assert_close(found, weight, rtol=1e-12, atol=0)


def test_no_noise_has_no_guide_and_one_channel_is_enough() -> None:
    model = small_network(1)
    with pytest.warns(UserWarning, match="do not vary"):
        still = attribute(model, fixed(1, 1, 9, 7), noise_level=0.0)
    images = fixed(1, 1, 9, 7).requires_grad_()
    torch.testing.assert_close(still, torch.autograd.grad(model(images)[:, 1].sum(), images)[0].abs())
    found = attribute(model, fixed(2, 1, 9, 7))
    assert found.shape == (2, 1, 9, 7)
    assert torch.isfinite(found).all()
    assert attribute(model, fixed(2, 1, 9, 7)[:0]).shape == (0, 1, 9, 7)


def test_constant_images_have_no_noise() -> None:
    assert noise_std(torch.full((1, 3, 4, 4), 7.0), 0.15).item() == 0


def test_mass_is_where_the_model_reads() -> None:
    class Patch(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            inside = images[..., 2:5, 3:6].flatten(1)
            return torch.stack([inside.sin().sum(1), inside.square().sum(1)], 1)

    found = attribute(Patch().eval(), fixed(1, 3, 9, 9))
    outside = found.clone()
    outside[..., 2:5, 3:6] = 0
    assert (outside == 0).all()
    assert (found[..., 2:5, 3:6] > 0).all()


def test_channels_together_with_the_first_layer() -> None:
    model, images, order = small_network(), fixed(1, 3, 8, 8), [2, 0, 1]
    other = small_network()
    other[0].weight.data = model[0].weight.data[:, order]  # type: ignore[index,union-attr]
    zero = {"noise_level": 0.0, "guide": None}
    ours, theirs = attribute(model, images, **zero), attribute(other, images[:, order], **zero)
    torch.testing.assert_close(to_map(theirs), to_map(ours), rtol=1e-12, atol=1e-12)


def test_quantiles_of_more_than_torch_takes() -> None:
    many = torch.arange(17_000_001.0)
    assert float(quantile(many, 0.25)) == 4_250_000.0
    few = torch.randn(3, 1000, generator=torch.Generator().manual_seed(0))
    for p in (0.0, 0.1, 0.85, 1.0):
        torch.testing.assert_close(quantile(few, p), torch.quantile(few, p, dim=-1))


def test_captum_conventions() -> None:
    model, images = small_network(), fixed(2, 3, 8, 8)
    method = GuidedAbsoluteGrad(model)
    found = method.attribute((images,), target=torch.tensor([0, 3]), n_samples=3)
    assert isinstance(found, tuple) and found[0].shape == images.shape
    assert not method.has_convergence_delta() and not method.multiplies_by_inputs
    assert not images.requires_grad
    own = images.clone().requires_grad_()
    attribute(model, own)
    assert own.requires_grad and own.grad is None
    tunnel = NoiseTunnel(method).attribute(images, target=1, nt_samples=2, stdevs=0.1, n_samples=3)
    assert tunnel.shape == images.shape


def test_each_image_may_have_its_own_target() -> None:
    model, images = small_network(), fixed(2, 3, 8, 8)
    both = attribute(model, images, target=torch.tensor([0, 3]), shared_noise=True)
    for place, target in enumerate((0, 3)):
        one = attribute(model, images[place : place + 1], target=target, shared_noise=True)
        torch.testing.assert_close(both[place : place + 1], one, rtol=1e-10, atol=1e-16)


def test_any_base_attribution_is_guided() -> None:
    model, images = small_network(), fixed(1, 3, 6, 6)
    options = {"target": 1, "n_samples": 4}
    same = GuidedAbsoluteGrad(model, Saliency(model)).attribute(
        images, **options, abs=False, generator=torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(same, attribute(model, images, n_samples=4), rtol=1e-10, atol=1e-16)
    paths = GuidedAbsoluteGrad(model, IntegratedGradients(model)).attribute(images, **options, n_steps=8)
    assert isinstance(paths, Tensor) and paths.shape == images.shape and (paths >= 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_samples": 1}, r"n_samples=1 with guide 'paper'"),
        ({"n_samples": 2.5}, r"n_samples=2.5"),
        ({"internal_batch_size": 0}, r"internal_batch_size=0"),
        ({"n_sample": 3}, r"arguments n_sample"),
        ({"stdevs": -1.0}, r"stdevs -1.0"),
        ({"stdevs": torch.ones(3)}, r"one an image"),
        ({"guide": "papers"}, r"did you mean 'paper'"),
        ({"percentile": 1.0}, r"percentile 1.0"),
        ({"noise_level": -1.0}, r"noise_level -1.0"),
        ({"noise_range": "images"}, r"did you mean 'image'"),
        ({"target": 9}, r"target 9"),
        ({"target": torch.tensor([0, 1, 2])}, r"target tensor"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any], message: str) -> None:
    model, images = small_network(), fixed(2, 3, 6, 6)
    with pytest.raises(InputValueError, match=message):
        attribute(model, images, **options)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not images.requires_grad


def test_numbers_that_are_not_finite_and_models_in_training() -> None:
    model, images = small_network(), fixed(1, 3, 6, 6)
    broken = images.clone()
    broken[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputValueError, match="input 0 with NaN"):
        attribute(model, broken)
    with pytest.raises(InputValueError, match="gradients that are not finite"):
        attribute(lambda x: model(x) * float("inf"), images)  # type: ignore[arg-type]
    with pytest.warns(UserWarning, match="train mode"):
        attribute(model.train(), images)
    assert model.training


def test_a_model_without_gradients() -> None:
    model = small_network()

    def forward(images: Tensor) -> Tensor:
        return model(images.detach())

    model.requires_grad_(False)
    with pytest.raises(InputValueError, match="no_grad"):
        GuidedAbsoluteGrad(forward).attribute(fixed(1, 3, 8, 8), 0)


def test_deviations_given_outright() -> None:
    """The same as the share of the range that they are, one an image or one for all."""
    model, images = small_network(), fixed(2, 3, 6, 6)
    spans = images.flatten(1).amax(1) - images.flatten(1).amin(1)
    torch.testing.assert_close(attribute(model, images, stdevs=0.15 * spans), attribute(model, images))
    assert not torch.allclose(attribute(model, images, stdevs=0.5), attribute(model, images))
    torch.testing.assert_close(
        attribute(model, images, stdevs=0.5), attribute(model, images, stdevs=torch.tensor([0.5, 0.5]))
    )
    with pytest.raises(InputValueError, match="floating-point"):
        attribute(model, images.to(torch.int64))
