"""Networks of torchvision, built without memory, and a brute-force search for what a position sees."""

import torch
import torchvision
from torch import Tensor, nn

# name → side of the images; without the auxiliary heads, which run in training only
TORCHVISION = {
    "alexnet": 224,
    "vgg16": 224,
    "googlenet": 224,
    "inception_v3": 299,
    "densenet121": 224,
    "squeezenet1_0": 224,
    "mobilenet_v2": 224,
    "mnasnet1_0": 224,
    "resnext50_32x4d": 224,
    "shufflenet_v2_x1_0": 224,
    "efficientnet_b0": 224,
}


def torchvision_on_meta(name: str) -> nn.Module:
    """torchvision's network `name` on the meta device, in evaluation mode, with `input_size`."""
    options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        model = getattr(torchvision.models, name)(**options).eval()
    model.input_size = (3, TORCHVISION[name], TORCHVISION[name])
    return model


class Net(nn.Module):
    """A function as a network: `Net(lambda net, x: net.conv(x) + x, conv=nn.Conv2d(…))`."""

    def __init__(self, function, **parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


@torch.no_grad()
def pixels_seen(model: nn.Module, input_size: tuple[int, int, int], axis: int) -> list[list[int]]:
    """For each position of the output along `axis` (0: rows, 1: columns) the pixels that it sees, by brute force.

    One image a row (or column) of pixels, with NaN there and zeros elsewhere: the output is NaN where it depends on
    them. In float64, because the fast algorithms for float32 mix windows.
    """
    model = model.double().eval()
    pixels = input_size[1 + axis]
    images = torch.zeros(pixels, *input_size, dtype=torch.float64)
    for pixel in range(pixels):
        images[pixel].select(1 + axis, pixel).fill_(float("nan"))
    reached = model(images).isnan().any(1).any(2 - axis)  # (pixel, position)
    return [reached[:, position].nonzero().flatten().tolist() for position in range(reached.shape[1])]
