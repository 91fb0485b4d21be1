//! The computations of a login: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), and base64.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use crate::behavior::Login;

/// The user name given, and whether the credentials were right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoginAttempt {
    pub(crate) user: String,
    pub(crate) ok: bool,
}

pub(crate) fn encode(text: &str) -> String {
    STANDARD.encode(text)
}

/// Decodes a response; a lone `=` is the empty one (RFC 4954 section 4).
pub(crate) fn decode(response: &str) -> Option<String> {
    match response {
        "=" => Some(String::new()),
        _ => String::from_utf8(STANDARD.decode(response).ok()?).ok(),
    }
}

/// `authzid NUL authcid NUL password`; acting for another user is not supported.
pub(crate) fn plain(response: &str, login: &Login) -> Option<LoginAttempt> {
    let mut fields = response.split('\0');
    let (authorize, user, password) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let same_user = authorize.is_empty() || authorize == user;
    Some(LoginAttempt {
        user: user.to_owned(),
        ok: same_user && user == login.user && password == login.password,
    })
}

pub(crate) fn password(user: String, password: &str, login: &Login) -> LoginAttempt {
    let ok = user == login.user && password == login.password;
    LoginAttempt { user, ok }
}

/// `user SPACE digest`, the digest in lower-case hexadecimal.
pub(crate) fn cram_md5(response: &str, challenge: &str, login: &Login) -> Option<LoginAttempt> {
    let (user, digest) = response.rsplit_once(' ')?;
    let expected = hmac_md5(challenge, &login.password)?;
    Some(LoginAttempt { user: user.to_owned(), ok: user == login.user && digest == expected })
}

fn hmac_md5(challenge: &str, password: &str) -> Option<String> {
    let mut mac = Hmac::<Md5>::new_from_slice(password.as_bytes()).ok()?;
    mac.update(challenge.as_bytes());
    let mut hex = String::new();
    for byte in mac.finalize().into_bytes() {
        write!(hex, "{byte:02x}").ok()?;
    }
    Some(hex)
}

#[cfg(test)]
mod tests {
    use super::{cram_md5, decode, plain};
    use crate::behavior::Login;

    fn login(user: &str, password: &str) -> Login {
        Login { user: user.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn plain_knows_its_account() {
        let account = login("ada", "secret");
        let accepted = |response: &str| plain(response, &account).map(|attempt| attempt.ok);
        assert_eq!(accepted("\0ada\0secret"), Some(true));
        assert_eq!(accepted("ada\0ada\0secret"), Some(true));
        assert_eq!(accepted("eve\0ada\0secret"), Some(false));
        assert_eq!(accepted("\0ada\0wrong"), Some(false));
        assert_eq!(accepted("ada\0secret"), None);
        assert_eq!(accepted("\0ada\0secret\0"), None);
    }

    /// The example of RFC 2195 section 2.
    #[test]
    fn cram_md5_agrees_with_its_rfc() {
        let response = "tim b913a602c7eda7a495b4e6e7334d3890";
        let challenge = "<1896.697170952@postoffice.reston.mci.net>";
        let accepted = |login: Login| cram_md5(response, challenge, &login).map(|attempt| attempt.ok);
        assert_eq!(accepted(login("tim", "tanstaaftanstaaf")), Some(true));
        assert_eq!(accepted(login("tim", "wrong")), Some(false));
    }

    #[test]
    fn responses_are_base64() {
        assert_eq!(decode("YWRh").as_deref(), Some("ada"));
        assert_eq!(decode("=").as_deref(), Some(""));
        assert_eq!(decode("YWR"), None);
        assert_eq!(decode("*"), None);
    }
}
