"""What every network of `list_models()` must be: a row each, with the source of its numbers.

Params are learnable values; fixed are those that no gradient changes (batch norm's running statistics, LeNet-5's output
codes); MACs are the multiplies of convolutions and linear layers for one image; the last map is the one before global
pooling or the first fully connected layer; the receptive field is that map's, in pixels, on an image without borders.

`CHEAP` and `PROBED` say how the properties that all networks share are tested on small ones, with real numbers.

A new network needs its rows here, tests of what its paper alone has in a file of its own, and no other line in the tests.
"""

from typing import NamedTuple


class Row(NamedTuple):
    """A network and what it must be."""

    name: str
    options: dict
    input: tuple[int, int, int]
    params: int
    fixed: int
    macs: int
    last_map: tuple[int, int, int]
    receptive_field: int | tuple[int, int]
    source: str


# Sources. A row of "counted" was counted from the paper's table by other code than ours. A row of "sum" has no such
# number; a second route in the family's own test file, which is named there, is its only other check.
FACTS = "counted from Table 1 / Sec. 4.2 of arXiv:1512.03385"
SUM = "sum over Table 1 / Sec. 4.2 of arXiv:1512.03385"
TV = "counted; equal to torchvision's model"
T3 = "counted from Table 3's options A, B, C"
RF = "counted; receptive field as in Araujo et al. 2019 (distill.pub)"
KERAS = "Keras' ResNet50: biases on all 53 convolutions"
# lenet.py, alexnet.py
LECUN = (
    "parameters of each layer and 60,000 in all: LeCun et al. 1998, Sec. II-B; MACs counted from its Table I, which gives "
    "C3 151 600 connections where the journal prints 156,000; the 840 fixed values are the output's codes"
)
TAUGHT = "counted from the form that courses use: full C3, pooling without parameters, linear output"
FIG2 = "counted from Krizhevsky et al. 2012, Fig. 2, with CONV1 of 55×55 (the caption has another count of neurons)"
TV195 = "torchvision's parameters; receptive field 195 as in Araujo et al. 2019 (distill.pub)"
ZF = "counted from Fig. 3 and Table 1 (b) of arXiv:1311.2901"

STOCHASTIC = "counted: the ResNet of arXiv:1512.03385 Sec. 4.2, to which arXiv:1603.09382 adds no parameters"
FRACTAL = "counted from Sec. 4.1 of arXiv:1605.07648, whose Table 1 says 38.6M; this count gives all of its Table 3"
FRACTAL_34 = "counted from arXiv:1605.07648 read literally; the paper has no such number"
DENSE = "counted from Table 1 and Sec. 4.1 of arXiv:1608.06993"
DENSE_SUM = "sum over Sec. 4.1 of arXiv:1608.06993; Table 2 rounds it to 27.2M and 15.3M"
DENSE_264 = "sum over Table 1 of arXiv:1608.06993, whose block sizes give 265 layers with weights and not 264"
# vgg.py, nin.py, squeezenet.py
VGG_TABLE = "counted from Table 1 of arXiv:1409.1556; its Table 2 has these in millions"
VGG_TV = "counted from Table 1 of arXiv:1409.1556; equal to torchvision's model"
VGG_RF = "counted from Table 1 of arXiv:1409.1556; receptive field 212 as in Araujo et al. 2019 (distill.pub)"
VGG_BN = "torchvision's parameters; test_vgg.py sums the table with a scale, shift, mean and variance a channel"
CUDA_CONVNET = "counted from the authors' mavenlin/cuda-convnet, NIN/cifar-10_def; the paper has no sizes"
CAFFE_NIN = "sum in test_nin.py over NIN-ImageNet of Caffe's model zoo; the paper has no such network"
SQUEEZE = "Table 1 of arXiv:1602.07360, parameters of each layer; MACs as torchvision's"
SQUEEZE_11 = "counted from forresti/SqueezeNet, SqueezeNet_v1.1; equal to torchvision's model"
SQUEEZE_BYPASS = (
    "sum in test_squeezenet.py over Fig. 2 of arXiv:1602.07360; its Table 3 has 2.9 MB for what sums to 1.4 MB"
)
SQUEEZE_SR = "sum in test_squeezenet.py over Sec. 5.1 of arXiv:1602.07360; 19 MB in Sec. 5.2"
WRN = "counted from Table 1 of arXiv:1605.07146"
WRN_SUM = "sum over Table 1 of arXiv:1605.07146; its Table 4 rounds them to 11.0M and 8.9M"
TIMM = "counted; equal to timm's model"
RESNEXT = "counted from Appendix A of arXiv:1611.05431"
RESNEXT_SUM = "sum over Appendix A of arXiv:1611.05431, whose Table 7 rounds it to 68.1M"
FIG_3 = "Fig. 3 of arXiv:1611.05431: its three forms are equivalent"

