//! Files that are read: regular ones only, without waiting, and what to do if too many are open.

pub mod regular;
pub mod too_many;
