//! `health`: checks a server's health over HTTP, for containers that have no HTTP client.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args as ClapArgs;

use crate::config::Authority;

/// The time limit to connect, and for each read; container engines limit the total.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Longer than any response of ours.
const LONGEST: u64 = 64 << 10;

/// Options of `health`.
#[derive(Debug, Clone, ClapArgs)]
pub struct HealthArgs {
    /// Where the server answers
    #[arg(long, default_value = "http://127.0.0.1:8000/health")]
    pub url: String,
}

/// Prints the server's health; success if it serves, whatever its mail servers do.
///
/// # Errors
/// There is no response, or not 200.
pub fn health(args: &HealthArgs) -> anyhow::Result<ExitCode> {
    let url = &args.url;
    let (authority, path) = parse_url(url)?;
    let answer = ask(&authority, path).with_context(|| format!("{url} does not answer"))?;
    let Some(body) = body_of_success(&answer) else {
        let status = answer.lines().next().unwrap_or_default();
        bail!("{url} answers {status:?}");
    };
    writeln!(io::stdout(), "{}", body.trim())?;
    Ok(ExitCode::SUCCESS)
}

fn parse_url(url: &str) -> anyhow::Result<(Authority, &str)> {
    let wrong = || format!("--url: found {url:?}, expected http://HOST:PORT/health");
    let rest = url.strip_prefix("http://").with_context(wrong)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = Authority::parse(authority).with_context(wrong)?;
    let is_one_word = path.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_one_word {
        bail!(wrong());
    }
    Ok((authority, if matches!(path, "" | "/") { "/health" } else { path }))
}

fn ask(authority: &Authority, path: &str) -> io::Result<String> {
    let mut stream = connect(authority)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn connect(authority: &Authority) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in (authority.name.as_str(), authority.port.unwrap_or(80)).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn body_of_success(answer: &str) -> Option<&str> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let (version, rest) = head.split_once(' ')?;
    (version.starts_with("HTTP/1.") && rest.starts_with("200")).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (url, expected) in [
            ("http://127.0.0.1:8000/health", Some(("127.0.0.1:8000", "/health"))),
            ("http://[::1]:8000", Some(("[::1]:8000", "/health"))),
            ("http://localhost/", Some(("localhost", "/health"))),
            ("http://h:1/x/y?z", Some(("h:1", "/x/y?z"))),
            ("https://h/health", None),
            ("127.0.0.1:8000", None),
            ("http:///health", None),
            ("http://h/a b", None),
            ("http://h/a\r\nb", None),
        ] {
            let parts = parse_url(url).ok();
            let parts = parts.map(|(authority, path)| (authority.to_string(), path));
            assert_eq!(parts, expected.map(|(authority, path)| (authority.to_owned(), path)), "{url:?}");
        }
    }

    #[test]
    fn only_200_is_well() {
        assert_eq!(body_of_success("HTTP/1.1 200 OK\r\na: b\r\n\r\n{}\n"), Some("{}\n"));
        for answer in
            ["", "HTTP/1.1 503 x\r\n\r\n{}", "HTTP/1.1 200 OK\r\n", "SSH-2.0 200\r\n\r\n", "220 smtp\r\n\r\n"]
        {
            assert_eq!(body_of_success(answer), None, "{answer:?}");
        }
    }
}
