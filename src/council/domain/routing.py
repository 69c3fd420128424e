"""Settings of the router and of what it may learn from."""

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


@dataclass(frozen=True, slots=True)
class LearningConfig:
    """What is kept of questions to teach the router. Off unless switched on: it stores what people ask."""

    on: bool = options.option(False, "Questions and what became of them are kept, for the user who asked them.")
    keep_days: int = options.option(7, "For so many days.", low=1, high=365)
    user_rows_max: int = options.option(1000, "Most questions kept of one user; the oldest go.", low=1, high=100_000)
    queue_max: int = options.option(
        256, "Rows that may wait to be written; beyond it they are not kept.", low=1, high=100_000
    )
