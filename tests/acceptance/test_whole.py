"""The main job, over HTTP, with all real parts: one question a specialist, the official client, the page, the ledger."""

import json
import urllib.request

import openai
import pytest

import whole
from council.gateway import pages, questions

EXPECTED = {
    "math": ("computed", True, "397.8"),
    "logic": ("proved", True, "Yes"),
    "knowledge": ("quoted", False, "Source:"),
    "code": ("self-tested", False, "def reverse_string("),
    "general": ("none", False, ""),
}


@pytest.fixture(scope="module")
def client(served: whole.Council) -> openai.OpenAI:
    return openai.OpenAI(base_url=served.base_url + "/v1", api_key=served.token, max_retries=0, timeout=120)


@pytest.mark.parametrize(("route", "text"), questions.QUESTIONS)
def test_each_specialist_answers_its_question(client, route, text):
    reply = client.chat.completions.create(model="council", messages=[{"role": "user", "content": text}], max_tokens=80)
    level, verified, fragment = EXPECTED[route]
    council = reply.council
    assert (council["specialist"], council["evidence"]["level"], council["verified"]) == (route, level, verified)
    assert fragment in reply.choices[0].message.content and reply.choices[0].message.content.strip()
    assert len(council["generation"]) >= 40 and council["cost_usd_micros"] == 0 and not council["degraded"]


def test_the_official_client_streams_with_usage(client):
    messages = [{"role": "user", "content": "Say hello."}]
    stream = client.chat.completions.create(
        model="council/general", messages=messages, max_tokens=12, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text and chunks[-1].usage.completion_tokens > 0
    assert chunks[-1].council["timings_ms"]["first_token"] > 0


def test_the_official_client_sees_our_errors_as_its_own(client):
    messages = [{"role": "user", "content": "x"}]
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-5", messages=messages)
    with pytest.raises(openai.BadRequestError, match="answers plain text, and `n` asks for more"):
        client.chat.completions.create(model="council/math", messages=messages, n=3)
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="cncl_wrong").models.list()


def test_to_start_it_again_is_no_failure_and_says_where_it_runs(served):
    pid = (served.home / "run" / "supervisor.lock").read_text()
    done = served.command("up", "--detach", timeout_s=60)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"ready {served.base_url}"), done.stderr
    assert (served.home / "run" / "supervisor.lock").read_text() == pid
    done = served.command("up", "--detach", "--port", str(served.port + 1000), timeout_s=60)
    assert done.returncode == 4 and f"runs already at {served.base_url}, and not on port" in done.stderr


def test_the_packaged_model_answers_by_name(client):
    assert "smollm2-135m-instruct" in [model.id for model in client.models.list()]
    messages = [{"role": "user", "content": "Say hello."}]
    reply = client.chat.completions.create(model="smollm2-135m-instruct", messages=messages, max_tokens=5)
    assert reply.usage.completion_tokens == 5 and reply.choices[0].finish_reason == "length"


def test_a_conversation_over_the_models_context_is_told_by_how_much(client):
    messages = [{"role": "user", "content": "hello " * 6_000}]
    with pytest.raises(openai.BadRequestError, match="more than the model's context") as caught:
        client.chat.completions.create(model="council/general", messages=messages)
    assert caught.value.code == "context_length_exceeded"


def test_a_number_too_large_to_write_is_refused_with_its_reading(client):
    reply = client.chat.completions.create(model="council", messages=[{"role": "user", "content": "9**9**9**9"}])
    assert reply.council["refused"] and "9^(9^(9^9))" in reply.council["evidence"]["summary"]


def test_the_page_shows_the_state_and_what_to_try(served):
    page = urllib.request.urlopen(served.base_url + "/").read().decode()
    if (pages.FOLDER / "index.html").exists():
        # The dashboard is built: what it shows is tried in a browser.
        assert '<div id="app">' in page and "<script>" not in page
        return
    assert "All 7 parts are up." in page and questions.QUESTIONS[0][1] in page and "/openapi.json" in page


