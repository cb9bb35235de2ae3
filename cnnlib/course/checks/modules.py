"""Holds a module that the reader wrote against ours: first what it is made of, then what it computes with our weights."""

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from cnnlib.course.checks.running import call, graded
from cnnlib.course.checks.verdict import Answered, Verdict

KINDS = {nn.Conv2d: "convolution", nn.BatchNorm2d: "batch norm", nn.Linear: "linear layer"}
NUMBERS = "no one two three four five six seven eight nine ten".split()

Forward = Callable[[nn.Module, Tensor], Tensor]


@dataclass(frozen=True)
class ModuleExercise:
    """A module to be written: `block(*arguments)` builds the reader's, `reference()` ours, for images of `shape`.

    `parts` says in words which layers it has. `counts` maps (kind of layer, how many the reader has) to what that
    means, and `reasons` a setting of a layer (a key of `settings`) to why it is as it is. `mistakes` are pairs of a
    wrong forward, written with our parts, and what to say where the reader's computes the same; `hint` is for a mistake
    that nobody knew of.
    """

    arguments: tuple[int, ...]
    reference: Callable[[], nn.Module]
    shape: tuple[int, ...]
    parts: str
    mistakes: tuple[tuple[Forward, str], ...]
    hint: str
    counts: Mapping[tuple[type, int], str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def check_module(block: Callable[..., nn.Module], exercise: ModuleExercise) -> Verdict:
    """The verdict on the reader's `block`; never raises, and ends when its time is up."""
    return graded(lambda: compare_modules(block, exercise))


def compare_modules(block: Callable[..., nn.Module], exercise: ModuleExercise) -> Verdict:
    """The verdict on `block`, or Answered."""
    if isinstance(block, nn.Module) or not callable(block):
        raise Answered("wrong", "Hand over the class itself, without calling it: its name and no parentheses.")
    torch.default_generator.manual_seed(0)
    arguments = ", ".join(map(str, exercise.arguments))
    mine = call(block, *exercise.arguments, doing=f"Building your module with ({arguments})")
    if not isinstance(mine, nn.Module):
        raise Answered("wrong", f"This builds a `{type(mine).__name__}`; it has to be a `torch.nn.Module`.")
    ours = exercise.reference()
    compare_layers(mine, ours, exercise)
    make_weights_distinct(ours)
    compare_outputs(mine, ours, torch.randn(exercise.shape), exercise)
    return Verdict(
        "right", f"Same weights, same output as `cnnlib`'s `{type(ours).__name__}`, in shape and in every value."
    )


# ------------------------------------------------------------------------------------------- what it is made of


def layers(module: nn.Module, kind: type) -> list[nn.Module]:
    """The layers of one kind in the order of their definition."""
    return [layer for layer in module.modules() if isinstance(layer, kind)]


def settings(layer: nn.Module) -> dict[str, Any]:
    """The settings that a layer was built with, as far as the shape of its weights and its output depend on it."""
    match layer:
        case nn.BatchNorm2d():
            return {"features": layer.num_features}
        case nn.Linear():
            return {"values": (layer.in_features, layer.out_features), "bias": layer.bias is not None}
    window = zip(layer.dilation, layer.kernel_size, strict=True)
    around = {"same": tuple(d * (k - 1) // 2 for d, k in window), "valid": (0, 0)}
    return {
        "kernel": layer.kernel_size,
        "channels": (layer.in_channels, layer.out_channels),
        "stride": layer.stride,
        "padding": around.get(layer.padding, layer.padding),
        "groups": layer.groups,
        "dilation": layer.dilation,
        "bias": layer.bias is not None,
    }


def compare_layers(mine: nn.Module, ours: nn.Module, exercise: ModuleExercise) -> None:
    """Answers where the reader's layers are not those of ours: in number, in a setting, in what is learned beside them."""
    if not any(layers(mine, kind) for kind in KINDS):
        explain_no_layers(mine, exercise)
    for kind, word in KINDS.items():
        have, need = len(layers(mine, kind)), len(layers(ours, kind))
        if have != need:
            meaning = exercise.counts.get((kind, have), f"It should have {exercise.parts}.")
            raise Answered("wrong", f"Your module has {how_many(have, word)}. {meaning}")
    for kind, word in KINDS.items():
        compare_settings(layers(mine, kind), layers(ours, kind), word, exercise.reasons)
    have, need = (sum(p.numel() for p in module.parameters()) for module in (mine, ours))
    if have != need:
        raise Answered(
            "wrong",
            f"Your module has {have:,} parameters, {abs(have - need):,} too {'many' if have > need else 'few'}. "
            f"It is made of {exercise.parts}, and nothing else in it is learned.",
        )


def explain_no_layers(mine: nn.Module, exercise: ModuleExercise) -> None:
    """Answers where layers are hidden in a list, or where nothing is learned yet."""
    for name, value in vars(mine).items():
        if isinstance(value, list) and any(isinstance(one, nn.Module) for one in value):
            raise Answered(
                "wrong",
                f"Your layers stand in a Python list (`self.{name}`), where PyTorch does not see them and would not "
                "train them. Put them into an `nn.ModuleList` or an `nn.Sequential`.",
            )
    if next(mine.parameters(), None) is None:
        raise Answered("unfinished", f"Your module has no layers yet: it needs {exercise.parts}.")


def compare_settings(mine: list[nn.Module], ours: list[nn.Module], word: str, reasons: Mapping[str, str]) -> None:
    """Answers where as many layers of one kind were built with other settings. Biases too many are told together."""
    biases = []
    for number, (one, other) in paired(mine, ours):
        found, expected = settings(one), settings(other)
        differing = [name for name in expected if found[name] != expected[name]]
        if differing == ["bias"] and found["bias"]:
            biases.append(one.bias.numel())
        elif differing:
            where = f"{word.capitalize()} {number}" if len(ours) > 1 else f"The {word}"
            what = difference(differing[0], found, expected)
            raise Answered("wrong", f"{where} {what}. {reasons.get(differing[0], '')}".strip())
    if biases:
        raise Answered(
            "wrong",
            f"{how_many(len(biases), word).capitalize()} of yours {'has' if len(biases) == 1 else 'have'} a bias, "
            f"which makes {sum(biases):,} parameters too many. {reasons.get('bias', '')}".strip(),
        )


def how_many(count: int, word: str) -> str:
    """A count with its noun, as in "two convolutions"."""
    return f"{NUMBERS[count] if count < len(NUMBERS) else count} {word}{'' if count == 1 else 's'}"


def paired(mine: list[nn.Module], ours: list[nn.Module]) -> list[tuple[int, tuple[nn.Module, nn.Module]]]:
    """Each of the reader's layers, with its number, and the one of ours that it is most like."""

    def unlike(pair: tuple[tuple[int, nn.Module], nn.Module]) -> int:
        (_, one), other = pair
        return sum(settings(one)[name] != value for name, value in settings(other).items())

    free, waiting, pairs = list(enumerate(mine, 1)), list(ours), []
    while free and waiting:
        (number, one), other = min(itertools.product(free, waiting), key=unlike)
        pairs.append((number, (one, other)))
        free.remove((number, one))
        waiting.remove(other)
    return sorted(pairs, key=lambda pair: pair[0])


def difference(name: str, found: dict[str, Any], expected: dict[str, Any]) -> str:
    """One setting of a layer that differs, as the end of a sentence."""

    def written(value: Any) -> str:
        if name == "kernel":
            return "×".join(map(str, value))
        return str(value[0]) if isinstance(value, tuple) and len(set(value)) == 1 else str(value)

    have, need = found[name], expected[name]
    match name:
        case "kernel":
            return f"is {written(have)}; it should be {written(need)}"
        case "channels" | "values":
            return f"maps {have[0]:,} {name} to {have[1]:,}; it should map {need[0]:,} to {need[1]:,}"
        case "features":
            return f"is for {have} channels; it should be for {need}"
        case "bias":
            return "has no bias; it should have one"
    return f"has {name} {written(have)}; it should have {name} {written(need)}"


# -------------------------------------------------------------------------------------------- what it computes


def make_weights_distinct(ours: nn.Module) -> None:
    """Weights and statistics that differ from channel to channel: at 1 and 0 a forgotten batch norm may not show."""
    for layer in ours.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=(2 / layer.weight[0].numel()) ** 0.5)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, std=0.5)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
            nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)


