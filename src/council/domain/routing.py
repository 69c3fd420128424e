"""Settings of the router."""

from dataclasses import dataclass

from council.domain import options


@dataclass(frozen=True, slots=True)
class RouterConfig:
    """Where questions go, and how much is tried before the model is asked."""

    try_from: float = options.option(
        0.03, "A specialist that checks itself is tried from this probability on, 0 to 1.", low=0, high=1
    )
    code_from: float = options.option(
        0.35, "The code specialist is asked from this probability on, where none other is likelier.", low=0, high=1
    )
    split: bool = options.option(True, "Questions of several that stand alone are answered one by one.")
    unsure_below: float = options.option(
        0.6, "Below this probability the text's meaning is looked at as well; 0: never.", low=0, high=1
    )
    vector_wait_s: float = options.option(0.015, "Longest wait for that, seconds.", low=0.001, high=1)
