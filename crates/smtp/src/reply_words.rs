//! The words of ordinary SMTP replies. A secret that is one of them cannot be hidden in a reply: `[hidden] failed` tells what
//! stood there.

use zeroize::Zeroizing;

use crate::reply::normalized;

/// In lower case: words of replies, EHLO keywords, the names of login mechanisms, and what stands in place of a secret.
const WORDS: &str = "
    abuse accept accepted access account action activity address admin administrator after again allowed already
    another app application aspmx attempt attempts auth authenticate authenticated authenticating authentication
    authorization authorized aborted aborting
    bad base64 basic because been before begin best binary blacklisted blocked browser busy bye
    cannot center challenge change check client closed closing code command commands completed complete
    connect connected connection connections contact continue correct could credential credentials
    daily data database days decode decoding default deferred delivered delivery denied detail dictionary disabled
    domain dsn
    each ehlo email enabled encryption end ended enhancedstatuscodes enter equal error esmtp etrn exceeded exchange exim expired
    failed failure fatal find first for forbidden found frequency from full fully
    gmail go google goodbye greylisted greetings guest
    has have hello helo help hidden host hostname hours http https
    identity incorrect info information initial input insufficient internal invalid
    junk just key known later learn less limit limited line local localhost locked log login logged lookup
    mail mailbox mailer mailserver mechanism message messages microsoft minutes missing mode more must mx
    name need network never no noop none not number
    office365 okay one only open operation or org our out outlook over oauthbearer oauth2
    parameter pass passwd passcode password passwords per permission permitted phrase pipelining plain please policy
    port postfix postmaster prohibited protected protocol proceed provided
    queued quit quota rate read reading ready reason recipient recipients recognized refused reject rejected relay
    remote reply request requested require required requires reset resources response retry root rset
    scram-sha-1 scram-sha-256 scram-sha-512 cram-md5 digest-md5 ntlm gssapi xoauth2 external anonymous
    secure secured security see sender sendmail sent sequence server service session settings sign signin size smtp
    smtps smtputf8 spam ssl start starttls state status still storage submission success successful support supported
    suspended syntax system temporarily temporary test than that the there this time timeout timed tls to token too
    transaction transient transport try turn
    unable unauthenticated unauthorized unavailable unexpected unknown unrecognized unsuccessful unsupported until use user
    username using utf8 valid verify verification version vrfy wait web welcome went what with word words wrong yahoo you your
    8bitmime burl checkpoint chunking binarymime deliverby future futurerelease limits mt-priority requiretls
    verp xclient xforward
";

/// Whether each word of `text` is one of ordinary replies, or a part of one, or a number as short as a reply code.
///
/// A password like this is confirmed by any reply in which it is hidden, so it is shown; it should be changed.
pub fn is_ordinary(text: &str) -> bool {
    let text = Zeroizing::new(Zeroizing::new(normalized(text)).to_lowercase());
    let is_separator =
        |c: char| c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '!' | '?' | '/' | '_');
    let words: Vec<_> = text.split(is_separator).filter(|word| !word.is_empty()).collect();
    !words.is_empty() && words.into_iter().all(is_ordinary_word)
}

fn is_ordinary_word(word: &str) -> bool {
    let is_code = word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit());
    is_code || WORDS.split_ascii_whitespace().any(|ordinary| ordinary.contains(word))
}

#[cfg(test)]
mod tests {
    use super::is_ordinary;

    #[test]
    fn words_of_replies_are_ordinary() {
        for text in [
            "authentication",
            "Authentication",
            "password",
            "login",
            "user",
            "error",
            "failed",
            "invalid",
            "wrong",
            "credentials",
            "rror",
            "e",
            "login failed",
            "5.7.8",
            "535",
            "ＥＲＲＯＲ",
            "pass\u{200B}word",
            "STARTTLS",
            "cram-md5",
        ] {
            assert!(is_ordinary(text), "{text}");
        }
        for text in [
            "s3cret",
            "error5",
            "hunter2",
            "correct horse",
            "mail1",
            "1234",
            "",
            "…",
            "ada@example.org",
            "loginfailed",
        ] {
            assert!(!is_ordinary(text), "{text}");
        }
    }
}
