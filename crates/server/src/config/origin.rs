//! Where settings come from: the process's environment, an env file, a TOML file; and which of them counts.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::layer::Layer;
use super::setting::Place;
use super::variables::MCP_CONFIG;
use super::{Origin, env_file, toml_file};

/// What was found on the way from the sources to the layers.
#[derive(Default)]
pub(super) struct Findings {
    /// Odd, but no error.
    pub warnings: Vec<String>,
    /// Errors.
    pub problems: Vec<String>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

impl Origin {
    /// The process's own environment and working directory, and the files that its arguments name.
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
    pub fn of_process(config_file: Option<PathBuf>, env_file: Option<PathBuf>) -> Self {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        Self {
            environment: std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect(),
            config_file,
            env_file,
            working_directory: std::env::current_dir().ok(),
        }
    }

    /// The layers, the strongest first: environment, env file, TOML file.
    pub(super) fn layers(&self, findings: &mut Findings) -> Vec<Layer> {
        let environment = self.environment_layer(findings);
        let toml = self.toml_layer(findings);
        let is_settled = environment.has_servers() || toml.as_ref().is_some_and(Layer::may_have_servers);
        let env_file = match &self.env_file {
            Some(path) => Some(env_layer("--env-file", path, findings)),
            None if is_settled => None,
            None => self.dot_env_layer(findings),
        };
        [Some(environment), env_file, toml].into_iter().flatten().collect()
    }

    fn environment_layer(&self, findings: &mut Findings) -> Layer {
        let variables =
            self.environment.iter().map(|(name, value)| (name.clone(), value.clone(), Place::Environment));
        Layer::of_variables("environment", variables, &mut findings.warnings)
    }

    fn toml_layer(&self, findings: &mut Findings) -> Option<Layer> {
        let (path, text) = match self.given_config() {
            Some((source, path)) => (path.clone(), read_given(source, &path, findings)),
            None => {
                let path = self.default_config().filter(|path| path.is_file())?;
                (path.clone(), read_given("configuration file", &path, findings))
            }
        };
        let Some(text) = text else {
            return Some(Layer::broken());
        };
        let layer = toml_file::parse(&path, &text, &mut findings.problems);
        warn_if_others_read(&path, &layer, findings);
        Some(layer)
    }

    /// `.env` of the working directory. Clients start servers inside other people's projects: it is nobody's choice, so it
    /// is read only where nothing else says which servers there are.
    fn dot_env_layer(&self, findings: &mut Findings) -> Option<Layer> {
        if self.given_config().is_some() {
            return None;
        }
        let path = self.working_directory.as_ref()?.join(".env");
        path.is_file().then(|| Layer { is_foreign: true, ..env_layer("configuration file", &path, findings) })
    }

    /// `--config`, else `SMTP_MCP_CONFIG`, with the name of which it is.
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
        self.environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

fn env_layer(source: &str, path: &Path, findings: &mut Findings) -> Layer {
    let Some(text) = read_given(source, path, findings) else {
        return Layer::broken();
    };
    let assignments = env_file::parse(path, &text, &mut findings.problems);
    let layer = Layer::of_variables(&path.display().to_string(), assignments, &mut findings.warnings);
    warn_if_others_read(path, &layer, findings);
    layer
}

/// A text of at most 1 MiB: a device or a wrong file must not fill the memory.
fn read_text(path: &Path) -> std::io::Result<String> {
    const MOST: u64 = 1 << 20;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

/// A file that somebody named, or that is there: it must be readable.
fn read_given(source: &str, path: &Path, findings: &mut Findings) -> Option<String> {
    match read_text(path) {
        Ok(text) => {
            findings.files.push(path.to_owned());
            Some(text)
        }
        Err(error) => {
            let shown = path.display();
            findings.problems.push(format!(
                "{source}: found {shown}, which cannot be read ({error}), expected a readable file"
            ));
            None
        }
    }
}

fn warn_if_others_read(path: &Path, layer: &Layer, findings: &mut Findings) {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS_READ: u32 = 0o004;
    let is_open =
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & OTHERS_READ != 0);
    if is_open && layer.holds_a_password() {
        let shown = path.display();
        findings.warnings.push(format!(
            "{shown}: holds a password and everybody on this machine can read it; chmod 600 {shown}"
        ));
    }
}
