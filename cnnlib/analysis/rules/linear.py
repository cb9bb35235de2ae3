"""Linear layers."""

from cnnlib.analysis.receptive_field import ALL
from cnnlib.analysis.rules.step import Seen, Step, empty


def linear(step: Step, func, input, weight, bias=None) -> Seen:
    """Each output reads all of its input, and so sees the whole image."""
    out_features, in_features = weight.shape
    if input.shape[-1] != in_features:
        raise ValueError(f"{step.path()} reads {in_features} features and gets {input.shape[-1]}")
    step.end_map(input)
    output = empty((*input.shape[:-1], out_features), input)
    return output, ALL, output.numel() * in_features


RULES = {"linear": linear}
