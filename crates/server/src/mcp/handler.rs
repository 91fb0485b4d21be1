//! The MCP handler: server info, the list of tools, and a call from its arguments to its result.

use std::sync::Arc;
use std::time::Duration;

use rmcp::handler::server::tool::{ToolCallContext, ToolRouter};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelledNotificationParam, CustomRequest,
    CustomResult, ErrorCode, InitializeRequestParams, InitializeResult, ListToolsResult,
    PaginatedRequestParams, ServerConfig, Tool,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler, model};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use super::admission::{parsed, permit_of};
use super::context::ToolContext;
use super::identity::{is_modern, server_meta};
use super::instructions::instructions;
use super::progress::ProgressReporter;
use super::requests::Requests;
use super::resources::Subscriptions;
use super::services::Services;
use super::setup::Setup;
use super::tool_result::{ToolResult, end_of};
use super::tools::unknown_tool;
use super::{identity, params, resources, send_result, tools};
use crate::address::character;
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::Deliveries;
use crate::memory::MemoryLimit;
use crate::outbox::Principal;
use crate::upstream::Upstreams;
use crate::upstream::report::{ReloadError, Reloaded, ServersStatus};

/// The time limit of every call, whatever hangs: a client is answered within 50 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(48);

/// The MCP handler for all clients, with one set of SMTP servers.
#[derive(Clone)]
pub struct McpHandler {
    services: Services,
    clock: Clock,
    tools: Arc<ToolRouter<ToolContext>>,
    deadline_passed: CancellationToken,
    memory: MemoryLimit,
    calls: TaskTracker,
    /// Those of this client.
    requests: Requests,
    subscriptions: Subscriptions,
    stopping: CancellationToken,
}

impl McpHandler {
    /// A handler for calls of `principal`, whose mail goes through `deliveries`.
    pub fn new(
        upstreams: Arc<Upstreams>,
        deliveries: Deliveries,
        principal: Principal,
        clock: Clock,
    ) -> Self {
        let config = Arc::clone(&upstreams.snapshot().config);
        let context = ToolContext::new(upstreams, deliveries, principal, clock.clone());
        Self::with(Services::Running(context), &config, clock)
    }

    /// A handler whose tools say what is wrong until `setup` succeeds; `config` has no servers.
    pub fn unconfigured(setup: Setup, config: &Config, clock: Clock) -> Self {
        Self::with(Services::Unconfigured(setup), config, clock)
    }

    fn with(services: Services, config: &Config, clock: Clock) -> Self {
        Self {
            services,
            memory: config.memory_limit,
            clock,
            tools: Arc::new(tools::router(&config.tools)),
            deadline_passed: CancellationToken::new(),
            calls: TaskTracker::new(),
            requests: Requests::default(),
            subscriptions: Subscriptions::default(),
            stopping: CancellationToken::new(),
        }
    }

    /// The same for another client.
    pub(crate) fn for_client(&self) -> Self {
        Self { requests: Requests::default(), subscriptions: Subscriptions::default(), ..self.clone() }
    }

    /// The tools in the order of `tools/list`.
    pub fn tools(&self) -> Vec<Tool> {
        self.tools.list_all().into_iter().filter(|tool| self.offers(&tool.name)).collect()
    }

    /// Whether a tool of the list is offered. A configuration that was repaired may offer fewer than what was readable of it.
    fn offers(&self, name: &str) -> bool {
        match &self.services {
            Services::Running(_) => true,
            Services::Unconfigured(setup) => setup.offers(name),
        }
    }

    /// No more calls are taken, and no message that waits is begun.
    pub fn stop(&self) {
        self.stopping.cancel();
        if let Ok(context) = self.services.context() {
            context.deliveries.stop();
        }
    }

