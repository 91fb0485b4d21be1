//! The limits of one call. Their defaults are in `config`, like all others.

/// Limits of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// To, Cc and Bcc together.
    pub recipients: usize,
    /// Characters of the subject after templating.
    pub subject_chars: usize,
    /// Bytes of the body.
    pub body_bytes: usize,
    /// Bytes of one attachment.
    pub attachment_bytes: usize,
    /// Bytes of all attachments together.
    pub attachments_bytes: usize,
}

/// A size for display: `25 MiB`, `1.5 MiB`, `900 bytes`.
pub fn size(bytes: usize) -> String {
    if bytes < 1 << 20 {
        return format!("{bytes} bytes");
    }
    let tenths = bytes * 10 / (1 << 20);
    match tenths % 10 {
        0 => format!("{} MiB", tenths / 10),
        rest => format!("{}.{rest} MiB", tenths / 10),
    }
}

/// Mebibytes, in bytes.
pub fn mebibytes(number: u32) -> usize {
    (number as usize) << 20
}
