"""What travels over HTTP, one module for each form that clients speak.

Inside, there is one form: OpenAI's chat completions as plain parsed JSON. A request is a dict, a whole answer a
`chat.completion` dict, a stream a sequence of `chat.completion.chunk` dicts. `chat` checks that form and writes it; every
other module translates to it and from it, and does nothing else: no I/O, no clock, no ids of its own making.

    messages.py     Anthropic's POST /v1/messages
    responses.py    OpenAI's POST /v1/responses
    completions.py  OpenAI's legacy POST /v1/completions
    fields.py       how the three read a field, and refuse one by name
    events.py       how they write a server-sent event

Each of the three offers the same: `to_chat`, `whole`, `error_body`, and `Events` with `opening`, `chunk`, `ending` and
`failed`. A field that changes nothing about the answer is ignored; one that would is translated or refused by name.
"""
