//! The way out against servers that misbehave: who got the mail how often, what is messages, and what becomes of the servers.

#[cfg(test)]
mod changing;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod silent;
#[cfg(test)]
mod stalls;
#[cfg(test)]
mod table;
#[cfg(test)]
mod together;
