"""The small Inception network of the book's own experiments: no paper has it, so `create_model` does not know it."""

from torch import Tensor, nn

from cnnlib.models.googlenet import Inception, max_pool
from cnnlib.models.layers import check_images, conv_bn_relu, he_init


class SmallInception(nn.Module):
    """Inception modules for images of 32 pixels (chapter 3): (N, in_channels, H, W), at least 8×8 → (N, num_classes).

    A 3×3 convolution and a pooling; two stages of `depth` modules with a pooling between them; global average pooling
    and a linear layer. Each module gives `channels`, in the proportions of GoogLeNet's 3a: 1/4 from the 1×1, 1/2 from
    the 3×3, 1/8 from the 5×5 and 1/8 from the pooling; its reductions keep 3/8 and 1/16 of `channels`, rounded down.
    With `reduce=False` the 3×3 and the 5×5 read all channels, and all else stays. Batch norm follows each convolution.

    Raises ValueError for a `depth` under 1, `channels` that are no multiple of 8 or under 16, and for images of other
    channels or too small.
    """

    def __init__(self, *, depth=1, channels=32, reduce=True, num_classes=10, in_channels=3) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth={depth} leaves no module; give at least 1")
        if channels < 16 or channels % 8:
            raise ValueError(f"channels={channels} cannot be split by eighths; give a multiple of 8, at least 16")
        eighth = channels // 8
        reductions = (3 * eighth, channels // 16) if reduce else (None, None)
        #         in        1×1         3×3red         3×3         5×5red         5×5     pool
        widths = (channels, 2 * eighth, reductions[0], 4 * eighth, reductions[1], eighth, eighth)

        def stage() -> nn.Sequential:
            return nn.Sequential(*[Inception(*widths, conv=conv_bn_relu) for _ in range(depth)])

        self.input_size = (in_channels, 32, 32)
        self.conv1 = conv_bn_relu(in_channels, channels, 3)
        self.pool1 = max_pool()
        self.stage1 = stage()
        self.pool2 = max_pool()
        self.stage2 = stage()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=8)
        x = self.pool1(self.conv1(x))  # (N, 32, 16, 16)
        x = self.stage1(x)  # (N, 32, 16, 16)
        x = self.stage2(self.pool2(x))  # (N, 32, 8, 8)
        return self.fc(self.avgpool(x).flatten(1))  # (N, 10)