# inception_v3.py, inception_v4.py
INCEPTION_V2 = (
    "sum over our reading of Table 1 of arXiv:1512.00567, which leaves the widths open; the paper says less than 25 million "
    "parameters (Sec. 1) and 4.8 G (Table 3)"
)
INCEPTION_TV = "counted; equal to torchvision's model; receptive field as in Araujo et al. 2019 (distill.pub)"
INCEPTION_TIMM = "counted; equal to timm's model; receptive field as in Araujo et al. 2019 (distill.pub)"
RESIDUAL_V1 = "sum over Fig. 7 and 10 to 15 of arXiv:1602.07261"
RESIDUAL_V2 = (
    "counted from Fig. 3, 7 and 15 to 19 of arXiv:1602.07261, with 1152 and 2144 for its 1154 and 2048 filters"
)
B299 = (3, 299, 299)
PREACT = "counted from Sec. 4 of arXiv:1603.05027 and the authors' code"
PREACT_SUM = "sum over Sec. 4 of arXiv:1603.05027; Table 4 has 1.7M for 164 layers"
PREACT_200 = "sum: 16 bottlenecks more than ResNet-152, footnote 3 of arXiv:1603.05027; 64.7M in Table 8 of 1605.07146"
PREACT_1001 = "counted; Table 4 of arXiv:1603.05027 has 10.2M, which leaves batch norm out"
PREACT_B = "the ResNet-110 with option B"
# googlenet.py, bn_inception.py
GOOGLENET = (
    "counted from Table 1 of arXiv:1409.4842 with its biases; test_googlenet.py has the rows that print other numbers"
)
GOOGLENET_TV = "counted; equal to torchvision's model, whose 5×5 paths are 3×3"
GOOGLENET_32 = "sum in test_googlenet.py over Table 1 of arXiv:1409.4842, with a 3×3 conv1 at stride 1 and no pool1"
FIG_2 = "sum in test_googlenet.py over Fig. 2 of arXiv:1409.4842; courses print 854M and, with an addition error, 358M"
FIG_2_ROW = "sum in test_googlenet.py over Fig. 2 of arXiv:1409.4842, three times in a row"
BN_TABLE = "sum in test_bn_inception.py over Fig. 5 of arXiv:1502.03167, no biases (Sec. 3.2)"
BN_CAFFE = (
    "counted from Fig. 5 of arXiv:1502.03167, with biases; equal to the copies of Caffe's weights. The text has 13.6M "
    "parameters (Sec. 4.2), and the figure other sums for 4c, 4d and 4e"
)
BN_STAR = (
    "sum in test_bn_inception.py over Fig. 5 of arXiv:1502.03167, with the separable first convolution of its star; "
    "counted by other code too where there are biases"
)

I, C = (3, 224, 224), (3, 32, 32)

