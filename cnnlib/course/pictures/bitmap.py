"""Images that explorers draw on."""

import base64
import struct

from torch import Tensor, nn


def bitmap(image: Tensor) -> str:
    """An image (H, W) or (3, H, W) of values in 0 to 1 as a data URI: a BMP of 24 bits, the same on every machine.

    Raises ValueError for other shapes, and for values outside 0 to 1.
    """
    if image.dim() not in (2, 3) or (image.dim() == 3 and len(image) != 3):
        raise ValueError(f"image has the shape {tuple(image.shape)}; (H, W) and (3, H, W) can be shown")
    if not 0 <= image.min() <= image.max() <= 1:
        raise ValueError(f"image has values from {image.min():g} to {image.max():g}; 0 to 1 can be shown")
    pixels = (image.expand(3, *image.shape[-2:]) * 255).round().byte().flip(0, 1).permute(1, 2, 0)  # BGR, bottom first
    height, width, _ = pixels.shape
    row = nn.functional.pad(pixels.flatten(1), (0, -3 * width % 4))  # rows are multiples of four bytes
    header = struct.pack("<2sIII IiiHHIIiiII", b"BM", 54 + row.numel(), 0, 54, 40, width, height, 1, 24, *[0] * 6)
    return f"data:image/bmp;base64,{base64.b64encode(header + bytes(row.flatten().tolist())).decode()}"
