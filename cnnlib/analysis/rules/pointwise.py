"""Operations that work on each position alone: activations, normalisations, dropout."""

from cnnlib.analysis.rules.step import Seen, Step

# Each position of the output depends on the same position of the input alone. Normalisations are among
# them: of the other positions they use mean and spread alone.
POINTWISE = frozenset(
    """relu relu6 leaky_relu elu celu selu gelu silu mish prelu rrelu softplus tanh sigmoid hardtanh hardswish
    hardsigmoid softmax log_softmax clamp exp log sqrt rsqrt neg abs pow square dropout dropout1d dropout2d dropout3d
    alpha_dropout feature_alpha_dropout batch_norm instance_norm group_norm local_response_norm channel_shuffle
    native_channel_shuffle""".split()
)


def pointwise(step: Step, func, *args, **kwargs) -> Seen:
    """Each position of the output sees what that position of the input sees."""
    image = step.images[0]
    return image.detach(), image.fields, 0  # detach: the cheapest other tensor of this shape


RULES = dict.fromkeys(POINTWISE, pointwise)
