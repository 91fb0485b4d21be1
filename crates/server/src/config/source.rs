//! One source of settings (environment, env file, TOML file), sorted by the server they belong to.

use std::collections::BTreeMap;

use super::diagnostics::Diagnostics;
use super::names::{self, Name};
use super::permissions::Holds;
use super::setting::{Location, Setting, Settings, Value};
use super::variables::{
    ALLOWED_RECIPIENTS, APPROVAL, APPROVAL_TTL, CAPTURE_DIR, DENIED_RECIPIENTS, HOST, INTERNAL_DOMAINS,
    MAX_PER_DAY, MAX_PER_HOUR, MCP_ALLOWED_ORIGINS, MCP_EXCLUDE_TOOLS, MCP_HTTP_TOKEN, MCP_HTTP_TOKEN_FILE,
    MCP_READ_ONLY, MCP_TOOLS, MODE, PASSWORD, PASSWORD_FILE, POLICY, REDIRECT_TO, Scope, VARIABLES, Variable,
};
use super::written::{is_placeholder, is_variable, without_quotes};
use crate::secret::Secret;

/// Settings that forbid something: without the value that was meant, too much would be allowed.
const GUARDS: [&Variable; 17] = [
    &MCP_HTTP_TOKEN,
    &MCP_HTTP_TOKEN_FILE,
    &MCP_ALLOWED_ORIGINS,
    &MCP_TOOLS,
    &MCP_EXCLUDE_TOOLS,
    &ALLOWED_RECIPIENTS,
    &DENIED_RECIPIENTS,
    &POLICY,
    &APPROVAL,
    &APPROVAL_TTL,
    &INTERNAL_DOMAINS,
    &MAX_PER_HOUR,
    &MAX_PER_DAY,
    &MODE,
    &REDIRECT_TO,
    &CAPTURE_DIR,
    &MCP_READ_ONLY,
];

/// The settings of one source.
#[derive(Default)]
pub(super) struct Source {
    /// Its name: "the environment", or a path.
    pub name: String,
    /// Settings of the program, and defaults for all servers.
    pub common: Settings,
    /// The settings of the server without a number.
    pub unnumbered: Settings,
    /// The settings of numbered servers.
    pub numbered: BTreeMap<u32, Settings>,
    /// It may name servers, but could not be read; the error was reported.
    pub is_broken: bool,
    /// It is a file that was found, not named, and may belong to someone else's project.
    pub untrusted: bool,
}

/// One server of a source, before it is parsed.
pub(super) struct ServerEntry {
    /// Its number, if it has one.
    pub number: Option<u32>,
    /// Its own settings.
    pub own: Settings,
}

impl Source {
    /// A source that could not be read.
    pub(super) fn broken() -> Self {
        Self { is_broken: true, ..Self::default() }
    }

    /// Sorts variables. An empty one counts as not set; an unknown one is a warning.
    pub(super) fn from_variables(
        name: &str,
        variables: impl IntoIterator<Item = (String, Secret, Location)>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut source = Self { name: name.to_owned(), ..Self::default() };
        for (label, text, location) in variables {
            match Name::parse(&label) {
                Name::Known(variable, number) => {
                    source.insert(variable, number, (label, &text, location), diagnostics);
                }
                Name::Unknown => diagnostics.causes.push(names::unknown(&label, &location)),
                Name::NotOurs => {}
            }
        }
        source
    }

    fn insert(
        &mut self,
        variable: &'static Variable,
        number: Option<u32>,
        (label, whole, location): (String, &Secret, Location),
        diagnostics: &mut Diagnostics,
    ) {
        let is_password = variable.name == PASSWORD.name;
        let text = if is_password { whole.text() } else { whole.text().trim() };
        // A file's own quotes are gone already.
        let quoted = without_quotes(text)
            .filter(|_| location == Location::Environment || !text.starts_with(['"', '\'']));
        if quoted.is_some() {
            diagnostics.warnings.push(quotes_left_out(&label, &location, is_password));
        }
        let setting = Setting { label, value: Value::Text(whole.part(quoted.unwrap_or(text))), location };
        put(self.settings_for(variable, number), variable, setting, diagnostics);
    }

    fn settings_for(&mut self, variable: &Variable, number: Option<u32>) -> &mut Settings {
        match (number, variable.scope) {
            (Some(number), _) => self.numbered.entry(number).or_default(),
            (None, Scope::Account) => &mut self.unnumbered,
            (None, _) => &mut self.common,
        }
    }

    /// Whether it names a server.
    pub(super) fn has_servers(&self) -> bool {
        self.unnumbered.contains_key(HOST.name) || self.has_numbered_servers()
    }

    /// Whether it names a server, or might if it could be read.
    pub(super) fn may_have_servers(&self) -> bool {
        self.is_broken || self.has_servers()
    }