def matchings(mine: nn.Module, ours: nn.Module) -> Iterator[list[tuple[nn.Module, nn.Module]]]:
    """Every way to give our layers' weights to the reader's layers of the same settings, the order of definition first.

    So it does not matter in which order the reader defined them: forward alone decides.
    """
    groups: dict[str, tuple[list, list]] = {}
    for side, module in enumerate((mine, ours)):
        for kind, word in KINDS.items():
            for layer in layers(module, kind):
                groups.setdefault(f"{word} {settings(layer)}", ([], []))[side].append(layer)
    ways = [
        [list(zip(order, theirs, strict=True)) for order in itertools.permutations(own)]
        for own, theirs in groups.values()
    ]
    for way in itertools.product(*ways):
        yield [pair for group in way for pair in group]


def compare_outputs(mine: nn.Module, ours: nn.Module, images: Tensor, exercise: ModuleExercise) -> None:
    """Answers where the reader's module does not compute, with our weights, what ours computes."""

    def computed(forward: Forward, training: bool) -> Tensor:
        with torch.no_grad():
            return forward(copy.deepcopy(ours).train(training), images.clone())

    expected = computed(lambda module, x: module(x), True)
    outcomes = [(computed(wrong, True), message) for wrong, message in exercise.mistakes]
    answers = []
    for matching in matchings(mine, ours):
        for own, theirs in matching:
            own.load_state_dict(theirs.state_dict())
        answer = output(mine.train(), images)
        if same(answer, expected):
            answered_in_eval = output(mine.eval(), images)  # with the statistics of the pass before, as `trained` has
            break
        answers.append(answer)
    else:
        for answer in answers:
            for outcome, message in outcomes:
                if same(answer, outcome):
                    raise Answered("wrong", message)
        if answers[0].shape != expected.shape:
            raise Answered(
                "wrong",
                f"`forward` maps images of {tuple(images.shape)} to {tuple(answers[0].shape)}; "
                f"it should give {tuple(expected.shape)}.",
            )
        raise Answered("wrong", f"The shape is right and the values are not. {exercise.hint}")
    trained = copy.deepcopy(ours).train()
    with torch.no_grad():
        trained(images.clone())
        expected_in_eval = trained.eval()(images.clone())
    if not same(answered_in_eval, expected_in_eval):
        raise Answered(
            "wrong",
            "In training mode your output is right, after `eval()` it is not. Leave it to batch norm and dropout to "
            "tell the two apart.",
        )
    call(lambda: backward(mine.train(), images), doing="Your output is right, but its backward pass")


