//! Reads the sources: the process's environment, an env file, a TOML file; and decides which of them count.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::diagnostics::Diagnostics;
use super::env_file::Assignment;
use super::path::looked_for;
use super::setting::{Location, Setting, Value};
use super::source::Source;
use super::variables::{MCP_ALLOW_OPEN_FILES, MCP_CONFIG};
use super::written::without_quotes;
use super::{ConfigSources, env_file, environment_block, permissions, text_file, toml_file, value};
use crate::secret::Secret;

/// Where a user's programs keep their state: below the directory that a variable names.
const USER_STATE: (&str, &str) = if cfg!(windows) {
    ("LOCALAPPDATA", "")
} else if cfg!(target_os = "macos") {
    ("HOME", "Library/Application Support")
} else {
    ("HOME", ".local/state")
};

impl ConfigSources {
    /// The process's own environment and working directory, and the files that its arguments name. Secrets in the environment are
    /// wiped where the system passed them.
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
    pub fn of_process(config_file: Option<PathBuf>, env_file: Option<PathBuf>) -> Self {
        let text =
            |os: std::ffi::OsString| os.into_string().unwrap_or_else(|os| os.to_string_lossy().into_owned());
        let sources = Self {
            environment: std::env::vars_os()
                .map(|(name, value)| (text(name), Secret::new(text(value))))
                .collect(),
            config_file,
            env_file,
            working_directory: std::env::current_dir().ok(),
        };
        let _ = environment_block::wipe(Source::is_secret_name);
        sources
    }

    /// The sources, the strongest first: environment, env file, TOML file.
    pub(super) fn sources(&self, diagnostics: &mut Diagnostics) -> Vec<Source> {
        self.check_switch(diagnostics);
        let environment = self.environment_layer(diagnostics);
        let toml = self.toml_layer(diagnostics);
        let is_settled = environment.has_servers() || toml.as_ref().is_some_and(Source::may_have_servers);
        let env_file = match &self.env_file {
            Some(path) => Some(self.env_layer("--env-file", path, diagnostics)),
            None if is_settled => None,
            None => self.dot_env_layer(diagnostics),
        };
        [Some(environment), env_file, toml].into_iter().flatten().collect()
    }

    fn environment_layer(&self, diagnostics: &mut Diagnostics) -> Source {
        let credentials = self.credentials(diagnostics);
        let variables =
            self.environment.iter().map(|(name, value)| (name.clone(), value.clone(), Location::Environment));
        Source::from_variables("environment", variables.chain(credentials), diagnostics)
    }

    /// Secrets that systemd passes as files named like variables (systemd.exec, `LoadCredential=`). A variable wins.
    fn credentials(&self, diagnostics: &mut Diagnostics) -> Vec<Assignment> {
        let Some(directory) = self.variable("CREDENTIALS_DIRECTORY").map(Path::new) else {
            return Vec::new();
        };
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let missing = names.filter(|name| Source::is_secret_name(name) && self.variable(name).is_none());
        let mut found = Vec::new();
        for name in missing {
            let path = directory.join(&name);
            if let Some(text) = self.read_given("systemd credential", &path, diagnostics) {
                let text = Secret::from(text.trim_end_matches(['\r', '\n']));
                found.push((name, text, Location::File(path, None)));
            }
        }
        found
    }

    /// The directory for what must survive the program's end: systemd's, or the user's (XDG Base Directory Specification).
    pub(super) fn state_dir(&self) -> Option<PathBuf> {
        let given =
            self.variable("STATE_DIRECTORY").and_then(|list| list.split(':').next()).map(PathBuf::from);
        let xdg = || self.variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let (variable, below) = USER_STATE;
        let user = || self.variable(variable).map(|home| Path::new(home).join(below));
        given.or_else(|| Some(xdg().or_else(user)?.join("smtp-mcp-server")))
    }

