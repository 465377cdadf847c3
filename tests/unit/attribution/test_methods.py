"""The methods against their equations on small networks."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from antigrad.attribution.methods import METHODS
from antigrad.attribution.methods.guide import guide_weights
from antigrad.attribution.methods.guided_backprop import with_relus
from antigrad.attribution.methods.noise import draw, noise_std
from antigrad.attribution.metrics.rcap import blur
from antigrad.core.errors import InputValueError
from antigrad.vision.models import Classifier, last_spatial
from helpers.fixed import fixed, small_network

HALF = (0.5, 0.5, 0.5)


def classifier(kind: str = "smooth") -> Classifier:
    """A small network as a classifier of 12 × 12 images, float64."""
    model = small_network()
    if kind == "relu6":
        torch.manual_seed(1)
        layers = [nn.Conv2d(3, 6, 3, padding=1), nn.ReLU6(), nn.Conv2d(6, 4, 3, padding=1), nn.ReLU(inplace=True)]
        model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(36, 5)).double().eval()
    model.requires_grad_(False)
    return Classifier("small", model, HALF, HALF, 12, 12, model[2])  # type: ignore[index,arg-type]


def inputs(count: int = 2) -> Tensor:
    return 2 * fixed(count, 3, 12, 12)


TARGETS = torch.tensor([1, 3])


def explain(name: str, small: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    return METHODS.make(name)(small, images, targets, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_gives_finite_maps_of_the_image_and_leaves_the_model_alone(name: str) -> None:
    small = classifier("relu6")
    images = inputs()
    before = {key: value.clone() for key, value in small.model.state_dict().items()}
    found = METHODS.make(name)(small, images, TARGETS, torch.Generator().manual_seed(0))
    assert found.shape in ((2, 3, 12, 12), (2, 1, 12, 12))
    assert torch.isfinite(found).all()
    assert found.abs().sum() > 0
    assert not found.requires_grad and not images.requires_grad
    assert not small.model.training
    assert all(torch.equal(value, before[key]) for key, value in small.model.state_dict().items())
    assert all(not module._forward_hooks and not module._backward_hooks for module in small.model.modules())


@pytest.mark.parametrize("name", METHODS.names())
def test_the_same_seed_the_same_map_and_the_stream_of_others_goes_on(name: str) -> None:
    small = classifier("relu6")
    state = torch.random.get_rng_state()
    maps = [METHODS.make(name)(small, inputs(), TARGETS, torch.Generator().manual_seed(4)) for _ in range(2)]
    assert torch.equal(*maps)
    with torch.no_grad():  # Where people evaluate.
        assert torch.equal(maps[0], METHODS.make(name)(small, inputs(), TARGETS, torch.Generator().manual_seed(4)))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("name", METHODS.names())
def test_it_is_the_target_that_is_explained(name: str) -> None:
    small = classifier("relu6")
    one, other = (
        METHODS.make(name)(small, inputs(1), torch.tensor([t]), torch.Generator().manual_seed(0)) for t in (1, 3)
    )
    assert not torch.allclose(one, other)


def test_saliency_is_the_gradient_with_its_sign() -> None:
    small, images = classifier(), inputs(1)
    found = METHODS.make("saliency")(small, images, TARGETS[:1])
    change = 1e-6 * torch.sign(found)
    ahead, behind = (float(small.model(images + s * change)[0, 1]) for s in (1, -1))
    assert ahead - behind == pytest.approx(2e-6 * float(found.abs().sum()), rel=1e-6)
    assert (found < 0).any()


@pytest.mark.parametrize(("name", "options"), [("integrated_gradients", ""), ("guided_ig", "(n_steps=400)")])
@pytest.mark.parametrize("baseline", ["black", "mean"])
def test_paths_from_a_baseline_are_complete(name: str, options: str, baseline: str) -> None:
    small, images = classifier(), inputs(1)
    options = options[:-1] + f",baseline={baseline})" if options else f"(baseline={baseline})"
    found = METHODS.make(name + options)(small, images, TARGETS[:1])
    pictures = small.denormalise(images)
    start = (
        torch.zeros_like(pictures) if baseline == "black" else pictures.mean((2, 3), keepdim=True).expand_as(pictures)
    )
    gap = float(small.model(images)[0, 1] - small.model(small.normalise(start))[0, 1])
    assert abs(gap) > 1e-4
    assert float(found.sum()) == pytest.approx(gap, rel=2e-2)


def test_the_blur_path_is_complete() -> None:
    small, images = classifier(), inputs(1)
    found = METHODS.make("blur_ig(n_steps=300,max_sigma=8)")(small, images, TARGETS[:1])
    gap = float(small.model(images)[0, 1] - small.model(blur(images, 8.0))[0, 1])
    assert float(found.sum()) == pytest.approx(gap, rel=2e-2)


def test_the_guided_path_moves_flat_features_first() -> None:
    class Two(nn.Module):
        """f = a² + 10 b: the slope of a is the smaller one, so that it moves first."""

        def forward(self, images: Tensor) -> Tensor:
            a, b = images[:, 0, 0, 0], images[:, 0, 0, 1]
            seen.append((float(a[0].detach()), float(b[0].detach())))
            return torch.stack([a**2 + 10 * b + a * b, a], 1)

    seen: list[tuple[float, float]] = []
    small = Classifier("two", Two().eval(), (0.0,), (1.0,), 2, 2, nn.Identity())
    images = torch.ones(1, 1, 1, 2, dtype=torch.float64)
    METHODS.make("guided_ig(n_steps=10,fraction=0.5,max_dist=1)")(small, images, torch.tensor([0]))
    path = seen
    assert [round(a, 6) for a, _ in path[:6]] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert all(b == 0 for _, b in path[:6])
    assert path[8] == pytest.approx((1.0, 0.6))


def test_smoothgrad_and_vargrad_are_moments_of_the_same_gradients() -> None:
    small, images = classifier(), inputs(1)
    mean, variance, bare = (
        METHODS.make(f"{name}(n_samples=4000,noise_level=0.05)")(
            small, images, TARGETS[:1], torch.Generator().manual_seed(0)
        )
        for name in ("smoothgrad", "vargrad", "smoothgrad")
    )
    assert torch.equal(mean, bare)
    exact = METHODS.make("saliency")(small, images, TARGETS[:1])
    torch.testing.assert_close(mean, exact, rtol=0.2, atol=float(exact.abs().max()) * 0.05)
    assert (variance >= 0).all()
    more = explain("vargrad(n_samples=4000,noise_level=0.1)", small, images, TARGETS[:1])
    assert float(more.sum() / variance.sum()) == pytest.approx(4, rel=0.3)


def test_guided_backprop_cuts_both_kinds_of_negatives() -> None:
    small, images = classifier("relu6"), inputs(1)
    x = images.clone().requires_grad_()
    convs = [module for module in small.model if isinstance(module, nn.Conv2d)]  # type: ignore[union-attr]
    first = convs[0](x)
    second = convs[1](first.clamp(0, 6))
    rest = nn.Sequential(*list(small.model)[4:])  # type: ignore[call-overload]
    after = second.clamp(min=0).detach().requires_grad_()
    back = torch.autograd.grad(rest(after)[0, 1], after)[0]
    back = back.clamp(min=0) * (second > 0)
    back = torch.autograd.grad(second, first, back, retain_graph=True)[
        0
    ]  # Through the second convolution and the clamp.
    back = back.clamp(min=0) * (first > 0)
    expected = torch.autograd.grad(first, x, back)[0]
    found = METHODS.make("guided_backprop")(small, images, TARGETS[:1])
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-12)
    plain = METHODS.make("saliency")(small, images, TARGETS[:1])
    assert not torch.allclose(found, plain)


def test_relu6_taken_apart_is_the_same_function() -> None:
    small = classifier("relu6")
    torch.testing.assert_close(with_relus(small.model)(20 * inputs()), small.model(20 * inputs()))
    with pytest.raises(InputValueError, match="without ReLU modules"):
        METHODS.make("guided_backprop")(classifier(), inputs(), TARGETS)


def test_gradcam_by_hand() -> None:
    small, images = classifier(), inputs(1)
    layer: Any = small.cam_layer
    features: list[Tensor] = []
    handle = layer.register_forward_hook(lambda *given: features.append(given[2]))
    x = images.clone().requires_grad_()
    logit = small.model(x)[0, 1]
    handle.remove()
    slopes = torch.autograd.grad(logit, features[0])[0]
    signed = (slopes.mean((2, 3), keepdim=True) * features[0]).sum(1, keepdim=True).detach()
    torch.testing.assert_close(METHODS.make("gradcam(relu=false)")(small, images, TARGETS[:1]), signed)
    torch.testing.assert_close(METHODS.make("gradcam")(small, images, TARGETS[:1]), signed.clamp(min=0))


def test_the_layer_of_gradcam_is_found() -> None:
    model = classifier("relu6").model.float()
    assert last_spatial(model, 12) is model[3]  # type: ignore[index]
    assert last_spatial(nn.Sequential(nn.Flatten(), nn.Linear(3 * 144, 2)), 12) is None
    assert not any(module._forward_hooks for module in model.modules())


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.inner(features)


class Patches(nn.Module):
    """Patches of 4, then layers on tokens; with maps of attention that have a height and a width of their own."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 4, 4, 4)
        self.attention = nn.Dropout()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(depth)])
        self.head = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).mT
        for layer in self.layers:
            weights = self.attention((tokens @ tokens.mT)[:, None].softmax(-1))
            self.attention(weights[..., :3, :3])  # In windows it is as small as the features.
            tokens = tokens + weights[:, 0] @ layer(tokens)
        return self.head(tokens.mean(1))


