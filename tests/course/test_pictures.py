"""Images in rows and tables of dots: the pixels are on the page, and what they show is said in words."""

import base64

import numpy
import pytest
import torch
from PIL import Image

from cnnlib.course.pictures import Connections, Pictures, signed, stretched
from cnnlib.course.pictures.bitmap import bitmap
from cnnlib.models.lenet import C3_READS


def test_images_are_on_the_page_with_their_captions():
    pictures = Pictures({"A row": [("grey", torch.rand(4, 4)), ("one <channel>", torch.rand(1, 4, 4))]}, width=50)
    html = pictures._repr_html_()
    assert html.count("data:image/bmp;base64,") == html.count('width="50"') == 2
    assert 'alt="A row: one &lt;channel&gt;"' in html
    assert repr(pictures) == "A row: grey, one <channel>"


def test_images_of_other_shapes_and_values_are_refused():
    with pytest.raises(ValueError, match="can be shown"):
        Pictures({"": [("", torch.rand(2, 4, 4))]})
    with pytest.raises(ValueError, match="0 to 1 can be shown"):
        Pictures({"": [("", 2 * torch.ones(4, 4))]})


def test_greys():
    assert signed(torch.tensor([-2.0, 0, 1])).tolist() == [0, 0.5, 0.75]
    assert signed(torch.zeros(2)).tolist() == [0.5, 0.5]
    assert stretched(torch.tensor([3.0, 4, 7])).tolist() == [0, 0.25, 1]
    assert stretched(torch.ones(2)).tolist() == [0, 0]


def test_a_connection_table_has_a_dot_for_each_connection_and_says_them():
    table = Connections(C3_READS, 6, rows="S2", columns="C3")
    html = table._repr_html_()
    assert html.count("<circle") == sum(map(len, C3_READS)) == 60
    assert "C3 0 reads 0, 1, 2; C3 1 reads 1, 2, 3" in html
    assert repr(table).count("●") == 60


def test_a_bitmap_is_read_back_as_it_was(tmp_path):
    image = torch.arange(3 * 5 * 7).reshape(3, 5, 7) / 104
    kind, data = bitmap(image).split(",")
    assert kind == "data:image/bmp;base64"
    (tmp_path / "image.bmp").write_bytes(base64.b64decode(data))
    pixels = numpy.asarray(Image.open(tmp_path / "image.bmp"))
    assert (pixels.transpose(2, 0, 1) == (image * 255).round().numpy()).all()
