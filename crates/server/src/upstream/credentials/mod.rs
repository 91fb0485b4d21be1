//! Where the credentials of a server come from.

mod command;
mod last_known;
mod token_file;
mod tokens;

use std::path::Path;
use std::sync::Arc;

use smtp_submission::{BoxFuture, CredentialError, CredentialSource, Credentials, Wanted};
use tokio::sync::OnceCell;

use crate::blocking_work::BlockingWork;
use crate::clock::Clock;
use crate::config::{CommandLine, LoginSource, ServerConfig};
use crate::oauth::client_credentials::ClientCredentials;
use crate::oauth::stored_tokens::StoredTokens;
use crate::oauth::{Client, LoginStore};
use command::TokenCommand;
use last_known::LastKnown;
use token_file::TokenFile;
use tokens::Tokens;

/// The source of the credentials of `config`, if it has a login.
pub(super) fn source(
    config: &ServerConfig,
    state_dir: Option<&Path>,
    clock: &Clock,
) -> Option<Arc<dyn CredentialSource>> {
    let username = config.username.clone()?;
    let name = username.clone();
    Some(match config.login.source()? {
        LoginSource::Password(password) => {
            Arc::new(Credentials::shared_password(username, Arc::clone(password.expose())))
        }
        LoginSource::PasswordCommand(command) => {
            Arc::new(LastKnown::new(&name, PasswordCommand { username, command: command.clone() }))
        }
        LoginSource::TokenFile(path) => Arc::new(LastKnown::new(
            &name,
            TokenFile { username, path: path.to_owned(), reading: BlockingWork::default() },
        )),
        LoginSource::TokenCommand(command) => {
            let command = TokenCommand { command: command.clone(), clock: clock.clone() };
            Arc::new(LastKnown::new(&name, Tokens::new(username, command, clock)))
        }
        LoginSource::ClientCredentials(issuer) => {
            let source = ClientCredentials {
                issuer: issuer.to_owned(),
                client: client(config)?,
                scope: config.login.scope.clone(),
                clock: clock.clone(),
                endpoints: OnceCell::new(),
            };
            Arc::new(LastKnown::new(&name, Tokens::new(username, source, clock)))
        }
        LoginSource::Stored => {
            let source = StoredTokens {
                username: username.clone(),
                client: client(config)?,
                store: LoginStore::new(state_dir?),
                clock: clock.clone(),
                http: OnceCell::new(),
            };
            Arc::new(LastKnown::new(&name, Tokens::new(username, Arc::new(source), clock)))
        }
    })
}

/// The application that is registered at the provider; a configuration that needs it has it.
fn client(config: &ServerConfig) -> Option<Client> {
    Some(Client { id: config.login.client_id.clone()?, secret: config.login.client_secret.clone() })
}

/// A command that prints the password; it is run at each login.
#[derive(Debug)]
struct PasswordCommand {
    username: String,
    command: CommandLine,
}

impl CredentialSource for PasswordCommand {
    fn credentials<'a>(&'a self, _: Wanted<'a>) -> BoxFuture<'a, Result<Credentials, CredentialError>> {
        Box::pin(async {
            let password = command::first_line(&self.command).await.map_err(|reason| CredentialError {
                reason: format!("SMTP_PASSWORD_COMMAND: {reason}"),
                is_permanent: false,
            })?;
            Ok(Credentials::password(self.username.clone(), password))
        })
    }
}
