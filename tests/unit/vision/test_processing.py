"""Preprocessing that comes with a model is used as it is: what reaches the model is what its processor makes."""

import io
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageCms
from torch import nn

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.vision.images import Picture
from antigrad.vision.layers import last_spatial
from antigrad.vision.models import load_classifier
from antigrad.vision.processing import colours_of

transformers = pytest.importorskip("transformers", reason="the extra posttraining is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own
NORMAL = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 0.3]}


def processor(kind: str, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(transformers, kind)(**options)


PROCESSORS = {
    "squash": lambda: processor("ViTImageProcessor", size={"height": 64, "width": 64}, **NORMAL),
    "plain numbers": lambda: processor("ViTImageProcessor", size={"height": 64, "width": 64}, do_normalize=False),
    "to 255": lambda: processor(
        "ViTImageProcessor", size={"height": 64, "width": 64}, do_normalize=False, do_rescale=False
    ),
    "from -1": lambda: processor(
        "ViTImageProcessor", size={"height": 64, "width": 64}, rescale_factor=1 / 127.5, image_mean=[1.0] * 3,
        image_std=[1.0] * 3,
    ),
    "crop": lambda: processor("ConvNextImageProcessor", size={"shortest_edge": 64}, crop_pct=0.875, **NORMAL),
    "BGR": lambda: processor(
        "MobileViTImageProcessor", size={"shortest_edge": 72}, crop_size={"height": 64, "width": 64}
    ),
    "EfficientNet": lambda: processor("EfficientNetImageProcessor", size={"height": 64, "width": 64}, **NORMAL),
}  # fmt: skip


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "resnet"
    torch.manual_seed(0)
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=4)
    transformers.ResNetForImageClassification(config).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    return Image.effect_noise((150, 90), 80).convert("RGB").resize((300, 180))


@pytest.mark.parametrize("name", PROCESSORS)
def test_the_model_reads_what_its_processor_makes(name: str, model_folder: Path, photograph: Image.Image) -> None:
    own = PROCESSORS[name]()
    own.save_pretrained(model_folder)
    classifier = load_classifier(str(model_folder))
    wanted = own(images=photograph, return_tensors="pt")["pixel_values"].float()
    view = classifier.view(photograph)
    assert view.shape == wanted.shape[1:] and float(view.min()) >= -0.01 and float(view.max()) <= 1.01
    scale = float(wanted.abs().max())
    torch.testing.assert_close(classifier.normalise(view[None]), wanted, atol=1e-5 * scale, rtol=1e-4)
    model = transformers.AutoModelForImageClassification.from_pretrained(model_folder).eval()
    with torch.no_grad():
        chances = model(pixel_values=wanted).logits.softmax(-1)
    torch.testing.assert_close(classifier.probabilities(view[None]), chances, atol=1e-5, rtol=1e-4)
    red = classifier.view(Image.new("RGB", (80, 80), (255, 0, 0)))  # red stays red on the page, whatever the order
    assert float(red[0].mean()) == pytest.approx(1, abs=1e-4) and float(red[1:].abs().max()) < 1e-4


def test_what_is_no_scaling_of_colours_is_refused() -> None:
    def curved(picture: Image.Image) -> torch.Tensor:
        return torch.full((3, 8, 8), float(picture.getpixel((0, 0))[0]) ** 2)  # type: ignore[index]

    with pytest.raises(InputValueError, match="more to colours than scaling"):
        colours_of(curved, "m")
    with pytest.raises(InputValueError, match=r"shape \(1, 8, 8\)"):
        colours_of(lambda _: torch.zeros(1, 8, 8), "m")
    with pytest.raises(InputValueError, match="as high as wide"):
        colours_of(lambda _: torch.zeros(3, 8, 9), "m")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_labels": 1}, "one output, and no class probabilities"),
        ({"num_labels": 3, "problem_type": "regression"}, "no class probabilities"),
        ({"num_labels": 2, "num_channels": 1}, "a model of 1-channel images"),
    ],
)
def test_models_without_class_probabilities_are_refused(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], **settings)
    transformers.ResNetForImageClassification(config).save_pretrained(tmp_path)
    PROCESSORS["squash"]().save_pretrained(tmp_path)
    with pytest.raises(AntigradError, match=said):
        load_classifier(str(tmp_path))


