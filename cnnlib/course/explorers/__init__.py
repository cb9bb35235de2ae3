"""The explorers that more than one page shows, or that a test recomputes, ready made: a file a chapter."""

from cnnlib.course.explorers.after_resnet import (
    cardinality,
    dense_block,
    families,
    race,
    signals,
    survival,
    width_or_depth,
)
from cnnlib.course.explorers.classic import (
    alexnet_costs,
    alexnet_pipeline,
    convolution,
    lenet_pipeline,
    lenet_training,
    relu_against_tanh,
    response_norm,
)
from cnnlib.course.explorers.comparison import model_costs
from cnnlib.course.explorers.image import bitmap
from cnnlib.course.explorers.inception import (
    inception_module,
    label_smoothing,
    layer_gradients,
    reductions,
)
from cnnlib.course.explorers.resnet import cifar_resnet, degradation, gradients, lesions, slow_fitting
from cnnlib.course.explorers.settings import largest
from cnnlib.course.explorers.vgg import (
    HeatMaps,
    dense_scores,
    effective_sizes,
    heat,
    initial_fields,
    receptive_fields,
    stacked_layers,
    stacks_trained,
    trained_fields,
    vgg_costs,
    vgg_fields,
)

__all__ = [
    "HeatMaps",
    "alexnet_costs",
    "alexnet_pipeline",
    "bitmap",
    "cardinality",
    "cifar_resnet",
    "convolution",
    "degradation",
    "dense_block",
    "dense_scores",
    "effective_sizes",
    "families",
    "gradients",
    "heat",
    "inception_module",
    "initial_fields",
    "label_smoothing",
    "largest",
    "layer_gradients",
    "lenet_pipeline",
    "lenet_training",
    "lesions",
    "model_costs",
    "race",
    "receptive_fields",
    "reductions",
    "relu_against_tanh",
    "response_norm",
    "signals",
    "slow_fitting",
    "stacked_layers",
    "stacks_trained",
    "survival",
    "trained_fields",
    "vgg_costs",
    "vgg_fields",
    "width_or_depth",
]
