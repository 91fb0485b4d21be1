//! From the arguments of a call to the bytes of a message.

#[cfg(test)]
mod attachments;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod html_mails;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod python;
#[cfg(test)]
mod random_headers;
#[cfg(test)]
mod request_digest;
#[cfg(test)]
mod requests;
#[cfg(test)]
#[path = "../support/server.rs"]
mod server;
#[cfg(test)]
mod submit;
