//! Addresses compared with the verdicts of another validator.

#[cfg(test)]
mod is_email;
