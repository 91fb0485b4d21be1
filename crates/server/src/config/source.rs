//! One source of settings (environment, env file, TOML file), sorted by the server they belong to.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::setting::{Location, Setting, Settings, Value};
use super::variables::{HOST, NOT_SETTINGS, PASSWORD, Scope, VARIABLES, Variable};

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

/// A variable's name, parsed.
enum Name {
    Known(&'static Variable, Option<u32>),
    Unknown,
    NotOurs,
}

impl Source {
    /// A source that could not be read.
    pub(super) fn broken() -> Self {
        Self { is_broken: true, ..Self::default() }
    }

    /// Sorts variables. An empty one counts as not set; an unknown one is a warning.
    pub(super) fn from_variables(
        name: &str,
        variables: impl IntoIterator<Item = (String, Zeroizing<String>, Location)>,
        warnings: &mut Vec<String>,
    ) -> Self {
        let mut source = Self { name: name.to_owned(), ..Self::default() };
        for (label, text, location) in variables {
            match parse_name(&label) {
                Name::Known(variable, number) => source.insert(variable, number, label, &text, location),
                Name::Unknown => warnings.push(unknown(&label, &location)),
                Name::NotOurs => {}
            }
        }
        source
    }

    fn insert(
        &mut self,
        variable: &'static Variable,
        number: Option<u32>,
        label: String,
        text: &str,
        location: Location,
    ) {
        let is_password = variable.name == PASSWORD.name;
        let text = if is_password { text } else { text.trim() };
        if text.is_empty() {
            return;
        }
        let setting = Setting { label, value: Value::of(text), location };
        self.settings_for(variable, number).insert(variable.name, setting);
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
        matches!(parse_name(label), Name::Known(variable, _) if variable.is_secret)
    }

    /// Whether it contains a password or a token.
    pub(super) fn holds_a_password(&self) -> bool {
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
            let names = labels(settings.values());
            warnings
                .push(format!("{names} ({}): not used, because SMTP_HOST_{number} is not set", self.name));
        }
        if !self.has_numbered_servers() {
            return vec![ServerEntry { number: None, own: self.unnumbered.clone() }];
        }
        if !self.unnumbered.is_empty() {
            let names = labels(self.unnumbered.values());
            warnings.push(format!("{names} ({}): not used, because numbered servers are set", self.name));
        }
        let with_host = self.numbered.iter().filter(|(_, settings)| settings.contains_key(HOST.name));
        with_host.map(|(number, own)| ServerEntry { number: Some(*number), own: own.clone() }).collect()
    }
}

/// The names of settings, in one line.
pub(super) fn labels<'a>(settings: impl Iterator<Item = &'a Setting>) -> String {
    settings.map(|setting| setting.label.as_str()).collect::<Vec<_>>().join(", ")
}

fn parse_name(label: &str) -> Name {
    let known = |name: &str| VARIABLES.iter().copied().find(|variable| variable.name == name);
    if NOT_SETTINGS.contains(&label) {
        return Name::NotOurs;
    }
    if let Some(variable) = known(label) {
        return Name::Known(variable, None);
    }
    if !label.starts_with("SMTP_") {
        return Name::NotOurs;
    }
    let numbered =
        label.rsplit_once('_').and_then(|(name, number)| Some((known(name)?, server_number(number)?)));
    match numbered {
        Some((variable, number)) if variable.is_per_server() => Name::Known(variable, Some(number)),
        _ => Name::Unknown,
    }
}

/// 1, 2, … without a sign and without leading zeros, so that no server has two names.
fn server_number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if is_plain { text.parse().ok() } else { None }
}

fn unknown(label: &str, location: &Location) -> String {
    let guess = nearest(label).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    format!("{label} ({location}): this variable is unknown and has no effect{guess}")
}

/// The known name that `label` was probably meant to be, with its number kept.
fn nearest(label: &str) -> Option<String> {
    let (stem, number) = match label.rsplit_once('_') {
        Some((stem, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (stem, number.trim_start_matches('0'))
        }
        _ => (label, ""),
    };
    let variable = closest(stem, VARIABLES.iter().copied(), |variable| variable.name.to_owned())?;
    let keeps_number = variable.is_per_server() && !number.is_empty();
    Some(if keeps_number { format!("{}_{number}", variable.name) } else { variable.name.to_owned() })
}

/// The candidate whose name is nearest to `given`, if it is near at all.
pub(super) fn closest<T: Copy>(
    given: &str,
    candidates: impl Iterator<Item = T>,
    name: impl Fn(T) -> String,
) -> Option<T> {
    const MAX_DISTANCE: usize = 3;
    let scored =
        candidates.map(|candidate| (strsim::damerau_levenshtein(given, &name(candidate)), candidate));
    scored
        .filter(|(distance, _)| *distance <= MAX_DISTANCE)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, found)| found)
}