def test_classes_that_do_not_exclude_each_other_have_sigmoids(tmp_path: Path, photograph: Image.Image) -> None:
    kind = {"problem_type": "multi_label_classification"}
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=3, **kind)
    model = transformers.ResNetForImageClassification(config).eval()
    model.save_pretrained(tmp_path)
    PROCESSORS["squash"]().save_pretrained(tmp_path)
    classifier = load_classifier(str(tmp_path))
    view = classifier.view(photograph)[None]
    with torch.no_grad():
        wanted = model(pixel_values=classifier.normalise(view)).logits.sigmoid()
    torch.testing.assert_close(classifier.probabilities(view), wanted)


def test_a_table_of_positions_is_no_feature_map() -> None:
    config = transformers.SwinConfig(
        image_size=64, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4, num_labels=3
    )
    model = transformers.SwinForImageClassification(config).eval()

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.model(pixel_values=images).logits

    whole = Logits()
    layer = last_spatial(whole, 64)
    assert all(one.requires_grad for one in model.parameters())
    if layer is not None:  # what is found has to depend on the image
        seen: list[torch.Tensor] = []
        handle = layer.register_forward_hook(lambda *given: seen.append(given[2]))
        whole(torch.zeros(1, 3, 64, 64))
        whole(torch.rand(1, 3, 64, 64))
        handle.remove()
        assert not torch.equal(seen[0], seen[1])


def test_a_colour_profile_is_applied(tmp_path: Path) -> None:
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    picture = Image.new("RGB", (4, 4), (200, 30, 30))
    plain, tagged = io.BytesIO(), io.BytesIO()
    picture.save(plain, "PNG")
    picture.save(tagged, "PNG", icc_profile=swapped.tobytes())
    # A profile of another kind of colours does not fit this picture, and is not used.
    assert Picture("a", tagged.getvalue()).open().getpixel((0, 0)) == (200, 30, 30)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    picture.save(tmp_path / "srgb.png", icc_profile=srgb.tobytes())
    assert Picture("b", tmp_path / "srgb.png").open().getpixel((0, 0)) == (200, 30, 30)
    wide = wide_gamut(srgb.tobytes())
    picture.save(tmp_path / "wide.png", icc_profile=wide)
    red, green, _ = Picture("c", tmp_path / "wide.png").open().getpixel((0, 0))  # type: ignore[misc]
    assert red > 210 and green <= 30  # the same numbers are a stronger red there
    (tmp_path / "torn.png").write_bytes(plain.getvalue())
    assert Picture("d", tmp_path / "torn.png").open().getpixel((0, 0)) == (200, 30, 30)


def wide_gamut(profile: bytes) -> bytes:
    """sRGB's profile with the red primary moved outwards: X, Y, Z of tag rXYZ as s15Fixed16 numbers."""
    count = int.from_bytes(profile[128:132], "big")
    for entry in range(count):
        at = 132 + 12 * entry
        if profile[at : at + 4] == b"rXYZ":
            start = int.from_bytes(profile[at + 4 : at + 8], "big") + 8
            moved = b"".join(round(value * 65536).to_bytes(4, "big", signed=True) for value in (0.61, 0.311, 0.019))
            return profile[:start] + moved + profile[start + 12 :]
    raise AssertionError("no red primary")


@pytest.mark.parametrize(("bits", "white"), [(12, 4095), (16, 65535)])
def test_grey_of_more_than_8_bits_keeps_its_brightness(bits: int, white: int, tmp_path: Path) -> None:
    half = white // 2
    data = half.to_bytes(2, "little") * 16
    if bits == 16:
        Image.frombytes("I;16", (4, 4), data).save(tmp_path / "grey.tif")
    else:
        packed = "".join(f"{half:012b}" for _ in range(16))
        raw = int(packed, 2).to_bytes(24, "big")
        tags = {256: 4, 257: 4, 258: 12, 259: 1, 262: 1, 273: 0, 277: 1, 278: 4, 279: len(raw)}
        (tmp_path / "grey.tif").write_bytes(tiff(tags, raw))
    value = Picture("a", tmp_path / "grey.tif").open().getpixel((0, 0))
    assert value == pytest.approx((127, 127, 127), abs=1)


def tiff(tags: dict[int, int], raw: bytes) -> bytes:
    """A TIFF file of one strip: Pillow reads 12-bit grey but does not write it."""
    start = 8
    entries = tags | {273: start}
    directory = len(entries).to_bytes(2, "little")
    for tag, value in sorted(entries.items()):
        directory += tag.to_bytes(2, "little") + (3).to_bytes(2, "little") + (1).to_bytes(4, "little")
        directory += value.to_bytes(2, "little") + b"\0\0"
    return b"II*\0" + (start + len(raw)).to_bytes(4, "little") + raw + directory + b"\0\0\0\0"
