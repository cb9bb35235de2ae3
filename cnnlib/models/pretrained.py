"""ImageNet weights that torchvision publishes, in our own models."""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import nn

from cnnlib.models.registry import create_model, list_models
from cnnlib.models.weights import load_weights

# Trained on images scaled to −1 … 1, as Google's own; torchvision rescales inside the network, we do before it.
SCALED_TO_ONE = ("googlenet", "inception_v3")


def load_pretrained(name: str, *, weights: str = "IMAGENET1K_V1") -> nn.Module:
    """The network `name` in evaluation mode, with the ImageNet weights that torchvision publishes for it.

    `model.preprocess(image)` turns a PIL image or a uint8 tensor (3, H, W) into the network's input;
    `model.class_names` are the 1,000 classes in the order of the logits. `weights` is torchvision's name of the set:
    "IMAGENET1K_V1" follows the original recipes, "IMAGENET1K_V2", where there is one, a longer modern one.

    The file is kept where torch.hub keeps its own (`$TORCH_HOME/hub/checkpoints`), and a file that is already there is
    used; its SHA-256 must begin as its name says. Nothing in it is run.

    Raises ValueError for a name or a set of weights that torchvision does not have, or a file that is damaged,
    ImportError without torchvision, and ConnectionError when the file cannot be fetched: it says where to put it.
    """
    try:
        import torchvision
    except ImportError as error:
        raise ImportError("load_pretrained takes its weights from torchvision: pip install torchvision") from error
    published = torchvision.models.list_models(torchvision.models)
    if name not in list_models() or name not in published:
        both = ", ".join(sorted(set(list_models()) & set(published)))
        raise ValueError(f"torchvision publishes no ImageNet weights for name={name!r}; it does for {both}")
    sets = torchvision.models.get_model_weights(name)
    if weights not in sets.__members__:
        raise ValueError(f"weights={weights!r} is not a set of {name}; torchvision has {', '.join(sets.__members__)}")
    chosen = sets[weights]

    file = fetch(chosen.url)
    with torch.device("meta"):
        model = create_model(name)
    load_weights(model.to_empty(device="cpu"), file)
    half = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)} if name in SCALED_TO_ONE else {}
    model.preprocess = chosen.transforms(**half).forward  # the bound method: a module would become part of the model
    model.class_names = tuple(chosen.meta["categories"])
    return model.eval()


def fetch(url: str) -> Path:
    """The file behind `url`, from torch.hub's cache or downloaded into it, with the hash that its name carries."""
    path = Path(torch.hub.get_dir(), "checkpoints", Path(urlparse(url).path).name)
    expected = re.search(r"-([0-9a-f]{8,})\.", path.name)[1]
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            quiet = bool(os.environ.get("CNNLIB_QUIET"))
            torch.hub.download_url_to_file(url, str(path), hash_prefix=expected, progress=not quiet)
        except OSError as error:
            raise ConnectionError(
                f"could not fetch {url} ({error}). Download it where there is a network and put it at {path}; "
                f"set TORCH_HOME to keep such files elsewhere. Nothing was changed"
            ) from error
        except RuntimeError as error:  # the hash: torch.hub has thrown the file away
            raise ValueError(f"what came from {url} is damaged: {error}. Nothing was kept; try again") from error
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(expected):
        raise ValueError(
            f"{path} is damaged: its SHA-256 begins {found[:8]} and its name says {expected}; "
            f"delete it, and it is fetched again from {url}"
        )
    return path
