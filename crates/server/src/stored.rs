//! The form in which values are stored: JSON with a version, so that a later program can tell what it reads.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Why a stored value cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// It was written by a program that stores values in another form.
    #[error("it was stored in version {0} of the form, and this program reads version {VERSION}")]
    Version(u32),
    /// It is not in the form of its version.
    #[error("it is damaged: {0}")]
    Form(#[from] serde_json::Error),
    /// Its digest does not match what it holds.
    #[error("it is damaged: its digest does not match")]
    Digest,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    value: T,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// `value` in its stored form.
pub fn to_json(value: &impl Serialize) -> String {
    // Only a map with keys that are no strings, or a failing `Serialize`, could fail here.
    serde_json::to_string(&Versioned { version: VERSION, value }).unwrap_or_default()
}

/// The value that was stored.
///
/// # Errors
/// It is of another version, or damaged.
pub fn from_json<T: DeserializeOwned>(stored: &str) -> Result<T, StoredError> {
    match serde_json::from_str::<Version>(stored)?.version {
        VERSION => Ok(serde_json::from_str::<Versioned<T>>(stored)?.value),
        other => Err(StoredError::Version(other)),
    }
}
