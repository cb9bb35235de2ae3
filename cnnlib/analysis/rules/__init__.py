"""What each operation costs and sees: a rule each, in a file for each group of operations.

A rule is a function of the step that runs (`step.Step`), of torch's own function, and of its arguments. It returns the
output, the fields of its positions, and its MACs.
"""

from cnnlib.analysis.rules import convolution, joining, linear, moving, pointwise, pooling

# One name for the spellings of an operation: `x + y`, `x += y`, `torch.add`.
SPELLINGS = {
    "__getitem__": "slice", "add_": "add", "sub_": "sub", "__rsub__": "sub", "mul_": "mul", "div_": "div",
    "__rdiv__": "div", "true_divide": "div", "concat": "cat", "concatenate": "cat", "relu_": "relu", "relu6_": "relu6",
    "clamp_": "clamp", "sigmoid_": "sigmoid", "dropout_": "dropout",
}  # fmt: skip

# Questions about a tensor, and constants of its shape.
QUESTIONS = frozenset("size dim numel new_zeros new_ones new_full new_empty zeros_like ones_like".split())
BIASED = frozenset(linear.RULES | convolution.RULES)  # their third argument, or `bias`, is added to each output
# No row of their own. __get__ is x.shape, and x.T, which no rule follows.
NO_ROW = moving.SILENT | moving.SPLITS | moving.TRANSPOSES | {"__get__"}
RULES = linear.RULES | convolution.RULES | pooling.RULES | pointwise.RULES | joining.RULES | moving.RULES
