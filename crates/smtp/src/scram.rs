//! SCRAM (RFC 5802, RFC 7677): the password stays here, and the server proves that it knows it, too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::prelude::{Mechname, Registry, SASLClient, SASLConfig, Session, SessionError, State};
use rsasl::property::{AuthId, Password};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::Credentials;
use crate::exchange::Exchange;

/// These take 0.2 s, in which this thread does nothing else; common servers ask for some thousand.
const MAX_ITERATIONS: u32 = 1_000_000;

/// The mechanisms that the library may choose.
static SCRAM: [rsasl::prelude::Mechanism; 2] =
    [rsasl::mechanisms::scram::SCRAM_SHA256, rsasl::mechanisms::scram::SCRAM_SHA1];

/// One SCRAM login.
pub(crate) struct Scram {
    session: Option<Session>,
    has_begun: bool,
    is_verified: bool,
}

impl Scram {
    /// A login with `mechanism`, such as `SCRAM-SHA-256`.
    pub(crate) fn new(mechanism: &str, credentials: Credentials) -> Self {
        Self { session: begin(mechanism, credentials), has_begun: false, is_verified: false }
    }
}

/// `None`: the user name is not one that SCRAM allows.
fn begin(mechanism: &str, credentials: Credentials) -> Option<Session> {
    let registry = Registry::with_mechanisms(&SCRAM);
    let config = SASLConfig::builder().with_registry(registry).with_callback(Login(credentials)).ok()?;
    let name = Mechname::parse(mechanism.as_bytes()).ok()?;
    SASLClient::new(config).start_suggested(&[name]).ok()
}

impl Exchange for Scram {
    fn respond(&mut self, challenge: &str) -> Option<Zeroizing<Vec<u8>>> {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let challenge = STANDARD.decode(challenge.trim()).ok()?;
        if !is_first && !is_sound(&challenge) {
            return None;
        }
        // Taken: the library must not be asked again after a failure or the end.
        let mut session = self.session.take()?;
        let mut response = Zeroizing::new(Vec::new());
        match session.step((!is_first).then_some(&challenge), &mut *response).ok()? {
            State::Running => self.session = Some(session),
            State::Finished(_) => self.is_verified = true,
        }
        Some(response)
    }

    fn is_complete(&self) -> bool {
        self.is_verified
    }
}

/// Whether each attribute has a name and a value, which the library takes for granted, and the server does not ask for
/// too much work.
fn is_sound(challenge: &[u8]) -> bool {
    challenge.split(|byte| *byte == b',').all(|attribute| match attribute {
        [b'i', b'=', count @ ..] => {
            let count = std::str::from_utf8(count).ok().and_then(|count| count.parse().ok());
            count.is_some_and(|count: u32| count <= MAX_ITERATIONS)
        }
        [_, b'=', ..] => true,
        _ => false,
    })
}

/// Gives the library what it asks for.
struct Login(Credentials);

impl SessionCallback for Login {
    fn callback(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        let Credentials { username, secret, .. } = &self.0;
        request.satisfy::<AuthId>(username)?.satisfy::<Password>(secret.expose_secret().as_bytes())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::Scram;
    use crate::Credentials;
    use crate::exchange::Exchange;

    fn login() -> Scram {
        Scram::new("SCRAM-SHA-256", Credentials::password("user", "pencil".to_owned().into()))
    }

    /// The response to `challenge`.
    fn respond(login: &mut Scram, challenge: &str) -> Option<String> {
        let response = login.respond(&STANDARD.encode(challenge))?;
        Some(String::from_utf8(response.to_vec()).unwrap())
    }

    fn server_first(nonce: &str, iterations: &str) -> String {
        format!("r={nonce}more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={iterations}")
    }

    #[test]
    fn a_challenge_that_is_not_sound_ends_the_login() {
        for (challenge, is_fine) in [
            ("NONCE 4096", true),
            ("NONCE 1000001", false),
            ("NONCE 0", false),
            ("NONCE many", false),
            ("other 4096", false),
        ] {
            let mut login = login();
            let first = respond(&mut login, "").unwrap();
            // No channel binding, and none that is denied: a server with it would take that for an attack (RFC 5802, section 6).
            let nonce = first.strip_prefix("n,,n=user,r=").unwrap().to_owned();
            let (own, iterations) = challenge.split_once(' ').unwrap();
            let nonce = if own == "NONCE" { &nonce } else { own };
            let answer = respond(&mut login, &server_first(nonce, iterations));
            assert_eq!(answer.is_some(), is_fine, "{challenge}");
            assert_eq!(
                respond(&mut login, "v=bm90IHRoZSBzaWduYXR1cmU="),
                None,
                "the server's signature is wrong"
            );
            assert!(!login.is_complete());
        }
    }

    proptest! {
        /// Whatever a server says, the library does not panic.
        #[test]
        fn any_challenges(one in "[rsiveml=,0-9A-Za-z+/]{0,40}", two in "(v|e|r)?=?[a-z=,]{0,12}") {
            let mut login = login();
            let first = respond(&mut login, "").unwrap();
            let nonce = first.rsplit_once("r=").unwrap().1.to_owned();
            respond(&mut login, &one.replacen("r=", &format!("r={nonce}x"), 1).replacen("i=", "i=1", 1));
            respond(&mut login, &two);
        }
    }
}
