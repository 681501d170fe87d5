//! Names of files that are safe everywhere: no paths, no reserved names, no two that differ only in case.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Windows refuses these, with any extension (Microsoft, "Naming Files, Paths, and Namespaces").
const RESERVED: &[&str] = &[
    "con", "prn", "aux", "nul", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// A folder's or file's name for `text`: letters, digits, `.`, `_` and `-`; never empty, hidden or reserved.
pub(crate) fn safe_name(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' })
        .take(100)
        .collect();
    // Windows drops dots at the end; a dot at the start hides the file.
    while name.ends_with('.') {
        name.pop();
    }
    if name.starts_with('.') {
        name.replace_range(..1, "_");
    }
    let stem = name.split('.').next().unwrap_or_default().to_lowercase();
    if name.is_empty() || RESERVED.contains(&stem.as_str()) {
        name.insert(0, '_');
    }
    name
}

/// Hands out each name once, whatever its case.
#[derive(Debug, Default)]
pub(crate) struct UniqueNames {
    taken: HashSet<String>,
}

impl UniqueNames {
    /// `name`, or `name_2`, `name_3`, …
    pub(crate) fn take(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut number = 2;
        while !self.taken.insert(free.to_lowercase()) {
            free = format!("{name}_{number}");
            number += 1;
        }
        free
    }
}

/// Hands out safe paths for a folder's files: no two are equal, and none is another's folder, whatever the case.
#[derive(Debug, Default)]
pub(in crate::backup) struct PathNames {
    taken: HashSet<String>,
    given: HashMap<PathBuf, String>,
}

impl PathNames {
    /// The path for `relative` under `prefix`, with slashes. Files of one folder stay together.
    pub(in crate::backup) fn take(&mut self, prefix: &str, relative: &Path) -> String {
        let (mut original, mut path) = (PathBuf::new(), prefix.to_owned());
        for part in relative.components() {
            original.push(part);
            path = match self.given.get(&original) {
                Some(given) => given.clone(),
                None => {
                    let free = self.free(&path, &safe_name(&part.as_os_str().to_string_lossy()));
                    self.given.insert(original.clone(), free.clone());
                    free
                }
            };
        }
        path
    }

    /// `folder/name`, or with a number before its extension.
    fn free(&mut self, folder: &str, name: &str) -> String {
        let mut free = format!("{folder}/{name}");
        let mut number = 2;
        while !self.taken.insert(free.to_lowercase()) {
            free = match name.rsplit_once('.') {
                Some((stem, extension)) if !stem.is_empty() => {
                    format!("{folder}/{stem}_{number}.{extension}")
                }
                _ => format!("{folder}/{name}_{number}"),
            };
            number += 1;
        }
        free
    }
}

/// A slug for a backup config's name that is not among `taken`.
pub(in crate::backup) fn free_slug(name: &str, taken: &[String]) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            c if c.is_ascii_alphanumeric() => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('_') => slug.push('_'),
            _ => {}
        }
    }
    let slug: String = slug.trim_end_matches('_').chars().take(60).collect();
    let slug = safe_name(if slug.is_empty() { "backup" } else { &slug });
    let mut names = UniqueNames::default();
    for slug in taken {
        names.take(slug);
    }
    names.take(&slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_safe_on_every_system() {
        for (text, name) in [
            ("core-rtr-1", "core-rtr-1"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("con", "_con"),
            ("NUL.txt", "_NUL.txt"),
            ("sw 1/2", "sw_1_2"),
            ("trailing.", "trailing"),
            ("", "_"),
            ("..", "_"),
            ("größe", "gr__e"),
        ] {
            assert_eq!(safe_name(text), name, "{text}");
        }
    }

    #[test]
    fn two_devices_of_one_name_get_folders_of_their_own() {
        let mut names = UniqueNames::default();
        assert_eq!(names.take("fw"), "fw");
        assert_eq!(names.take("FW"), "FW_2");
        assert_eq!(names.take("fw"), "fw_3");
    }

    #[test]
    fn files_whose_names_differ_only_in_what_is_not_safe_get_paths_of_their_own() {
        let mut names = PathNames::default();
        let mut take = |path: &str| names.take("media", Path::new(path));
        assert_eq!(take("a b.pdf"), "media/a_b.pdf");
        assert_eq!(take("a_b.pdf"), "media/a_b_2.pdf");
        assert_eq!(take("site 1/plan"), "media/site_1/plan");
        assert_eq!(take("site 1/PLAN"), "media/site_1/PLAN_2");
        assert_eq!(take("site_1"), "media/site_1_2", "a file is no folder's name");
        assert_eq!(take("site_1.d/plan"), "media/site_1.d/plan");
    }

    #[test]
    fn like_names_of_backup_configs_get_slugs_of_their_own() {
        assert_eq!(free_slug("Daily Config Backup", &[]), "daily_config_backup");
        assert_eq!(
            free_slug("daily config-backup!", &["daily_config_backup".into()]),
            "daily_config_backup_2"
        );
        assert_eq!(free_slug("夜間", &[]), "backup");
    }
}
