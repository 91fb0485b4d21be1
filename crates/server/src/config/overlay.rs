//! Account settings of a stronger layer that names no host: they lie over the chosen layer's servers, number by number.

use super::layer::{Group, Layer, labels};

/// The servers of `chosen`, with what the `stronger` layers (the strongest first) set for them. What finds no server is a
/// warning. Over a foreign layer nothing is laid: a password must not travel to a host that somebody else names.
pub(super) fn overlaid(chosen: &Layer, stronger: &[Layer], warnings: &mut Vec<String>) -> Vec<Group> {
    let mut groups = chosen.groups(warnings);
    for layer in stronger.iter().rev() {
        if chosen.is_foreign {
            warnings.extend(kept_from(chosen, layer));
        } else {
            lay(layer, &mut groups, &chosen.source, warnings);
        }
    }
    groups
}

fn lay(layer: &Layer, groups: &mut [Group], source: &str, warnings: &mut Vec<String>) {
    for (number, settings) in layer.accounts() {
        if let Some(group) = groups.iter_mut().find(|group| group.number == number) {
            let settings = settings.iter();
            group.own.extend(settings.map(|(name, setting)| (*name, setting.clone())));
            continue;
        }
        let reason = no_server(number, groups, source);
        let names = labels(settings.values());
        warnings.push(format!("{names} ({}): not used, because {reason}", layer.source));
    }
}

fn no_server(number: Option<u32>, groups: &[Group], source: &str) -> String {
    match (number, groups) {
        (None, _) => format!("the servers of {source} have numbers"),
        (Some(_), [Group { number: None, .. }]) => {
            format!("the only server of {source} has no number")
        }
        (Some(number), _) => format!("{source} has no server {number}"),
    }
}

fn kept_from(foreign: &Layer, layer: &Layer) -> Option<String> {
    let settings: Vec<_> = layer.accounts().flat_map(|(_, settings)| settings.values()).collect();
    if settings.is_empty() {
        return None;
    }
    let (names, source, used) = (labels(settings.into_iter()), &layer.source, &foreign.source);
    Some(format!(
        "{names} ({source}): not used, because the servers come from {used}, which nobody named: a password must not travel to \
         the hosts of somebody else's project; if the file is yours, --env-file {used} says so"
    ))
}
