"""The explorers that more than one page shows, or that a test recomputes, ready made: a file a chapter."""

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
from cnnlib.course.explorers.inception import inception_module
from cnnlib.course.explorers.resnet import cifar_resnet, degradation, gradients, lesions, slow_fitting
from cnnlib.course.explorers.settings import largest
from cnnlib.course.explorers.vgg import receptive_fields, vgg_costs

__all__ = [
    "alexnet_costs",
    "alexnet_pipeline",
    "bitmap",
    "cifar_resnet",
    "convolution",
    "degradation",
    "gradients",
    "inception_module",
    "largest",
    "lenet_pipeline",
    "lenet_training",
    "lesions",
    "model_costs",
    "receptive_fields",
    "relu_against_tanh",
    "response_norm",
    "slow_fitting",
    "vgg_costs",
]
