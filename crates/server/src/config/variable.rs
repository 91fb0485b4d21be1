//! What a setting is: its name, its default, its rule, how it is read and shown.

use std::path::Path;

use super::setting::Setting;
use super::{Config, ServerConfig};

/// One setting: a variable, and the TOML key of the same name in lower case without `SMTP_`.
#[derive(Debug)]
pub struct Variable {
    /// The variable's name, without a number.
    pub name: &'static str,
    /// Where it may be set.
    pub scope: Scope,
    /// The default.
    pub default: DefaultValue,
    /// What is expected; completes the sentence "expected …".
    pub expected: &'static str,
    /// A note for the reference table; may be empty.
    pub note: &'static str,
    /// Its value is never shown.
    pub is_secret: bool,
    /// What it sets.
    pub target: Target,
}

/// What a variable sets.
#[derive(Debug)]
pub enum Target {
    /// A field of a server.
    Server(Field<ServerConfig>),
    /// A field of the program.
    Program(Field<Config>),
    /// Nothing: it names a file with settings.
    Nothing,
}

/// A field that a variable sets.
#[derive(Debug)]
pub struct Field<C: 'static> {
    /// Parses a setting; a relative path in it is relative to the second argument.
    pub(super) read: fn(&Setting, Option<&Path>) -> Result<Assignment<C>, String>,
    /// The value for people. `None`: it is not shown, or another variable shows it.
    pub show: fn(&C) -> Option<String>,
    pub(super) is_same: fn(&C, &C) -> bool,
}

/// Sets a field to a value that was read.
pub(super) type Assignment<C> = Box<dyn FnOnce(&mut C)>;

impl<C> Field<C> {
    /// The old and the new value for people, if they differ.
    pub fn change(&self, old: &C, new: &C) -> Option<(String, String)> {
        if (self.is_same)(old, new) {
            return None;
        }
        let off = || "off".to_owned();
        match ((self.show)(old), (self.show)(new)) {
            (None, None) => None,
            // Two different values may look alike when they are masked.
            (old, new) if old == new => Some(("not shown".to_owned(), "changed".to_owned())),
            (old, new) => Some((old.unwrap_or_else(off), new.unwrap_or_else(off))),
        }
    }
}

/// What a variable applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One server's account: it never applies to another server.
    Account,
    /// One server; without a number it is the default for all.
    Shared,
    /// The program.
    Global,
    /// The program; read at its start, and not changed by a reload.
    Startup,
    /// The program; only in the environment.
    Process,
}

/// The default of a variable.
#[derive(Debug, Clone, Copy)]
pub enum DefaultValue {
    /// It must be set.
    Required,
    /// A number.
    Number(u32),
    /// A switch.
    Switch(bool),
    /// A default that depends on other settings, described.
    Words(&'static str),
}

pub(super) const SWITCH: &str = "one of true, 1, yes, on, false, 0, no, off";

/// A row of the table.
pub(super) const fn row(
    name: &'static str,
    scope: Scope,
    default: DefaultValue,
    expected: &'static str,
    note: &'static str,
    target: Target,
) -> Variable {
    Variable { name, scope, default, expected, note, is_secret: false, target }
}

impl Variable {
    /// The TOML key: the name in lower case, without `SMTP_`.
    pub fn toml_key(&self) -> String {
        toml_key(self.name)
    }

    /// Whether it may have a number.
    pub fn is_per_server(&self) -> bool {
        matches!(self.scope, Scope::Account | Scope::Shared)
    }

    /// The default if it is a number, else 0.
    pub fn number(&self) -> u32 {
        match self.default {
            DefaultValue::Number(number) => number,
            _ => 0,
        }
    }

    /// The default if it is a switch, else false.
    pub fn switch(&self) -> bool {
        matches!(self.default, DefaultValue::Switch(true))
    }
}

/// The TOML key of the variable called `name`.
pub(super) fn toml_key(name: &str) -> String {
    name.strip_prefix("SMTP_").unwrap_or(name).to_ascii_lowercase()
}
