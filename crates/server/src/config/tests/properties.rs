//! For any environment: no panic, and no password anywhere but in its field.

use proptest::collection::btree_map;
use proptest::prelude::*;

use super::super::variables::VARIABLES;
use super::super::{ConfigSources, load_with_provenance};
use crate::secret::Secret;

/// Unique, so finding it anywhere is a leak.
const PASSWORD: &str = "Zq7#pass$word!xV";

fn name() -> impl Strategy<Value = String> {
    let known = || proptest::sample::select(VARIABLES).prop_map(|variable| variable.name.to_owned());
    let numbered = (known(), 0..4_u32).prop_map(|(name, number)| format!("{name}_{number}"));
    prop_oneof![3 => known(), 3 => numbered, 1 => "SMTP_[A-Z_0-9]{0,12}", 1 => "\\PC{0,8}"]
}

fn value() -> impl Strategy<Value = Secret> {
    let plausible = proptest::sample::select(
        &[
            "smtp.example.org",
            "ada@example.org",
            "true",
            "no",
            "1",
            "465",
            "*",
            "",
            "/",
            "x:y",
            "a,b",
            "::1",
            "localhost",
        ][..],
    );
    prop_oneof![4 => plausible.prop_map(str::to_owned), 1 => any::<String>(), 1 => "[\\x00-\\x7f]{0,12}"]
        .prop_map(Secret::new)
}

/// Everything that a person or a log may see of `config_sources`.
fn seen(config_sources: &ConfigSources) -> String {
    match load_with_provenance(config_sources) {
        Err(problems) => format!("{problems}\n{problems:?}"),
        Ok(loaded) => format!("{loaded:?}\n{:?}", loaded.config.warnings),
    }
}

proptest! {
    #[test]
    fn any_environment_is_read_or_refused(mut environment in btree_map(name(), value(), 0..12)) {
        // This test does not depend on the file system.
        environment.retain(|name, _| !name.contains("CONFIG") && name != "HOME");
        seen(&ConfigSources { environment, ..ConfigSources::default() });
    }

    #[test]
    fn a_password_is_seen_nowhere(
        mut environment in btree_map(name(), value(), 0..12),
        number in prop_oneof![Just(String::new()), (0..4_u32).prop_map(|number| format!("_{number}"))],
        end in prop_oneof![Just(""), Just("\n"), Just("\u{fffd}")],
    ) {
        environment.retain(|name, _| !name.contains("CONFIG") && name != "HOME");
        environment.insert(format!("SMTP_HOST{number}"), "smtp.example.org".into());
        environment.insert(format!("SMTP_USERNAME{number}"), "ada@example.org".into());
        environment.insert(format!("SMTP_PASSWORD{number}"), Secret::new(format!("{PASSWORD}{end}")));
        let seen = seen(&ConfigSources { environment, ..ConfigSources::default() });
        prop_assert!(!seen.contains(PASSWORD) && !seen.contains("Zq7"), "{}", seen);
    }

    #[test]
    fn a_password_in_a_file_is_seen_nowhere(
        before in "[\\x20-\\x7e\n\"'=]{0,24}",
        quote in proptest::sample::select(&["", "'", "\"", "\"\"\"", "' "][..]),
        toml in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings");
        let text = if toml {
            format!("{before}\n[[server]]\nhost = \"h\"\nusername = \"ada@example.org\"\npassword = {quote}{PASSWORD}{quote}\n")
        } else {
            format!("{before}\nSMTP_HOST=h\nSMTP_USERNAME=ada@example.org\nSMTP_PASSWORD={quote}{PASSWORD}{quote}\n")
        };
        std::fs::write(&file, text).unwrap();
        let (config_file, env_file) = if toml { (Some(file), None) } else { (None, Some(file)) };
        let seen = seen(&ConfigSources { config_file, env_file, ..ConfigSources::default() });
        // The random name of the folder may hold anything.
        let seen = seen.replace(&folder.path().display().to_string(), "");
        prop_assert!(!seen.contains("Zq7") && !seen.contains("pass$word") && !seen.contains("word!xV"), "{}", seen);
    }
}
