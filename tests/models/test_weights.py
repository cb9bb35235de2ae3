"""Weights from elsewhere: torchvision's and timm's state dicts into ours, and the published files behind `load_pretrained`."""

import hashlib
import urllib.error
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from model_checks import assert_same_as, on_meta, with_drawn_weights
from torch import nn

from cnnlib import create_model, load_pretrained, load_weights
from cnnlib.models.pretrained import fetch

NARROW = {"width": 0.25}  # of the CIFAR nets: 4, 8, 16 channels

# ------------------------------------------------------------------------------------------------- load_weights


def copies(state_dict):
    return {name: value.clone() for name, value in state_dict.items()}


def renamed(state_dict):
    """The same entries under another library's names."""
    return {f"body.{name}": value for name, value in state_dict.items()}


def swapped(state_dict, one, other):
    """The same names, two of them in each other's place."""
    names = [{one: other, other: one}.get(name, name) for name in state_dict]
    return {name: state_dict[name] for name in names}


def test_own_weights_load_by_name_in_any_order():
    source, target = create_model("cifar_resnet20", **NARROW), create_model("cifar_resnet20", **NARROW)
    state = source.state_dict()
    assert load_weights(target, dict(reversed(state.items()))) is target
    assert all(torch.equal(value, state[name]) for name, value in target.state_dict().items())


@pytest.mark.parametrize(
    "weights, says",
    [
        (lambda: create_model("cifar_resnet26", **NARROW).state_dict(), r"it has 97 tensors, state_dict 127"),
        (lambda: create_model("cifar_resnet20", width=0.5).state_dict(), r"conv1\.weight \(4, 3, 3, 3\).*\(8, 3, 3, 3\)"),
        (lambda: create_model("cifar_resnet20", num_classes=7, **NARROW).state_dict(), r"fc\.weight \(10, 16\).*\(7, 16\)"),
        (lambda: renamed(create_model("cifar_resnet20", shortcut="C", **NARROW).state_dict()), "depth, width and the other options of the model"),
        (lambda: {}, "state_dict 0"),
    ],
    ids=["depth", "width", "num_classes", "shortcut", "empty"],
)  # fmt: skip
def test_weights_that_do_not_fit_change_nothing(weights, says):
    model = create_model("cifar_resnet20", **NARROW)
    before = copies(model.state_dict())
    with pytest.raises(ValueError, match=says) as error:
        load_weights(model, weights())
    assert "do not fit CifarResNet" in str(error.value) and "Nothing was loaded" in str(error.value)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("kinds", [("weight", "bias"), ("weight", "running_mean"), ("running_mean", "running_var")])
def test_entries_of_one_shape_in_each_others_place_are_told_apart_by_kind(kinds):
    model = create_model("cifar_resnet20", **NARROW)
    state = renamed(model.state_dict())
    load_weights(model, state)
    one, other = (f"body.bn1.{kind}" for kind in kinds)
    assert state[one].shape == state[other].shape
    with pytest.raises(ValueError, match=rf"bn1\.{kinds[0]} \(4,\)  ≠  {other}"):
        load_weights(model, swapped(state, one, other))


def test_a_long_list_of_misfits_is_cut():
    with pytest.raises(ValueError, match=r"… and \d+ more"):
        load_weights(create_model("cifar_resnet20", **NARROW), create_model("cifar_resnet20", width=0.5).state_dict())


def test_counters_of_batch_norm_that_are_missing_become_zero():
    """Files saved before 2018 have none."""
    source, target = create_model("cifar_resnet20", **NARROW), create_model("cifar_resnet20", **NARROW)
    for counter in (target.bn1.num_batches_tracked, source.bn1.num_batches_tracked):
        counter.fill_(7)
    state = {name: value for name, value in source.state_dict().items() if not name.endswith("num_batches_tracked")}
    for old in (state, renamed(state)):
        target.bn1.num_batches_tracked.fill_(7)
        load_weights(target, old)
        assert target.bn1.num_batches_tracked == 0
        assert all(torch.equal(value, target.state_dict()[name]) for name, value in state.items())
    load_weights(target, renamed(source.state_dict()))
    assert target.bn1.num_batches_tracked == 7


def test_auxiliary_heads_are_left_out_where_the_model_has_none():
    theirs = with_drawn_weights(lambda: torchvision.models.googlenet(aux_logits=True, init_weights=False))
    theirs.transform_input = False
    theirs.eval()
    ours = load_weights(on_meta("googlenet").to_empty(device="cpu"), theirs.state_dict()).eval()
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)
    without = {name: value for name, value in theirs.state_dict().items() if not name.startswith("aux")}
    with pytest.raises(ValueError, match="do not fit"):
        load_weights(on_meta("googlenet", aux_heads=True).to_empty(device="cpu"), without)


def test_a_convolution_that_covers_its_map_fills_a_linear_layer():
    ours = nn.Sequential(nn.Flatten(), nn.Linear(2 * 3 * 4, 5))
    theirs = nn.Conv2d(2, 5, (3, 4))
    load_weights(ours, theirs.state_dict())
    x = torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(x), theirs(x).flatten(1))
    with pytest.raises(ValueError, match=r"weight \(5, 24\)  ≠  weight \(5, 3, 2, 4\)|do not fit"):
        load_weights(ours, nn.Conv2d(3, 5, (2, 3)).state_dict())


