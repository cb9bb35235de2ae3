"""What a network says of an image: the likeliest classes, as text and as bars."""

import pytest
import torch

from cnnlib.course import Prediction

NAMES = ("cat", "dog", "<b>fox</b>")
LOGITS = torch.tensor([0.2, 0.5, 0.3]).log()


def test_the_likeliest_classes_come_first_with_their_probabilities():
    best = Prediction(LOGITS, NAMES, top=2).best
    assert [name for name, _ in best] == ["dog", "<b>fox</b>"]
    assert [share for _, share in best] == pytest.approx([0.5, 0.3])
    assert repr(Prediction(LOGITS, NAMES, top=2)) == "  50.0%  dog\n  30.0%  <b>fox</b>"


def test_fewer_classes_than_asked_for_are_all_shown():
    assert len(Prediction(LOGITS, NAMES).best) == 3


def test_the_page_has_a_bar_a_class_names_are_text_and_the_image_is_small():
    page = Prediction(LOGITS, NAMES, image=torch.rand(3, 300, 451))._repr_html_()
    assert page.count("<rect") == 3 and 'width="50.0"' in page
    assert "&lt;b&gt;fox" in page and "<b>" not in page
    assert 'alt="The image' in page and len(page) < 40_000
    assert "<img" not in Prediction(LOGITS, NAMES)._repr_html_()


@pytest.mark.parametrize("shape", [(28, 28), (1, 8, 8), (3, 8, 8)])
def test_grey_and_colour_images_are_shown(shape):
    assert "data:image/bmp" in Prediction(LOGITS, NAMES, image=torch.rand(shape))._repr_html_()


def test_logits_of_other_classes_are_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 3\) and there are 3 class_names"):
        Prediction(LOGITS.unsqueeze(0), NAMES)