def test_the_layer_of_gradcam_in_residual_networks_and_transformers() -> None:
    block = Residual()
    network = nn.Sequential(nn.Conv2d(3, 4, 3), block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    assert last_spatial(network, 12) is block
    one, deep = Patches(1), Patches(6)
    assert last_spatial(deep, 12) is None
    assert last_spatial(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), one), 12) is one.patches
    model = Classifier("deep", deep.eval(), HALF, HALF, 12, 12, None)
    for base in ("gradcam", "guided_absolute_grad(n_samples=2,base=gradcam)"):
        with pytest.raises(InputValueError, match="without a height and a width"):
            METHODS.make(base)(model, inputs(1).float(), TARGETS[:1])
    assert METHODS.make("saliency")(model, inputs(1).float(), torch.tensor([1])).abs().sum() > 0


@pytest.mark.parametrize("base", ["integrated_gradients(n_steps=4)", "blur_ig(n_steps=4)", "gradcam"])
def test_the_guide_over_another_method(base: str) -> None:
    """The mean magnitude and the guide of what the base gives at noisy copies, drawn in the same order."""
    method = METHODS.make(f"guided_absolute_grad(n_samples=3,percentile=0.5,base='{base}')")
    small, images = classifier(), inputs()
    found = method(small, images, TARGETS, torch.Generator().manual_seed(5))
    noisy = draw(images, noise_std(images, 0.15), 3, torch.Generator().manual_seed(5), shared=False)
    parts = torch.stack([METHODS.make(base)(small, one, TARGETS).detach().expand_as(one) for one in noisy])
    want = parts.abs().mean(0) * guide_weights(parts.var(0), 0.5, "paper")
    torch.testing.assert_close(found, want, atol=1e-10, rtol=1e-6)
    with pytest.raises(InputValueError, match="did you mean"):
        METHODS.make("guided_absolute_grad(base=blur_gi)")