    fn toml_layer(&self, diagnostics: &mut Diagnostics) -> Option<Source> {
        let (path, text) = match self.given_config() {
            Some((source, path)) => (path.clone(), self.read_given(source, &path, diagnostics)),
            None => {
                let path = self.default_config().filter(|path| path.is_file())?;
                (path.clone(), self.read_given("configuration file", &path, diagnostics))
            }
        };
        let Some(text) = text else {
            return Some(Source::broken());
        };
        let source = toml_file::parse(&path, &text, diagnostics);
        permissions::check(&path, source.holds(), self.allows_open_files(), diagnostics);
        Some(source)
    }

    /// `.env` of the working directory. Clients start servers inside other people's projects, so it may not be the user's; it
    /// is read only if no other source names servers.
    fn dot_env_layer(&self, diagnostics: &mut Diagnostics) -> Option<Source> {
        if self.given_config().is_some() {
            return None;
        }
        let path = self.working_directory.as_ref()?.join(".env");
        path.is_file()
            .then(|| Source { untrusted: true, ..self.env_layer("configuration file", &path, diagnostics) })
    }

    /// The TOML file that is read, if it exists.
    pub(super) fn toml_path(&self) -> Option<PathBuf> {
        self.given_config().map(|(_, path)| path).or_else(|| self.default_config())
    }

    /// `--config`, else `SMTP_MCP_CONFIG`, with the name of the one used.
    fn given_config(&self) -> Option<(&'static str, PathBuf)> {
        if let Some(path) = &self.config_file {
            return Some(("--config", path.clone()));
        }
        self.variable(MCP_CONFIG.name).map(|path| (MCP_CONFIG.name, PathBuf::from(path)))
    }

    fn default_config(&self) -> Option<PathBuf> {
        let xdg = self.variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || self.variable("HOME").map(|home| Path::new(home).join(".config"));
        Some(xdg.or_else(home)?.join("smtp-mcp-server").join("config.toml"))
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let value = self.environment.get(name)?.text().trim();
        Some(without_quotes(value).unwrap_or(value)).filter(|value| !value.is_empty())
    }

    /// Whether files that everybody may change are allowed. A file cannot say so itself.
    pub(super) fn allows_open_files(&self) -> bool {
        self.open_files_setting().is_some_and(|setting| value::switch(&setting) == Ok(true))
    }

    fn check_switch(&self, diagnostics: &mut Diagnostics) {
        if let Some(setting) = self.open_files_setting()
            && let Err(reason) = value::switch(&setting)
        {
            diagnostics.problems.push(setting.refuse(&MCP_ALLOW_OPEN_FILES, &reason));
        }
    }

    fn open_files_setting(&self) -> Option<Setting> {
        let (label, value) = (MCP_ALLOW_OPEN_FILES.name, self.variable(MCP_ALLOW_OPEN_FILES.name)?);
        Some(Setting { label: label.to_owned(), value: Value::of(value), location: Location::Environment })
    }

    fn env_layer(&self, source: &str, path: &Path, diagnostics: &mut Diagnostics) -> Source {
        let Some(text) = self.read_given(source, path, diagnostics) else {
            return Source::broken();
        };
        let assignments = env_file::parse(path, &text, diagnostics);
        let source = Source::from_variables(&path.display().to_string(), assignments, diagnostics);
        permissions::check(path, source.holds(), self.allows_open_files(), diagnostics);
        source
    }

    /// Reads a file that was named or found: it must be readable.
    fn read_given(
        &self,
        source: &str,
        path: &Path,
        diagnostics: &mut Diagnostics,
    ) -> Option<Zeroizing<String>> {
        match text_file::read(path) {
            Ok(text) => {
                diagnostics.files.push(path.to_owned());
                Some(text)
            }
            Err(error) => {
                let (shown, place) = (path.display(), looked_for(path, self.working_directory.as_deref()));
                diagnostics.problems.push(format!(
                    "{source}: found {shown}, which cannot be read ({error}{place}), expected a readable file"
                ));
                None
            }
        }
    }
}