# fmt: off
MODELS = [
    #   name                 options  input params      fixed    MACs            last map      receptive field
    # lenet.py
    Row("lenet5",            {},      (1, 32, 32),
                                         60_000,     840,     325_680,        (120, 1, 1),  32,   LECUN),
    Row("lenet5_modern",     {},      (1, 32, 32),
                                         61_706,     0,       416_520,        (16, 5, 5),   16,   TAUGHT),
    # alexnet.py
    Row("alexnet",           {},      I,    61_100_840, 0,       714_188_480,    (256, 6, 6),  195,  TV195),
    Row("alexnet_2012",      {},      (3, 227, 227),
                                         60_965_224, 0,       724_406_816,    (256, 6, 6),  195,  FIG2),
    Row("zfnet",             {},      I,    62_357_608, 0,       1_168_032_896,  (256, 6, 6),  171,  ZF),
    # vgg.py
    Row("vgg11",             {},      I,    132_863_336, 0,      7_609_090_048,  (512, 7, 7),  150,  VGG_TV),
    Row("vgg13",             {},      I,    133_047_848, 0,      11_308_466_176, (512, 7, 7),  156,  VGG_TV),
    Row("vgg16",             {},      I,    138_357_544, 0,      15_470_264_320, (512, 7, 7),  212,  VGG_RF),
    Row("vgg19",             {},      I,    143_667_240, 0,      19_632_062_464, (512, 7, 7),  268,  VGG_TV),
    Row("vgg11_bn",          {},      I,    132_868_840, 5_504,  7_609_090_048,  (512, 7, 7),  150,  VGG_BN),
    Row("vgg13_bn",          {},      I,    133_053_736, 5_888,  11_308_466_176, (512, 7, 7),  156,  VGG_BN),
    Row("vgg16_bn",          {},      I,    138_365_992, 8_448,  15_470_264_320, (512, 7, 7),  212,  VGG_BN),
    Row("vgg19_bn",          {},      I,    143_678_248, 11_008, 19_632_062_464, (512, 7, 7),  268,  VGG_BN),
    Row("vgg11_lrn",         {},      I,    132_863_336, 0,      7_609_090_048,  (512, 7, 7),  150,  VGG_TABLE),
    Row("vgg16_c",           {},      I,    133_638_952, 0,      11_770_888_192, (512, 7, 7),  156,  VGG_TABLE),
    # nin.py
    Row("nin",               {},      I,    7_595_176,  0,       1_100_188_800,  (1000, 6, 6), 195,  CAFFE_NIN),
    Row("cifar_nin",         {},      C,    966_986,    0,       222_486_528,    (10, 8, 8),   27,   CUDA_CONVNET),
    # squeezenet.py
    Row("squeezenet1_0",     {},      I,    1_248_424,  0,       818_924_576,    (1000, 13, 13), 155, SQUEEZE),
    Row("squeezenet1_1",     {},      I,    1_235_496,  0,       349_151_936,    (1000, 13, 13), 207, SQUEEZE_11),
    # googlenet.py
    Row("googlenet",         {},      I,    6_624_904,  14_560,  1_498_376_192,  (1024, 7, 7), 379,  GOOGLENET_TV),
    Row("inception_module",  {}, (256, 28, 28), 346_720,   0,    271_351_808,    (480, 28, 28), 5,   FIG_2),
    Row("naive_inception_module", {}, (256, 28, 28),
                                         1_089_952,  0,       854_196_224,    (672, 28, 28), 5,   FIG_2),
    # bn_inception.py
    Row("bn_inception",      {},      I,    11_295_240, 20_032,  2_032_600_064,  (1024, 7, 7), 699,  BN_CAFFE),
    # inception_v3.py
    Row("inception_v2",      {},      B299, 25_493_448, 38_528,  6_271_148_640,  (2048, 8, 8), 1455, INCEPTION_V2),
    Row("inception_v3",      {},      B299, 23_834_568, 34_432,  5_713_216_096,  (2048, 8, 8), 1311, INCEPTION_TV),
    # inception_v4.py
    Row("inception_v4",      {},      B299, 42_679_816, 63_168,  12_253_974_624, (1536, 8, 8), 2071, INCEPTION_TIMM),
    Row("inception_resnet_v1", {},    B299, 22_756_328, 27_040,  6_206_361_696,  (1792, 8, 8), 1567, RESIDUAL_V1),
    Row("inception_resnet_v2", {},    B299, 55_843_464, 60_544,  13_155_794_016, (1536, 8, 8), 3039, INCEPTION_TIMM),
    # resnet.py
    Row("resnet18",          {},      I,    11_689_512, 9_600,   1_814_073_344,  (512, 7, 7),  435,  TV),
    Row("resnet34",          {},      I,    21_797_672, 17_024,  3_663_761_408,  (512, 7, 7),  899,  TV),
    Row("resnet50",          {},      I,    25_557_032, 53_120,  4_089_184_256,  (2048, 7, 7), 427,  TV),
    Row("resnet101",         {},      I,    44_549_160, 105_344, 7_801_405_440,  (2048, 7, 7), 971,  TV),
    Row("resnet152",         {},      I,    60_192_808, 151_424, 11_513_626_624, (2048, 7, 7), 1451, SUM),
    Row("plain18",           {},      I,    11_515_688, 7_808,   1_794_805_760,  (512, 7, 7),  435,  FACTS),
    Row("plain34",           {},      I,    21_623_848, 15_232,  3_644_493_824,  (512, 7, 7),  899,  SUM),
    Row("cifar_resnet20",    {},      C,    269_722,    1_376,   40_551_040,     (64, 8, 8),   81,   FACTS),
    Row("cifar_resnet32",    {},      C,    464_154,    2_272,   68_862_592,     (64, 8, 8),   137,  SUM),
    Row("cifar_resnet44",    {},      C,    658_586,    3_168,   97_174_144,     (64, 8, 8),   193,  SUM),
    Row("cifar_resnet56",    {},      C,    853_018,    4_064,   125_485_696,    (64, 8, 8),   249,  FACTS),
    Row("cifar_resnet110",   {},      C,    1_727_962,  8_096,   252_887_680,    (64, 8, 8),   501,  FACTS),
    Row("cifar_resnet1202",  {},      C,    19_421_274, 89_632,  2_829_238_912,  (64, 8, 8),   5597, FACTS),
    Row("cifar_plain20",     {},      C,    269_722,    1_376,   40_551_040,     (64, 8, 8),   81,   SUM),
    Row("cifar_plain32",     {},      C,    464_154,    2_272,   68_862_592,     (64, 8, 8),   137,  SUM),
    Row("cifar_plain44",     {},      C,    658_586,    3_168,   97_174_144,     (64, 8, 8),   193,  SUM),
    Row("cifar_plain56",     {},      C,    853_018,    4_064,   125_485_696,    (64, 8, 8),   249,  SUM),
    Row("cifar_plain110",    {},      C,    1_727_962,  8_096,   252_887_680,    (64, 8, 8),   501,  SUM),
    # preact_resnet.py
    Row("cifar_preact_resnet110", {}, C,    1_730_522,  8_096,   253_149_824,    (64, 8, 8),   501,  PREACT),
    Row("cifar_preact_resnet164", {}, C,    1_703_258,  24_224,  244_500_992,    (256, 8, 8),  255,  PREACT_SUM),
    Row("cifar_preact_resnet1001", {}, C,   10_327_706, 149_216, 1_487_849_984,  (256, 8, 8),  1557, PREACT_1001),
    Row("preact_resnet200",  {},      I,    64_666_152, 168_320, 15_007_481_856, (2048, 7, 7), 1707, PREACT_200),
    # wide_resnet.py
    Row("cifar_wrn_16_8",    {},      C,    10_961_370, 7_200,   1_548_145_664,  (512, 8, 8),  53,   WRN_SUM),
    Row("cifar_wrn_28_10",   {},      C,    36_479_194, 17_952,  5_243_328_768,  (640, 8, 8),  109,  WRN),
    Row("cifar_wrn_40_4",    {},      C,    8_949_210,  10_784,  1_298_582_016,  (256, 8, 8),  165,  WRN_SUM),
    Row("wide_resnet50_2",   {},      I,    68_883_240, 68_224,  11_398_021_120, (2048, 7, 7), 427,  TV),
    Row("wide_resnet101_2",  {},      I,    126_886_696, 137_856, 22_753_050_624, (2048, 7, 7), 971, TV),
    # resnext.py
    Row("resnext50_32x4d",   {},      I,    25_028_904, 68_224,  4_230_479_872,  (2048, 7, 7), 427,  TV),
    Row("resnext101_32x4d",  {},      I,    44_177_704, 137_856, 7_969_996_800,  (2048, 7, 7), 971,  TIMM),
    Row("resnext101_32x8d",  {},      I,    88_791_336, 202_880, 16_414_015_488, (2048, 7, 7), 971,  TV),
    Row("resnext101_64x4d",  {},      I,    83_455_272, 202_880, 15_460_270_080, (2048, 7, 7), 971,  TV),
    Row("cifar_resnext29_8x64d", {},  C,    34_426_698, 57_472,  5_387_266_048,  (1024, 8, 8), 39,   RESNEXT),
    Row("cifar_resnext29_16x64d", {}, C,    68_155_210, 100_480, 10_688_866_304, (1024, 8, 8), 39,   RESNEXT_SUM),
    # stochastic_depth.py
    Row("cifar_stochastic_depth_resnet110", {}, C,
                                         1_727_962,  8_096,   252_887_680,    (64, 8, 8),   501,  STOCHASTIC),
    Row("cifar_stochastic_depth_resnet1202", {}, C,
                                         19_421_274, 89_632,  2_829_238_912,  (64, 8, 8),   5597, STOCHASTIC),
    # fractalnet.py
    Row("cifar_fractalnet20", {},     C,    33_734_922, 20_608,  845_222_912,    (512, 1, 1),  280,  FRACTAL),
    Row("fractalnet34",      {},      I,    164_059_816, 57_728, 24_164_982_784, (1024, 7, 7), 999,  FRACTAL_34),
    # densenet.py
    Row("cifar_densenet_40_12", {},   C,    1_019_722,  18_096,  264_812_928,    (448, 8, 8),  174,  DENSE),
    Row("cifar_densenet_100_12", {},  C,    6_979_642,  117_216, 1_769_516_448,  (1168, 8, 8), 454,  DENSE),
    Row("cifar_densenet_100_24", {},  C,    27_249_082, 231_264, 6_889_347_744,  (2320, 8, 8), 454,  DENSE_SUM),
    Row("cifar_densenet_bc_100_12", {}, C,  769_162,    23_988,  287_929_692,    (342, 8, 8),  230,  DENSE),
    Row("cifar_densenet_bc_250_24", {}, C,  15_324_406, 257_976, 5_418_785_724,  (1734, 8, 8), 580,  DENSE_SUM),
    Row("cifar_densenet_bc_190_40", {}, C,  25_624_430, 256_960, 9_301_945_740,  (2190, 8, 8), 440,  DENSE),
    Row("densenet121",       {},      I,    7_978_856,  83_648,  2_834_161_664,  (1024, 7, 7), 2071, TV),
    Row("densenet161",       {},      I,    28_681_000, 219_936, 7_727_907_072,  (2208, 7, 7), 2967, TV),
    Row("densenet169",       {},      I,    14_149_480, 158_400, 3_359_843_328,  (1664, 7, 7), 3351, TV),
    Row("densenet201",       {},      I,    20_013_928, 229_056, 4_291_365_888,  (1920, 7, 7), 3863, TV),
    Row("densenet264",       {},      I,    33_337_704, 398_528, 5_751_653_376,  (2688, 7, 7), 5399, DENSE_264),
]

