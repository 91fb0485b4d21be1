//! The outside suite: pytest with the built binary, real mail servers and another mail parser.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::shell::{self, command, works};
use crate::skipped::Skipped;
use crate::{node, paths};

pub(crate) const SUITE: &str = "tests/outside";
const POSTFIX: &str = "/usr/lib/postfix/sbin/smtpd";
const DOVECOT: &str = "/usr/lib/dovecot/submission";
/// The OAuth provider, and where the tests look for it in the target directory.
const PROVIDER: (&str, &str) = ("oidc-provider@9.13.3", "outside-oidc");
/// In the target directory, where `install-lab` puts it.
const EXIM: &str = "outside-exim/exim4";

/// Most tests wait for something, so each CPU can take several at a time.
const TESTS_PER_CPU: usize = 4;
/// More workers need much memory and gain nothing.
const MAX_WORKERS: usize = 32;

/// Runs the suite, or with `quick` only its smoke tests; what this machine cannot do is skipped with its reason.
pub(crate) fn run(quick: bool, skipped: &mut Skipped) -> Result<()> {
    let python = match environment() {
        Ok(python) => python,
        Err(why) => {
            skipped.add("the outside suite", format!("{why:#}"));
            return Ok(());
        }
    };
    let workers = (TESTS_PER_CPU * std::thread::available_parallelism()?.get()).min(MAX_WORKERS);
    let mut pytest = command(python);
    pytest.args(["-m", "pytest", SUITE, "-q", "-n", &workers.to_string()]);
    if quick {
        pytest.args(["-m", "smoke"]);
    } else {
        install_lab(skipped);
    }
    pytest.env("SMTP_MCP_SERVER", paths::program());
    shell::run(&mut pytest)
}

/// Installs the real mail servers. If it cannot, pytest skips the tests that need them, and that is reported.
fn install_lab(skipped: &mut Skipped) {
    if let Err(why) = shell::run(command("bash").arg(Path::new(SUITE).join("install-lab"))) {
        skipped.add("what install-lab gets", format!("{why:#}"));
    }
    if let Err(why) = install_provider() {
        skipped.add("the sign-ins at an OAuth provider", format!("{why:#}"));
    }
    let exim = paths::target().join(EXIM);
    let servers = [
        ("Postfix", Path::new(POSTFIX), true),
        ("Dovecot", Path::new(DOVECOT), true),
        ("Exim", exim.as_path(), false),
    ];
    for (server, program, needs_root) in servers {
        let step = format!("the tests against a real {server}");
        if !program.exists() {
            skipped.add(&step, format!("there is no {}", program.display()));
        } else if needs_root && !shell::is_root() {
            skipped.add(&step, "it needs root");
        }
    }
}

fn install_provider() -> Result<()> {
    let (package, folder) = PROVIDER;
    let lab = paths::target().join(folder);
    std::fs::create_dir_all(&lab)?;
    node::install(&lab, package)?.context(node::MISSING)?;
    Ok(())
}

/// The interpreter of a virtual environment with the suite's requirements.
pub(crate) fn environment() -> Result<PathBuf> {
    let directory = paths::target().join("outside-venv");
    let python = directory.join("bin/python");
    if !works(command(&python).args(["-m", "pip", "--version"])) {
        make(&directory)?;
    }
    let requirements = Path::new(SUITE).join("requirements.txt");
    let mut pip = command(&python);
    pip.args("-m pip install --quiet --disable-pip-version-check -r".split(' '));
    shell::run(pip.arg(requirements))?;
    Ok(python)
}

/// Creates the environment; if Python lacks `venv`, root installs it.
fn make(directory: &Path) -> Result<()> {
    let venv = || {
        let mut venv = command("python3");
        venv.args(["-m", "venv", "--clear"]).arg(directory);
        venv
    };
    if works(command("python3").args(["-c", "import ensurepip, venv"])) || !shell::is_root() {
        return shell::run(&mut venv());
    }
    shell::run(command("apt-get").args(["update", "-q"]))?;
    shell::run(command("apt-get").args(["install", "-y", "-q", "python3-venv"]))?;
    shell::run(&mut venv())
}
