//! One server: from its settings to a `ServerConfig`, with all its errors.

use std::collections::BTreeMap;
use std::path::Path;

use super::setting::{Location, Setting, Settings};
use super::source::ServerEntry;
use super::variables::{self as var, Assignment, Target, Variable};
use super::{AuthMethod, Encryption, ServerConfig, value};
use crate::address::{Address, Mailbox};

/// The location of each setting of a server; a missing one is a default.
pub type Provenance = BTreeMap<&'static str, Location>;

/// Submission over implicit TLS (RFC 8314, section 7.3).
const IMPLICIT_TLS_PORT: u16 = 465;

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
        let assignments = self.assignments();
        self.refuse_two_encryptions();
        self.refuse_half_a_login();
        let identity = self.identity();
        let host = value::plain(self.find(&var::HOST)?).ok();
        let mut server = ServerConfig::new(host?, identity?);
        if let Some(number) = self.number {
            server.name = format!("server_{number}");
            server.priority = 100 - i64::from(number);
        }
        assignments.into_iter().for_each(|assign| assign(&mut server));
        match self.find(&var::PORT) {
            None if server.encryption == Encryption::Implicit => server.port = IMPLICIT_TLS_PORT,
            Some(_) if server.port == IMPLICIT_TLS_PORT && self.find(&var::USE_SSL).is_none() => {
                server.encryption = Encryption::Implicit;
            }
            _ => {}
        }
        self.refuse_plaintext_login(&server);
        Some(server)
    }

    /// Every setting that is set and valid.
    fn assignments(&mut self) -> Vec<Assignment<ServerConfig>> {
        let mut assignments = Vec::new();
        for variable in var::VARIABLES {
            let (Target::Server(field), Some(setting)) = (&variable.target, self.find(variable)) else {
                continue;
            };
            match (field.read)(setting, self.base) {
                Ok(assignment) => {
                    self.provenance.insert(variable.name, setting.location.clone());
                    assignments.push(assignment);
                }
                Err(reason) => self.refuse(setting.refuse(variable, &reason)),
            }
        }
        assignments
    }

    fn find(&self, variable: &Variable) -> Option<&'a Setting> {
        self.own
            .get(variable.name)
            .or_else(|| self.common.get(variable.name).filter(|_| variable.scope == var::Scope::Shared))
    }

    /// A default for all servers is read once for each of them; its error is reported once.
    fn refuse(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn refuse_two_encryptions(&mut self) {
        let is_on = |variable| self.find(variable).is_some_and(|setting| value::switch(setting) == Ok(true));
        if is_on(&var::USE_SSL) && is_on(&var::USE_TLS) {
            let (ssl, tls) = (self.label(&var::USE_SSL), self.label(&var::USE_TLS));
            self.refuse(format!(
                "{} and {}: found true for both, expected it for one: {ssl} for port 465, {tls} for STARTTLS",
                self.origin_of(&var::USE_SSL),
                self.origin_of(&var::USE_TLS),
            ));
        }
    }

    /// A login is a user name and one source of credentials.
    fn refuse_half_a_login(&mut self) {
        const PASSWORDS: [&Variable; 3] = [&var::PASSWORD, &var::PASSWORD_FILE, &var::PASSWORD_COMMAND];
        const TOKENS: [&Variable; 3] = [&var::TOKEN_FILE, &var::TOKEN_COMMAND, &var::OAUTH_ISSUER];
        let (passwords, tokens) = (self.set_of(&PASSWORDS), self.set_of(&TOKENS));
        let client = self.set_of(&[&var::OAUTH_CLIENT_ID, &var::OAUTH_CLIENT_SECRET]);
        let oauth: Vec<_> = tokens.iter().chain(&client).copied().collect();
        for group in [&passwords, &tokens] {
            if let [one, other, ..] = group[..] {
                return self.refuse_both(one, other, "");
            }
        }
        let auth =
            self.find(&var::AUTH).and_then(|setting| value::auth_method(setting).ok()).unwrap_or_default();
        if self.find(&var::USERNAME).is_none() {
            let set = passwords.iter().chain(&oauth).copied().chain(self.set_of(&[&var::AUTH])).next();
            return set.map_or((), |set| self.refuse_missing(&var::USERNAME, set));
        }
        match (auth, passwords.first(), oauth.first()) {
            (AuthMethod::Auto, Some(password), Some(oauth)) => {
                let choice = format!(", or {} to say which one counts", self.label(&var::AUTH));
                self.refuse_both(password, oauth, &choice);
            }
            (AuthMethod::Auto, None, None) => self.refuse_missing(&var::PASSWORD, &var::USERNAME),
            (AuthMethod::Password, None, _) => self.refuse_missing(&var::PASSWORD, &var::AUTH),
            (AuthMethod::OAuth, ..) | (AuthMethod::Auto, None, Some(_)) => self.refuse_half_a_client(&tokens),
            (AuthMethod::Password, Some(_), _) | (AuthMethod::Auto, Some(_), None) => {}
        }
    }

    /// The program gets tokens only as a registered application, and for itself only with a secret.
    fn refuse_half_a_client(&mut self, tokens: &[&Variable]) {
        let is_set = |variable: &Variable| self.find(variable).is_some();
        let has_issuer = is_set(&var::OAUTH_ISSUER);
        let (has_id, has_secret) = (is_set(&var::OAUTH_CLIENT_ID), is_set(&var::OAUTH_CLIENT_SECRET));
        match () {
            () if !tokens.is_empty() && !has_issuer => {}
            () if has_issuer && !has_id => self.refuse_missing(&var::OAUTH_CLIENT_ID, &var::OAUTH_ISSUER),
            () if has_issuer && !has_secret => {
                self.refuse_missing(&var::OAUTH_CLIENT_SECRET, &var::OAUTH_ISSUER);
            }
            () if has_id => {}
            () => {
                let set = if has_secret { &var::OAUTH_CLIENT_SECRET } else { &var::AUTH };
                self.refuse(format!(
                "{}: not set, though {} is, expected the id of an application registered at the provider, or {} or {} to get a token in another way",
                self.label(&var::OAUTH_CLIENT_ID),
                self.origin_of(set),
                self.label(&var::TOKEN_COMMAND),
                self.label(&var::TOKEN_FILE),
            ));
            }
        }
    }

    fn set_of(&self, variables: &[&'static Variable]) -> Vec<&'static Variable> {
        variables.iter().copied().filter(|variable| self.find(variable).is_some()).collect()
    }

    fn refuse_both(&mut self, one: &Variable, other: &Variable, choice: &str) {
        let (one, other) = (self.origin_of(one), self.origin_of(other));
        self.refuse(format!("{one} and {other}: found both, expected one of them{choice}"));
    }

    fn refuse_missing(&mut self, missing: &Variable, set: &Variable) {
        let relay = if missing.name == var::USERNAME.name || set.name == var::USERNAME.name {
            " or neither (neither is a relay that needs no login)"
        } else {
            ""
        };
        self.refuse(format!(
            "{}: not set, though {} is, expected both{relay}",
            self.label(missing),
            self.origin_of(set),
        ));
    }

    /// The sender: the one that is set, or else the user name.
    fn identity(&mut self) -> Option<Mailbox> {
        if let Some(setting) = self.find(&var::FROM_EMAIL) {
            return value::mailbox(setting).ok();
        }
        let reason = match self.find(&var::USERNAME).map(value::plain) {
            None => format!("there is no username for {}", self.origin_of(&var::HOST)),
            Some(Err(_)) => return None,
            Some(Ok(username)) => match Address::parse(&username) {
                Ok(address) => return Some(Mailbox { name: None, address }),
                Err(_) => format!("{} is not an address", self.origin_of(&var::USERNAME)),
            },
        };
        let label = self.label(&var::FROM_EMAIL);
        self.refuse(format!("{label}: not set, and {reason}, expected {}", var::FROM_EMAIL.expected));
        None
    }

    fn refuse_plaintext_login(&mut self, server: &ServerConfig) {
        let needs_tls = server.username.is_some() && !server.may_log_in_without_tls();
        if server.encryption != Encryption::None || !needs_tls {
            return;
        }
        let problem = format!(
            "{}: TLS is off and the host is not this machine, so the password could be read in transit, expected {} or {} to be true; {}=true allows it",
            self.origin_of(&var::USE_TLS),
            self.label(&var::USE_TLS),
            self.label(&var::USE_SSL),
            self.label(&var::ALLOW_PLAINTEXT_AUTH),
        );
        self.refuse(problem);
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
