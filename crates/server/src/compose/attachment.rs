//! Attachments as bytes: given in the call, or read from a file within the allowed directories.

use std::borrow::Cow;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File as Handle};

use super::media;
use super::message_part::{MessagePart, is_message, looks_like_message, may_be_encoded, message_part};
use crate::address::character;
use crate::config::Config;
use crate::limits::{self, CallLimits};
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
    for (index, part) in draft.attachments.iter().enumerate() {
        let bytes = match &part.file {
            AttachmentSource::Given(bytes) => Ok(Cow::Borrowed(bytes.as_slice())),
            AttachmentSource::Path(path) => read(path, config, left).map(Cow::Owned),
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

fn read(path: &str, config: &Config, left: usize) -> Result<Vec<u8>, (ValidationCode, String)> {
    if config.attachment_dirs.is_empty() {
        let message =
            "SMTP_ATTACHMENT_DIRS is not set: no file may be attached by path; set it, or give content";
        return Err((ValidationCode::NotAllowed, message.to_owned()));
    }
    let handle =
        find(path, &config.attachment_dirs).map_err(|message| (ValidationCode::NotAllowed, message))?;
    read_bounded(handle, &config.limits, left)
        .map_err(|problem| (ValidationCode::Invalid, format!("{}: {problem}", character::quoted(path))))
}

/// The file, opened beneath one of the directories. Every failure gives the
/// same message, so that it reveals nothing about what is outside.
fn find(path: &str, dirs: &[PathBuf]) -> Result<Handle, String> {
    if path.contains('\0') {
        return Err(format!("{}: a path cannot contain control characters", character::quoted(path)));
    }
    let path = Path::new(path);
    let found = dirs.iter().find_map(|dir| open_beneath(dir, path));
    found.ok_or_else(|| {
        let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        format!(
            "{}: no readable file in the allowed directories ({}); symlinks cannot escape them",
            character::quoted(&path.to_string_lossy()),
            dirs.join(", ")
        )
    })
}

fn open_beneath(dir: &Path, path: &Path) -> Option<Handle> {
    let inside = if path.is_absolute() { beneath(dir, path)? } else { path.to_owned() };
    if inside.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let dir = Dir::open_ambient_dir(dir, ambient_authority()).ok()?;
    // checked before it is opened, because opening a pipe would wait for a writer
    dir.metadata(&inside).ok().filter(cap_std::fs::Metadata::is_file)?;
    dir.open(&inside).ok()
}

/// The part of an absolute path after the directory, as configured or as canonicalised.
fn beneath(dir: &Path, path: &Path) -> Option<PathBuf> {
    if let Ok(inside) = path.strip_prefix(dir) {
        return Some(inside.to_owned());
    }
    path.strip_prefix(dir.canonicalize().ok()?).ok().map(Path::to_owned)
}

/// Reads an open file, whatever its path refers to now, and never more than is allowed.
fn read_bounded(handle: Handle, limits: &CallLimits, left: usize) -> Result<Vec<u8>, String> {
    let metadata = handle.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    let most = limits.attachment_bytes.min(left);
    let too_large = || match most == left {
        true => {
            format!(
                "with it the attachments are larger than {} in total",
                limits::size(limits.attachments_bytes)
            )
        }
        false => format!("larger than {}", limits::size(limits.attachment_bytes)),
    };
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if size > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(size + 1);
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    handle.take(bound).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > most { Err(too_large()) } else { Ok(bytes) }
}
