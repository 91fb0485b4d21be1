//! The shortest way to a working configuration, for people who have none yet.

use std::path::PathBuf;

use super::ConfigSources;

const TOML: &str = r#"the lines `[[server]]`, `host = "smtp.example.org"`, `username = "you@example.org"` and `password = "…"`"#;
const VARIABLES: &str =
    "the lines `SMTP_HOST=smtp.example.org`, `SMTP_USERNAME=you@example.org` and `SMTP_PASSWORD=…`";

impl ConfigSources {
    /// The options that name these files, as on a command line, each after a blank. A client needs whole paths.
    pub fn options(&self) -> String {
        let options = [("--config", &self.config_file), ("--env-file", &self.env_file)];
        let given = options.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?)));
        let whole = |path: &PathBuf| match &self.working_directory {
            Some(directory) => directory.join(path),
            None => path.clone(),
        };
        given.map(|(name, path)| format!(" {name} {}", whole(path).display())).collect()
    }

    /// What to write into which file, with the values of the user's own mail server, and what to do `then`.
    pub fn shortest_setup(&self, then: &str) -> String {
        if self.environment.keys().any(|name| name.starts_with("SMTP_HOST")) {
            return "Correct that. What the environment sets, such as SMTP_HOST, cannot change while this program runs: change it where \
                the client's settings start this program, and restart it"
                .to_owned();
        }
        let by_environment = "or set SMTP_HOST, SMTP_USERNAME and SMTP_PASSWORD in the environment with which the client starts this \
            program, and restart it";
        let by_file = |what: &str, path: &std::path::Path| {
            format!("put {what}, with your own values, into {}, and {then}", path.display())
        };
        let file = match (&self.env_file, self.toml_path()) {
            (Some(path), _) => Some(by_file(VARIABLES, path)),
            (None, Some(path)) => Some(by_file(TOML, &path)),
            (None, None) => None,
        };
        match file {
            Some(file) => format!("The shortest way to a working one: {file}; {by_environment}"),
            None => {
                format!("The shortest way to a working one: {}", by_environment.trim_start_matches("or "))
            }
        }
    }
}
