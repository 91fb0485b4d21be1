//! What a refusal is about: one table from the phase, the reply code, the enhanced code and the words to a cause.
//!
//! Codes alone say little: most providers use 550 5.7.1 for whatever they refuse. The words are those of common servers.

use smtp_submission::{Phase, Reply};

/// What a person has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Cause {
    /// TLS is required before anything else.
    StartTlsRequired,
    /// The name in EHLO.
    HelloName,
    /// The address of this machine has no name.
    NoReverseDns,
    /// The address of this machine is blocked.
    ClientBlocked,
    /// SMTP AUTH is off for the whole organisation.
    SmtpAuthOffForOrganisation,
    /// SMTP AUTH is off for the mailbox.
    SmtpAuthOffForMailbox,
    /// Only access tokens are accepted.
    OAuthWanted,
    /// An app password is wanted, not the account's own.
    AppPasswordWanted,
    /// A login on the provider's web page is wanted.
    WebLoginWanted,
    /// Too many logins lately.
    TooManyLogins,
    /// There was no login.
    LoginRequired,
    /// The sender's domain is unknown or takes no mail.
    SenderDomain,
    /// The account may not send as this sender.
    SenderNotOwned,
    /// The sender's domain does not authorize this path (SPF, DKIM, DMARC).
    SenderNotAuthenticated,
    /// The server does not send to other domains for us.
    RelayDenied,
    /// The mail is too large.
    MessageSize,
    /// The account's sending limit is reached.
    SendingLimit,
    /// It only wants to be asked again.
    Greylisting,
    /// The recipient's mailbox is full.
    MailboxFull,
    /// The recipient's mailbox gets more than it takes.
    RecipientBusy,
    /// There is no such domain, or it takes no mail.
    RecipientDomain,
    /// There is no such mailbox.
    UnknownUser,
    /// The mailbox is disabled.
    MailboxDisabled,
    /// An attached file of a forbidden kind.
    AttachmentKind,
    /// It is taken for spam.
    Spam,
    /// The address is malformed to this server.
    AddressSyntax,
}

/// One row of the table. Empty columns fit everything; of the words between the bars, in lower case, one has to begin a word.
struct Rule {
    cause: Cause,
    phases: &'static [Phase],
    codes: &'static [u16],
    /// Subject and detail of the enhanced code.
    enhanced: &'static [(u16, u16)],
    words: &'static str,
}

const LOGIN: &[Phase] = &[Phase::Auth, Phase::Mail];
const PLAINTEXT: &[Phase] = &[Phase::Auth, Phase::Mail, Phase::Rcpt];
const SENDER: &[Phase] = &[Phase::Mail, Phase::Rcpt, Phase::Data, Phase::EndOfData];
const RECIPIENT: &[Phase] = &[Phase::Rcpt, Phase::Data, Phase::EndOfData];
const ENVELOPE: &[Phase] = &[Phase::Mail, Phase::Rcpt];
const BEFORE_MAIL: &[Phase] = &[Phase::Greeting, Phase::Hello];
const TRANSIENT: &[u16] = &[421, 450, 451, 452, 454];

const fn words(cause: Cause, phases: &'static [Phase], words: &'static str) -> Rule {
    Rule { cause, phases, codes: &[], enhanced: &[], words }
}

const fn enhanced(cause: Cause, phases: &'static [Phase], enhanced: &'static [(u16, u16)]) -> Rule {
    Rule { cause, phases, codes: &[], enhanced, words: "" }
}

const fn codes(cause: Cause, phases: &'static [Phase], codes: &'static [u16]) -> Rule {
    Rule { cause, phases, codes, enhanced: &[], words: "" }
}

