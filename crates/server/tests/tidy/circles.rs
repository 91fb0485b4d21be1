//! Import circles: within a folder no file imports another that imports it, directly or through others.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::{first_names, name};
use crate::source::Source;

/// What each module of a folder imports from its siblings.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// The circles among the files of each folder, as `folder: a -> b -> a`.
pub(crate) fn circles(sources: &[Source]) -> Vec<String> {
    let mut folders: BTreeMap<&str, Imports> = BTreeMap::new();
    for file in sources.iter().filter(|file| file.path.contains("/src/") && file.production > 0) {
        for (folder, module, siblings) in imports(file) {
            folders.entry(folder).or_default().entry(module.to_owned()).or_default().extend(siblings);
        }
    }
    let found =
        folders.iter().filter_map(|(folder, imports)| Some(format!("{folder}: {}", circle(imports)?)));
    found.collect()
}

/// For each folder that `file` is in: its module there, and the names that it imports from that folder.
fn imports(file: &Source) -> Vec<(&str, &str, BTreeSet<String>)> {
    let Some(source) = file.path.find("/src/").map(|at| at + "/src/".len()) else {
        return Vec::new();
    };
    let production: String = file.production_lines().map(|(_, line)| format!("{line}\n")).collect();
    let separators = file.path.match_indices('/').map(|(at, _)| at).filter(|at| *at >= source);
    let own = file.path.rfind('/').unwrap_or_default();
    let mut found = Vec::new();
    for at in separators.chain([source - 1]) {
        let (folder, rest) = (&file.path[..at], &file.path[at + 1..]);
        let module = rest.split(['/', '.']).next().unwrap_or_default();
        let inside = folder.get(source..).unwrap_or_default().replace('/', "::");
        let absolute = if inside.is_empty() { "crate::".to_owned() } else { format!("crate::{inside}::") };
        let mut names = names_after(&production, &absolute);
        if at == own && !matches!(module, "mod" | "lib" | "main") {
            names.extend(names_after(&production, " super::"));
        }
        names.remove(module);
        if !matches!(module, "mod" | "lib" | "main") {
            found.push((folder, module, names));
        }
    }
    found
}

/// The names behind each `prefix`.
fn names_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let names = |(at, _): (usize, &str)| {
        let rest = &code[at + prefix.len()..];
        rest.strip_prefix('{').map_or_else(|| vec![name(rest)], first_names)
    };
    code.match_indices(prefix).flat_map(names).collect()
}

/// One circle, if there is any.
fn circle(imports: &Imports) -> Option<String> {
    let mut left = imports.clone();
    // What imports nothing that is left is in no circle.
    loop {
        let known: BTreeSet<String> = left.keys().cloned().collect();
        let free: Vec<_> = left
            .iter()
            .filter(|(_, names)| names.is_disjoint(&known))
            .map(|(name, _)| name.clone())
            .collect();
        if free.is_empty() {
            break;
        }
        free.iter().for_each(|name| drop(left.remove(name)));
    }
    let mut path: Vec<&String> = left.keys().take(1).collect();
    loop {
        let next = left[*path.last()?].iter().find(|name| left.contains_key(*name))?;
        path.push(next);
        if let Some(at) = path[..path.len() - 1].iter().position(|name| *name == next) {
            return Some(path[at..].iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" -> "));
        }
    }
}
