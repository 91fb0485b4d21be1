//! Delivering to servers that misbehave: who got the mail how often, the messages, and the servers' health.

#[cfg(test)]
mod changing;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod recipients;
#[cfg(test)]
mod recovery;
#[cfg(test)]
#[path = "../support/server.rs"]
mod server;
#[cfg(test)]
mod silent;
#[cfg(test)]
mod stalls;
#[cfg(test)]
mod together;
