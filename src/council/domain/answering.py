"""Settings of whom a question is put to: the router, and the specialists that ask a model."""

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
class LearningRowsConfig:
    """What `learning` keeps at most. What is beyond it is deleted, the oldest first, whether `learning` is on or off."""

    days: float = options.option(7.0, "Nothing is kept for longer than this, days.", low=0.01, high=366)
    rows_user_max: int = options.option(1_000, "Most rows of one user.", low=1, high=1_000_000)
    rows_max: int = options.option(10_000, "Most rows of all users, up to 8 KiB each.", low=1, high=1_000_000)


# What recall can read from packages, see serving/memory/corpora.
CORPORA = ("countries", "elements", "python", "dictionary")


@dataclass(frozen=True, slots=True)
class KnowledgeConfig:
    """What the knowledge specialist knows beside guidebook, knowledge folder and library."""

    corpora: tuple[str, ...] = options.option(
        CORPORA, "Packaged sources that are asked: `countries`, `elements`, `python`, `dictionary`; empty: none."
    )


@dataclass(frozen=True, slots=True)
class GeneralConfig:
    """The local model as the last to answer, and the tools that it may use first."""

    model: str = options.option(
        "", "Who answers last: a model of providers.yaml that costs nothing; empty: the model of this machine."
    )
    tools: bool = options.option(
        False, "Let it calculate, solve, search and run code first. The packaged model is too small."
    )
    tools_rounds_max: int = options.option(2, "Most tools used for one answer.", low=1, high=10)
    tools_tokens_max: int = options.option(256, "Most tokens of one choice of a tool and its input.", low=16, high=8192)
    tools_s: float = options.option(20.0, "Longest that choosing and using tools may take, seconds.", low=0.5, high=600)


@dataclass(frozen=True, slots=True)
class CodeConfig:
    """The code specialist."""

    model: str = options.option(
        "", "Who writes functions: a model of providers.yaml that costs nothing; empty: the model of this machine."
    )
    textbook: bool = options.option(
        True, "Answer a wish for a textbook function, and no more, by one that comes tested."
    )
    search: bool = options.option(True, "Search small programs for functions with examples before a model is asked.")
    samples_max: int = options.option(2, "Drafts of a function that a model may write for your tests.", low=1, high=32)
    repairs_max: int = options.option(1, "Repairs of each draft that fails your tests.", low=0, high=16)
    self_tests: bool = options.option(
        True, "Have a model write tests for a function that came with none, and run them."
    )
    self_test_tokens_max: int = options.option(160, "Longest such tests, tokens.", low=16, high=4096)


@dataclass(frozen=True, slots=True)
class ProgramsConfig:
    """Programs that a model writes for word problems that no grammar reads."""

    model: str = options.option(
        "", "Who writes them: a model of providers.yaml that costs nothing; empty: the model of this machine."
    )
    samples: int = options.option(
        0, "Programs written for a word problem; 0: none. The packaged model is too small.", low=0, high=32
    )
    agree_min: float = options.option(
        0.6, "Share of them, two and more than half at least, that must print the same.", low=0.5, high=1
    )
    tokens_max: int = options.option(300, "Longest program, tokens.", low=32, high=4096)
    wall_s: float = options.option(30.0, "Longest that writing and running them may take, seconds.", low=1, high=600)


@dataclass(frozen=True, slots=True)
class LogicConfig:
    """Puzzles that no grammar reads, rewritten by a model."""

    model: str = options.option(
        "", "Who rewrites them: a model of providers.yaml that costs nothing; empty: the model of this machine."
    )
    translate_tokens_max: int = options.option(
        0,
        "Longest rewriting of a puzzle, tokens; 0: none is asked for. The packaged model is too small.",
        low=0,
        high=8192,
    )
    translate_s: float = options.option(20.0, "Longest that rewriting one may take, seconds.", low=0.5, high=600)
