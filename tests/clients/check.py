"""The official openai and anthropic packages against a gateway: `check.py URL`.

The gateway's models: `chat` and `messages` answer in either dialect, `broken` breaks off in mid-stream,
`busy` refuses twice before it answers; `auto` is the router.
"""

import sys

import anthropic
import openai

TEXT = "The sky is blue, since blue light scatters most. Grüße aus Köln! 🙂"
CITIES = ["Ulm", "Köln"]
ASKED = [{"role": "user", "content": "Why is the sky blue?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

url = sys.argv[1]
chat = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
messages = anthropic.Anthropic(base_url=url, api_key="none", max_retries=0)
checks = []


def check(function):
    checks.append(function)
    return function


def same(said):
    assert said.split() == TEXT.split(), said


@check
def openai_whole():
    for model in ("auto", "chat", "messages"):
        raw = chat.chat.completions.with_raw_response.create(model=model, messages=ASKED)
        assert raw.headers["x-pointsman-decision-id"], raw.headers
        answer = raw.parse()
        same(answer.choices[0].message.content)
        assert answer.usage.completion_tokens == 22, answer.usage
        assert answer.usage.cost > 0, answer.usage


@check
def openai_streamed_with_usage_and_explanation():
    for model in ("auto", "chat", "messages"):
        said, usage, told = "", None, None
        stream = chat.chat.completions.create(
            model=model, messages=ASKED, stream=True, stream_options={"include_usage": True},
            extra_body={"pointsman": {"explain": True}})
        for chunk in stream:
            if chunk.choices:
                said += chunk.choices[0].delta.content or ""
            usage = chunk.usage or usage
            told = getattr(chunk, "pointsman", None) or told
        same(said)
        assert usage.prompt_tokens == 11, usage
        assert told["cost_usd"] > 0 and told["candidates"], told


@check
def openai_parallel_tools():
    tools = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    for model in ("chat", "messages"):
        asked = list(ASKED)
        first = chat.chat.completions.create(model=model, messages=asked, tools=tools).choices[0]
        assert first.finish_reason == "tool_calls"
        assert [call.function.arguments for call in first.message.tool_calls][0].replace(" ", "") == '{"city":"Ulm"}'
        asked.append(first.message.model_dump(exclude_none=True))
        asked += [{"role": "tool", "tool_call_id": call.id, "content": "12"} for call in first.message.tool_calls]
        same(chat.chat.completions.create(model=model, messages=asked, tools=tools).choices[0].message.content)
        with chat.chat.completions.stream(model=model, messages=ASKED, tools=tools) as stream:
            final = stream.get_final_completion()
        import json
        assert [json.loads(call.function.arguments)["city"] for call in final.choices[0].message.tool_calls] == CITIES


@check
def openai_responses():
    for model in ("chat", "messages"):
        answer = chat.responses.create(model=model, input="Why is the sky blue?")
        same(answer.output_text)
        assert answer.usage.output_tokens == 22
        with chat.responses.stream(model=model, input="Why is the sky blue?") as stream:
            kinds = [event.type for event in stream]
            same(stream.get_final_response().output_text)
        assert "response.output_text.delta" in kinds, kinds


@check
def anthropic_whole_and_streamed():
    for model in ("auto", "chat", "messages"):
        answer = messages.messages.create(model=model, max_tokens=100, messages=ASKED)
        same(answer.content[0].text)
        assert answer.stop_reason == "end_turn" and answer.usage.output_tokens == 22
        with messages.messages.stream(model=model, max_tokens=100, messages=ASKED) as stream:
            same("".join(stream.text_stream))
            assert stream.get_final_message().usage.output_tokens == 22


@check
def anthropic_parallel_tools():
    tools = [{"name": "weather", "input_schema": SCHEMA}]
    for model in ("chat", "messages"):
        with messages.messages.stream(model=model, max_tokens=100, messages=ASKED, tools=tools) as stream:
            final = stream.get_final_message()
        uses = [block for block in final.content if block.type == "tool_use"]
        assert [use.input["city"] for use in uses] == CITIES, uses
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": "12"} for use in uses]
        asked = ASKED + [{"role": "assistant", "content": final.content}, {"role": "user", "content": results}]
        same(messages.messages.create(model=model, max_tokens=100, messages=asked, tools=tools).content[0].text)


@check
def errors_are_those_of_each_package():
    for call, error in (
        (lambda: chat.chat.completions.create(model="nobody", messages=ASKED), openai.NotFoundError),
        (lambda: chat.chat.completions.create(model="chat", messages=7), openai.BadRequestError),
        (lambda: chat.responses.create(model="nobody", input="a"), openai.NotFoundError),
        (lambda: messages.messages.create(model="nobody", max_tokens=9, messages=ASKED), anthropic.NotFoundError),
    ):
        try:
            call()
        except error as raised:
            assert raised.body, raised
        else:
            raise AssertionError(f"no {error}")


@check
def a_break_in_mid_stream_is_an_error():
    try:
        for _ in chat.chat.completions.create(model="broken", messages=ASKED, stream=True):
            pass
    except openai.APIError:
        pass
    else:
        raise AssertionError("the stream ended as if it were whole")
    try:
        with messages.messages.stream(model="broken", max_tokens=9, messages=ASKED) as stream:
            list(stream.text_stream)
    except anthropic.APIError:
        pass
    else:
        raise AssertionError("the stream ended as if it were whole")


@check
def a_busy_provider_is_asked_again():
    raw = chat.chat.completions.with_raw_response.create(model="busy", messages=ASKED)
    assert raw.headers["x-pointsman-retries"] == "2", raw.headers
    same(raw.parse().choices[0].message.content)


@check
def models_are_listed():
    assert {"auto", "chat", "messages"} <= {model.id for model in chat.models.list()}


for one in checks:
    one()
    print("ok", one.__name__, flush=True)
