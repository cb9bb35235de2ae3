"""Explorers of chapter 6: networks side by side."""

import torch

from cnnlib.analysis import anatomy
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.models import create_model

NETWORKS = {
    "alexnet": "AlexNet", "vgg16": "VGG", "vgg19": "VGG", "googlenet": "Inception", "bn_inception": "Inception",
    "squeezenet1_1": "SqueezeNet", "resnet18": "ResNet", "resnet34": "ResNet", "resnet50": "ResNet", "resnet101": "ResNet",
    "resnet152": "ResNet", "wide_resnet50_2": "Wide ResNet, ResNeXt", "resnext50_32x4d": "Wide ResNet, ResNeXt",
    "densenet121": "DenseNet", "densenet169": "DenseNet",
}  # fmt: skip


QUANTITIES = {
    "params": ("parameters", ""),
    "macs": ("MACs", ""),
    "output_bytes": ("output bytes", "B"),
    "saved_bytes": ("bytes kept for training", "B"),
    "depth": ("layers with weights", ""),
}


def model_costs(networks: dict[str, str] | None = None) -> Explorer:
    """What the networks of the course cost for one image of 224×224 pixels, on axes to choose.

    `networks` has the names of models, each with the group that it is drawn as.
    """
    figures = []
    for name, group in (NETWORKS if networks is None else networks).items():
        with torch.device("meta"):
            model = create_model(name)
        whole = anatomy(model, (3, 224, 224))
        figures.append({"name": name, "group": group} | {key: getattr(whole, key) for key in QUANTITIES})
    across, up = ("params", "macs", "output_bytes"), ("macs", "output_bytes", "saved_bytes", "depth")
    knobs = [
        Knob("x", "Across", across, default="params", format=lambda key: QUANTITIES[key][0]),
        Knob("y", "Up", up, default="macs", format=lambda key: QUANTITIES[key][0]),
    ]

    def extremes(key: str) -> str:
        low, high = (end(figures, key=lambda one: one[key]) for end in (min, max))
        name = QUANTITIES[key][0]
        return f"{name[0].upper()}{name[1:]}: {low[key]:,} ({low['name']}) to {high[key]:,} ({high['name']})."

    def setting(x: str, y: str) -> dict:
        axes = {
            axis: {"label": QUANTITIES[key][0], "unit": QUANTITIES[key][1], "log": True}
            for axis, key in (("x", x), ("y", y))
        }
        points = [{"name": one["name"], "group": one["group"], "x": one[x], "y": one[y]} for one in figures]
        shown = " ".join(extremes(key) for key in dict.fromkeys((x, y)))
        return {"points": points, **axes, "sentence": f"{len(figures)} networks at 224×224. {shown}"}

    return Explorer(setting, knobs, view="scatter", title="What networks cost")
