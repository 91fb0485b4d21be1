//! Any text as a TOML file: a configuration, or errors of one line each.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_mcp_server::config::ConfigSources;
use smtp_mcp_server_fuzz::settings;

fuzz_target!(|text: &[u8]| {
    let file = settings::write(text);
    settings::check(&ConfigSources { config_file: Some(file), ..ConfigSources::default() });
});
