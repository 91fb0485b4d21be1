//! The request: the arguments of a send as received, and the validated draft.

mod args;
mod attachment;
mod draft;
mod extra_header;
mod thread;
mod validation;

pub use args::{Addresses, AttachmentArgs, References, SendEmailArgs, attachment_field};
pub use attachment::{AttachmentSource, AttachmentSpec};
pub use draft::{Draft, Priority, Var, addresses};
pub use extra_header::ExtraHeader;
pub use thread::MessageId;
pub use validation::{MAX_ERRORS, ValidationCode, ValidationError, ValidationErrors};
