//! A TOML file: global keys at the top, a `[[server]]` table for each server; an error names file, line and key.

use std::ops::Range;
use std::path::Path;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostics::Diagnostics;
use super::names::{nearest_key, of_toml_key};
use super::setting::{Location, Setting, Settings, Value};
use super::source::{Source, put};
use super::variables::{HOST, PASSWORD, Scope, VARIABLES, Variable};

/// The key of the server tables.
const SERVER: &str = "server";

/// Parses the settings of `text`. Unknown keys and wrong types are errors.
pub(super) fn parse(path: &Path, text: &str, diagnostics: &mut Diagnostics) -> Source {
    let mut reader = Reader { path, text, diagnostics };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        reader.refuse_syntax(error);
    }
    if !errors.is_empty() {
        return Source::broken();
    }
    reader.source(document.get_ref())
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn source(&mut self, document: &DeTable<'_>) -> Source {
        let mut source = Source { name: self.path.display().to_string(), ..Source::default() };
        for (key, value) in document {
            if key.get_ref() == SERVER {
                self.servers(value, &mut source);
                continue;
            }
            self.read(
                key,
                value,
                |scope| matches!(scope, Scope::Global | Scope::Startup | Scope::Shared),
                &mut source.common,
            );
        }
        source
    }

    /// A single table is the server without a number; several are numbered in order.
    fn servers(&mut self, value: &Spanned<DeValue<'_>>, source: &mut Source) {
        let tables: Option<Vec<_>> = match value.get_ref() {
            DeValue::Array(items) => {
                let tables = items.iter().map(|item| Some((item.get_ref().as_table()?, item.span())));
                tables.collect()
            }
            DeValue::Table(table) => Some(vec![(table, value.span())]),
            _ => None,
        };
        let Some(tables) = tables.filter(|tables| !tables.is_empty()) else {
            source.is_broken = true;
            return self.refuse(SERVER, value.span(), "expected [[server]] tables");
        };
        let is_one = tables.len() == 1;
        for (number, (table, span)) in (1..).zip(tables) {
            let settings = self.server(table, span);
            if !settings.contains_key(HOST.name) {
                source.is_broken = true;
            } else if is_one {
                source.unnumbered = settings;
            } else {
                source.numbered.insert(number, settings);
            }
        }
    }

    fn server(&mut self, table: &DeTable<'_>, span: Range<usize>) -> Settings {
        let mut settings = Settings::new();
        for (key, value) in table {
            self.read(key, value, |scope| matches!(scope, Scope::Account | Scope::Shared), &mut settings);
        }
        if !settings.contains_key(HOST.name) {
            self.refuse("[[server]]", span, &format!("has no host, expected host = {}", HOST.expected));
        }
        settings
    }

    fn read(
        &mut self,
        key: &Spanned<toml::de::DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        may_stand_here: impl Fn(Scope) -> bool,
        settings: &mut Settings,
    ) {
        let name = key.get_ref().as_ref();
        let known = of_toml_key(name);
        let Some(variable) = known.filter(|variable| may_stand_here(variable.scope)) else {
            return self.refuse(name, key.span(), &not_here(name, known, may_stand_here));
        };
        let Some(found) = value_of(value.get_ref(), variable) else {
            let problem = format!("expected {}", variable.expected);
            return self.refuse(
                name,
                value.span(),
                &format!("found {}, {problem}", with_article(value.get_ref())),
            );
        };
        let location = self.location(value.span());
        let setting = Setting { label: name.to_owned(), value: found, location };
        put(settings, variable, setting, self.diagnostics);
    }

    fn location(&self, span: Range<usize>) -> Location {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        Location::File(self.path.to_owned(), Some(1 + before.matches('\n').count()))
    }

    fn refuse(&mut self, key: &str, span: Range<usize>, problem: &str) {
        let shown: String = key.chars().take(60).flat_map(char::escape_debug).collect();
        self.diagnostics.problems.push(format!("{shown} ({}): {problem}", self.location(span)));
    }

    /// Only toml's message: its Display would show the line, and with it perhaps a password.
    fn refuse_syntax(&mut self, error: &toml::de::Error) {
        let location = self.location(error.span().unwrap_or_default());
        let problem = format!("{location}: this is not valid TOML: {}", error.message());
        if !self.diagnostics.problems.contains(&problem) {
            self.diagnostics.problems.push(problem);
        }
    }
}

fn not_here(name: &str, known: Option<&Variable>, may_stand_here: impl Fn(Scope) -> bool) -> String {
    match known.map(|variable| variable.scope) {
        Some(Scope::Account) => return "expected it in a [[server]] table".to_owned(),
        Some(Scope::Global) => {
            return "expected it at the top of the file, before any [[server]]".to_owned();
        }
        _ => {}
    }
    let candidates = VARIABLES.iter().copied().filter(|variable| may_stand_here(variable.scope));
    let guess = nearest_key(name, candidates);
    let guess = guess.map(|variable| format!("; did you mean {}?", variable.toml_key())).unwrap_or_default();
    format!("this key is unknown{guess}")
}

/// The value as text or list of texts. A password must be text: a number would lose leading zeros.
fn value_of(value: &DeValue<'_>, variable: &Variable) -> Option<Value> {
    match value {
        DeValue::String(text) if variable.name == PASSWORD.name => Some(Value::of(text)),
        DeValue::String(text) => Some(Value::of(text.trim())),
        _ if variable.name == PASSWORD.name => None,
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
            Some(Value::of(&number.to_string()))
        }
        DeValue::Float(number) => Some(Value::of(number.as_str())),
        DeValue::Boolean(on) => Some(Value::of(&on.to_string())),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(|text| text.trim().to_owned()))
            .collect::<Option<_>>()
            .map(Value::List),
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn with_article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list with values that are not strings",
        DeValue::Table(_) => "a table",
    }
}
