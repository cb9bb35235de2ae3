"""What the tests of every family use: models without memory, another library's model with drawn weights, comparisons."""

import ast
import inspect
import math
import re
from collections.abc import Callable

import torch
from torch import nn

from cnnlib import anatomy, create_model, load_weights


def on_meta(name: str, **options) -> nn.Module:
    """`create_model` without memory for the weights."""
    with torch.device("meta"):
        return create_model(name, **options)


def with_drawn_weights(build: Callable[[], nn.Module]) -> nn.Module:
    """Another library's model with every parameter and statistic drawn; the scales keep 150 layers in range.

    `build` is called on the meta device, so that its own initialisation costs nothing.
    """
    with torch.device("meta"):
        model = build()
    model = model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                fan_in = module.weight[0].numel()
                module.weight.normal_(0, math.sqrt(2 / fan_in), generator=generator)
                if module.bias is not None:
                    module.bias.normal_(0, 0.2, generator=generator)
            elif isinstance(module, nn.Linear):
                module.weight.normal_(0, math.sqrt(2 / module.in_features), generator=generator)
                module.bias.normal_(generator=generator)
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.3, 0.9, generator=generator)
                module.bias.normal_(0, 0.2, generator=generator)
                module.running_mean.normal_(0, 0.2, generator=generator)
                module.running_var.uniform_(0.6, 1.4, generator=generator)
                module.num_batches_tracked.fill_(7)
    return model


def without_dropout(model: nn.Module) -> nn.Module:
    """The model with every dropout layer switched off, so that outputs in training mode can be compared."""
    for module in model.modules():
        if isinstance(module, nn.Dropout | nn.Dropout2d):
            module.p = 0.0
    return model


def assert_same_as(theirs: nn.Module, name: str, *, size: tuple[int, int], train: bool, **options) -> None:
    """Their weights in `create_model(name, **options)` give their outputs: in eval mode, and where `train` in both.

    In training mode the running statistics that the pass leaves behind are compared too.
    """
    theirs = without_dropout(theirs)
    ours = without_dropout(load_weights(on_meta(name, **options).to_empty(device="cpu"), theirs.state_dict()))
    images = torch.randn(2, ours.input_size[0], *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(images), theirs.eval()(images), rtol=1e-4, atol=1e-4)
        if train:
            torch.testing.assert_close(ours.train()(images), theirs.train()(images), rtol=1e-3, atol=1e-3)
            for (path, mine), other in zip(ours.named_buffers(), theirs.buffers(), strict=True):
                torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4, msg=path)


def assert_spread(model: nn.Module, spread: Callable[[str, nn.Module], float]) -> None:
    """Each convolution and linear layer was drawn around 0 with the standard deviation that `spread(path, layer)` gives."""
    for path, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight, expected = module.weight, spread(path, module)
            error = 5 / math.sqrt(2 * weight.numel())  # five standard errors of a measured spread
            assert abs(weight.std().item() / expected - 1) < error, path
            assert abs(weight.mean().item()) < 5 * expected / math.sqrt(weight.numel()), path


def assert_shape_comments(cls: type[nn.Module]) -> None:
    """Every `# (N, …)` in the forward of `cls` is what `anatomy` sees at the end of that line's stage.

    The docstring says for which network: "Shapes below: `create_model("resnet50")`."
    """
    found = re.search(r'Shapes below: `create_model\("(\w+)"(.*?)\)`', inspect.getdoc(cls))
    assert found, f"the docstring of {cls.__name__} does not say whose shapes its comments are"
    options = {
        k.strip(): ast.literal_eval(v) for k, v in (pair.split("=") for pair in found[2].split(",") if pair.strip())
    }
    model = on_meta(found[1], **options)
    assert type(model) is cls
    shapes = {row.name.split(".")[0]: row.out_shape for row in anatomy(model).layers}  # the stage's last
    source = inspect.getsource(cls.forward)
    comments = re.findall(r"self\.(\w+)\(.*# \(N, ([\d, ]+)\)", source)
    assert len(comments) == len(re.findall(r"# \(N", source)) > 0
    for stage, comment in comments:
        assert shapes[stage] == tuple(map(int, comment.split(","))), f"{cls.__name__}.forward, {stage}"
