# Real clients for Python, each as its users use it: lists the tools, sends one mail, reads one refusal.
#
#   python_clients.py CLIENT stdio|http JSON
#
# JSON has the `subject`, and `command` and `environment`, or `url`. Prints JSON: how many tools the client offers a model, and what a model gets to
# see of the mail and of the refusal.
from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Call = Callable[[dict], Awaitable[Any]]


async def report(tools: int, call: Call) -> None:
    mail = {"to": "ada@example.org", "subject": PLACE["subject"], "body": "Hello"}
    seen = []
    for arguments in mail, mail | {"to": "nobody"}:
        try:
            seen.append(await call(arguments))
        except Exception as error:  # a client raises a refusal as it likes; its words are what a model sees
            seen.append(str(error))
    print(json.dumps({"tools": tools, "sent": as_text(seen[0]), "refused": as_text(seen[1])}))


def as_text(seen: Any) -> str:
    return seen if isinstance(seen, str) else json.dumps(seen, default=lambda value: getattr(value, "__dict__", None) or str(value))


def mcp_streams(transport: str, place: dict) -> Any:
    from mcp import StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamable_http_client

    if transport == "http":
        return streamable_http_client(place["url"])
    command, *arguments = place["command"]
    return stdio_client(StdioServerParameters(command=command, args=arguments, env=place["environment"]))


def fastmcp_transport(transport: str, place: dict) -> Any:
    from fastmcp.client.transports import StdioTransport

    if transport == "http":
        return place["url"]
    command, *arguments = place["command"]
    return StdioTransport(command, arguments, env=place["environment"])


async def with_mcp(transport: str, place: dict) -> None:
    from mcp import Client

    async with Client(mcp_streams(transport, place)) as client:
        tools = (await client.list_tools()).tools

        async def call(arguments: dict) -> Any:
            return (await client.call_tool("send_email", arguments)).model_dump(mode="json")

        await report(len(tools), call)


async def with_fastmcp(transport: str, place: dict) -> None:
    from fastmcp import Client

    async with Client(fastmcp_transport(transport, place)) as client:

        async def call(arguments: dict) -> Any:
            result = await client.call_tool("send_email", arguments)
            return {"text": [block.text for block in result.content], "data": result.structured_content}

        await report(len(await client.list_tools()), call)


async def with_pydantic_ai(transport: str, place: dict) -> None:
    from pydantic_ai.mcp import MCPToolset

    server = MCPToolset(fastmcp_transport(transport, place))
    async with server:

        async def call(arguments: dict) -> Any:
            return await server.direct_call_tool("send_email", arguments)

        await report(len(await server.list_tools()), call)


async def with_openai_agents(transport: str, place: dict) -> None:
    from agents.mcp import MCPServerStdio, MCPServerStreamableHttp, MCPUtil
    from agents.tool_context import ToolContext

    if transport == "stdio":
        parameters = {"command": place["command"][0], "args": place["command"][1:], "env": place["environment"]}
        server: Any = MCPServerStdio(params=parameters)
    else:
        server = MCPServerStreamableHttp(params={"url": place["url"]})
    async with server:
        tools = [MCPUtil.to_function_tool(tool, server, convert_schemas_to_strict=True) for tool in await server.list_tools()]
        send = next(tool for tool in tools if tool.name == "send_email")

        async def call(arguments: dict) -> Any:
            # A strict schema makes a model give every parameter: null for what it does not want.
            strict = dict.fromkeys(send.params_json_schema["properties"]) | arguments
            given = json.dumps(strict if send.strict_json_schema else arguments)
            context = ToolContext(context=None, tool_name="send_email", tool_call_id="1", tool_arguments=given)
            return await send.on_invoke_tool(context, given)

        await report(len(tools), call)


async def with_langchain(transport: str, place: dict) -> None:
    from langchain_mcp_adapters.client import MultiServerMCPClient

    if transport == "stdio":
        way: dict = {"transport": "stdio", "command": place["command"][0], "args": place["command"][1:], "env": place["environment"]}
    else:
        way = {"transport": "streamable_http", "url": place["url"]}
    tools = await MultiServerMCPClient({"mail": way}).get_tools()
    send = next(tool for tool in tools if tool.name == "send_email")

    async def call(arguments: dict) -> Any:
        message = await send.ainvoke({"name": "send_email", "args": arguments, "id": "1", "type": "tool_call"})
        return message.content

    await report(len(tools), call)


async def with_google_genai(transport: str, place: dict) -> None:
    from google.genai import types
    from google.genai._adapters import McpToGenAiToolAdapter
    from mcp import ClientSession

    async with mcp_streams(transport, place) as streams, ClientSession(*streams[:2]) as session:
        await session.initialize()
        adapter = McpToGenAiToolAdapter(session, await session.list_tools())
        declared = [declaration for tool in adapter.tools for declaration in tool.function_declarations or []]

        async def call(arguments: dict) -> Any:
            result = await adapter.call_tool(types.FunctionCall(name="send_email", args=arguments))
            return result.model_dump(mode="json") if hasattr(result, "model_dump") else result

        await report(len(declared), call)


CLIENTS = {
    "mcp": with_mcp, "fastmcp": with_fastmcp, "pydantic-ai-slim": with_pydantic_ai, "openai-agents": with_openai_agents,
    "langchain-mcp-adapters": with_langchain, "google-genai": with_google_genai,
}

if __name__ == "__main__":
    PLACE = json.loads(sys.argv[3])
    asyncio.run(CLIENTS[sys.argv[1]](sys.argv[2], PLACE))
