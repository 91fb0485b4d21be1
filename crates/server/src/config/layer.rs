//! A layer: what one source (environment, env file, TOML file) sets, sorted by whom it concerns.

use std::collections::BTreeMap;

use super::setting::{Place, Setting, Settings, Value};
use super::variables::{FOREIGN, HOST, MCP_HTTP_TOKEN, PASSWORD, Scope, VARIABLES, Variable};

/// What one source sets.
#[derive(Default)]
pub(super) struct Layer {
    /// What the source is called: "the environment", or a path.
    pub source: String,
    /// Settings of the program, and defaults for all servers.
    pub common: Settings,
    /// The server without a number.
    pub unnumbered: Settings,
    /// The servers with one.
    pub numbered: BTreeMap<u32, Settings>,
    /// It may name servers, but cannot be read: that was told.
    pub is_broken: bool,
    /// It is a file that nobody named and that may be somebody else's.
    pub is_foreign: bool,
}

/// One server of a layer, before it is understood.
pub(super) struct Group {
    /// Its number, if it has one.
    pub number: Option<u32>,
    /// Its own settings.
    pub own: Settings,
}

/// A variable's name, taken apart.
enum Name {
    Known(&'static Variable, Option<u32>),
    Unknown,
    NotOurs,
}

impl Layer {
    /// What cannot be read.
    pub(super) fn broken() -> Self {
        Self { is_broken: true, ..Self::default() }
    }

    /// Sorts variables. An empty one counts as not set; an unknown one is a warning.
    pub(super) fn of_variables(
        source: &str,
        variables: impl IntoIterator<Item = (String, String, Place)>,
        warnings: &mut Vec<String>,
    ) -> Self {
        let mut layer = Self { source: source.to_owned(), ..Self::default() };
        for (label, text, place) in variables {
            match take_apart(&label) {
                Name::Known(variable, number) => layer.put(variable, number, label, &text, place),
                Name::Unknown => warnings.push(unknown(&label, &place)),
                Name::NotOurs => {}
            }
        }
        layer
    }

    fn put(
        &mut self,
        variable: &'static Variable,
        number: Option<u32>,
        label: String,
        text: &str,
        place: Place,
    ) {
        let is_password = variable.name == PASSWORD.name;
        let text = if is_password { text } else { text.trim() };
        if text.is_empty() {
            return;
        }
        let setting = Setting { label, value: Value::Text(text.to_owned()), place };
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

    /// What is set for single servers, with their numbers, whether or not their hosts are named.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (Option<u32>, &Settings)> {
        let numbered = self.numbered.iter();
        let numbered = numbered.map(|(number, settings)| (Some(*number), settings));
        std::iter::once((None, &self.unnumbered)).filter(|(_, settings)| !settings.is_empty()).chain(numbered)
    }

    /// Whether a password or a token stands in it.
    pub(super) fn holds_a_password(&self) -> bool {
        self.common.contains_key(MCP_HTTP_TOKEN.name)
            || self.accounts().any(|(_, settings)| settings.contains_key(PASSWORD.name))
    }

    /// Its servers: the numbered ones, else the one without a number. What belongs to none is a warning.
    pub(super) fn groups(&self, warnings: &mut Vec<String>) -> Vec<Group> {
        for (number, settings) in
            self.numbered.iter().filter(|(_, settings)| !settings.contains_key(HOST.name))
        {
            let names = labels(settings.values());
            warnings
                .push(format!("{names} ({}): not used, because SMTP_HOST_{number} is not set", self.source));
        }
        if !self.has_numbered_servers() {
            return vec![Group { number: None, own: self.unnumbered.clone() }];
        }
        if !self.unnumbered.is_empty() {
            let names = labels(self.unnumbered.values());
            warnings.push(format!("{names} ({}): not used, because numbered servers are set", self.source));
        }
        let with_host = self.numbered.iter().filter(|(_, settings)| settings.contains_key(HOST.name));
        with_host.map(|(number, own)| Group { number: Some(*number), own: own.clone() }).collect()
    }
}

/// The names of settings, in one line.
pub(super) fn labels<'a>(settings: impl Iterator<Item = &'a Setting>) -> String {
    settings.map(|setting| setting.label.as_str()).collect::<Vec<_>>().join(", ")
}

fn take_apart(label: &str) -> Name {
    let known = |name: &str| VARIABLES.iter().copied().find(|variable| variable.name == name);
    if FOREIGN.contains(&label) {
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

fn unknown(label: &str, place: &Place) -> String {
    let guess = nearest(label).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    format!("{label} ({place}): this variable is not known and has no effect{guess}")
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
    const NEAR: usize = 3;
    let scored =
        candidates.map(|candidate| (strsim::damerau_levenshtein(given, &name(candidate)), candidate));
    scored
        .filter(|(distance, _)| *distance <= NEAR)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, found)| found)
}
