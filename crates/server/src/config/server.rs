//! One server: from its settings to a `ServerConfig`, with all its errors.

use std::collections::BTreeMap;
use std::path::Path;

use super::host::{parse_ehlo_name, parse_host};
use super::setting::{Location, Setting, Settings};
use super::source::ServerEntry;
use super::variables::{self as var, Variable};
use super::{Encryption, ServerConfig, value};
use crate::address::{Address, Mailbox};
use crate::secret::Secret;

/// The location of each setting of a server; a missing one is a default.
pub type Provenance = BTreeMap<&'static str, Location>;

/// Reads one server; `common` contains the defaults for all servers. `None` if there is any error.
pub(super) fn read(
    entry: &ServerEntry,
    common: &Settings,
    base: Option<&Path>,
    problems: &mut Vec<String>,
) -> Option<(ServerConfig, Provenance)> {
    let before = problems.len();
    let mut reader = Reader {
        number: entry.number,
        own: &entry.own,
        common,
        base,
        problems,
        provenance: Provenance::new(),
    };
    let server = reader.server();
    let provenance = reader.provenance;
    server.filter(|_| problems.len() == before).map(|server| (server, provenance))
}

struct Reader<'a> {
    number: Option<u32>,
    own: &'a Settings,
    common: &'a Settings,
    base: Option<&'a Path>,
    problems: &'a mut Vec<String>,
    provenance: Provenance,
}

impl<'a> Reader<'a> {
    /// Reads every setting before it gives up, so that all errors are reported at once.
    fn server(&mut self) -> Option<ServerConfig> {
        let base = self.base;
        let host = self.read(&var::HOST, |setting| parse_host(&value::plain(setting)?));
        let encryption = self.encryption();
        let port = self.read(&var::PORT, value::port).unwrap_or(if encryption == Encryption::Implicit {
            465
        } else {
            587
        });
        let (username, password) = self.login();
        let identity = self.identity(username.as_deref());
        let allow_plaintext_auth = self.switch(&var::ALLOW_PLAINTEXT_AUTH);
        let ca = self.read(&var::CA_FILE, |setting| value::ca_file(setting, base));
        let timeout = self.read(&var::TIMEOUT, value::seconds);
        let max_retries = self.read(&var::MAX_RETRIES, |setting| value::number(setting, 0..=10));
        let allowed_from = self.read(&var::ALLOWED_FROM, value::sender_rules).unwrap_or_default();
        let name = self.read(&var::NAME, value::plain).unwrap_or_else(|| self.default_name());
        let priority = self.read(&var::PRIORITY, value::priority).unwrap_or_else(|| self.default_priority());
        let ehlo_name = self.read(&var::EHLO_NAME, |setting| parse_ehlo_name(&value::plain(setting)?));
        let server = ServerConfig {
            name,
            host: host?,
            port,
            encryption,
            username,
            password,
            ca,
            timeout: timeout.unwrap_or(std::time::Duration::from_secs(var::TIMEOUT.number().into())),
            max_retries: max_retries.unwrap_or(var::MAX_RETRIES.number()),
            identity: identity?,
            allowed_from,
            priority,
            allow_plaintext_auth,
            ehlo_name,
        };
        self.refuse_plaintext_login(&server);
        Some(server)
    }