    /// Reads the configuration again and applies it, all or nothing.
    ///
    /// # Errors
    /// It is invalid or none of its servers is usable; the old one, if there is one, stays in use.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        match self.services.context() {
            Ok(context) => context.upstreams.reload().await,
            Err(setup) => setup.reload().await,
        }
    }

    /// The shutdown deadline has passed: every call in flight is answered now, with what is known.
    pub fn shutdown_deadline(&self) {
        if let Ok(context) = self.services.context() {
            context.deliveries.shutdown_deadline();
        }
        self.deadline_passed.cancel();
    }

    /// Waits until no call is in flight, including those whose client disconnected.
    pub(crate) async fn idle(&self) {
        self.calls.close();
        self.calls.wait().await;
    }

    /// The servers and their health.
    pub(crate) fn status(&self) -> ServersStatus {
        match self.services.context() {
            Ok(context) => context.upstreams.status(),
            Err(_) => ServersStatus::of(Vec::new()),
        }
    }

    pub(crate) fn memory(&self) -> MemoryLimit {
        self.memory
    }

    /// Runs a call in its own task: it completes even if the client stops waiting, and a panic in it still gets an answer.
    async fn run(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let is_send = request.name == tools::SEND_EMAIL;
        let server = self.clone();
        let permit = permit_of(&context.extensions);
        let own = self.requests.begin(context.id.clone());
        let call = self.calls.spawn(async move {
            // Held to the end of the work, whether or not the client waits.
            let (_share, own) = (permit, own);
            match server.services.context() {
                Ok(services) => {
                    let services = services.of_call(ProgressReporter::of(&context), own.cancelled.clone());
                    server.tools.call(ToolCallContext::new(&services, request, context)).await
                }
                Err(setup) => {
                    Ok(CallToolResult::from(tools::unconfigured(setup, &request.name).await).into())
                }
            }
        });
        let problem = tokio::select! {
            ended = call => match ended {
                Ok(answer) => return answer,
                Err(_) => "an error inside this program ended the call; please report it",
            },
            () = tokio::time::sleep(CALL_TIMEOUT) => "not finished within 48 s",
            // A send has its own deadline and a more precise answer.
            () = self.deadline_passed.cancelled(), if !is_send => "the program is stopping",
        };
        let answer = if is_send { send_result::unknown(problem) } else { ToolResult::failed(problem) };
        Ok(CallToolResult::from(answer).into())
    }

    /// Whether mails are offered as resources: to whoever may ask for them by a tool.
    fn offers_resources(&self) -> bool {
        ["get_email", "list_emails"].iter().all(|name| self.get_tool(name).is_some())
    }

    /// What resources are read with.
    fn resources(&self) -> Result<&ToolContext, ErrorData> {
        if !self.offers_resources() {
            let problem = "no resources are offered: get_email and list_emails are not";
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, problem, None));
        }
        self.services.context().map_err(|setup| ErrorData::internal_error(setup.explanation(), None))
    }
}

impl ServerHandler for McpHandler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(resources::capabilities(self.offers_resources()))
            .with_server_info(identity::full())
            .with_instructions(instructions(|name| self.get_tool(name).is_some()))
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        let mut result = self.negotiate_initialize(&request)?;
        result.server_info = identity::for_version(&result.protocol_version);
        Ok(result)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.get(name).filter(|tool| self.offers(&tool.name)).cloned()
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut result = ListToolsResult::with_all_items(self.tools());
        result.meta = server_meta(&context);
        Ok(result)
    }

    /// rmcp treats a known method with malformed params as an unknown one.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        // 2026-07-28 has no handshake.
        let is_known = method != "initialize" || !is_modern(&context);
        if is_known && let Some(problem) = params::problem(&method, request.params.as_ref()) {
            return Err(ErrorData::invalid_params(problem, None));
        }
        let problem = format!("unknown method {}", character::quoted(&method));
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, problem, None))
    }

    async fn list_resources(
        &self,
        request: Option<model::PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<model::ListResourcesResult, ErrorData> {
        let services = self.resources()?;
        let mut result = resources::list(services, request.and_then(|page| page.cursor)).await?;
        if !is_modern(&context) {
            self.subscriptions.add_list(services, &context.peer).await?;
        }
        result.meta = server_meta(&context);
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _: Option<model::PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<model::ListResourceTemplatesResult, ErrorData> {
        self.resources()?;
        let mut result = resources::templates();
        result.meta = server_meta(&context);
        Ok(result)
    }

    async fn read_resource(
        &self,
        request: model::ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<model::ReadResourceResponse, ErrorData> {
        let mut result = resources::read(self.resources()?, &request.uri).await?;
        result.meta = server_meta(&context);
        Ok(result.into())
    }

    /// In the older era.
    async fn subscribe(
        &self,
        request: model::SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscriptions.add(self.resources()?, &context.peer, &request.uri).await
    }

    async fn unsubscribe(
        &self,
        request: model::UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscriptions.remove(&request.uri).await;
        Ok(())
    }

    /// In the newer era.
    fn accepted_subscription_filter(
        &self,
        requested: &model::SubscriptionFilter,
    ) -> Option<model::SubscriptionFilter> {
        self.offers_resources().then(|| resources::accepted(requested))
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        resources::listen(self.resources()?, subscription, &self.stopping).await
    }

    async fn on_cancelled(
        &self,
        notification: CancelledNotificationParam,
        _: NotificationContext<RoleServer>,
    ) {
        if let Some(id) = notification.request_id {
            self.requests.cancel(&id);
        }
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        parsed(&context.extensions);
        let Some(tool) = self.get_tool(&request.name) else {
            return Err(unknown_tool(&request.name, self.tools()));
        };
        let tool = tool.name;
        let server_meta = server_meta(&context);
        let began = self.clock.instant();
        let mut response = self.run(request, context).await?;
        if let CallToolResponse::Complete(result) = &mut response {
            let took = self.clock.instant().saturating_duration_since(began);
            info!(tool = %tool, end = end_of(result), ms = took.as_millis(), "call");
            result.meta = server_meta;
        }
        Ok(response)
    }
}
