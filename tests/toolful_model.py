"""A program: the model process's engine with a template that shows tools, which the packaged model's own does not.

Prints one JSON document: whether the engine sees that it shows them, and the chunks of a conversation in which earlier
turns called a function. A process of its own, since llama.cpp's server thread cannot be joined.
"""

import json
import os
import sys
from typing import Any

import xllamacpp

from council.backends.model_provider import packaged
from council.domain import config
from council.services import model

TEMPLATE = """{%- if tools %}<|im_start|>system
You may call functions. <tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>
For each call return <tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
{% endif %}{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}{%- if message.tool_calls %}{%- for tool_call in message.tool_calls %}
<tool_call>
{"name": "{{ tool_call.function.name }}", "arguments": {{ tool_call.function.arguments | tojson }}}
</tool_call>{%- endfor %}{%- endif %}<|im_end|>
{% endfor %}{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Collected:
    """Stands where the event loop's end of a generation does."""

    cancelled = False

    def __init__(self) -> None:
        self.chunks: list[dict[str, Any]] = []

    def take(self, chunk: dict[str, Any]) -> bool:
        self.chunks.append(chunk)
        return False

    def finish(self) -> None:
        pass


def main() -> None:
    plain = xllamacpp.CommonParams

    def parameters() -> Any:
        made = plain()
        made.chat_template = TEMPLATE
        return made

    xllamacpp.CommonParams = parameters  # there is no setting for the template: it comes with the file
    engine = model._Engine(packaged.find_source(), config.ModelConfig(slots=1, context_tokens=1024))
    messages = []
    for city in ("Rome", "Oslo", "Bern", "Lima"):
        call = f'<tool_call>\n{{"name": "weather", "arguments": {{"city": "{city}"}}}}\n</tool_call>'
        messages.append({"role": "user", "content": f"What is the weather in {city}?"})
        messages.append({"role": "assistant", "content": call})
    messages.append({"role": "user", "content": "What is the weather in Paris?"})
    collected = Collected()
    body = {"messages": messages, "tools": [WEATHER], "max_tokens": 60, "temperature": 0}
    engine.chat(body, collected)
    json.dump({"shows_tools": engine._shows_tools(), "chunks": collected.chunks}, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