    fn find(&self, variable: &Variable) -> Option<&'a Setting> {
        self.own
            .get(variable.name)
            .or_else(|| self.common.get(variable.name).filter(|_| variable.scope == var::Scope::Shared))
    }

    fn read<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl FnOnce(&Setting) -> Result<T, String>,
    ) -> Option<T> {
        let setting = self.find(variable)?;
        match parse(setting) {
            Ok(value) => {
                self.provenance.insert(variable.name, setting.location.clone());
                Some(value)
            }
            Err(reason) => {
                let problem = setting.refuse(variable, &reason);
                self.refuse(problem);
                None
            }
        }
    }

    /// A default for all servers is read once for each of them; its error is reported once.
    fn refuse(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn switch(&mut self, variable: &'static Variable) -> bool {
        self.read(variable, value::switch).unwrap_or(variable.switch())
    }

    fn encryption(&mut self) -> Encryption {
        let tls = self.read(&var::USE_TLS, value::switch);
        let ssl = self.switch(&var::USE_SSL);
        match (ssl, tls) {
            (true, Some(true)) => {
                let (ssl, tls) = (self.label(&var::USE_SSL), self.label(&var::USE_TLS));
                let problem = format!(
                    "{} and {}: found true for both, expected it for one: {ssl} for port 465, {tls} for STARTTLS",
                    self.origin_of(&var::USE_SSL),
                    self.origin_of(&var::USE_TLS),
                );
                self.refuse(problem);
                Encryption::Implicit
            }
            (true, _) => Encryption::Implicit,
            (false, tls) if tls.unwrap_or(var::USE_TLS.switch()) => Encryption::StartTls,
            (false, _) => Encryption::None,
        }
    }

    fn login(&mut self) -> (Option<String>, Option<Secret>) {
        let username = self.read(&var::USERNAME, value::plain);
        let password = self.read(&var::PASSWORD, value::secret);
        let is_set = |variable: &Variable| self.find(variable).is_some();
        let (set, missing) = match (is_set(&var::USERNAME), is_set(&var::PASSWORD)) {
            (true, false) => (&var::USERNAME, &var::PASSWORD),
            (false, true) => (&var::PASSWORD, &var::USERNAME),
            _ => return (username, password),
        };
        let problem = format!(
            "{}: not set, though {} is, expected both or neither (neither is a relay that needs no login)",
            self.origin_of(missing),
            self.label(set),
        );
        self.refuse(problem);
        (username, password)
    }

    fn identity(&mut self, username: Option<&str>) -> Option<Mailbox> {
        if self.find(&var::FROM_EMAIL).is_some() {
            return self.read(&var::FROM_EMAIL, value::mailbox);
        }
        if username.is_none() && self.find(&var::USERNAME).is_some() {
            return None;
        }
        let address = username.and_then(|username| Address::parse(username).ok());
        if address.is_none() {
            let reason =
                if username.is_some() { "the username is not an address" } else { "there is no username" };
            let problem = format!(
                "{}: not set, and {reason}, expected {}",
                self.origin_of(&var::FROM_EMAIL),
                var::FROM_EMAIL.expected
            );
            self.refuse(problem);
        }
        address.map(|address| Mailbox { name: None, address })
    }

    fn refuse_plaintext_login(&mut self, server: &ServerConfig) {
        let needs_tls = server.username.is_some() && !server.may_log_in_without_tls();
        if server.encryption != Encryption::None || !needs_tls {
            return;
        }
        let problem = format!(
            "{}: TLS is off and the host is not this machine, so the password could be read in transit, expected {} or {} to be true; {}=true allows it",
            self.origin_of(&var::USERNAME),
            self.label(&var::USE_TLS),
            self.label(&var::USE_SSL),
            self.label(&var::ALLOW_PLAINTEXT_AUTH),
        );
        self.refuse(problem);
    }

    fn default_name(&self) -> String {
        self.number.map_or_else(|| "primary".to_owned(), |number| format!("server_{number}"))
    }

    fn default_priority(&self) -> i64 {
        self.number.map_or(0, |number| 100 - i64::from(number))
    }

    /// The location of the host setting: where to look for what is missing.
    fn source(&self) -> String {
        self.find(&var::HOST).map(|setting| setting.location.to_string()).unwrap_or_default()
    }

    /// The name and location of `variable`, or those expected if it is not set.
    fn origin_of(&self, variable: &Variable) -> String {
        self.find(variable)
            .map_or_else(|| format!("{} ({})", self.label(variable), self.source()), Setting::origin_of)
    }

    /// The name of `variable` in the source of this server, set or not.
    fn label(&self, variable: &Variable) -> String {
        if let Some(setting) = self.find(variable) {
            return setting.label.clone();
        }
        let is_toml = self.find(&var::HOST).is_some_and(|host| host.label == var::HOST.toml_key());
        match self.number {
            _ if is_toml => variable.toml_key(),
            Some(number) => format!("{}_{number}", variable.name),
            None => variable.name.to_owned(),
        }
    }
}
