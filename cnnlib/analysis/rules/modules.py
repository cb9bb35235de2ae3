"""Modules that do nothing but call one function.

The tracer is told at once, without their forward and torch's dispatch.
"""

from torch import nn

# A module, the function that it calls, and the arguments behind the image; None: this one does more.
ONE_FUNCTION = {
    nn.Conv2d: ("conv2d", lambda m: (
        None if m.padding_mode != "zeros" else (m.weight, m.bias, m.stride, m.padding, m.dilation, m.groups)
    )),
    nn.MaxPool2d: ("max_pool2d", lambda m: (
        None if m.return_indices else (m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode)
    )),
    nn.Linear: ("linear", lambda m: (m.weight, m.bias)),
    nn.BatchNorm2d: ("batch_norm", lambda m: ()),
    nn.ReLU: ("relu", lambda m: ()),
    nn.Dropout: ("dropout", lambda m: ()),
}  # fmt: skip