/// The first rule that fits wins, so what is specific comes before what is general.
const RULES: &[Rule] = &[
    words(
        Cause::StartTlsRequired,
        PLAINTEXT,
        "starttls|must use tls|tls required|tls is required|requires tls|encryption required|encryption is required|without tls|must use ssl|ssl is required",
    ),
    words(
        Cause::HelloName,
        &[],
        "helo command rejected|ehlo command rejected|helo/ehlo|invalid helo|invalid ehlo|helo name|ehlo name|helo argument|ehlo argument|bad helo|helo hostname|helo required to be",
    ),
    codes(Cause::HelloName, &[Phase::Hello], &[501, 504]),
    words(
        Cause::NoReverseDns,
        &[],
        "reverse dns|reverse hostname|reverse lookup|reverse host|rdns|ptr record|no ptr|dns ptr|find your hostname|find your reverse",
    ),
    enhanced(Cause::NoReverseDns, &[], &[(7, 25)]),
    words(Cause::SmtpAuthOffForOrganisation, LOGIN, "smtpclientauthentication is disabled for the tenant"),
    words(
        Cause::SmtpAuthOffForMailbox,
        LOGIN,
        "smtpclientauthentication is disabled|smtp auth is disabled|smtp is disabled|smtp service is disabled|service is not open|smtp access is disabled|smtp access denied",
    ),
    words(
        Cause::OAuthWanted,
        LOGIN,
        "basic authentication is disabled|basic authentication is not supported|security defaults|oauth|modern authentication",
    ),
    words(
        Cause::AppPasswordWanted,
        LOGIN,
        "application-specific password|app-specific password|app password|application password|authorization code|username and password not accepted|bridge password|third-party",
    ),
    words(Cause::WebLoginWanted, LOGIN, "web browser|browser and then try|weblogin|unusual activity|captcha"),
    words(
        Cause::TooManyLogins,
        &[Phase::Auth, Phase::Greeting, Phase::Hello],
        "too many login|too many auth|too many failed|login frequency|login rate",
    ),
    words(
        Cause::ClientBlocked,
        &[],
        "spamhaus|spamcop|barracuda|dnsbl|rbl|blocked using|blacklist|blocklist|block list|black list|banned sending ip|client host rejected|poor reputation|reputation of|your ip|sending ip|ip address is|ip is listed|listed at|client host blocked",
    ),
    codes(Cause::LoginRequired, SENDER, &[530]),
    words(
        Cause::LoginRequired,
        SENDER,
        "authentication required|authentication is required|not authenticated|must be authenticated|authenticate first|must authenticate|log in first|login required|auth first",
    ),
    words(
        Cause::SenderNotOwned,
        SENDER,
        "not owned by|sendasdenied|permissions to send as|allowed to send as|permitted to send as|send on behalf|equal authorized user|equal to authorized user|same as the authorization user|same as authorization user|disallowed as|sender mismatch|sender address does not match|identity failed the check|email address is not verified|address not verified|sender is not allowed|sender not allowed|unauthorized sender|from address not verified|not match the authenticated|sender verify failed|sender address rejected: access denied",
    ),
    words(Cause::SenderNotAuthenticated, SENDER, "dmarc|spf|dkim|unauthenticated email|sender id"),
    enhanced(
        Cause::SenderNotAuthenticated,
        SENDER,
        &[(7, 20), (7, 21), (7, 22), (7, 23), (7, 24), (7, 26), (7, 27), (7, 30)],
    ),
    words(
        Cause::SenderDomain,
        SENDER,
        "sender address rejected: domain not found|sender domain|domain of sender|sender's domain|sender address rejected",
    ),
    enhanced(Cause::SenderDomain, SENDER, &[(1, 7), (1, 8), (7, 27)]),
    enhanced(Cause::MessageSize, SENDER, &[(3, 4), (2, 3)]),
    words(
        Cause::MessageSize,
        SENDER,
        "message size|size limit|size exceeds|message too large|message too big|message length|maximum size|maximum message size|message is too large|too large|message exceeds|mail size",
    ),
    words(Cause::SendingLimit, &[], "throttl|daily message quota|sending quota|sending limit"),
    words(
        Cause::RecipientBusy,
        RECIPIENT,
        "receiving mail too quickly|receiving mail at a rate|recipient has exceeded|recipient rate",
    ),
    words(
        Cause::MailboxFull,
        RECIPIENT,
        "mailbox full|mailbox is full|mailbox size|out of storage|over quota|inbox is full|overquota|exceeded storage|insufficient storage|quota exceeded|mailbox quota|storage allocation",
    ),
    enhanced(Cause::MailboxFull, RECIPIENT, &[(2, 2)]),
    words(
        Cause::SendingLimit,
        &[],
        "daily user|submission quota|submission rate|maximum sending rate|maximum credits|rate limit|ratelimit|too many messages|too many mails|too many emails|outgoing messages|outbound spam|hourly|daily limit|messages per|exceeded the maximum number|exceeds the limit|limit exceeded|frequency limited|message quota|sending rate|quota for|unusual sending",
    ),
    enhanced(Cause::SendingLimit, &[Phase::Mail, Phase::Data, Phase::EndOfData], &[(4, 5), (7, 28)]),
    enhanced(Cause::SendingLimit, SENDER, &[(1, 90)]),
    Rule {
        cause: Cause::Greylisting,
        phases: SENDER,
        codes: TRANSIENT,
        enhanced: &[],
        words: "greylist|graylist|grey list|postgrey|try again in|try later|please retry|deferred",
    },
    words(
        Cause::AttachmentKind,
        SENDER,
        "potential security issue|attachment type|file type|banned attachment|executable|blocked attachment|virus|malware|forbidden attachment",
    ),
    words(Cause::RelayDenied, SENDER, "relay|rcpthosts|5.7.54|not a local domain|non-local recipient"),
    words(
        Cause::RecipientDomain,
        RECIPIENT,
        "domain not found|host not found|nullmx|null mx|does not accept mail|no mx|domain does not exist|bad destination system|unrouteable mail domain|all relevant mx records point to non-existent",
    ),
    words(
        Cause::MailboxDisabled,
        RECIPIENT,
        "account is disabled|account disabled|account has been disabled|is inactive|mailbox disabled|mailbox is disabled|account that you tried to reach is disabled|account suspended|user is suspended",
    ),
    words(
        Cause::UnknownUser,
        RECIPIENT,
        "user unknown|unknown user|no such user|does not exist|doesn't exist|no mailbox|no such recipient|recipient not found|unknown recipient|unrouteable address|user doesn't have|invalid recipient|recipient unknown|mailbox not found|mailbox unavailable|user not found|no such mailbox|not a valid mailbox|unknown or illegal alias|unknown local",
    ),
    enhanced(Cause::RecipientDomain, RECIPIENT, &[(1, 2), (1, 10), (4, 4)]),
    enhanced(Cause::UnknownUser, RECIPIENT, &[(1, 1), (1, 6)]),
    words(Cause::UnknownUser, RECIPIENT, "recipient address rejected"),
    words(
        Cause::Spam,
        SENDER,
        "spam|junk|unsolicited|content rejected|message content|blocked by content|suspicious|bulk|prohibited content|message rejected|message blocked|phishing|bad content|low reputation|policy reasons|message refused",
    ),
    Rule {
        cause: Cause::MailboxDisabled,
        phases: RECIPIENT,
        codes: &[550, 551, 552, 553, 554],
        enhanced: &[(2, 1)],
        words: "",
    },
    enhanced(Cause::AddressSyntax, RECIPIENT, &[(1, 3)]),
    Rule {
        cause: Cause::AddressSyntax,
        phases: ENVELOPE,
        codes: &[501, 553],
        enhanced: &[],
        words: "syntax|malformed|bad address|invalid address",
    },
    words(Cause::ClientBlocked, BEFORE_MAIL, "blocked|denied|rejected|refused|policy|not allowed|banned"),
];

