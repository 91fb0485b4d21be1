//! From the arguments of a call to the bytes of a message.

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod python;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod setting;
#[cfg(test)]
mod submit;
