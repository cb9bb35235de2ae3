"""Weights of other libraries in our models: checked one by one before anything is changed."""

from collections.abc import Mapping

from torch import Tensor, nn


def load_weights(model: nn.Module, state_dict: Mapping[str, Tensor]) -> nn.Module:
    """Copies a state dict of torchvision, timm or `model` itself into `model`, and returns `model`.

    Our stages carry the papers' names, so entries are matched by name where the names are the same and by order
    otherwise. Each pair must agree in shape and in kind, the last part of its name (weight, bias, running_mean …).
    Nothing is copied unless everything fits. Raises ValueError with the first entries that do not.
    """
    own = model.state_dict()
    if own.keys() == state_dict.keys():
        pairs = [(name, name) for name in own]
    else:
        pairs = list(zip(own, state_dict, strict=False))
    misfits = [
        f"  {ours} {tuple(own[ours].shape)}  ≠  {theirs} {tuple(state_dict[theirs].shape)}"
        for ours, theirs in pairs
        if own[ours].shape != state_dict[theirs].shape or ours.rpartition(".")[2] != theirs.rpartition(".")[2]
    ]
    if misfits or len(own) != len(state_dict):
        report = "\n".join(misfits[:5]) + (f"\n  … and {len(misfits) - 5} more" if len(misfits) > 5 else "")
        raise ValueError(
            f"these weights do not fit {type(model).__name__}: it has {len(own)} tensors, state_dict {len(state_dict)}; "
            f"{len(misfits)} of the pairs differ in shape or kind. Nothing was loaded. "
            f"Check num_classes, depth, width and shortcut of the model.\n{report}"
        )
    model.load_state_dict({ours: state_dict[theirs] for ours, theirs in pairs})
    return model
