from council.backends.model_provider import http

BODY = {"model": "m", "messages": [], "stream_options": {"include_usage": True}, "max_completion_tokens": 9}


def test_a_request_goes_as_it_came_where_nothing_is_omitted() -> None:
    assert http.fitted(BODY, ()) is BODY


def test_what_a_server_refuses_is_left_out() -> None:
    assert http.fitted(BODY, ("stream_options",)) == {"model": "m", "messages": [], "max_completion_tokens": 9}


def test_the_limit_on_an_answer_is_never_lost() -> None:
    assert http.fitted(BODY, ("max_completion_tokens",))["max_tokens"] == 9
    both = http.fitted({**BODY, "max_tokens": 5}, ("max_completion_tokens",))
    assert both["max_tokens"] == 9 and "max_completion_tokens" not in both
    assert "max_tokens" not in http.fitted({"max_completion_tokens": None}, ("max_completion_tokens",))
