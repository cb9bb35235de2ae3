"""Operations without a rule of their own."""

from cnnlib.analysis.receptive_field import UNKNOWN
from cnnlib.analysis.rules.step import Seen, Step, on_meta


def unknown(step: Step, func, *args, **kwargs) -> Seen:
    """Runs on the meta device, where torch counts the matrix products; the fields of its positions are not known."""
    from torch.utils.flop_counter import FlopCounterMode  # takes a tenth of a second, and most networks need none

    with FlopCounterMode(display=False) as counter:  # matrix products under whatever name
        output = func(*on_meta(args), **on_meta(kwargs))
    return output, UNKNOWN, counter.get_total_flops() // 2
