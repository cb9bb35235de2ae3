"""The networks for ImageNet that chapter 6 compares: what is timed, and what its explorers show."""

# By the group that they are drawn as.
FAMILIES = {
    "AlexNet, ZFNet": ("alexnet", "zfnet"),
    "VGG": ("vgg11", "vgg16", "vgg19"),
    "NiN, SqueezeNet": ("nin", "squeezenet1_0", "squeezenet1_1"),
    "Inception": ("googlenet", "bn_inception", "inception_v3", "inception_v4", "inception_resnet_v2"),
    "ResNet": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "preact_resnet200"),
    "wide, ResNeXt, fractal": ("wide_resnet50_2", "resnext50_32x4d", "resnext101_32x8d", "fractalnet34"),
    "DenseNet": ("densenet121", "densenet161", "densenet169", "densenet201"),
}
# Those that are timed operation by operation as well.
BY_OPERATION = ("alexnet", "vgg16", "googlenet", "resnet50", "resnext50_32x4d", "densenet121", "squeezenet1_1")
