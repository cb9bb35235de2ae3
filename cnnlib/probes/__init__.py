"""Looks into one network: gradients and signals, features, lesions."""

from cnnlib.probes.features import linear_probe
from cnnlib.probes.gradients import activation_norms, effective_receptive_field, effective_size, gradient_norms
from cnnlib.probes.modules import removed

__all__ = [
    "activation_norms",
    "effective_receptive_field",
    "effective_size",
    "gradient_norms",
    "linear_probe",
    "removed",
]
