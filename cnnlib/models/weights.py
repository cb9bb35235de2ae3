"""Weights of other libraries in our models: checked one by one before anything is changed."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

COUNTER = "num_batches_tracked"  # batch norm's count of training steps, which weights saved before 2018 lack


def load_weights(model: nn.Module, state_dict: Mapping[str, Tensor]) -> nn.Module:
    """Copies a state dict of torchvision, timm or `model` itself into `model`, and returns `model`.

    Our stages carry the papers' names, so entries are matched by name where the names are the same and by order
    otherwise. Each pair must agree in shape and in kind, the last part of its name (weight, bias, running_mean …).
    Three differences are no misfit: auxiliary heads that the model was built without are left out; counters of batch
    norm that `state_dict` lacks become 0; and a convolution whose kernel covers its map fills a linear layer, which is
    the same function.

    Nothing is copied unless everything fits. Raises ValueError with the first entries that do not, for entries that
    are no tensors, and for a model on the meta device, which has no memory to copy to.
    """
    own = model.state_dict()
    for name, value in state_dict.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"state_dict[{name!r}] is a {type(value).__name__} and no tensor; "
                f"a checkpoint keeps its weights under a key of their own: give checkpoint['state_dict'] or the like"
            )
    if any(value.is_meta for value in own.values()):
        raise ValueError("model is on the meta device; give it memory first: model.to_empty(device='cpu')")

    left_out = () if any(map(is_auxiliary, own)) else tuple(filter(is_auxiliary, state_dict))
    given = {name: state_dict[name] for name in state_dict if name not in left_out}
    values, counters = matched(own, given, counters=False), matched(own, given, counters=True)
    misfits = [
        f"  {ours} {tuple(own[ours].shape)}  ≠  {theirs} {tuple(given[theirs].shape)}"
        for ours, theirs in values
        if not fits(own[ours], given[theirs]) or ours.rpartition(".")[2] != theirs.rpartition(".")[2]
    ]
    has, gets = (sum(not name.endswith(COUNTER) for name in names) for names in (own, given))
    if misfits or has != gets:
        report = "\n".join(misfits[:5]) + (f"\n  … and {len(misfits) - 5} more" if len(misfits) > 5 else "")
        raise ValueError(
            f"these weights do not fit {type(model).__name__}: it has {has} tensors, state_dict {gets}; "
            f"{len(misfits)} of the pairs differ in shape or kind. Nothing was loaded. "
            f"Check num_classes, depth, width and the other options of the model.\n{report}"
        )
    missing = {name: torch.zeros_like(value) for name, value in own.items() if name.endswith(COUNTER)}
    pairs = {ours: given[theirs].reshape(own[ours].shape) for ours, theirs in values + counters}
    model.load_state_dict(missing | pairs)
    return model


def is_auxiliary(name: str) -> bool:
    """Whether an entry belongs to an auxiliary head: `aux1.…` of GoogLeNet, `AuxLogits.…` of Inception-v3."""
    return name.lower().startswith("aux")


def matched(own: Mapping, given: Mapping, *, counters: bool) -> list[tuple[str, str]]:
    """Pairs of names of the counters or of all else: by name where both have the same names, otherwise by order."""
    ours, theirs = ([name for name in names if name.endswith(COUNTER) == counters] for names in (own, given))
    return [(name, name) for name in ours] if set(ours) == set(theirs) else list(zip(ours, theirs, strict=False))


def fits(own: Tensor, given: Tensor) -> bool:
    """The same shape, or a convolution's kernel (out, C, H, W) for a linear layer's weight (out, C·H·W)."""
    return own.shape == given.shape or (own.dim() == 2 and given.dim() == 4 and own.shape == given.flatten(1).shape)
