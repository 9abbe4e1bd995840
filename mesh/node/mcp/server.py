"""The server that every client speaks with: tools, resources and prompts on the official SDK, in both forms of MCP.

It is one object for all clients; which client asks comes with each request, since in the stateless form of 2026-07-28
nothing else tells. This is imported when the first client comes: the SDK takes a second and some 55 MB.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_dual_era_loop
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp.shared.exceptions import MCPError

import mesh
from mesh.errors import MeshError
from mesh.limits import CLIENT_REQUESTS_MAX, CLIENTS_MAX, SUBSCRIPTIONS_MAX
from mesh.node.mcp import prompts, resources, tools
from mesh.node.mcp.caller import Caller, principal
from mesh.node.mcp.clients import Client
from mesh.node.mcp.schemas import BY_NAME, TOOLS
from mesh.node.mcp.wire import Incoming, Outgoing

NAME = "mesh"
WORDS = (
    "The memory that this person's devices and agents share. Call continuity first. Before you finish: receipt. "
    "Work that is left: handoff."
)

_Context = ServerRequestContext[Client, Any]
_TOO_MANY = -32000
_JSON, _MARKDOWN = "application/json", "text/markdown"


class McpServer:
    """The server, with all that has subscribed to something."""

    def __init__(self) -> None:
        """Before any client."""
        self.changes = InMemorySubscriptionBus()
        self._listening = ListenHandler(self.changes, max_subscriptions=CLIENTS_MAX)
        self._server: Server[Client] = Server(
            NAME,
            version=mesh.__version__,
            instructions=WORDS,
            on_list_tools=_list_tools,
            on_call_tool=_call_tool,
            on_list_resources=_list_resources,
            on_list_resource_templates=_list_templates,
            on_read_resource=_read_resource,
            on_subscribe_resource=_subscribe,
            on_unsubscribe_resource=_unsubscribe,
            on_subscriptions_listen=self._listening,
            on_list_prompts=_list_prompts,
            on_get_prompt=_get_prompt,
        )
        self._server.middleware[:] = [_bounded]

    async def serve(self, client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it goes. What it began when it went is cancelled; what was said is kept."""
        outgoing = Outgoing(writer)
        options = self._server.create_initialization_options()
        incoming = Incoming(reader, outgoing)
        await serve_dual_era_loop(self._server, incoming, outgoing, lifespan_state=client, init_options=options)

    async def changed(self, uri: str) -> None:
        """Tell those who listen, in the stateless form, that a resource is worth reading again."""
        await self.changes.publish(ResourceUpdated(uri))


async def _bounded(ctx: _Context, call_next: CallNext) -> HandlerResult:
    """Refuse what one client asks beyond its bound."""
    client = ctx.lifespan_context
    if ctx.request_id is None:
        return await call_next(ctx)
    if client.under_way >= CLIENT_REQUESTS_MAX:
        raise MCPError(_TOO_MANY, f"more than {CLIENT_REQUESTS_MAX} requests at once: wait for some of their answers")
    client.under_way += 1
    try:
        return await call_next(ctx)
    finally:
        client.under_way -= 1


def _caller(context: _Context) -> Caller:
    """Who asks: as the pipe was started with `--as`, else as the client calls itself."""
    client, said = context.lifespan_context, context.session.client_params
    return Caller(client, client.name or principal(said.client_info.name if said else ""))


def _refused(error: MeshError) -> MCPError:
    return MCPError(types.INVALID_PARAMS, str(error), {"hint": error.hint})


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


async def _list_tools(_context: _Context, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[types.Tool.model_validate(tool.told()) for tool in TOOLS])


async def _call_tool(context: _Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    if params.name not in BY_NAME:
        raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name!r}", {"tools": list(BY_NAME)})
    found = await tools.answered(_caller(context), params.name, params.arguments or {})
    text = types.TextContent(type="text", text=found.text)
    return types.CallToolResult(content=[text], structured_content=found.told, is_error=found.failed)


# ── resources ────────────────────────────────────────────────────────────────────────────────────


async def _list_resources(
    _context: _Context, _params: types.PaginatedRequestParams | None
) -> types.ListResourcesResult:
    return types.ListResourcesResult(
        resources=[
            types.Resource(uri=uri, name=name, description=words, mime_type=_mime(uri))
            for uri, name, words in resources.LISTED
        ]
    )


async def _list_templates(
    _context: _Context, _params: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    return types.ListResourceTemplatesResult(
        resource_templates=[
            types.ResourceTemplate(uri_template=uri, name=name, description=words, mime_type=_mime(uri))
            for uri, name, words in resources.TEMPLATES
        ]
    )


def _mime(uri: str) -> str:
    return _MARKDOWN if uri.startswith((resources.CONTINUITY, resources.NOTE)) else _JSON


async def _read_resource(context: _Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    try:
        text = await resources.read(_caller(context), params.uri)
    except MeshError as error:
        raise _refused(error) from error
    content = types.TextResourceContents(uri=params.uri, mime_type=_mime(params.uri), text=text)
    return types.ReadResourceResult(contents=[content])


async def _subscribe(context: _Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
    """The older form: news go over the connection as they come."""
    client, session = context.lifespan_context, context.session
    if len(client.subscribed) >= SUBSCRIPTIONS_MAX:
        raise MCPError(_TOO_MANY, f"a client subscribes to at most {SUBSCRIPTIONS_MAX} resources")
    client.subscribed[params.uri] = session.send_resource_updated
    return types.EmptyResult()


async def _unsubscribe(context: _Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
    context.lifespan_context.subscribed.pop(params.uri, None)
    return types.EmptyResult()


# ── prompts ──────────────────────────────────────────────────────────────────────────────────────


async def _list_prompts(_context: _Context, _params: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=prompt.name,
                description=prompt.words,
                arguments=[types.PromptArgument(name=name, required=False) for name in prompt.arguments],
            )
            for prompt in prompts.PROMPTS
        ]
    )


async def _get_prompt(context: _Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
    given: Mapping[str, str] = params.arguments or {}
    try:
        text = await prompts.text(_caller(context), params.name, given)
    except MeshError as error:
        raise _refused(error) from error
    message = types.PromptMessage(role="user", content=types.TextContent(type="text", text=text))
    return types.GetPromptResult(description=prompts.BY_NAME[params.name].words, messages=[message])
