"""Graded exercises: the reader's code is held against the library's own, and mistakes get names.

A check never raises and always ends: what goes wrong in the reader's code becomes the answer. What an exercise asks for
and which mistakes it knows stands in one file a chapter; how it is held against ours in `modules.py` and `functions.py`.
"""

from cnnlib.course.checks.after_resnet import dense_channels, expected_blocks, fire_module, preact_block
from cnnlib.course.checks.choosing import arithmetic_intensity, largest_batch, new_head, rank_correlation, roofed_time
from cnnlib.course.checks.classic import connection_table, grouped_parameters, lenet, output_size
from cnnlib.course.checks.inception import bottleneck_macs, inception_module, smoothed_targets
from cnnlib.course.checks.resnet import bottleneck_parameters, identity_block, projection_block, receptive_field
from cnnlib.course.checks.verdict import Verdict
from cnnlib.course.checks.vgg import dense_positions, field_walk, vgg_activations, vgg_stage

__all__ = [
    "Verdict",
    "arithmetic_intensity",
    "bottleneck_macs",
    "bottleneck_parameters",
    "connection_table",
    "dense_channels",
    "dense_positions",
    "expected_blocks",
    "field_walk",
    "fire_module",
    "grouped_parameters",
    "identity_block",
    "inception_module",
    "largest_batch",
    "lenet",
    "new_head",
    "output_size",
    "preact_block",
    "projection_block",
    "rank_correlation",
    "receptive_field",
    "roofed_time",
    "smoothed_targets",
    "vgg_activations",
    "vgg_stage",
]