A, B, OPTION_C = {"shortcut": "A"}, {"shortcut": "B"}, {"shortcut": "C"}
V1, BIAS = {"stride_in_1x1": True}, {"stride_in_1x1": True, "conv_bias": True}

VARIANTS = [
    #   name                 options   input params      fixed    MACs            last map      receptive field
    # lenet.py
    Row("lenet5_modern",     {"in_channels": 3},
                                      C,    62_006,     0,       651_720,        (16, 5, 5),   16,   TAUGHT),
    # alexnet.py
    Row("alexnet_2012",      {"groups": 1}, (3, 227, 227),
                                         62_378_344, 0,       1_135_256_096,  (256, 6, 6),  195,  FIG2),
    Row("alexnet_2012",      {"devices": ("meta", "meta")}, (3, 227, 227),
                                         60_965_224, 0,       724_406_816,    (256, 6, 6),  195,  FIG2),
    Row("zfnet",             {"variant": "table1"},
                                      I,    107_627_624, 0,      2_476_704_896,  (512, 6, 6),  171,  ZF),
    # vgg.py
    Row("vgg16",             {"image_size": 32},
                                      C,    37_694_248, 0,       336_166_912,    (512, 1, 1),  212,  VGG_RF),
    # nin.py
    Row("cifar_nin",         {"num_classes": 100},
                                      C,    984_356,    0,       223_592_448,    (100, 8, 8),  27,   CUDA_CONVNET),
    # squeezenet.py
    Row("squeezenet1_0",     {"bypass": "simple"},
                                      I,    1_248_424,  0,       818_924_576,    (1000, 13, 13), 155, SQUEEZE_BYPASS),
    Row("squeezenet1_0",     {"bypass": "complex"},
                                      I,    1_589_672,  0,       1_165_298_720,  (1000, 13, 13), 155, SQUEEZE_BYPASS),
    Row("squeezenet1_0",     {"squeeze_ratio": 0.75},
                                      I,    4_841_704,  0,       3_642_584_096,  (1000, 13, 13), 155, SQUEEZE_SR),
    # googlenet.py
    Row("googlenet",         {"variant": "paper"},
                                      I,    6_998_552,  0,       1_582_671_872,  (1024, 7, 7), 715,  GOOGLENET),
    Row("googlenet",         {"image_size": 32},
                                      C,    6_617_224,  14_560,  453_189_632,    (1024, 4, 4), 95,   GOOGLENET_32),
    Row("googlenet",         {"image_size": 32, "variant": "paper"},
                                      C,    6_990_872,  0,       480_714_752,    (1024, 4, 4), 179,  GOOGLENET_32),
    Row("inception_module",  {"depth": 3},
                        (256, 28, 28),      1_183_520,  0,       926_449_664,    (480, 28, 28), 13,  FIG_2_ROW),
    Row("naive_inception_module", {"depth": 3},
                        (256, 28, 28),      8_581_344,  0,       6_726_795_264,  (1504, 28, 28), 13, FIG_2_ROW),
    # bn_inception.py
    Row("bn_inception",      {"conv_bias": False},
                                      I,    11_285_224, 20_032,  2_032_600_064,  (1024, 7, 7), 699,  BN_TABLE),
    Row("bn_inception",      {"separable_conv1": True, "conv_bias": False},
                                      I,    11_278_528, 20_032,  1_948_605_440,  (1024, 7, 7), 699,  BN_STAR),
    Row("bn_inception",      {"separable_conv1": True},
                                      I,    11_288_544, 20_032,  1_948_605_440,  (1024, 7, 7), 699,  BN_STAR),
    # inception_v3.py
    Row("inception_v3",      {"aux_heads": True},
                                      B299, 27_161_264, 36_224,  5_713_216_096,  (2048, 8, 8), 1311, INCEPTION_TV),
    # inception_v4.py
    Row("inception_resnet_v2", {"variant": "paper"},
                                      B299, 32_433_928, 32_864,  9_257_953_632,  (2144, 8, 8), 1591, RESIDUAL_V2),
    # resnet.py
    Row("resnet18",          A,        I,    11_515_688, 7_808,   1_794_805_760,  (512, 7, 7),  435,  T3),
    Row("resnet18",          B,        I,    11_689_512, 9_600,   1_814_073_344,  (512, 7, 7),  435,  T3),
    Row("resnet18",          OPTION_C, I,    12_043_816, 11_648,  1_878_298_624,  (512, 7, 7),  435,  T3),
    Row("resnet34",          A,        I,    21_623_848, 15_232,  3_644_493_824,  (512, 7, 7),  899,  T3),
    Row("resnet34",          B,        I,    21_797_672, 17_024,  3_663_761_408,  (512, 7, 7),  899,  T3),
    Row("resnet34",          OPTION_C, I,    22_716_840, 22_784,  3_830_747_136,  (512, 7, 7),  899,  T3),
    Row("resnet50",          V1,       I,    25_557_032, 53_120,  3_857_973_248,  (2048, 7, 7), 483,  RF),
    Row("resnet101",         V1,       I,    44_549_160, 105_344, 7_570_194_432,  (2048, 7, 7), 1027, RF),
    Row("resnet152",         V1,       I,    60_192_808, 151_424, 11_282_415_616, (2048, 7, 7), 1507, RF),
    Row("resnet50",          BIAS,     I,    25_583_592, 53_120,  3_857_973_248,  (2048, 7, 7), 483,  KERAS),
    Row("cifar_resnet110",   B,        C,    1_730_714,  8_288,   253_149_824,    (64, 8, 8),   501,  FACTS),
    Row("cifar_resnet110",   {"num_classes": 100},
                                       C,    1_733_812,  8_096,   252_893_440,    (64, 8, 8),   501,  FACTS),
    Row("resnet50",          BIAS | {"num_classes": 6},
                                       I,    23_546_886, 53_120,  3_855_937_536,  (2048, 7, 7), 483,  KERAS),
    # preact_resnet.py
    Row("cifar_preact_resnet1001", {"stride_in_1x1": False}, C, 10_327_706, 149_216, 1_490_995_712, (256, 8, 8), 1551, PREACT),
    Row("cifar_preact_resnet110", {"ordering": "original"}, C, 1_730_714, 8_288, 253_149_824, (64, 8, 8), 501, PREACT_B),
    # wide_resnet.py
    Row("cifar_wrn_28_10",   {"num_classes": 100}, C, 36_536_884, 17_952, 5_243_386_368, (640, 8, 8), 109, WRN),
    # resnext.py
    Row("resnext50_32x4d",   {"form": "a"}, I, 25_028_904, 68_224, 4_230_479_872, (2048, 7, 7), 427, FIG_3),
    Row("resnext50_32x4d",   {"form": "b"}, I, 25_028_904, 68_224, 4_230_479_872, (2048, 7, 7), 427, FIG_3),
    Row("cifar_resnext29_8x64d", {"num_classes": 100}, C, 34_518_948, 57_472, 5_387_358_208, (1024, 8, 8), 39, RESNEXT),
    # stochastic_depth.py
    Row("cifar_stochastic_depth_resnet110", {"shortcut": "A"},
                                       C,    1_727_962,  8_096,   252_887_680,    (64, 8, 8),   501,  STOCHASTIC),
    # fractalnet.py
    Row("cifar_fractalnet20", {"num_classes": 100},
                                       C,    33_781_092, 20_608,  845_268_992,    (512, 1, 1),  280,  FRACTAL),
    # densenet.py
    Row("cifar_densenet_40_12", {"num_classes": 100}, C, 1_060_132, 18_096, 264_853_248, (448, 8, 8), 174, DENSE),
    Row("cifar_densenet_bc_190_40", {"num_classes": 100}, C, 25_821_620, 256_960, 9_302_142_840, (2190, 8, 8), 440, DENSE),
]
# fmt: on