/// What a refusal in `phase` is about, if the table knows it.
pub(super) fn cause(phase: Phase, reply: &Reply) -> Option<Cause> {
    let text = sentence(&reply.text);
    RULES.iter().find(|rule| rule.fits(phase, reply, &text)).map(|rule| rule.cause)
}

/// A reply in lower case on one line, without addresses, host names and links: what they are made of means nothing.
fn sentence(text: &str) -> String {
    let is_name = |word: &&str| {
        let between_letters = |dot: usize| {
            let is_letter = |at: Option<usize>| {
                at.and_then(|at| word.as_bytes().get(at)).is_some_and(u8::is_ascii_alphabetic)
            };
            is_letter(dot.checked_sub(1)) && is_letter(Some(dot + 1))
        };
        word.contains(['@', '<'])
            || word.contains("://")
            || word.match_indices('.').any(|(dot, _)| between_letters(dot))
    };
    let words: Vec<_> = text.split_whitespace().filter(|word| !is_name(word)).collect();
    words.join(" ").to_lowercase()
}

/// Whether `words` stand in the text, from the beginning of a word on.
fn has_words(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric))
}

impl Rule {
    fn fits(&self, phase: Phase, reply: &Reply, text: &str) -> bool {
        let code = reply.enhanced.map(|code| (code.subject, code.detail));
        (self.phases.is_empty() || self.phases.contains(&phase))
            && (self.codes.is_empty() || self.codes.contains(&reply.code))
            && (self.enhanced.is_empty() || code.is_some_and(|code| self.enhanced.contains(&code)))
            && (self.words.is_empty() || self.words.split('|').any(|words| has_words(text, words)))
    }
}
