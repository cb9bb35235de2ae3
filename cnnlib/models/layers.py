"""The few pieces that several families share: initialisation, channel arithmetic and the check of an input batch."""

from torch import Tensor, nn


def scaled_channels(channels: int, width: float) -> int:
    """`channels * width`, which must be a whole number of at least 1.

    Raises ValueError, naming `width` and the nearest widths that do, when it is not.
    """
    scaled = channels * width
    if scaled < 1 or scaled != int(scaled):
        below, above = max(1, int(scaled)), max(1, int(scaled)) + 1
        raise ValueError(
            f"width={width} makes {channels} channels into {scaled:g}, which is no whole number of channels; "
            f"width={below / channels} and width={above / channels} do"
        )
    return int(scaled)


def check_images(images: Tensor, input_size: tuple[int, int, int], total_stride: int) -> None:
    """Refuses a batch that the network cannot read, before a convolution fails with a message about its weights.

    `images` must be (N, C, H, W) with C as in `input_size`, and H and W at least `total_stride`: below that the
    last map would have less than one position. Raises ValueError.
    """
    channels = input_size[0]
    if images.dim() != 4:
        raise ValueError(f"images has shape {tuple(images.shape)}; give a batch (N, {channels}, H, W)")
    if images.shape[1] != channels:
        raise ValueError(
            f"images has {images.shape[1]} channels and this network reads {channels}; "
            f"build it with create_model(…, in_channels={images.shape[1]}), or change the images"
        )
    height, width = images.shape[2:]
    if min(height, width) < total_stride:
        raise ValueError(
            f"images of {height}×{width} are too small: the network shrinks them {total_stride} times, so the last map "
            f"would have less than one position; give at least {total_stride}×{total_stride} pixels, or take a "
            f"network that shrinks less (the cifar_ families shrink 4 times)"
        )


def he_init(model: nn.Module) -> None:
    """He initialisation of every convolution and linear layer: weights ~ N(0, 2 / fan_in), biases 0; batch norm 1 and 0.

    He et al. 2015, "Delving deep into rectifiers", eq. 10 (https://arxiv.org/abs/1502.01852).
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and not module.weight.is_meta:  # on meta there is nothing to draw
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
