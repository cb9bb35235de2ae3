"""The likeliest classes of an image by a network, with bars."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from cnnlib.course.html import escape, style
from cnnlib.course.pictures.bitmap import bitmap

SIDE = 96  # pixels of the picture beside the bars


class Prediction:
    """The likeliest classes of one image; shows as the image and bars on a page, as lines of text in a terminal.

    `logits` (classes,) are the network's, `class_names` in their order. `image`, (H, W) or (3, H, W) with values in 0 to
    1, is shown beside the bars. `best` has the `top` classes with their probabilities, the likeliest first.
    Raises ValueError where there are not as many names as logits.
    """

    def __init__(
        self, logits: Tensor, class_names: Sequence[str], *, image: Tensor | None = None, top: int = 5
    ) -> None:
        if logits.shape != (len(class_names),):
            raise ValueError(
                f"logits have the shape {tuple(logits.shape)} and there are {len(class_names)} class_names; "
                "give the logits of one image"
            )
        probabilities = logits.detach().float().softmax(0)
        shown = probabilities.topk(min(top, len(class_names)))
        self.best = [
            (class_names[i], share) for i, share in zip(shown.indices.tolist(), shown.values.tolist(), strict=True)
        ]
        self.image = image

    def __repr__(self) -> str:
        return "\n".join(f"{share:7.1%}  {name}" for name, share in self.best)

    def _repr_html_(self) -> str:
        rows = "\n".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{share:.1%}</td><td><svg viewBox="0 0 100 10" aria-hidden="true" '
            f'preserveAspectRatio="none"><rect width="{100 * share:.1f}" height="10"></rect></svg></td></tr>'
            for name, share in self.best
        )
        picture = (
            "" if self.image is None else f'<img src="{thumbnail(self.image)}" alt="The image that was classified">'
        )
        return (
            f'{style("base.css", "pictures/prediction.css")}\n<div class="cnn-ui cnn-prediction">{picture}\n<table><thead><tr>'
            '<th scope="col">Class</th><th scope="col">Probability</th><td></td></tr></thead>\n'
            f"<tbody>\n{rows}\n</tbody></table></div>"
        )


def thumbnail(image: Tensor) -> str:
    """The image as a data URI, no wider than SIDE pixels."""
    planes = image.reshape(-1, *image.shape[-2:])
    shrink = max(1.0, max(planes.shape[1:]) / SIDE)
    size = [round(side / shrink) for side in planes.shape[1:]]
    return bitmap(F.interpolate(planes.unsqueeze(0), size=size, mode="area")[0].squeeze(0))
