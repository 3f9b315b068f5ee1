// The official openai package and Vercel's ai package against a gateway: `check.mjs URL`.
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, streamText, tool } from "ai";
import OpenAI from "openai";

const TEXT = "The sky is blue, since blue light scatters most. Grüße aus Köln! 🙂";
const url = process.argv[2];
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const provider = createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
const messages = [{ role: "user", content: "Why is the sky blue?" }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const same = (said) => assert.deepEqual(said.trim().split(/\s+/), TEXT.split(" "));

const checks = {
  async openai_whole_and_streamed() {
    for (const model of ["auto", "chat", "messages"]) {
      const answer = await client.chat.completions.create({ model, messages });
      same(answer.choices[0].message.content);
      let said = "";
      for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
        said += chunk.choices[0]?.delta?.content ?? "";
      }
      same(said);
    }
  },
  async openai_tools() {
    const tools = [{ type: "function", function: { name: "weather", parameters } }];
    for (const model of ["chat", "messages"]) {
      const final = await client.chat.completions.stream({ model, messages, tools }).finalChatCompletion();
      const cities = final.choices[0].message.tool_calls.map((call) => JSON.parse(call.function.arguments).city);
      assert.deepEqual(cities, ["Ulm", "Köln"]);
    }
  },
  async openai_responses() {
    for (const model of ["chat", "messages"]) {
      const answer = await client.responses.create({ model, input: "Why is the sky blue?" });
      same(answer.output_text);
      let said = "";
      for await (const event of await client.responses.create({ model, input: "Why?", stream: true })) {
        if (event.type === "response.output_text.delta") said += event.delta;
      }
      same(said);
    }
  },
  async ai_whole_and_streamed() {
    for (const model of [provider.chat("auto"), provider.chat("messages"), provider.responses("chat"), provider.responses("messages")]) {
      same((await generateText({ model, messages })).text);
      let said = "";
      const result = streamText({ model, messages });
      for await (const part of result.textStream) said += part;
      same(said);
      assert.equal((await result.usage).outputTokens, 22);
    }
  },
  async ai_tools() {
    const weather = tool({ description: "The weather", inputSchema: jsonSchema(parameters), execute: async () => "12" });
    for (const model of [provider.chat("chat"), provider.chat("messages"), provider.responses("messages")]) {
      const { toolCalls, toolResults } = await generateText({ model, messages, tools: { weather } });
      assert.deepEqual(toolCalls.map((call) => call.input.city), ["Ulm", "Köln"]);
      assert.equal(toolResults.length, 2);
    }
  },
  async errors() {
    await assert.rejects(client.chat.completions.create({ model: "nobody", messages }), OpenAI.NotFoundError);
    const broken = await client.chat.completions.create({ model: "broken", messages, stream: true });
    await assert.rejects(async () => {
      for await (const _ of broken);
    }, OpenAI.APIError);
  },
};

for (const [name, run] of Object.entries(checks)) {
  await run();
  console.log("ok", name);
}
