//! Merges account settings of stronger sources that name no host into the chosen source's servers, by number.

use super::source::{ServerEntry, Source, origins};

/// The servers of `chosen`, with what the `stronger` sources (the strongest first) set for them. A setting without a
/// server is a warning. Nothing is merged into an untrusted source: a password must not be sent to a host that someone else chose.
pub(super) fn merge(chosen: &Source, stronger: &[Source], warnings: &mut Vec<String>) -> Vec<ServerEntry> {
    let mut entries = chosen.entries(warnings);
    for source in stronger.iter().rev() {
        if chosen.untrusted {
            warnings.extend(untrusted_warning(chosen, source));
        } else {
            merge_into(source, &mut entries, &chosen.name, warnings);
        }
    }
    entries
}

fn merge_into(source: &Source, entries: &mut [ServerEntry], chosen: &str, warnings: &mut Vec<String>) {
    for (number, settings) in source.accounts() {
        if let Some(entry) = entries.iter_mut().find(|entry| entry.number == number) {
            let settings = settings.iter();
            entry.own.extend(settings.map(|(name, setting)| (*name, setting.clone())));
            continue;
        }
        let reason = no_server(number, entries, chosen);
        let names = origins(settings.values());
        warnings.push(format!("{names}: not used, because {reason}"));
    }
}

fn no_server(number: Option<u32>, entries: &[ServerEntry], source: &str) -> String {
    match (number, entries) {
        (None, _) => format!("the servers of {source} have numbers"),
        (Some(_), [ServerEntry { number: None, .. }]) => {
            format!("the only server of {source} has no number")
        }
        (Some(number), _) => format!("{source} has no server {number}"),
    }
}

fn untrusted_warning(untrusted: &Source, source: &Source) -> Option<String> {
    let settings: Vec<_> = source.accounts().flat_map(|(_, settings)| settings.values()).collect();
    if settings.is_empty() {
        return None;
    }
    let (names, used) = (origins(settings.into_iter()), &untrusted.name);
    Some(format!(
        "{names}: not used, because the servers come from {used}, which was not asked for: a password must not \
         be sent to hosts named by someone else's project; if the file is yours, pass --env-file {used}"
    ))
}
