"""The signal and the gradient that pass the residual units of a network before it is trained."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import HasResidual
from cnnlib.probes.modules import in_mode


def unit_signals(model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, list[float]]:
    """One value a residual unit, from the first to the last: `signal`, `gradient` and `weights`.

    A unit is a module with a part named `residual`. `signal` is the root mean square of its output, `gradient` the norm
    of the loss's gradient with respect to that output, `weights` the norm with respect to the weights of its residual
    path, all together. One pass forward and back in training mode over images (N, C, H, W) and labels (N,); model and
    random state are afterwards what they were. Raises ValueError for a network without residual units.
    """
    units = [module for module in model.modules() if isinstance(module, HasResidual)]
    if not units:
        raise ValueError("the network has no residual unit: no module with a part named `residual`")
    outputs: list[Tensor] = []
    handles = [unit.register_forward_hook(lambda unit, read, output: outputs.append(output)) for unit in units]
    try:
        with in_mode(model, training=True), torch.random.fork_rng(devices=[]), torch.enable_grad():
            loss = F.cross_entropy(model(images), labels)
            weights = [[p for p in unit.residual.parameters() if p.dim() > 1] for unit in units]
            flat = [p for own in weights for p in own]
            found = torch.autograd.grad(loss, outputs + flat)
    finally:
        for handle in handles:
            handle.remove()
    by_weight = iter(found[len(outputs) :])
    return {
        "signal": [output.detach().square().mean().sqrt().item() for output in outputs],
        "gradient": [gradient.norm().item() for gradient in found[: len(outputs)]],
        "weights": [torch.stack([next(by_weight).norm() for _ in own]).norm().item() for own in weights],
    }
