//! Who this server is: its name, version, title, icon, and what models should know.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::RoleServer;
use rmcp::model::{Icon, Implementation, MetaObject, ProtocolVersion};
use rmcp::service::RequestContext;

/// 48 by 48 pixels.
const ICON: &[u8] = include_bytes!("icon.png");

/// The name and version, with a title.
pub(super) fn brief() -> Implementation {
    Implementation::new("smtp-mcp-server", env!("CARGO_PKG_VERSION")).with_title("SMTP e-mail")
}

/// All that can be said. The web site is the homepage of the package, if it has one.
pub(super) fn full() -> Implementation {
    let icon = Icon::new(format!("data:image/png;base64,{}", STANDARD.encode(ICON)))
        .with_mime_type("image/png")
        .with_sizes(vec!["48x48".to_owned()]);
    let own = brief().with_icons(vec![icon]);
    match env!("CARGO_PKG_HOMEPAGE") {
        "" => own,
        homepage => own.with_website_url(homepage),
    }
}

/// What a version of the protocol has a place for: strict clients refuse other fields.
pub(super) fn for_version(version: &ProtocolVersion) -> Implementation {
    let mut own = full();
    if *version < ProtocolVersion::V_2025_11_25 {
        (own.icons, own.website_url) = (None, None);
    }
    if *version < ProtocolVersion::V_2025_06_18 {
        own.title = None;
    }
    own
}

/// The versions of the protocol that are spoken, the oldest first.
pub(crate) fn protocol_versions() -> &'static [ProtocolVersion] {
    ProtocolVersion::KNOWN_VERSIONS
}

/// The key of the server's name in a result's `_meta`.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// From 2026-07-28 on each result names the server; rmcp does that only for discovery.
pub(super) fn server_meta(context: &RequestContext<RoleServer>) -> Option<MetaObject> {
    is_modern(context).then(|| {
        let mut meta = MetaObject::new();
        let own = serde_json::to_value(brief()).unwrap_or_default();
        meta.insert(SERVER_INFO.to_owned(), own);
        meta
    })
}

pub(super) fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}
