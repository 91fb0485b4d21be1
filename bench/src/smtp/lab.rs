//! A real Postfix at a distance: two network namespaces, a link with a round-trip time, and in the far one a Postfix that accepts
//! everything and throws it away.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

const NEAR: &str = "smtp-bench-near";
const FAR: &str = "smtp-bench-far";
const OPEN_TUN: &str = include_str!("open_tun.py");

/// The account that may log in.
pub(crate) const USER: &str = "bench@lab.test";
pub(crate) const PASSWORD: &str = "secret";

/// The name in the server's certificate.
pub(crate) const NAME: &str = "mail.lab.test";

/// The services of Postfix, by port.
pub(crate) const PLAIN: u16 = 2525;
pub(crate) const IMPLICIT_TLS: u16 = 4650;
pub(crate) const WITHOUT_CHUNKING: u16 = 2526;

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the server's own machine.
    Beside,
    /// A round trip away.
    Away,
}

/// The laboratory, taken down when dropped.
pub(crate) struct Lab {
    directory: TempDir,
    wire: Child,
}

impl Place {
    pub(crate) const ALL: [Self; 2] = [Self::Beside, Self::Away];

    /// The server's address as seen from here.
    pub(crate) fn server(self) -> &'static str {
        match self {
            Self::Beside => "127.0.0.1",
            Self::Away => "10.99.0.2",
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Self::Beside => FAR,
            Self::Away => NEAR,
        }
    }
}

impl Lab {
    /// Sets it up, with this round-trip time.
    pub(crate) fn up(round_trip: Duration) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("smtp-bench").tempdir()?;
        for namespace in [NEAR, FAR] {
            let _ = run(&["ip", "netns", "delete", namespace]);
            run(&["ip", "netns", "add", namespace])?;
        }
        let wire = wire(directory.path(), round_trip)?;
        let lab = Self { directory, wire };
        lab.connect()?;
        lab.start_postfix()?;
        Ok(lab)
    }

    /// A program that runs at this place.
    pub(crate) fn command(place: Place, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", place.namespace(), program]);
        command
    }

    /// The certificate of the authority that issued the server's.
    pub(crate) fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn connect(&self) -> Result<()> {
        for (namespace, device, own, peer) in
            [(NEAR, "near0", "10.99.0.1", "10.99.0.2"), (FAR, "far0", "10.99.0.2", "10.99.0.1")]
        {
            // The device is there as soon as the wire runs.
            let mut tries = 0;
            while run(&["ip", "-n", namespace, "link", "set", device, "up"]).is_err() {
                tries += 1;
                if tries > 100 {
                    bail!("the device {device} does not come up");
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            run(&["ip", "-n", namespace, "addr", "add", own, "peer", peer, "dev", device])?;
            run(&["ip", "-n", namespace, "link", "set", "lo", "up"])?;
        }
        Ok(())
    }

    fn start_postfix(&self) -> Result<()> {
        let lab = self.directory.path();
        for folder in ["etc/sasl", "data", "queue"] {
            fs::create_dir_all(lab.join(folder))?;
        }
        certify(lab)?;
        fs::write(lab.join("etc/main.cf"), main_cf(lab))?;
        fs::write(lab.join("etc/master.cf"), MASTER_CF)?;
        fs::write(lab.join("etc/sasl/smtpd.conf"), sasl(lab))?;
        shell(
            lab,
            &format!(
                "chmod 755 . && echo {PASSWORD} | saslpasswd2 -p -c -f etc/sasldb2 -u lab.test bench && \
                 chgrp postfix etc/sasldb2 && chmod 640 etc/sasldb2 && chown postfix data"
            ),
        )?;
        self.postfix("start")
    }

    fn postfix(&self, what: &str) -> Result<()> {
        let etc = self.directory.path().join("etc");
        let mut command = Self::command(Place::Beside, "postfix");
        command.arg("-c").arg(etc).arg(what).stdout(Stdio::null()).stderr(Stdio::null());
        if !command.status()?.success() {
            bail!("postfix {what} failed: see {}", self.directory.path().join("maillog").display());
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.postfix("stop");
        let _ = self.wire.kill();
        let _ = self.wire.wait();
        for namespace in [NEAR, FAR] {
            let _ = run(&["ip", "netns", "delete", namespace]);
        }
    }
}

/// The link between the namespaces: this program again, with both devices open.
fn wire(directory: &Path, round_trip: Duration) -> Result<Child> {
    let open = directory.join("open_tun.py");
    fs::write(&open, OPEN_TUN)?;
    let open = open.to_str().context("the path is not UTF-8")?;
    let own = std::env::current_exe()?;
    let milliseconds = round_trip.as_millis().to_string();
    Command::new("ip")
        .args(["netns", "exec", NEAR, "python3", open, "near0", "0"])
        .args(["ip", "netns", "exec", FAR, "python3", open, "far0", "1"])
        .arg(own)
        .args(["distance", &milliseconds])
        .spawn()
        .context("cannot start the link")
}

/// An authority and the server's certificate.
fn certify(lab: &Path) -> Result<()> {
    let names = format!("DNS:{NAME},IP:10.99.0.2,IP:127.0.0.1");
    shell(
        lab,
        &format!(
            "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=bench CA' -keyout ca.key -out ca.pem && \
             openssl req -newkey rsa:2048 -nodes -subj /CN={NAME} -keyout key.pem -out leaf.csr && \
             printf 'basicConstraints=critical,CA:FALSE\\nsubjectAltName={names}\\n' >leaf.ext && \
             openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out cert.pem -extfile leaf.ext"
        ),
    )
}

fn shell(directory: &Path, script: &str) -> Result<()> {
    let output = Command::new("sh").arg("-c").arg(script).current_dir(directory).output()?;
    if !output.status.success() {
        bail!("{script}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn run(words: &[&str]) -> Result<()> {
    let output = Command::new(words[0]).args(&words[1..]).output()?;
    if !output.status.success() {
        bail!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn sasl(lab: &Path) -> String {
    format!(
        "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN\nsasldb_path: {}/etc/sasldb2\n",
        lab.display()
    )
}

fn main_cf(lab: &Path) -> String {
    let lab = lab.display();
    format!(
        "compatibility_level = 3.6
queue_directory = {lab}/queue
data_directory = {lab}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = {NAME}
mydestination =
default_transport = discard:
relay_transport = discard:
local_transport = discard:
inet_interfaces = all
inet_protocols = ipv4
mynetworks = 127.0.0.0/8 10.99.0.0/24
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
maillog_file = {lab}/maillog
maillog_file_prefixes = /
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
message_size_limit = 40960000
smtpd_tls_security_level = may
smtpd_tls_cert_file = {lab}/cert.pem
smtpd_tls_key_file = {lab}/key.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {lab}/etc/sasl
smtpd_sasl_local_domain = lab.test
smtpd_discard_ehlo_keywords =
"
    )
}

const MASTER_CF: &str = "\
2525      inet  n       -       n       -       200       smtpd
2526      inet  n       -       n       -       200       smtpd -o smtpd_discard_ehlo_keywords=chunking
4650      inet  n       -       n       -       200       smtpd -o smtpd_tls_wrappermode=yes
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       discard
defer     unix  -       -       n       -       0       discard
trace     unix  -       -       n       -       0       discard
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
";
