"""How the papers trained their networks, as data, and the optimiser that a recipe asks for.

Initialisation and dropout are part of the network: `create_model` has the paper's. So are images of the paper's size:
what a recipe says of augmentation is the part that is done to a batch of such images. The rest is in its notes.
"""

from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import torch
from torch import nn

from cnnlib.models.layers import SkipsLayers
from cnnlib.training.augment import Cutout, Flip, PCAColour, ShiftCrop, Transform

Steps = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Recipe:
    """How to train. The default is He et al. 2015, Sec. 4.2 (CIFAR-10), without its augmentation.

    `optimizer` is "sgd" or "rmsprop". `weight_decay` pulls on all parameters, or, where `decays` is "weights", on those
    of convolutions and linear layers but not on biases and batch norm. `steps` is the schedule: (share of the run that
    is done, multiple of `learning_rate` from there on), in order; with `linear` the rate goes straight to 0 instead.
    For the first `warm_up` of the run it is a tenth. `clip` bounds the norm of the gradient; `auxiliary_weight` is that
    of the auxiliary heads in the loss. `epochs` is how long the paper trains; `fit` is told how long you do.
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    batch_size: int = 128
    steps: Steps = ((0.5, 0.1), (0.75, 0.01))
    optimizer: str = "sgd"
    nesterov: bool = False
    decays: str = "all"
    linear: bool = False
    warm_up: float = 0.0
    label_smoothing: float = 0.0
    clip: float | None = None
    auxiliary_weight: float = 0.3
    augment: tuple[Transform, ...] = ()
    epochs: int | None = None
    source: str = ""
    notes: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for name, words in (("optimizer", ("sgd", "rmsprop")), ("decays", ("all", "weights"))):
            if getattr(self, name) not in words:
                raise ValueError(f"{name}={getattr(self, name)!r}; give {' or '.join(map(repr, words))}")
        if self.learning_rate <= 0 or self.batch_size < 1:
            raise ValueError(f"learning_rate={self.learning_rate}, batch_size={self.batch_size}; both are more than 0")

    def rate_at(self, progress: float) -> float:
        """The learning rate when `progress` (0 to 1) of the run is done."""
        if progress < self.warm_up:
            return self.learning_rate / 10
        if self.linear:
            return self.learning_rate * (1 - progress)
        reached = [multiple for begin, multiple in self.steps if progress >= begin]
        return self.learning_rate * (reached[-1] if reached else 1)

    def scaled(self, batch_size: int, *, augment: bool = True) -> "Recipe":
        """For fewer images: another batch size, and the learning rate in proportion (Goyal et al. 2017, Sec. 2.1).

        A few thousand images make few steps with the papers' batches. `augment=False` leaves augmentation out: a
        mirrored digit is no digit.
        """
        rate = self.learning_rate * batch_size / self.batch_size
        return replace(self, batch_size=batch_size, learning_rate=rate, augment=self.augment if augment else ())

    def make_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimiser for the parameters of `model`, in one kernel a step where the device has one ("fused")."""
        inert = [p for p in model.parameters() if self.decays == "weights" and p.dim() < 2]
        spared = set(map(id, inert))
        decaying = [p for p in model.parameters() if id(p) not in spared]
        groups = [{"params": decaying, "weight_decay": self.weight_decay}]
        groups += [{"params": inert, "weight_decay": 0.0}] if inert else []
        if (
            self.optimizer == "rmsprop"
        ):  # decay and ε of the Inceptions; PyTorch adds ε outside the root, TensorFlow inside
            return torch.optim.RMSprop(groups, self.learning_rate, alpha=0.9, eps=1.0, momentum=self.momentum)
        # One kernel for all, which wants a gradient of each; on a CPU it gains nothing.
        fused = all(p.is_cuda for p in model.parameters()) and not skips_layers(model)
        return torch.optim.SGD(
            groups, self.learning_rate, momentum=self.momentum, nesterov=self.nesterov, fused=fused or None
        )


def skips_layers(model: nn.Module) -> bool:
    """Whether a step may leave layers of `model` without a gradient: stochastic depth and drop-path."""
    return any(isinstance(module, SkipsLayers) and module.may_skip() for module in model.modules())


def divided_by_10(*moments: float) -> Steps:
    """The schedule that divides by 10 at each of these shares of a run."""
    return tuple((moment, 10.0 ** -(count + 1)) for count, moment in enumerate(moments))


THREE_TIMES = divided_by_10(0.25, 0.5, 0.75)
AT_PLATEAUS = (
    "The paper divides the rate by 10 where the validation error stops falling; here at fixed shares of the run."
)
SHIFT_AND_FLIP = (ShiftCrop(4), Flip())  # He et al. 2015, Sec. 4.2
CROPS = "Crops of larger images, and their scales, belong to the data: here images come at the network's size. "
EVERY_TWO_EPOCHS = tuple((2 * k / 100, 0.94**k) for k in range(1, 50))  # of 100 epochs

