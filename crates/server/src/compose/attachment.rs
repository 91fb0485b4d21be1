//! Attachments as bytes: given in the call, or read from a file within the allowed directories.

use std::borrow::Cow;
use std::cell::LazyCell;

use super::attachment_file::{self, OwnFiles};
use super::media;
use super::message_part::{MessagePart, is_message, looks_like_message, may_be_encoded, message_part};
use crate::config::Config;
use crate::limits;
use crate::request::{AttachmentSource, AttachmentSpec, Draft, ValidationCode, ValidationErrors};

/// An attachment, ready to be encoded.
pub(super) struct Attachment<'d> {
    pub(super) bytes: Cow<'d, [u8]>,
    pub(super) filename: &'d str,
    pub(super) media_type: String,
    pub(super) content_id: Option<&'d str>,
    /// The Content-Transfer-Encoding of a message, whose bytes are its lines. `None`: base64.
    pub(super) encoding: Option<&'static str>,
}

impl Attachment<'_> {
    /// Whether it is sent with 8-bit bytes.
    pub(super) fn is_eight_bit(&self) -> bool {
        self.encoding == Some("8bit")
    }
}

/// Loads all attachments of a draft; one error refuses the call.
pub(super) fn gather<'d>(draft: &'d Draft, config: &Config) -> Result<Vec<Attachment<'d>>, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    let mut gathered = Vec::new();
    let mut left = config.limits.attachments_bytes;
    let own_files = LazyCell::new(|| OwnFiles::of(config));
    for (index, part) in draft.attachments.iter().enumerate() {
        let bytes = match &part.file {
            AttachmentSource::Given(bytes) => Ok(Cow::Borrowed(bytes.as_slice())),
            AttachmentSource::Path(path) => {
                attachment_file::read(path, config, &own_files, left).map(Cow::Owned)
            }
        };
        match bytes {
            Ok(bytes) if bytes.len() > left => {
                let most = limits::size(config.limits.attachments_bytes);
                errors.add("attachments", ValidationCode::TooLarge, format!("larger than {most} in total"));
                break;
            }
            Ok(bytes) => {
                left -= bytes.len();
                match attachment(part, bytes) {
                    Ok(attachment) => gathered.push(attachment),
                    Err(message) => {
                        errors.add(
                            format!("attachments[{index}].mime_type"),
                            ValidationCode::Invalid,
                            message,
                        );
                    }
                }
            }
            Err((code, message)) => errors.add(format!("attachments[{index}].path"), code, message),
        }
    }
    errors.or(gathered)
}

fn attachment<'d>(part: &'d AttachmentSpec, bytes: Cow<'d, [u8]>) -> Result<Attachment<'d>, String> {
    let media_type = media::type_of(part.mime_type.as_deref(), &part.filename, &bytes);
    let attachment = Attachment {
        bytes,
        filename: &part.filename,
        media_type,
        content_id: part.content_id.as_deref(),
        encoding: None,
    };
    if is_message(&attachment.media_type) {
        return as_message(attachment, part.mime_type.is_some());
    }
    Ok(attachment)
}

/// A message, sent as itself. If only its name says that it is one, it is one if it looks like it, and arrives with every byte
/// and over every server; else it is any other file.
fn as_message(attachment: Attachment<'_>, is_type_given: bool) -> Result<Attachment<'_>, String> {
    match message_part(&attachment.bytes) {
        Ok(MessagePart { converted, encoding })
            if is_type_given
                || (converted.is_none() && encoding == "7bit" && looks_like_message(&attachment.bytes)) =>
        {
            let bytes = converted.map_or(attachment.bytes, Cow::Owned);
            Ok(Attachment { bytes, encoding: Some(encoding), ..attachment })
        }
        Err(_) if may_be_encoded(&attachment.media_type) => Ok(attachment),
        Err(problem) if is_type_given => Err(format!(
            "{} may not be encoded (RFC 2046, section 5.2.1), and this one cannot be sent as it is: {problem}; use \
             application/octet-stream",
            attachment.media_type
        )),
        _ => Ok(Attachment { media_type: media::UNKNOWN.to_owned(), ..attachment }),
    }
}