def output(module: nn.Module, images: Tensor) -> Tensor:
    """The output of the reader's module for the images, without gradients; answers where that is no tensor."""
    given = images.clone()
    with torch.no_grad():
        answer = call(module, given, doing=f"Your `forward`, on images of {tuple(images.shape)},")
    if answer is None:
        raise Answered("unfinished", "`forward` returns nothing yet: it should return the module's output.")
    if not isinstance(answer, Tensor):
        raise Answered("wrong", f"`forward` returns a `{type(answer).__name__}`; it should return a tensor.")
    if not torch.equal(given, images):
        raise Answered(
            "wrong",
            "`forward` changes its input in place (`+=`, `mul_`, `relu_`, `inplace=True`). Whoever still needs that "
            "input, the shortcut or the backward pass, then gets the changed one.",
        )
    return answer


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two outputs are equal in shape and, up to rounding, in every value."""
    return one.shape == other.shape and one.dtype == other.dtype and torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def backward(module: nn.Module, images: Tensor) -> None:
    """A backward pass through the reader's module; answers where no gradient reaches its weights."""
    answer = module(images.clone())
    if not answer.requires_grad:
        raise Answered(
            "wrong",
            "Your output is right, but no gradient can flow back through it: `detach`, `.data` or `no_grad` cuts it off.",
        )
    answer.square().sum().backward()
