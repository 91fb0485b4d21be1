//! One login between client and server, whatever its mechanism (SASL, RFC 4422).

use zeroize::Zeroizing;

/// One login. It begins with the first challenge, or with the initial response of a mechanism in which the client
/// speaks first.
pub(crate) trait Exchange: Send {
    /// The response to `challenge`, the text of a 334 reply: base64, if the server keeps to the rules. `None`: the mechanism
    /// has no such challenge.
    fn respond(&mut self, challenge: &str) -> Option<Zeroizing<Vec<u8>>>;

    /// Whether the server has done its part. It cannot end a login with success before.
    fn is_complete(&self) -> bool {
        true
    }
}