def test_a_checkpoint_is_told_from_a_state_dict():
    with pytest.raises(ValueError, match=r"state_dict\['epoch'\] is a int and no tensor; .*checkpoint\['state_dict'\]"):
        load_weights(create_model("cifar_resnet20", **NARROW), {"epoch": 90, "state_dict": {}})


def test_a_model_without_memory_is_refused():
    with pytest.raises(ValueError, match="meta device; give it memory first"):
        load_weights(on_meta("cifar_resnet20"), {})


# The names that timm shares with us beside those that the families' own tests hold against it.
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_timms_weights_give_timms_outputs(name):
    assert_same_as(with_drawn_weights(lambda: timm.create_model(name)), name, size=(64, 64), train=False)


# ---------------------------------------------------------------------------------------------- load_pretrained


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """torch.hub keeps its files here."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Puts a model's weights where torchvision's name then points, as a file with the hash in its name."""

    def as_torchvisions(name, model):
        plain = tmp_path / "weights.pth"
        torch.save(model.state_dict(), plain)
        digest = hashlib.sha256(plain.read_bytes()).hexdigest()
        file = plain.rename(tmp_path / f"{name}-{digest[:8]}.pth")
        entry = torchvision.models.get_model_weights(name).IMAGENET1K_V1
        monkeypatch.setattr(entry.value, "url", file.as_uri())
        return file

    return as_torchvisions


def photograph():
    return torch.randint(0, 256, (3, 280, 300), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name, options", [("squeezenet1_1", {}), ("googlenet", {"init_weights": False})])
def test_pretrained_weights_give_torchvisions_answer_to_a_photograph(name, options, publish, cache):
    theirs = with_drawn_weights(lambda: getattr(torchvision.models, name)(**options)).eval()
    file = publish(name, theirs)
    if name == "googlenet":
        theirs.transform_input = True  # what torchvision does when it loads the published weights
    ours = load_pretrained(name)
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1
    with torch.no_grad():
        expected = theirs(weights.transforms()(photograph()).unsqueeze(0))
        torch.testing.assert_close(ours(ours.preprocess(photograph()).unsqueeze(0)), expected, rtol=1e-3, atol=1e-3)
    assert not ours.training and ours.preprocess(photograph()).shape == ours.input_size
    assert len(ours.class_names) == 1000 and ours.class_names[207] == "golden retriever"
    assert "preprocess" not in dict(ours.named_modules())
    assert [path.name for path in cache.iterdir()] == [file.name]


def test_a_file_that_is_there_is_used_without_a_network(publish, cache):
    file = publish("squeezenet1_1", with_drawn_weights(torchvision.models.squeezenet1_1))
    cache.mkdir(parents=True)
    file.rename(cache / file.name)  # nothing is left where the address points
    assert not load_pretrained("squeezenet1_1").training


def test_without_a_network_the_error_says_where_to_put_the_file(monkeypatch, cache):
    def no_network(url, *args, **kwargs):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    with pytest.raises(ConnectionError) as error:
        load_pretrained("resnet50")
    assert "https://download.pytorch.org/models/resnet50-0676ba61.pth" in str(error.value)
    assert f"put it at {cache / 'resnet50-0676ba61.pth'}" in str(error.value)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(ConnectionError, match="set TORCH_HOME to keep such files elsewhere"):
        fetch("https://example.org/resnet50-0676ba61.pth")


def test_a_damaged_download_is_not_kept(publish, cache):
    file = publish("squeezenet1_1", nn.Linear(1, 1))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"is damaged: .*Nothing was kept; try again"):
        load_pretrained("squeezenet1_1")
    assert list(cache.iterdir()) == []


def test_a_damaged_file_is_named_and_not_loaded(publish, cache):
    file = publish("squeezenet1_1", nn.Linear(1, 1))
    cache.mkdir(parents=True)
    (cache / file.name).write_bytes(b"half a download")
    with pytest.raises(ValueError, match=rf"{file.name} is damaged: .*delete it"):
        load_pretrained("squeezenet1_1")
    assert (cache / file.name).exists()


class Executes:
    """A pickle that would create a file when it is loaded as Python objects."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_file_with_code_is_not_run(publish, cache, tmp_path):
    class Weights:
        def state_dict(self):
            return {"weight": Executes(tmp_path / "was run")}

    publish("squeezenet1_1", Weights())
    with pytest.raises(
        ValueError, match=r"squeezenet1_1-\w+.pth cannot be read: it is damaged, or holds something else"
    ):
        load_pretrained("squeezenet1_1")
    assert not (tmp_path / "was run").exists()


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("lenet5", {}, "publishes no ImageNet weights for name='lenet5'; it does for alexnet, densenet121, "),
        ("resnet51", {}, "no ImageNet weights for name='resnet51'"),
        ("convnext_tiny", {}, "no ImageNet weights for name='convnext_tiny'"),
        (
            "resnet18",
            {"weights": "IMAGENET1K_V2"},
            "weights='IMAGENET1K_V2' is not a set of resnet18; .* IMAGENET1K_V1",
        ),
    ],
)
def test_what_torchvision_does_not_have(name, options, says):
    with pytest.raises(ValueError, match=says):
        load_pretrained(name, **options)