RECIPES = {
    "lenet5": Recipe(
        0.001, 0.0, 0.0, 1, ((0.1, 0.4), (0.25, 0.2), (0.4, 0.1), (0.6, 0.02)), epochs=20,
        source="LeCun et al. 1998, Sec. III-B and Appendix C",
        notes="The paper's method is a stochastic form of Levenberg-Marquardt: each weight has a rate of its own, the "
        "global one (0.0005 in the first two passes, then less in the proportions given here) divided by its curvature. "
        "One rate for all weights is ours. The criterion of the paper is eq. 9 on distances; here it is cross-entropy.",
    ),
    "alexnet": Recipe(
        0.01, 0.9, 5e-4, 128, THREE_TIMES, decays="weights", augment=(Flip(), PCAColour(0.1)), epochs=90,
        source="Krizhevsky et al. 2012, Sec. 4 and 5",
        notes=CROPS + AT_PLATEAUS + " That biases do not decay is the authors' cuda-convnet; the paper speaks of weights.",
    ),
    "zfnet": Recipe(
        0.01, 0.9, 0.0, 128, THREE_TIMES, augment=(Flip(),), epochs=70,
        source="Zeiler and Fergus 2013, Sec. 3",
        notes=CROPS + AT_PLATEAUS + " Weight decay is not mentioned. Filters of an RMS over 0.1 are set back to 0.1: left out.",
    ),
    "vgg": Recipe(
        0.01, 0.9, 5e-4, 256, THREE_TIMES, augment=(Flip(), PCAColour(0.1)), epochs=74,
        source="Simonyan and Zisserman 2014, Sec. 3.1",
        notes=CROPS + AT_PLATEAUS + " Deeper networks start from layers of network A.",
    ),
    "nin": Recipe(
        0.1, 0.9, 1e-5, 128, divided_by_10(0.6, 0.8), decays="weights", epochs=200,
        source="Lin et al. 2013, Sec. 4, and its released parameters",
        notes="Rate and epochs are of the release; the paper sets the rate by hand and divides it by 10 twice. Images are "
        "whitened there.",
    ),
    "googlenet": Recipe(
        0.0015, 0.9, 0.0, 32, tuple((8 * k / 250, 0.96**k) for k in range(1, 32)), augment=(Flip(),), epochs=250,
        auxiliary_weight=0.3,
        source="Szegedy et al. 2014, Sec. 5 and 6; rate and batch: Ioffe and Szegedy 2015, Sec. 4.2",
        notes=CROPS + "The rate falls by 4% every 8 epochs; for how long is not said. Asynchronous SGD and the average over "
        "past weights are left out. Weight decay is not mentioned.",
    ),
    "bn_inception": Recipe(
        0.045, 0.9, 0.0, 32, EVERY_TWO_EPOCHS, augment=(Flip(),), epochs=100,
        source="Ioffe and Szegedy 2015, Sec. 4.2, the network BN-x30",
        notes=CROPS + "The rate decays exponentially, six times as fast as for GoogLeNet; numbers are not given: those of "
        "Inception-v3 stand here. Weight decay is five times weaker than one that is not given.",
    ),
    "inception_v3": Recipe(
        0.045, 0.9, 0.0, 32, EVERY_TWO_EPOCHS, "rmsprop", label_smoothing=0.1, clip=2.0, augment=(Flip(),), epochs=100,
        source="Szegedy et al. 2015 (Rethinking), Sec. 7 and 8",
        notes=CROPS + "32 images on each of 50 machines. Evaluated with an average over past weights: left out. The "
        "weight of the auxiliary head and weight decay are not given.",
    ),
    "inception_v4": Recipe(
        0.045, 0.9, 0.0, 32, EVERY_TWO_EPOCHS, "rmsprop", augment=(Flip(),), epochs=100,
        source="Szegedy et al. 2016 (Inception-v4), Sec. 4",
        notes=CROPS + "20 machines. Batch, epochs and weight decay are not given: the first two are Inception-v3's.",
    ),
    "resnet": Recipe(
        0.1, 0.9, 1e-4, 256, divided_by_10(0.25, 0.5, 0.75), augment=(Flip(), PCAColour(0.1)), epochs=120,
        source="He et al. 2015, Sec. 3.4",
        notes=CROPS + AT_PLATEAUS + " 600 000 steps at most.",
    ),
    "cifar_resnet": Recipe(
        augment=SHIFT_AND_FLIP, epochs=182,
        source="He et al. 2015, Sec. 4.2",
        notes="64 000 steps on 45 000 images; divided by 10 after 32 000 and 48 000.",
    ),
    "cifar_resnet110": Recipe(
        augment=SHIFT_AND_FLIP, epochs=182, warm_up=400 / 64_000,
        source="He et al. 2015, Sec. 4.2",
        notes="As cifar_resnet; the rate is 0.01 until the training error is under 80%, which took about 400 steps.",
    ),
    "preact_resnet": Recipe(
        0.1, 0.9, 1e-4, 256, divided_by_10(1 / 3, 2 / 3), augment=(Flip(),), epochs=90,
        source="He et al. 2016 (Identity mappings), Appendix",
        notes=CROPS + "Divided by 10 after 30 and 60 epochs; where it ends is not given.",
    ),
    "cifar_preact_resnet": Recipe(
        augment=SHIFT_AND_FLIP, epochs=182, warm_up=400 / 64_000,
        source="He et al. 2016 (Identity mappings), Appendix",
        notes="The rate is 0.01 for the first 400 of 64 000 steps.",
    ),
    "cifar_wrn": Recipe(
        0.1, 0.9, 5e-4, 128, ((0.3, 0.2), (0.6, 0.04), (0.8, 0.008)), nesterov=True, augment=SHIFT_AND_FLIP, epochs=200,
        source="Zagoruyko and Komodakis 2016, Sec. 3",
        notes="Their images are padded with reflections of themselves, ours with zeros.",
    ),
    "wide_resnet": Recipe(
        0.1, 0.9, 1e-4, 256, divided_by_10(1 / 3, 2 / 3), nesterov=True, augment=(Flip(),), epochs=90,
        source="Zagoruyko and Komodakis 2016, Sec. 3, which uses fb.resnet.torch",
        notes=CROPS + "Divided by 10 every 30 epochs.",
    ),
    "resnext": Recipe(
        0.1, 0.9, 1e-4, 256, divided_by_10(1 / 3, 2 / 3, 8 / 9), augment=(Flip(),), epochs=90,
        source="Xie et al. 2016, Sec. 4",
        notes=CROPS + "The rate is divided by 10 three times, as in fb.resnet.torch; the third moment is ours.",
    ),
    "cifar_resnext": Recipe(
        0.1, 0.9, 5e-4, 128, divided_by_10(1 / 2, 3 / 4), augment=SHIFT_AND_FLIP, epochs=300,
        source="Xie et al. 2016, Appendix A",
    ),
    "cifar_stochastic_depth_resnet": Recipe(
        nesterov=True, augment=SHIFT_AND_FLIP, epochs=500,
        source="Huang et al. 2016 (Stochastic depth), Sec. 4",
        notes="Divided by 10 after 250 and 375 epochs. The 1 202-layer net: 300 epochs, the first 10 at 0.01.",
    ),
    "cifar_fractalnet": Recipe(
        0.02, 0.9, 0.0, 100, divided_by_10(1 / 2, 3 / 4, 7 / 8, 15 / 16), augment=SHIFT_AND_FLIP, epochs=400,
        source="Larsson et al. 2016, Sec. 4.1",
        notes="Divided by 10 whenever the epochs that remain have halved. Weight decay is not mentioned.",
    ),
    "densenet": Recipe(
        0.1, 0.9, 1e-4, 256, divided_by_10(1 / 3, 2 / 3), nesterov=True, augment=(Flip(),), epochs=90,
        source="Huang et al. 2016 (DenseNet), Sec. 4.2",
        notes=CROPS + "Divided by 10 after 30 and 60 epochs.",
    ),
    "cifar_densenet": Recipe(
        0.1, 0.9, 1e-4, 64, nesterov=True, augment=SHIFT_AND_FLIP, epochs=300,
        source="Huang et al. 2016 (DenseNet), Sec. 4.2",
        notes="Dropout of 0.2 where images are not augmented.",
    ),
    "squeezenet": Recipe(
        0.04, 0.9, 2e-4, 512, (), linear=True, epochs=68,
        source="Iandola et al. 2016, Sec. 3.3, and its released solver",
        notes=CROPS + "170 000 steps of 512 images; the rate falls to 0 in a straight line.",
    ),
    "small_images": Recipe(
        augment=(ShiftCrop(2), Flip(), Cutout(8)), epochs=60,
        source="This book, after He et al. 2015, Sec. 4.2, and DeVries and Taylor 2017",
        notes="For the course's own images of 32×32 pixels where overfitting is the matter, such as `shapes`.",
    ),
}  # fmt: skip


def paper_recipe(name: str) -> Recipe:
    """The recipe of a network's paper, by the name of its family: `paper_recipe("cifar_wrn")`.

    Scaled-down forms for the course: `paper_recipe("cifar_wrn").scaled(32)`. Raises ValueError, with near matches, for a
    name that is not in `RECIPES`.
    """
    if name not in RECIPES:
        near = get_close_matches(name, RECIPES, n=3)
        meant = f"did you mean {' or '.join(near)}?" if near else f"there is {', '.join(RECIPES)}"
        raise ValueError(f"no recipe is called {name!r}; {meant}")
    return RECIPES[name]
