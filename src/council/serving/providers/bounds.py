"""The most that a call can use, known before it is made; and what is charged where the true usage never comes. Pure.

A token of text is at least one byte, so a request has no more tokens than its JSON has bytes. Images are counted apart,
since a short address may stand for a large picture; and where a request refers to what lies at the server, it may fill the
model's context.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from council.domain import answers, providers

# What a chat template adds to each message.
_TOKENS_A_MESSAGE = 16
# More than any server takes: a larger `n` would only make the sums overflow.
_CHOICES_MAX = 1024
# A report of more than this is nonsense, whatever the model: believed, it would empty every budget.
_PLAUSIBLE_MAX = 1 << 24
# What stands for text that is not in the request.
_ELSEWHERE = ("previous_response_id", "conversation")


def prompt_tokens_max(body: Mapping[str, Any], body_bytes: int, model: providers.Model) -> int:
    """Return the most tokens that a request can come to."""
    found = body.get("messages") or body.get("input")
    messages = found if isinstance(found, list) else [found]
    if any(body.get(name) for name in _ELSEWHERE) or isinstance(body.get("prompt"), Mapping) or _files(messages):
        return model.context_tokens
    text = min(body_bytes + len(messages) * _TOKENS_A_MESSAGE, model.context_tokens)
    return text + _images(messages) * model.image_tokens_max


def completion_tokens_max(body: Mapping[str, Any], model: providers.Model) -> int:
    """Return the most tokens that an answer can come to, all of `n` together."""
    asked = [_count(body.get(name)) for name in ("max_completion_tokens", "max_tokens", "max_output_tokens")]
    # Only the least of them binds, but which one a server reads is its own affair. None generates beyond its context.
    longest = min(max(asked) or model.output_tokens_max, model.context_tokens)
    choices = min(max(1, _count(body.get("n")), _count(body.get("best_of"))), _CHOICES_MAX)
    return longest * choices * _prompts(body.get("prompt"))


def _count(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else 0


def _prompts(prompt: Any) -> int:
    """Return how many prompts a legacy completion holds, each answered for itself; a list of numbers is one."""
    if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int):
        return min(len(prompt), _CHOICES_MAX)
    return 1


def settled(
    reported: answers.Usage | None,
    prompt_max: int,
    completion_max: int,
    said_bytes: int,
    *,
    final: bool,
    complete: bool,
) -> tuple[answers.Usage, bool]:
    """Return what is charged, and whether that is an estimate.

    What a server reports at the end (`final`) is believed, for that is what it bills, even beyond the bounds, which may be too
    low; but not a number that no model makes, and not that text came from no token. Otherwise the most that it can have been
    is charged. Of a report from the middle the prompt is taken; of an answer that came to its end (`complete`) the text
    bounds the tokens, of any other nobody knows how far it got.
    """
    if reported is not None and max(reported.prompt_tokens, reported.completion_tokens) <= _PLAUSIBLE_MAX:
        if final and (reported.completion_tokens > 0 or said_bytes == 0):
            return reported, False
        prompt_max = reported.prompt_tokens
    return answers.Usage(prompt_max, min(completion_max, said_bytes) if complete else completion_max), True


def said_bytes(data: Mapping[str, Any]) -> int:
    """Return how many bytes of answer a reply or an event carries, in any wire form: every text in it counts."""
    return _text_bytes(data.get("choices") or data.get("content") or data.get("output") or data.get("delta"), 0)


_DEPTH_MAX = 12


def _text_bytes(value: Any, depth: int) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if depth > _DEPTH_MAX:
        return 0
    if isinstance(value, Mapping):
        return sum(_text_bytes(inner, depth + 1) for key, inner in value.items() if key in _SAID)
    if isinstance(value, Sequence):
        return sum(_text_bytes(inner, depth + 1) for inner in value)
    return 0


# Where the words of an answer stand, whatever the form.
_SAID = frozenset(
    "message delta content text refusal reasoning reasoning_content tool_calls function arguments name input partial_json"
    " thinking output summary".split()
)


def _images(messages: Sequence[Any]) -> int:
    """Count the parts that are no text, those in the results of tools too."""
    return sum(part.get("type") not in _TEXTUAL for part in _parts(messages, 0))


def _files(messages: Sequence[Any]) -> bool:
    """Return whether there are documents among the parts, which may be of any length."""
    return any(part.get("type") in _DOCUMENTS for part in _parts(messages, 0))


def _parts(messages: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if not isinstance(messages, list) or depth > _DEPTH_MAX:
        return
    for message in messages:
        if isinstance(message, Mapping):
            kind = message.get("type")
            if isinstance(kind, str) and (depth or kind.startswith("input_")):
                yield message
            for name in ("content", "output"):
                yield from _parts(message.get(name), depth + 1)


_DOCUMENTS = frozenset({"file", "input_file", "document", "input_audio", "container_upload"})
_TEXTUAL = frozenset({"text", "input_text", "output_text", "refusal", "tool_use", "tool_result", "thinking"})
