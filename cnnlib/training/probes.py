"""Measurements on a network that is about to be trained, or has been."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gradient_norms(model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Norm of the loss's gradient with respect to each layer's weight: layer name → norm, from input to output.

    One backward pass in training mode over images (N, C, H, W) and labels (N,). Layers are the convolutions on the main
    path and the linear layers; projections of shortcuts are left out, because a plain net has no partner for them.
    Buffers, gradients and the mode of `model` are afterwards what they were.
    """
    mode, buffers = model.training, {name: buffer.clone() for name, buffer in model.named_buffers()}
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and ".shortcut." not in name
    }
    model.train()
    try:
        loss = F.cross_entropy(model(images), labels)
        gradients = torch.autograd.grad(loss, [layer.weight for layer in layers.values()])
    finally:
        model.train(mode)
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
    return {name: gradient.norm().item() for name, gradient in zip(layers, gradients, strict=True)}
