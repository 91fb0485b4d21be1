//! What was asked: the arguments of a send as they came, and the draft that they make.

mod asked;
mod attachment;
mod blank;
mod draft;
mod refusal;
mod thread;

pub use asked::{Addresses, Asked, AskedAttachment, References};
pub use attachment::{File, Part};
pub use draft::{Draft, Var};
pub use refusal::{Refusal, TOLD};
pub use thread::MessageId;
