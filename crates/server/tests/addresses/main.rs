//! Addresses held against what other programs say of them.

#[cfg(test)]
mod is_email;