# Families at a size that runs in a fraction of a second: (options, image height and width), at least two of them, so
# that the networks that take several sizes of image show it. `num_classes=5` and `in_channels=2` are added. What is
# random in training mode but is no dropout layer (skipped blocks, dropped paths) is switched off here.
CHEAP = {
    # lenet.py
    "lenet5": [({}, (32, 32)), ({"image_size": 16}, (16, 16))],
    "lenet5_modern": [({}, (32, 32)), ({"width": 0.5, "image_size": 17, "activation": "tanh"}, (17, 17))],
    # alexnet.py
    "alexnet": [
        ({"width": 1 / 16, "image_size": 32}, (32, 32)),
        ({"width": 1 / 16, "depth": 9}, (67, 71)),
    ],
    "alexnet_2012": [
        ({"width": 1 / 16, "image_size": 32}, (32, 32)),
        ({"width": 1 / 16, "image_size": 16, "groups": 1}, (16, 16)),
    ],
    "zfnet": [
        ({"width": 1 / 16, "image_size": 32}, (32, 32)),
        ({"width": 1 / 16, "image_size": 17, "variant": "table1"}, (17, 17)),
    ],
    # vgg.py
    "vgg": [({"width": 1 / 16, "image_size": 32}, (32, 32)), ({"width": 1 / 16}, (33, 37))],
    # nin.py
    "nin": [({"width": 1 / 16}, (64, 64)), ({"width": 1 / 16}, (39, 53))],
    "cifar_nin": [({"width": 1 / 16}, (8, 8)), ({"width": 1 / 16}, (13, 17))],
    # squeezenet.py
    "squeezenet": [
        ({"width": 1 / 16, "bypass": "complex"}, (64, 64)),
        ({"width": 1 / 16, "image_size": 16}, (13, 17)),
    ],
    # googlenet.py
    "googlenet": [
        ({"width": 1 / 8}, (31, 37)),
        ({"width": 1 / 8, "variant": "paper", "image_size": 16}, (17, 13)),
    ],
    "inception_module": [
        ({"conv1x1": 3, "reduce3x3": 2, "conv3x3": 4, "reduce5x5": 2, "conv5x5": 5, "pool_proj": 6}, (7, 7)),
        ({"conv1x1": 3, "conv3x3": 4, "conv5x5": 5, "depth": 2}, (5, 9)),
    ],
    "naive_inception_module": [
        ({"conv1x1": 3, "conv3x3": 4, "conv5x5": 5}, (7, 7)),
        ({"conv1x1": 3, "conv3x3": 4, "conv5x5": 5, "depth": 2}, (5, 9)),
    ],
    # bn_inception.py
    "bn_inception": [
        ({"width": 1 / 8}, (32, 32)),
        ({"width": 1 / 8, "separable_conv1": True, "conv_bias": False}, (37, 45)),
    ],
    # inception_v3.py
    "inception_v2": [({}, (75, 75)), ({}, (83, 91))],
    "inception_v3": [({}, (75, 75)), ({}, (83, 91))],
    # inception_v4.py
    "inception_v4": [({}, (75, 75)), ({}, (83, 91))],
    "inception_resnet_v1": [({}, (75, 75)), ({"residual_scale": 0.1}, (83, 91))],
    "inception_resnet_v2": [({}, (75, 75)), ({"variant": "paper"}, (83, 91))],
    # resnet.py
    "resnet": [({"width": 1 / 16}, (64, 64)), ({"width": 1 / 16}, (69, 73))],
    "plain": [({"width": 1 / 16}, (64, 64)), ({"width": 1 / 16}, (69, 73))],
    "cifar_resnet": [({"width": 0.25}, (8, 8)), ({"width": 0.25}, (13, 17))],
    "cifar_plain": [({"width": 0.25}, (8, 8)), ({"width": 0.25}, (13, 17))],
    # preact_resnet.py
    "cifar_preact_resnet": [({"width": 0.25}, (8, 8)), ({"width": 0.25}, (9, 13))],
    "preact_resnet": [({"width": 1 / 16}, (32, 32)), ({"width": 1 / 16}, (37, 45))],
    # wide_resnet.py
    "cifar_wrn": [({}, (8, 8)), ({}, (9, 13))],
    "wide_resnet": [({"width": 1 / 16}, (32, 32)), ({"width": 1 / 16}, (69, 73))],
    # resnext.py
    "resnext": [({"width": 1 / 4}, (32, 32)), ({"width": 1 / 4}, (37, 45))],
    "cifar_resnext": [({"width": 1 / 8}, (8, 8)), ({"width": 1 / 8}, (9, 13))],
    # stochastic_depth.py
    "cifar_stochastic_depth_resnet": [
        ({"width": 0.25, "survival_prob": 1.0}, (8, 8)),
        ({"width": 0.25, "survival_prob": 1.0}, (13, 17)),
    ],
    # fractalnet.py
    "cifar_fractalnet": [
        ({"width": 1 / 16, "drop_path": 0.0}, (32, 32)),
        ({"width": 1 / 16, "drop_path": 0.0}, (37, 45)),
    ],
    "fractalnet": [
        ({"width": 1 / 16, "drop_path": 0.0}, (32, 32)),
        ({"width": 1 / 16, "drop_path": 0.0}, (37, 45)),
    ],
    # densenet.py
    "cifar_densenet": [({}, (8, 8)), ({}, (9, 13))],
    "densenet": [({"growth_rate": 4}, (32, 32)), ({"growth_rate": 4}, (37, 45))],
}

