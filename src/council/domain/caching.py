"""The answer cache: its settings."""

from dataclasses import dataclass

from council.domain.options import option

KINDS = ("off", "exact", "semantic")


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """Answers of the local model, given again to the same question of the same user."""

    kind: str = option(
        "off", "`off`, `exact` (the same words) or `semantic` (the same meaning), where a request says nothing."
    )
    ttl_s: float = option(86_400.0, "An answer older than this is not given again, seconds.", low=1, high=31_536_000)
    questions_max: int = option(5000, "Questions kept, of all users together.", low=1, high=1_000_000)
    wordings_max: int = option(8, "Wordings kept of one question.", low=1, high=1000)
    answer_bytes_max: int = option(32 * 1024, "Larger answers are not kept, bytes.", low=256, high=512 * 1024)
    cosine_min: float = option(0.9, "Least similarity of two wordings of one question.", low=0, high=1)
    timeout_s: float = option(0.5, "Longest wait for the cache, seconds.", low=0.01, high=60)
