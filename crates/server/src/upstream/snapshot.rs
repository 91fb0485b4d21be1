//! One configuration and the servers built from it.

use std::sync::Arc;

use super::server::Upstream;
use crate::clock::Clock;
use crate::config::{Config, ConfigErrors};

/// One configuration and the servers built from it: what a call uses from beginning to end.
pub struct Snapshot {
    /// The configuration.
    pub config: Arc<Config>,
    /// The servers, in the configuration's order.
    pub(super) servers: Vec<Arc<Upstream>>,
    /// The name of the server that was switched to: it is tried first.
    pub(super) preferred: Option<String>,
}

impl Snapshot {
    /// Builds the servers of `config`. A server configured exactly as one of the `known` is reused, with its sessions and its
    /// health. `preferred` is tried first, if there is still a server of that name.
    ///
    /// # Errors
    /// A server's certificates cannot be used.
    pub(super) fn build(
        config: Config,
        known: &[Arc<Upstream>],
        preferred: Option<&str>,
        clock: &Clock,
    ) -> Result<Self, ConfigErrors> {
        let mut servers = Vec::with_capacity(config.servers.len());
        let mut problems = Vec::new();
        for server in &config.servers {
            match known.iter().find(|known| known.is_configured_as(server, config.state_dir.as_deref())) {
                Some(known) => servers.push(Arc::clone(known)),
                None => match Upstream::new(server, config.state_dir.as_deref(), clock) {
                    Ok(server) => servers.push(Arc::new(server)),
                    Err(ConfigErrors(more)) => problems.extend(more),
                },
            }
        }
        if !problems.is_empty() {
            return Err(ConfigErrors(problems));
        }
        let preferred = preferred.filter(|name| servers.iter().any(|server| server.name() == *name));
        let preferred = preferred.map(str::to_owned);
        Ok(Self { config: Arc::new(config), servers, preferred })
    }

    /// The same configuration, with `name` tried first.
    pub(super) fn preferring(&self, name: &str) -> Self {
        Self {
            config: Arc::clone(&self.config),
            servers: self.servers.clone(),
            preferred: Some(name.to_owned()),
        }
    }

    /// The same configuration, with fresh sessions and no failures remembered.
    ///
    /// # Errors
    /// As [`Snapshot::build`].
    pub(super) fn fresh(&self) -> Result<Self, ConfigErrors> {
        let servers =
            self.servers.iter().map(|server| server.fresh().map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Self { config: Arc::clone(&self.config), servers, preferred: self.preferred.clone() })
    }

    /// The server of that name.
    pub(super) fn server(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.servers.iter().find(|server| server.name() == name)
    }

    /// The servers in the order in which they are tried if all are available.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        let is_preferred = |server: &&Arc<Upstream>| self.preferred.as_deref() == Some(server.name());
        self.servers
            .iter()
            .filter(is_preferred)
            .chain(self.servers.iter().filter(move |server| !is_preferred(server)))
    }
}
