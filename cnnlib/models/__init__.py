"""The networks, one file a family. `create_model` builds them by name."""

from cnnlib.models.pretrained import load_pretrained
from cnnlib.models.registry import create_model, list_models
from cnnlib.models.weights import load_weights

__all__ = ["create_model", "list_models", "load_pretrained", "load_weights"]