    fn has_numbered_servers(&self) -> bool {
        self.numbered.values().any(|settings| settings.contains_key(HOST.name))
    }

    /// Whether it sets anything at all.
    pub(super) fn is_empty(&self) -> bool {
        self.common.is_empty() && self.unnumbered.is_empty() && self.numbered.is_empty()
    }

    /// The settings of single servers, with their numbers, whether or not their hosts are set.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (Option<u32>, &Settings)> {
        let numbered = self.numbered.iter();
        let numbered = numbered.map(|(number, settings)| (Some(*number), settings));
        std::iter::once((None, &self.unnumbered)).filter(|(_, settings)| !settings.is_empty()).chain(numbered)
    }

    /// Whether this is the name of a secret.
    pub(super) fn is_secret_name(label: &str) -> bool {
        matches!(Name::parse(label), Name::Known(variable, _) if variable.is_secret)
    }

    /// What it contains besides settings.
    pub(super) fn holds(&self) -> Holds {
        if self.holds_a_secret() { Holds::Secret } else { Holds::Settings }
    }

    fn holds_a_secret(&self) -> bool {
        // A command may hold one, but mostly it says where one is.
        let is_one = |variable: &&&Variable| variable.is_secret && !variable.name.ends_with("_COMMAND");
        let secrets = || VARIABLES.iter().filter(is_one);
        let holds = |settings: &Settings| secrets().any(|secret| settings.contains_key(secret.name));
        holds(&self.common) || self.accounts().any(|(_, settings)| holds(settings))
    }

    /// Its servers: the numbered ones, or else the one without a number. A setting that belongs to none is a warning.
    pub(super) fn entries(&self, warnings: &mut Vec<String>) -> Vec<ServerEntry> {
        for (number, settings) in
            self.numbered.iter().filter(|(_, settings)| !settings.contains_key(HOST.name))
        {
            let names = origins(settings.values());
            warnings.push(format!("{names}: not used, because SMTP_HOST_{number} is not set"));
        }
        if !self.has_numbered_servers() {
            return vec![ServerEntry { number: None, own: self.unnumbered.clone() }];
        }
        if !self.unnumbered.is_empty() {
            let names = origins(self.unnumbered.values());
            warnings.push(format!("{names}: not used, because numbered servers are set"));
        }
        let with_host = self.numbered.iter().filter(|(_, settings)| settings.contains_key(HOST.name));
        with_host.map(|(number, own)| ServerEntry { number: Some(*number), own: own.clone() }).collect()
    }
}

/// Adds a setting to `settings`, unless it is empty or nobody filled it in.
pub(super) fn put(
    settings: &mut Settings,
    variable: &'static Variable,
    setting: Setting,
    diagnostics: &mut Diagnostics,
) {
    match setting.text() {
        Some("") => return,
        Some(text) if is_placeholder(text) => {
            let placeholder = placeholder(variable, &setting, text);
            if GUARDS.iter().any(|guard| guard.name == variable.name) {
                diagnostics.problems.push(placeholder);
            } else {
                diagnostics.causes.push(format!("{placeholder}, which counts as not set"));
            }
            return;
        }
        _ => {}
    }
    if let Some(other) = settings.get(variable.name)
        && other.label != setting.label
        && other.value != setting.value
    {
        let (one, other) = (other.origin_of(), setting.origin_of());
        let problem = format!(
            "{one} and {other}: found different values, expected one of them: they are the same setting"
        );
        diagnostics.problems.push(problem);
    }
    settings.insert(variable.name, setting);
}

fn placeholder(variable: &Variable, setting: &Setting, text: &str) -> String {
    // What looks like one in words could be a secret after all.
    let shown = if variable.is_secret && !is_variable(text) { String::new() } else { format!(" {text:?}") };
    format!("{}: fill in the real value: found the placeholder{shown}", setting.origin_of())
}

fn quotes_left_out(label: &str, location: &Location, is_password: bool) -> String {
    let else_advice = if is_password {
        format!(", or, if they belong to it, use {}", PASSWORD_FILE.name)
    } else {
        String::new()
    };
    format!(
        "{label} ({location}): write the value without the quotes around it{else_advice}: they were left out; `docker run --env-file` keeps \
         quotes as part of a value"
    )
}

/// The names of settings and where each is, in one line.
pub(super) fn origins<'a>(settings: impl Iterator<Item = &'a Setting>) -> String {
    settings.map(Setting::origin_of).collect::<Vec<_>>().join(", ")
}

/// The names of settings, in one line.
pub(super) fn labels<'a>(settings: impl Iterator<Item = &'a Setting>) -> String {
    settings.map(|setting| setting.label.as_str()).collect::<Vec<_>>().join(", ")
}
