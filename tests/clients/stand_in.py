"""Providers on loopback that speak the chat and the messages dialect, in awkward pieces.

Prints its port. What it does follows from the name of the model that it is asked for:
`plain-*` answers, `broken-*` breaks off in mid-stream, `busy-*` refuses twice before it answers.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = "The sky is blue, since blue light scatters most. Grüße aus Köln! 🙂"
refusals = {}
lock = threading.Lock()


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if body["model"].startswith("busy") and self.refuses(body["model"]):
            return self.fail(429, "slow down", {"retry-after": "0.05"})
        messages = self.path.endswith("/messages")
        wants_tool = bool(body.get("tools")) and not has_result(body, messages)
        if not body.get("stream"):
            return self.say(whole(messages, wants_tool))
        events = stream(messages, wants_tool)
        self.say_in_pieces(events, breaks=body["model"].startswith("broken"))

    def refuses(self, model):
        with lock:
            refusals[model] = refusals.get(model, 0) + 1
            return refusals[model] % 3 != 0

    def fail(self, status, message, headers):
        self.say({"error": {"message": message, "type": "error"}}, status, headers)

    def say(self, value, status=200, headers=None):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def say_in_pieces(self, events, breaks):
        """Seven bytes at a time, so that every event and many a character is cut."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        said = "".join(events).encode()
        for at in range(0, len(said) // 2 if breaks else len(said), 7):
            piece = said[at : at + 7]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        if breaks:
            time.sleep(0.05)
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


def has_result(body, messages):
    if not messages:
        return any(message["role"] == "tool" for message in body["messages"])
    parts = [part for message in body["messages"] if isinstance(message["content"], list) for part in message["content"]]
    return any(part["type"] == "tool_result" for part in parts)


CALLS = [("call_1", "weather", {"city": "Ulm"}), ("call_2", "weather", {"city": "Köln"})]


def whole(messages, wants_tool):
    if messages:
        content = [{"type": "text", "text": TEXT}]
        if wants_tool:
            content = [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in CALLS]
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "its-name", "content": content,
            "stop_reason": "tool_use" if wants_tool else "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": 11, "output_tokens": 22},
        }
    message = {"role": "assistant", "content": TEXT, "refusal": None}
    if wants_tool:
        calls = [{"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a in CALLS]
        message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "its-name",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if wants_tool else "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33},
    }


def stream(messages, wants_tool):
    return list(message_events(wants_tool) if messages else chat_events(wants_tool))


def chat_events(wants_tool):
    def chunk(delta, finish=None, usage=None, choices=True):
        listed = [{"index": 0, "delta": delta, "finish_reason": finish}] if choices else []
        value = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "its-name", "choices": listed, "usage": usage}
        return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"

    yield ": a comment\n\n"
    yield chunk({"role": "assistant", "content": ""})
    if wants_tool:
        for at, (identity, name, arguments) in enumerate(CALLS):
            text = json.dumps(arguments)
            yield chunk({"tool_calls": [{"index": at, "id": identity, "type": "function", "function": {"name": name, "arguments": ""}}]})
            for half in (text[:5], text[5:]):
                yield chunk({"tool_calls": [{"index": at, "function": {"arguments": half}}]})
    else:
        for word in TEXT.split(" "):
            yield chunk({"content": word + " "})
    yield chunk({}, "tool_calls" if wants_tool else "stop")
    yield chunk({}, usage={"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33}, choices=False)
    yield "data: [DONE]\n\n"


def message_events(wants_tool):
    def event(kind, **fields):
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n"

    empty = {"id": "msg_1", "type": "message", "role": "assistant", "model": "its-name", "content": [], "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 11, "output_tokens": 1}}
    yield event("message_start", message=empty)
    yield event("ping")
    if wants_tool:
        for at, (identity, name, arguments) in enumerate(CALLS):
            yield event("content_block_start", index=at, content_block={"type": "tool_use", "id": identity, "name": name, "input": {}})
            text = json.dumps(arguments)
            for half in (text[:5], text[5:]):
                yield event("content_block_delta", index=at, delta={"type": "input_json_delta", "partial_json": half})
            yield event("content_block_stop", index=at)
    else:
        yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for word in TEXT.split(" "):
            yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": word + " "})
        yield event("content_block_stop", index=0)
    yield event("message_delta", delta={"stop_reason": "tool_use" if wants_tool else "end_turn", "stop_sequence": None}, usage={"output_tokens": 22})
    yield event("message_stop")


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