def test_every_answer_is_one_row_of_the_ledger(served, client):
    reply = client.chat.completions.create(model="council", messages=[{"role": "user", "content": "What is 2+2?"}])
    rows = [json.loads(line) for line in served.command("ledger", "export").stdout.splitlines()]
    assert [row["outcome"] for row in rows if row["request_id"] == reply.council["request_id"]] == ["answered"]
    report = json.loads(served.command("ledger", "report", "--by", "route", "--json").stdout)
    assert sum(line["requests"] for line in report) == len(rows)


def test_one_request_id_runs_through_all_processes(served, client):
    reply = client.chat.completions.create(
        model="council/code", messages=[{"role": "user", "content": "Write a Python function f."}], max_tokens=30
    )
    request_id = reply.council["request_id"]
    # The line is written when the last byte has left, which may be after it has come.
    whole.wait_until(lambda: request_id in (served.home / "logs" / "gateway.log").read_text(), 10)
    logs = {path.stem: path.read_text() for path in (served.home / "logs").glob("*.log")}
    for name, text in logs.items():
        assert "Write a Python function f" not in text, f"the prompt is in the log of {name}"
        assert served.token not in text, f"the token is in the log of {name}"


def test_ask_prints_the_answer_and_explains_it(served):
    asked = served.command("ask", "--explain", "What is 17% of 200?")
    assert asked.returncode == 0 and "34" in asked.stdout and "Verified    yes (level computed)" in asked.stdout


def test_status_names_every_process(served):
    services = json.loads(served.command("status", "--json").stdout)["services"]
    assert [one["name"] for one in services] == [
        "store",
        "model",
        "worker",
        "recall",
        "zygote",
        "sandboxd",
        "patchctl",
        "watcher",
        "steward",
        "gateway",
        "bots",
    ]
    assert all(one["state"] == "ready" and one["memory_bytes"] > 1_000_000 and one["generation"] for one in services)


def test_doctor_finds_nothing_to_mend(served):
    done = served.command("doctor")
    assert done.returncode == 0 and "FAIL" not in done.stdout, done.stdout


def test_metrics_of_every_process_can_be_scraped(served):
    targets = json.loads((served.home / "run" / "targets.json").read_text())
    for target in targets:
        text = urllib.request.urlopen(f"http://{target['targets'][0]}/metrics").read().decode()
        assert f'svc="{target["labels"]["svc"]}"' in text


def test_a_document_put_into_the_library_is_quoted_within_seconds(served, client):
    (served.home / "library" / "boats.md").write_text("# Boats\n\nThe ketch Marigold was launched at Whitby in 1911.\n")

    def quoted() -> bool:
        asked = [{"role": "user", "content": "When was the ketch Marigold launched?"}]
        reply = client.chat.completions.create(model="council/knowledge", messages=asked)
        return (
            "1911" in reply.choices[0].message.content
            and reply.council["evidence"]["detail"]["passages"][0]["root"] == "library"
        )

    whole.wait_until(quoted, 30)


def test_a_shed_of_all_refuses_tells_strangers_no_reason_and_ends_by_itself(served, client):
    def asked() -> str:
        try:
            client.chat.completions.create(model="council", messages=[{"role": "user", "content": "What is 2 + 3?"}])
        except openai.InternalServerError as error:
            return f"{error.status_code} {error.code} {error.message} {error.response.headers['retry-after']}"
        return "answered"

    put = ("overrides", "put", "shed", "*", "100", "--reason", "The well is dry", "--for")
    assert served.command(*put, "10m").returncode == 0
    whole.wait_until(lambda: asked() != "answered", 30.0)
    said = asked()
    assert said.startswith("503 shed ") and "The well is dry" not in said and said.endswith(" 60")
    status = served.command("status").stdout
    assert "refuse 100 % of new requests. The well is dry (owner, " in status
    # The later one takes the place of the first, and nobody lifts it.
    assert served.command(*put, "3s").returncode == 0
    whole.wait_until(lambda: asked() == "answered", 30.0)
    rows = json.loads(served.command("overrides", "list", "--json").stdout)
    assert [(one["in_force"], one["lifted_us"] is None) for one in rows[:2]] == [(False, True), (False, False)]
