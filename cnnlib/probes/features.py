"""A linear classifier on the features of a network shows how good they are."""

import torch
from torch import Tensor, nn

from cnnlib.probes.modules import in_mode, part
from cnnlib.training.data import ImageData


def linear_probe(model: nn.Module, data: ImageData, layer: str | None = None) -> float:
    """Test accuracy of a linear classifier on the features of `model`, which is not trained: a fraction.

    The features are the output of the module `layer`, averaged over positions; None is what the last linear layer
    reads. They are standardised, and logistic regression (scikit-learn's) is fitted to those of the training images.
    `data` may have other classes than the model was trained on. Raises ValueError for a layer that is not there, and
    for None in a model without a linear layer; ImportError, saying what to install, without scikit-learn.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise ImportError("a linear probe is fitted by scikit-learn: pip install scikit-learn") from error
    train, test = (features(model, images, layer) for images in (data.train_images, data.test_images))
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(train, data.train_labels.cpu().numpy())
    return classifier.score(test, data.test_labels.cpu().numpy())


@torch.no_grad()
def features(model: nn.Module, images: Tensor, layer: str | None = None, batch_size: int = 256):
    """The output of `layer` for images (N, C, H, W), averaged over positions: an array (N, features).

    None: what the last linear layer reads. In evaluation mode. Raises ValueError as `linear_probe` does.
    """
    found: list[Tensor] = []

    def keep(value: Tensor) -> None:
        found.append((value.mean((2, 3)) if value.dim() == 4 else value.flatten(1)).float().cpu())

    if layer is None:
        linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
        if not linear:
            raise ValueError("the model has no linear layer to read features before; name the layer that gives them")
        handle = linear[-1].register_forward_hook(lambda module, inputs, output: keep(inputs[0]))
    else:
        handle = part(model, layer).register_forward_hook(lambda module, inputs, output: keep(output))
    try:
        with in_mode(model, training=False):
            for batch in images.split(batch_size):
                model(batch)
    finally:
        handle.remove()
    return torch.cat(found).numpy()
