"""Claims about measured numbers, printed beside them: true with room to spare, or the notebook says False.

Measured numbers differ in the fourth digit from machine to machine, so a chapter's test cannot compare them. It compares
what follows from them.
"""

from collections.abc import Mapping, Sequence


class Claim:
    """A sentence and whether it holds: shows as "sentence: True"."""

    def __init__(self, sentence: str, holds: bool) -> None:
        self.sentence = sentence
        self.holds = bool(holds)

    def __bool__(self) -> bool:
        return self.holds

    def __repr__(self) -> str:
        return f"{self.sentence}: {self.holds}"


def higher(quantity: str, measured: Mapping[str, Sequence[float] | float], *, by: float = 0, times: float = 1) -> Claim:
    """Claims that the first of two entries of `measured` lies above the second, in every run of either.

    An entry is a value or a list of them, one a run; the least of the first must exceed `times` the greatest of the
    second plus `by`. Raises ValueError unless there are two entries.
    """
    if len(measured) != 2:
        raise ValueError(f"measured has {len(measured)} entries; a claim compares two, the higher first")
    (high_name, high), (low_name, low) = measured.items()
    high, low = ([values] if isinstance(values, int | float) else list(values) for values in (high, low))
    bound = f"{times:,g} × {low_name}" if times != 1 else low_name
    bound += f" + {by:g}" if by else ""
    runs = ", in every run" if max(len(high), len(low)) > 1 else ""
    return Claim(f"{quantity}: {high_name} > {bound}{runs}", min(high) > times * max(low) + by)