# Whose receptive field is probed with numbers: a shallow, narrow member of each family, with its options.
PROBED = {
    "lenet5": {},
    "lenet5_modern": {},
    "alexnet": {"width": 1 / 16},
    "alexnet_2012": {"width": 1 / 16},
    "zfnet": {"width": 1 / 16},
    "vgg11": {"width": 1 / 16},
    "nin": {"width": 1 / 8},
    "cifar_nin": {"width": 1 / 8},
    "squeezenet1_0": {"width": 1 / 8},
    "googlenet": {"width": 1 / 8},
    "bn_inception": {"width": 1 / 8},
    "resnet18": {"width": 1 / 16},
    "resnet50": {"width": 1 / 16},
    "plain18": {"width": 1 / 16},
    "cifar_resnet8": {"width": 1 / 4},
    "cifar_plain8": {"width": 1 / 4},
    "cifar_preact_resnet20": {"width": 1 / 4},
    "preact_resnet50": {"width": 1 / 16},
    "cifar_wrn_10_1": {},
    "wide_resnet50_2": {"width": 1 / 16},
    "resnext50_32x4d": {"width": 1 / 4},
    "cifar_resnext11_8x16d": {"width": 1 / 4},
    "cifar_stochastic_depth_resnet8": {"width": 1 / 4, "survival_prob": 1.0},
    "cifar_fractalnet10": {"width": 1 / 16, "drop_path": 0.0},
    "fractalnet34": {"width": 1 / 32, "drop_path": 0.0},
    "cifar_densenet_22_4": {},
    "densenet121": {"growth_rate": 4},
    "inception_module": {"in_channels": 8, "conv1x1": 3, "conv3x3": 4, "conv5x5": 5, "depth": 2},
    "naive_inception_module": {"in_channels": 8, "conv1x1": 3, "conv3x3": 4, "conv5x5": 5, "depth": 2},
}
PROBED_SLOWLY = (  # they have no narrow form: each takes seconds
    "inception_v2",
    "inception_v3",
    "inception_v4",
    "inception_resnet_v1",
    "inception_resnet_v2",
)

SLOW = {  # hundreds of layers or very wide: their properties are checked by `make test-all`
    "cifar_resnet1202",
    "cifar_preact_resnet1001",
    "cifar_stochastic_depth_resnet1202",
    "cifar_densenet_100_24",
    "cifar_densenet_bc_250_24",
    "cifar_densenet_bc_190_40",
}


def label(row: Row) -> str:
    """The row's name in pytest's output."""
    return "-".join([row.name, *(f"{key}={value}" for key, value in row.options.items())])