class NoGradients(nn.Module):
    """A model that keeps its gradients to itself."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)


@pytest.mark.parametrize("name", METHODS.names())
def test_what_does_not_fit_is_named_by_every_method(name: str) -> None:
    small, images = classifier("relu6"), inputs()
    method = METHODS.make(name)
    bare = Classifier("bare", NoGradients(small.model).eval(), HALF, HALF, 12, 12, small.cam_layer)
    damaged = classifier("relu6")
    damaged.model[6].weight.data[1, 0] = float("nan")  # type: ignore[index,operator,union-attr]
    broken = images.clone()
    broken[1, 0, 0, 0] = float("nan")
    cases: list[tuple[str, Classifier, Tensor, Tensor]] = [
        ("choose another target", small, images, torch.tensor([1, 5])),
        ("choose another target", small, images, torch.tensor([-1, 1])),
        ("a differentiable model", bare, images, TARGETS),
        ("check the.* model", damaged, images, TARGETS),
        ("check how they were normalised", small, broken, TARGETS),
        ("grey images need their channel repeated", small, images[:, :1], TARGETS),
        (r"\(B, 3, H, W\) with \(B,\)", small, images, TARGETS[:1]),
    ]
    for words, model, given, targets in cases:
        with pytest.raises(InputValueError, match=words):
            method(model, given, targets, torch.Generator().manual_seed(0))
        assert not given.requires_grad
    assert all(not module._forward_hooks and not module._backward_hooks for module in small.model.modules())
