//! What a handler works with: all of it, or what is wrong with the configuration.

use super::context::ToolContext;
use super::setup::Setup;

/// What the tools work with.
#[derive(Clone)]
pub(super) enum Services {
    Running(ToolContext),
    /// They run as soon as the configuration is usable.
    Unconfigured(Setup),
}

impl Services {
    pub(super) fn context(&self) -> Result<&ToolContext, &Setup> {
        match self {
            Self::Running(context) => Ok(context),
            Self::Unconfigured(setup) => setup.context().ok_or(setup),
        }
    }
}
