"""Weights of other libraries in our models: checked one by one before anything is changed."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

COUNTER = "num_batches_tracked"  # batch norm's count of training steps, which weights saved before 2018 lack


def load_weights(model: nn.Module, state_dict: Mapping[str, Tensor] | str | Path) -> nn.Module:
    """Copies a state dict of torchvision, timm or `model` itself into `model`, and returns `model`.

    `state_dict` may be a file: one that `torch.save` wrote, which is read without running its contents, or, where it ends
    in .safetensors, one of that library.

    Our stages carry the papers' names, so entries are matched by name where the names are the same and by order
    otherwise. Each pair must agree in shape and in kind, the last part of its name (weight, bias, running_mean …).
    Three differences are no misfit: auxiliary heads that the model was built without are left out; counters of batch
    norm that `state_dict` lacks become 0; and a convolution whose kernel covers its map fills a linear layer, which is
    the same function.

    Nothing is copied unless everything fits. Raises ValueError with the first entries that do not, for entries that
    are no tensors of real numbers or hold NaN or infinities, for a file that cannot be read, naming it, and for a model
    on the meta device, which has no memory to copy to; OSError for a file that is not there.
    """
    if isinstance(state_dict, str | Path):
        try:
            return load_weights(model, read_file(state_dict))
        except ValueError as error:
            raise error if str(state_dict) in str(error) else ValueError(f"{state_dict}: {error}") from None
    if not isinstance(state_dict, Mapping):
        raise ValueError(f"state_dict is a {type(state_dict).__name__}, not names with tensors, nor the name of a file")
    own = model.state_dict()
    for name, value in state_dict.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"state_dict[{name!r}] is a {type(value).__name__} and no tensor; "
                f"a checkpoint keeps its weights under a key of their own: give checkpoint['state_dict'] or the like"
            )
        if not isinstance(name, str):
            raise ValueError(f"state_dict has {name!r} for a name, which is no text")
        # The sum of them, which NaN and infinities survive, takes a thirtieth of the time of looking at each.
        strange = value.is_meta or value.layout != torch.strided or value.is_complex()
        if strange or not value.sum(dtype=torch.float32).isfinite():
            raise ValueError(f"state_dict[{name!r}] does not hold finite real numbers only. Nothing was loaded.")
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


def read_file(path: str | Path) -> object:
    """The object that `torch.save` or safetensors wrote, on the CPU; nothing in the file is run.

    Raises ValueError, naming the file, where it cannot be read, ImportError for one of safetensors without that library,
    and OSError where there is none or it may not be read.
    """
    try:
        if Path(path).suffix == ".safetensors":
            from safetensors.torch import load_file  # timm brings it

            return load_file(path)
        if zipfile.is_zipfile(path):  # all but files older than torch 1.6
            with zipfile.ZipFile(path) as archive:
                if wrong := archive.testzip():  # torch does not look at the checksums
                    raise ValueError(f"the checksum of {wrong} is another")
        return torch.load(path, weights_only=True, map_location="cpu")
    except (FileNotFoundError, IsADirectoryError, PermissionError, ImportError):
        raise
    except Exception:  # of many kinds. `from None`: torch advises there to load the file and to run its contents
        raise ValueError(f"{path} cannot be read: it is damaged, or holds something else than tensors") from None


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
