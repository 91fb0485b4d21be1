// Real clients for Node, each as its users use it: lists the tools, sends one mail, reads one refusal.
//
//   node node_clients.mjs CLIENT stdio|http JSON
//
// JSON has the `subject`, and `command` and `environment`, or `url`. Prints JSON as python_clients.py does.
const [name, transport, json] = process.argv.slice(2);
const place = JSON.parse(json);

async function report(tools, call) {
  const mail = { to: "ada@example.org", subject: place.subject, body: "Hello" };
  const seen = [];
  for (const given of [mail, { ...mail, to: "nobody" }]) {
    seen.push(await call(given).catch((error) => String(error)));
  }
  const [sent, refused] = seen.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  console.log(JSON.stringify({ tools, sent, refused }));
}

async function withSdk(Client, StdioClientTransport, StreamableHTTPClientTransport) {
  const client = new Client({ name: "outside", version: "1" });
  const [command, ...args] = place.command ?? [];
  await client.connect(
    transport === "stdio"
      ? new StdioClientTransport({ command, args, env: place.environment, stderr: "ignore" })
      : new StreamableHTTPClientTransport(new URL(place.url)),
  );
  const { tools } = await client.listTools();
  await report(tools.length, (given) => client.callTool({ name: "send_email", arguments: given }));
  await client.close();
}

const clients = {
  "@modelcontextprotocol/sdk": async () => {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    await withSdk(Client, StdioClientTransport, StreamableHTTPClientTransport);
  },
  "@modelcontextprotocol/client": async () => {
    const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
    const { StdioClientTransport } = await import("@modelcontextprotocol/client/stdio");
    await withSdk(Client, StdioClientTransport, StreamableHTTPClientTransport);
  },
  "@ai-sdk/mcp": async () => {
    const { createMCPClient } = await import("@ai-sdk/mcp");
    const { Experimental_StdioMCPTransport: StdioTransport } = await import("@ai-sdk/mcp/mcp-stdio");
    const [command, ...args] = place.command ?? [];
    const client = await createMCPClient({
      transport:
        transport === "stdio"
          ? new StdioTransport({ command, args, env: place.environment, stderr: "ignore" })
          : { type: "http", url: place.url },
    });
    const tools = await client.tools();
    const { execute, toModelOutput } = tools.send_email;
    await report(Object.keys(tools).length, async (given) => {
      const output = await execute(given, { toolCallId: "1", messages: [] });
      return toModelOutput ? toModelOutput({ output, toolCallId: "1", input: given }) : output;
    });
    await client.close();
  },
};

await clients[name]();
process.exit(0);
