"""What every network of `list_models()` must be: one row each, with the source of its numbers.

Params are learnable values; MACs are the multiplies of convolutions and linear layers for one image; the last map is
the one before global pooling; the receptive field is that map's, in pixels, on an image without borders.
"""

from typing import NamedTuple


class Row(NamedTuple):
    """A network and what it must be."""

    name: str
    options: dict
    input: tuple[int, int, int]
    params: int
    macs: int
    last_map: tuple[int, int, int]
    receptive_field: int
    source: str


# Sources. A row of "facts" was counted from the paper's table by other code than ours, and agrees with torchvision
# where that has the network. A row of "sum" has no such number; the sum over the paper's table in test_resnet.py,
# which all rows must meet, is its only second route.
FACTS = "counted from Table 1 / Sec. 4.2 of arXiv:1512.03385"
SUM = "sum over Table 1 / Sec. 4.2 of arXiv:1512.03385"
TV = "counted; equal to torchvision's model"
T3 = "counted from Table 3's options A, B, C"
RF = "counted; receptive field as in Araujo et al. 2019 (distill.pub)"
KERAS = "Keras' ResNet50: biases on all 53 convolutions"

I, C = (3, 224, 224), (3, 32, 32)

# fmt: off
MODELS = [
    #   name                 options  input params      MACs            last map      receptive field
    Row("resnet18",          {},      I,    11_689_512, 1_814_073_344,  (512, 7, 7),  435,  TV),
    Row("resnet34",          {},      I,    21_797_672, 3_663_761_408,  (512, 7, 7),  899,  TV),
    Row("resnet50",          {},      I,    25_557_032, 4_089_184_256,  (2048, 7, 7), 427,  TV),
    Row("resnet101",         {},      I,    44_549_160, 7_801_405_440,  (2048, 7, 7), 971,  TV),
    Row("resnet152",         {},      I,    60_192_808, 11_513_626_624, (2048, 7, 7), 1451, SUM),
    Row("plain18",           {},      I,    11_515_688, 1_794_805_760,  (512, 7, 7),  435,  FACTS),
    Row("plain34",           {},      I,    21_623_848, 3_644_493_824,  (512, 7, 7),  899,  SUM),
    Row("cifar_resnet20",    {},      C,    269_722,    40_551_040,     (64, 8, 8),   81,   FACTS),
    Row("cifar_resnet32",    {},      C,    464_154,    68_862_592,     (64, 8, 8),   137,  SUM),
    Row("cifar_resnet44",    {},      C,    658_586,    97_174_144,     (64, 8, 8),   193,  SUM),
    Row("cifar_resnet56",    {},      C,    853_018,    125_485_696,    (64, 8, 8),   249,  FACTS),
    Row("cifar_resnet110",   {},      C,    1_727_962,  252_887_680,    (64, 8, 8),   501,  FACTS),
    Row("cifar_resnet1202",  {},      C,    19_421_274, 2_829_238_912,  (64, 8, 8),   5597, FACTS),
    Row("cifar_plain20",     {},      C,    269_722,    40_551_040,     (64, 8, 8),   81,   SUM),
    Row("cifar_plain32",     {},      C,    464_154,    68_862_592,     (64, 8, 8),   137,  SUM),
    Row("cifar_plain44",     {},      C,    658_586,    97_174_144,     (64, 8, 8),   193,  SUM),
    Row("cifar_plain56",     {},      C,    853_018,    125_485_696,    (64, 8, 8),   249,  SUM),
    Row("cifar_plain110",    {},      C,    1_727_962,  252_887_680,    (64, 8, 8),   501,  SUM),
]

A, B, OPTION_C = {"shortcut": "A"}, {"shortcut": "B"}, {"shortcut": "C"}
V1, BIAS = {"stride_in_1x1": True}, {"stride_in_1x1": True, "conv_bias": True}

VARIANTS = [
    #   name                 options   input params      MACs            last map      receptive field
    Row("resnet18",          A,        I,    11_515_688, 1_794_805_760,  (512, 7, 7),  435,  T3),
    Row("resnet18",          B,        I,    11_689_512, 1_814_073_344,  (512, 7, 7),  435,  T3),
    Row("resnet18",          OPTION_C, I,    12_043_816, 1_878_298_624,  (512, 7, 7),  435,  T3),
    Row("resnet34",          A,        I,    21_623_848, 3_644_493_824,  (512, 7, 7),  899,  T3),
    Row("resnet34",          B,        I,    21_797_672, 3_663_761_408,  (512, 7, 7),  899,  T3),
    Row("resnet34",          OPTION_C, I,    22_716_840, 3_830_747_136,  (512, 7, 7),  899,  T3),
    Row("resnet50",          V1,       I,    25_557_032, 3_857_973_248,  (2048, 7, 7), 483,  RF),
    Row("resnet101",         V1,       I,    44_549_160, 7_570_194_432,  (2048, 7, 7), 1027, RF),
    Row("resnet152",         V1,       I,    60_192_808, 11_282_415_616, (2048, 7, 7), 1507, RF),
    Row("resnet50",          BIAS,     I,    25_583_592, 3_857_973_248,  (2048, 7, 7), 483,  KERAS),
    Row("cifar_resnet110",   B,        C,    1_730_714,  253_149_824,    (64, 8, 8),   501,  FACTS),
    Row("cifar_resnet110",   {"num_classes": 100},
                                       C,    1_733_812,  252_893_440,    (64, 8, 8),   501,  FACTS),
    Row("resnet50",          BIAS | {"num_classes": 6},
                                       I,    23_546_886, 3_855_937_536,  (2048, 7, 7), 483,  KERAS),
]
# fmt: on


def label(row: Row) -> str:
    """The row's name in pytest's output."""
    return "-".join([row.name, *(f"{key}={value}" for key, value in row.options.items())])
