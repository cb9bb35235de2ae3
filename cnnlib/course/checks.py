"""Graded exercises: the reader's code is held against the library's own, with the same weights, and mistakes get names.

A check never raises: what goes wrong in the reader's code becomes the answer.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.resnet import BasicBlock


@dataclass(frozen=True)
class Verdict:
    """The answer to an exercise: `status` is "right", "wrong" or "unfinished"; `message` says why and what to look at."""

    status: str
    message: str

    def __repr__(self) -> str:
        return f"{self.status.capitalize()}: {self.message}"

    def _repr_html_(self) -> str:
        mark, colour = MARKS[self.status]
        return (
            f'<div role="status" style="border-left: 4px solid {colour}; padding: 0.4em 0.9em">'
            f"<strong>{mark} {self.status.capitalize()}.</strong> {html.escape(self.message)}</div>"
        )


MARKS = {"right": ("✓", "#009e73"), "wrong": ("✗", "#d55e00"), "unfinished": ("…", "#999999")}


CHANNELS, SIZE = 8, 6  # of the blocks that are compared: large enough to show a mistake, small enough to be instant


def identity_block(block: Callable[[int], nn.Module]) -> Verdict:
    """Grades a basic residual block with an identity shortcut (He et al. 2015, Fig. 2): `block(channels)` builds it.

    It should map (N, C, H, W) to the same shape: conv 3×3, batch norm, ReLU, conv 3×3, batch norm, plus the input, then
    a ReLU; convolutions without bias.
    """
    with torch.random.fork_rng(devices=[]):  # neither the reader's layers nor ours move the notebook's random numbers
        torch.manual_seed(0)
        return graded_identity_block(block)


def graded_identity_block(block: Callable[[int], nn.Module]) -> Verdict:
    """`identity_block` under random numbers of its own."""
    try:
        mine = block(CHANNELS)
    except NotImplementedError:
        return Verdict("unfinished", "Nothing is there yet. Fill in __init__ and forward, then run this cell again.")
    except Exception as error:
        return Verdict("wrong", f"Building your block with {CHANNELS} channels raised {described(error)}.")
    if not isinstance(mine, nn.Module):
        return Verdict("wrong", f"Your block is a {type(mine).__name__}; it has to be a torch.nn.Module.")
    parts = wrong_parts(mine)
    if parts:
        return parts

    reference = BasicBlock(CHANNELS, CHANNELS, shortcut="A")
    for module in reference.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=0.2)
        elif isinstance(module, nn.BatchNorm2d):  # not 1 and 0, else a forgotten norm or a swapped one may not show
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    share_weights(mine, reference)
    images = torch.randn(4, CHANNELS, SIZE, SIZE)
    try:
        with torch.no_grad():
            answer = mine.train()(images.clone())
    except NotImplementedError:
        return Verdict("unfinished", "forward is not there yet. Fill it in, then run this cell again.")
    except Exception as error:
        return Verdict("wrong", f"Your forward raised {described(error)} on images of {tuple(images.shape)}.")
    return wrong_answer(answer, reference, images) or Verdict(
        "right", "Same weights, same output as cnnlib's BasicBlock, in shape and in every value."
    )


def described(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"


def wrong_parts(mine: nn.Module) -> Verdict | None:
    """A verdict on the layers that a block is made of, or None where they are as they should be."""
    convs = [module for module in mine.modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in mine.modules() if isinstance(module, nn.BatchNorm2d)]
    if not convs and not norms and next(mine.parameters(), None) is None:
        return Verdict("unfinished", "Your block has no layers yet: it needs two convolutions and two batch norms.")
    if len(convs) == 3:
        return Verdict(
            "wrong",
            "Your block has three convolutions. An identity block keeps the shape: its shortcut needs no projection.",
        )
    if len(convs) != 2:
        return Verdict("wrong", f"Your block has {len(convs)} convolutions; the residual branch has two, of 3×3.")
    if len(norms) != 2:
        return Verdict(
            "wrong", f"Your block has {len(norms)} batch norms for 2 convolutions; each has one right after it."
        )
    for number, conv in enumerate(convs, 1):
        if conv.kernel_size != (3, 3):
            return Verdict("wrong", f"Convolution {number} is {'×'.join(map(str, conv.kernel_size))}; both are 3×3.")
        if (conv.in_channels, conv.out_channels) != (CHANNELS, CHANNELS):
            return Verdict(
                "wrong",
                f"Convolution {number} maps {conv.in_channels} channels to {conv.out_channels}; "
                f"to add the input, both keep the {CHANNELS} that came in.",
            )
        if conv.padding not in ((1, 1), "same") or conv.stride != (1, 1):
            return Verdict(
                "wrong",
                f"Convolution {number} changes the size (padding {conv.padding}, stride {conv.stride}); "
                "with padding=1 and stride 1 the map keeps its height and width, so that the input can be added.",
            )
        if conv.bias is not None:
            return Verdict(
                "wrong",
                f"Convolution {number} has a bias. The batch norm behind it subtracts it again: use bias=False.",
            )
    if any(norm.num_features != CHANNELS for norm in norms):
        return Verdict("wrong", f"A batch norm is not for {CHANNELS} channels.")
    expected, found = (
        sum(p.numel() for p in BasicBlock(CHANNELS, CHANNELS).parameters()),
        sum(p.numel() for p in mine.parameters()),
    )
    if found != expected:
        return Verdict(
            "wrong",
            f"Your block has {found:,} parameters, {abs(found - expected):,} too {'many' if found > expected else 'few'}.",
        )
    return None


def share_weights(mine: nn.Module, reference: nn.Module) -> None:
    """Copies the reference's weights into the reader's block: convolutions and batch norms in the order of definition."""
    for kind in (nn.Conv2d, nn.BatchNorm2d):
        own = [module for module in mine.modules() if isinstance(module, kind)]
        theirs = [module for module in reference.modules() if isinstance(module, kind)]
        for one, other in zip(own, theirs, strict=True):
            one.load_state_dict(other.state_dict())


def wrong_answer(answer, reference: BasicBlock, images: Tensor) -> Verdict | None:
    """A verdict on what forward returned, by comparison with the right output and with those of typical mistakes."""
    if answer is None:
        return Verdict("unfinished", "forward returns nothing yet: it should return the block's output.")
    if not isinstance(answer, Tensor):
        return Verdict("wrong", f"forward returns a {type(answer).__name__}; it should return a tensor.")
    if answer.shape != images.shape:
        return Verdict(
            "wrong", f"forward maps {tuple(images.shape)} to {tuple(answer.shape)}; an identity block keeps the shape."
        )
    with torch.no_grad():
        parts = reference.train().residual
        branch = parts(images)
        no_norm = parts.conv2(F.relu(parts.conv1(images)))
        no_inner_relu = parts.bn2(parts.conv2(parts.bn1(parts.conv1(images))))
        outcomes = [
            (F.relu(branch + images), None),
            (F.relu(branch) + images, "You apply the ReLU before the addition. In this block it comes after: relu(F(x) + x)."),
            (branch + images, "The last ReLU is missing: the sum F(x) + x goes through it (Fig. 2 of the paper)."),
            (F.relu(branch), "The shortcut is missing: this is relu(F(x)), a plain block. Add the input before the ReLU."),
            (branch, "The shortcut and the last ReLU are missing: you return the residual branch F(x) alone."),
            (F.relu(no_norm + images), "The batch norms are defined but not used: each follows its convolution."),
            (F.relu(no_inner_relu + images), "There is no ReLU between the two convolutions; without it they are one linear map."),
            (
                F.relu(parts.bn2(F.relu(parts.conv2(F.relu(parts.bn1(parts.conv1(images)))))) + images),
                "A ReLU stands between the second convolution and its batch norm; the norm comes right after it.",
            ),
            (
                F.relu(F.relu(branch) + images),
                "The branch ends in a ReLU of its own, so it can only add. Leave it out: F(x) must be able to subtract.",
            ),
            (F.relu(2 * branch), "You add the branch to itself. Keep the input for the shortcut and add that."),
        ]  # fmt: skip
    for outcome, mistake in outcomes:
        if torch.allclose(answer, outcome, atol=1e-5):
            return mistake and Verdict("wrong", mistake)
    return Verdict(
        "wrong",
        "The shape is right and the values are not. Go through the order: conv, batch norm, ReLU, conv, batch norm, "
        "add the input, ReLU; and do not change the input in place before it is added.",
    )
