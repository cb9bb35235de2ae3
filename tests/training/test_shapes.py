"""`shapes`: ten kinds that can be told apart, balanced, the same for the same seed, as hard as asked."""

import pytest
import torch

from cnnlib import create_model, fit, load_data
from cnnlib.training import Recipe
from cnnlib.training.shapes import SHAPES, draw_shapes

PARTS = ("train_images", "train_labels", "test_images", "test_labels")


def drawn(label, difficulty=0.0, seed=0, size=64):
    return draw_shapes(torch.tensor([label]), size, difficulty, torch.Generator().manual_seed(seed))[0]


def outline(label, size=64):
    """Where an easy picture shows the shape: its middle colour, not that of the corner."""
    picture = drawn(label, size=size)
    return (picture - picture[:, :1, :1]).abs().sum(0) > 0.1


def test_the_same_options_give_the_same_images_and_leave_the_random_numbers_alone():
    state = torch.get_rng_state()
    one, again = (load_data("shapes", size=16, train=60, test=30) for _ in range(2))
    other = load_data("shapes", size=16, train=60, test=30, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(getattr(one, part), getattr(again, part)) for part in PARTS)
    assert not any(torch.equal(getattr(one, part), getattr(other, part)) for part in PARTS)


@pytest.mark.parametrize(("train", "test"), [(200, 100), (37, 13)])
def test_classes_are_balanced_and_in_no_order(train, test):
    data = load_data("shapes", size=16, train=train, test=test)
    assert data.classes == tuple(SHAPES) and len(SHAPES) == 10
    for labels, count in ((data.train_labels, train), (data.test_labels, test)):
        counts = labels.bincount(minlength=10)
        assert len(labels) == count and counts.max() - counts.min() <= 1
        assert not torch.equal(labels, labels.sort().values)


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_no_image_is_there_twice(difficulty):
    data = load_data("shapes", size=16, train=200, test=100, difficulty=difficulty)
    images = torch.cat([data.train_images, data.test_images]).flatten(1)
    assert len(images.unique(dim=0)) == 300


@pytest.mark.parametrize("label", range(10), ids=list(SHAPES))
def test_an_easy_shape_is_whole_in_the_middle_and_unlike_all_others(label):
    here = outline(label)
    rows, columns = here.any(1).nonzero(), here.any(0).nonzero()
    assert rows.min() > 4 and rows.max() < 59 and columns.min() > 4 and columns.max() < 59
    assert 0.1 < here.float().mean() < 0.5
    for other in set(range(10)) - {label}:
        there = outline(other)
        assert (here & there).sum() / (here | there).sum() < 0.85


def test_shapes_have_the_areas_of_geometry():
    """Of an unit circle's square, π times a radius squared and the like; 0.7 is the radius that an easy shape has."""
    areas = {
        "circle": torch.pi * 0.85**2,
        "ring": torch.pi * (0.88**2 - 0.48**2),
        "triangle": 3 * 3**0.5 / 4,
        "square": 1.44**2,
        "cross": 4 * 0.28 * 0.92 * 2 - 0.56**2,
        "star": 5 * 0.4 * torch.sin(torch.tensor(torch.pi / 5)).item(),
    }
    for name, area in areas.items():
        share = outline(list(SHAPES).index(name), size=200).float().mean().item()
        assert share == pytest.approx(area * 0.7**2 / 4, rel=0.06), name


def test_it_gets_harder_to_learn():
    def error(difficulty):
        data = load_data("shapes", size=16, train=500, test=300, difficulty=difficulty)
        torch.manual_seed(0)
        model = create_model("cifar_resnet", depth=8, width=0.5)
        return fit(model, data, epochs=6, recipe=Recipe(learning_rate=0.05, batch_size=32), device="cpu").test_error[-1]

    easy, hard = error(0), error(1)
    assert easy < 30 and hard > easy + 30


@pytest.mark.slow
def test_a_bigger_net_does_better():
    data = load_data("shapes", size=16, train=1500, test=1000)

    def errors(depth, width):
        found = []
        for seed in range(2):
            torch.manual_seed(seed)
            model = create_model("cifar_resnet", depth=depth, width=width)
            found.append(
                fit(model, data, epochs=10, seed=seed, recipe=Recipe(batch_size=64), device="cpu").test_error[-1]
            )
        return found

    assert min(errors(8, 0.25)) > max(errors(14, 1)) + 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"difficulty": 1.5}, "difficulty=1.5 is not between 0 and 1"),
        ({"size": 8}, "size=8 is too small .* give 16 or more"),
        ({"train": 9}, "train=9 is less than one image a class; give 10 or more"),
        ({"test": 0}, "test=0 is less than one image a class; give 10 or more"),
        ({"hardness": 1}, "shapes has no option 'hardness'; it has size, train, test, difficulty, seed, device"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        load_data("shapes", **options)
