//! Settings from a file, `etiqa.toml`: what holds for every start of the program. docs/settings.md is its reference.
//!
//! One order everywhere: what is on the command line goes before the environment, that before the file, and that before what
//! the program does by itself. The file's values become the defaults of the options that they name, so that the library that
//! reads the command line keeps this order. What a key may be is read off those options, too: there is no second list of them.

use std::any::TypeId;
use std::error::Error as _;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command, ValueHint};
use toml::de::{DeTable, DeValue};

/// Where a file is looked for that nobody names, in this order: the first one counts, and no other.
const PLACES: [&str; 2] = ["etiqa.toml", "/etc/etiqa/etiqa.toml"];

/// Commands that work until they are stopped have a table each; options of other commands are said where they are run.
const TABLES: [&str; 2] = ["serve", "worker"];

/// Options that are no settings: one names the file itself, the other one is an act.
const NO_SETTINGS: [&str; 2] = ["config_file", "adopt_shared_dir"];

/// The user that the package makes for the service, and its group.
const SERVICE: &str = "etiqa";

/// A file of settings is a page or two.
const LONGEST: u64 = 1 << 20;

/// The command line with the settings of the file as its defaults, and that file. The error is one sentence that names the
/// file, the line and the key. Who asks for help or for the version gets that instead, whatever is in a file.
pub(super) fn with_file(
    command: Command,
    arguments: &[OsString],
) -> Result<(Command, Option<PathBuf>), String> {
    // What is wrong with the rest of the command line is told when all of it is read.
    let named = match command.clone().ignore_errors(true).try_get_matches_from(arguments) {
        Ok(matches) => matches.try_get_one::<OsString>("config_file").ok().flatten().cloned(),
        Err(help_or_version) => help_or_version.exit(),
    };
    let Some(found) = find(named)? else { return Ok((command, None)) };
    Ok((found.fill(command)?, Some(found.path)))
}

/// The key of an option: its name with underscores. None: it is no setting.
pub(super) fn key_of(argument: &Arg) -> Option<String> {
    let key = argument.get_long()?.replace('-', "_");
    (!NO_SETTINGS.contains(&key.as_str())).then_some(key)
}

/// A file that was found.
struct Found {
    path: PathBuf,
    text: String,
    /// Whether others than its owner, or the service, may read it.
    is_open: bool,
}

fn find(named: Option<OsString>) -> Result<Option<Found>, String> {
    if let Some(name) = named {
        // An empty name is none: nothing is read then.
        return if name.is_empty() { Ok(None) } else { read(PathBuf::from(name), true).map(Some) };
    }
    for place in PLACES {
        let path = Path::new(place);
        // What cannot be looked at may be there: reading it says why it cannot.
        let is_missing = path.symlink_metadata().is_err_and(|error| {
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        });
        if !is_missing {
            return read(path.to_owned(), false).map(Some);
        }
    }
    Ok(None)
}

/// Reads a file. One that nobody named must be the caller's own, or root's: else whoever may write into a folder would say
/// where the commands that others run in it keep their things.
fn read(path: PathBuf, is_named: bool) -> Result<Found, String> {
    let shown = path.display();
    let unread = |error: io::Error| {
        format!(
            "The settings file {shown} cannot be read: {error}. Make it readable for this user, or name another one with \
             --config-file (an empty name: none)."
        )
    };
    let file = File::open(&path).map_err(unread)?;
    let metadata = file.metadata().map_err(unread)?;
    let own = [0, rustix::process::getuid().as_raw()];
    if !is_named && (!own.contains(&metadata.uid()) || metadata.mode() & 0o002 != 0) {
        return Err(format!(
            "The settings file {shown} can be changed by another user: name it with --config-file to use it all the same."
        ));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(unread)?;
    let is_open = is_open(metadata.mode(), metadata.uid(), is_of_service(metadata.gid()));
    Ok(Found { path, text, is_open })
}

/// Whether people may read a file of these rights. The group of the service may, where the file is root's: so settings are
/// kept that the service reads and does not write.
fn is_open(mode: u32, owner: u32, is_of_service: bool) -> bool {
    let (for_others, beyond_the_group) = (mode & 0o077, mode & 0o037);
    let is_for_service = owner == 0 && is_of_service && beyond_the_group == 0;
    for_others != 0 && !is_for_service
}

/// Whether a group is the service's: the one that this process runs as, or the one of the package's user, for whoever runs a
/// command beside the service.
fn is_of_service(group: u32) -> bool {
    let groups = || std::fs::read_to_string("/etc/group").unwrap_or_default();
    group == rustix::process::getegid().as_raw() || group_named(SERVICE, &groups()) == Some(group)
}

/// The number of a group, out of group(5).
fn group_named(name: &str, groups: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

impl Found {
    /// The command with what the file says as defaults.
    fn fill(&self, mut command: Command) -> Result<Command, String> {
        let table = DeTable::parse(&self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.refusal(at, &format!("this is not TOML: {}.", error.message().replace('\n', ", ")))
        })?;
        for (key, value) in table.get_ref() {
            let (name, at): (&str, usize) = (key.get_ref(), key.span().start);
            match value.get_ref() {
                DeValue::Table(inner) if TABLES.contains(&name) => {
                    for (key, value) in inner {
                        let place: (&str, usize) = (key.get_ref(), key.span().start);
                        command = self.set(command, Some(name), place, value.get_ref())?;
                    }
                }
                DeValue::Table(_) => return Err(self.unknown_table(at, name)),
                value => command = self.set(command, None, (name, at), value)?,
            }
        }
        Ok(command)
    }

    /// One key, of a table or of none.
    fn set(
        &self,
        command: Command,
        table: Option<&str>,
        (key, at): (&str, usize),
        value: &DeValue<'_>,
    ) -> Result<Command, String> {
        let Some(argument) = argument_of(&command, table, key) else {
            return Err(self.unknown(at, key, table, &command));
        };
        let values = self
            .values(argument, value)
            .map_err(|wanted| self.refusal(at, &format!("{key} takes {wanted}, not {}.", kind_of(value))))?;
        let is_secret = argument.is_hide_env_values_set();
        if is_secret && self.is_open {
            let variable = argument.get_env().unwrap_or_default().to_string_lossy();
            let file = self.path.display();
            return Err(self.refusal(
                at,
                &format!(
                    "{key} may hold a secret, and others than the owner may read this file: run chmod 600 {file}, or set \
                     {variable} instead."
                ),
            ));
        }
        if let Some(why) = refused(argument, &values) {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let shown = if is_secret { "this".to_owned() } else { format!("\"{}\"", joined(&values)) };
            return Err(self.refusal(at, &format!("{key} ({help}) cannot be {shown}: {why}.")));
        }
        let id = argument.get_id().clone();
        let fill = |argument: Arg| argument.required(false).default_values(values);
        Ok(match table {
            None => command.mut_arg(id, fill),
            Some(table) => command.mut_subcommand(table, |below| below.mut_arg(id, fill)),
        })
    }

    /// What an option is given; the error is what it takes.
    fn values(&self, argument: &Arg, value: &DeValue<'_>) -> Result<Vec<OsString>, &'static str> {
        match (shape_of(argument), value) {
            (Shape::Flag, DeValue::Boolean(yes)) => Ok(vec![yes.to_string().into()]),
            (Shape::Flag, _) => Err("true or false"),
            (Shape::Number, DeValue::Integer(number)) => Ok(vec![number.to_string().into()]),
            (Shape::Number, _) => Err("a number"),
            (Shape::Text | Shape::List, DeValue::String(text)) => Ok(vec![self.text_of(argument, text)]),
            (Shape::Text, _) => Err("a text in quotes"),
            (Shape::List, DeValue::Array(several)) => {
                let texts = several.iter().map(|one| one.get_ref().as_str());
                let texts = texts.map(|text| text.map(|text| self.text_of(argument, text)));
                texts.collect::<Option<_>>().ok_or("a list of texts in quotes")
            }
            (Shape::List, _) => Err("a list of texts in quotes"),
        }
    }

    /// A relative path counts from the folder of the file, wherever a command is started.
    fn text_of(&self, argument: &Arg, text: &str) -> OsString {
        if argument.get_value_hint() == ValueHint::AnyPath && !text.is_empty() {
            return self.folder().join(text).into_os_string();
        }
        text.into()
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    fn unknown(&self, at: usize, key: &str, table: Option<&str>, command: &Command) -> String {
        let within = table.map(|table| format!(" in [{table}]")).unwrap_or_default();
        let near = nearest(command, table, key).map(|near| format!("; did you mean {near}?"));
        self.refusal(at, &format!("there is no setting {key}{within}{}", near.unwrap_or_default()))
    }

    fn unknown_table(&self, at: usize, name: &str) -> String {
        let near = TABLES.into_iter().min_by_key(|table| strsim::damerau_levenshtein(table, name));
        self.refusal(at, &format!("there is no table [{name}]; did you mean [{}]?", near.unwrap_or_default()))
    }

    fn refusal(&self, at: usize, sentence: &str) -> String {
        let line = self.text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
        format!("{}, line {line}: {sentence}", self.path.display())
    }
}

/// The command of a table; the program itself where it is none.
fn at_table<'a>(command: &'a Command, table: Option<&str>) -> Option<&'a Command> {
    table.map_or(Some(command), |table| command.find_subcommand(table))
}

fn argument_of<'a>(command: &'a Command, table: Option<&str>, key: &str) -> Option<&'a Arg> {
    let mut known = at_table(command, table)?.get_arguments();
    known.find(|known| key_of(known).as_deref() == Some(key))
}

/// The known key that is most like `key`, with its table where that is another one.
fn nearest(command: &Command, table: Option<&str>, key: &str) -> Option<String> {
    let mut known = Vec::new();
    for place in std::iter::once(None).chain(TABLES.map(Some)) {
        let arguments = at_table(command, place).into_iter().flat_map(Command::get_arguments);
        for name in arguments.filter_map(key_of) {
            let distance = strsim::damerau_levenshtein(&name, key);
            let shown = match place {
                _ if place == table => name,
                Some(place) => format!("{name} in [{place}]"),
                None => format!("{name} above all tables"),
            };
            known.push((distance, place != table, shown));
        }
    }
    known.into_iter().min().map(|(_, _, shown)| shown)
}

/// What can be written for an option.
#[derive(Clone, Copy)]
enum Shape {
    Flag,
    Number,
    Text,
    List,
}

fn shape_of(argument: &Arg) -> Shape {
    let kind = argument.get_value_parser().type_id();
    let numbers = [
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<i64>(),
        TypeId::of::<usize>(),
    ];
    match argument.get_action() {
        ArgAction::SetTrue => Shape::Flag,
        ArgAction::Append => Shape::List,
        _ if numbers.iter().any(|number| kind == *number) => Shape::Number,
        _ => Shape::Text,
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "such a list",
        DeValue::Table(_) => "a table",
    }
}

/// Why an option does not take these values; none where it does.
fn refused(argument: &Arg, values: &[OsString]) -> Option<String> {
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        return None;
    }
    let parser = argument.get_value_parser().clone();
    let alone = Arg::new("value").long("value").action(ArgAction::Append).value_parser(parser);
    let given = values.iter().map(|value| {
        let mut given = OsString::from("--value=");
        given.push(value);
        given
    });
    let error = Command::new("setting").no_binary_name(true).arg(alone).try_get_matches_from(given).err()?;
    Some(match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string().trim_end_matches('.').to_owned(),
        (None, Some(ContextValue::Strings(known))) if !known.is_empty() => {
            format!("it is one of {}", known.join(", "))
        }
        (None, _) => "it is empty; leave the line out instead".to_owned(),
    })
}

fn joined(values: &[OsString]) -> String {
    values.iter().map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{group_named, is_open};

    #[test]
    fn a_file_with_a_secret_is_its_owners_or_roots_and_the_services() {
        for (mode, owner, is_of_service, open) in [
            (0o600, 1000, false, false),
            (0o640, 1000, true, true),
            (0o640, 0, true, false),
            (0o440, 0, true, false),
            (0o640, 0, false, true),
            (0o660, 0, true, true),
            (0o644, 0, true, true),
            (0o604, 0, true, true),
        ] {
            // With the bits of a plain file.
            assert_eq!(is_open(0o100_000 | mode, owner, is_of_service), open, "{mode:o} of {owner}");
        }
    }

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let groups = "root:x:0:\netiqa2:x:1006:\netiqa:x:997:ada\n";
        assert_eq!(group_named("etiqa", groups), Some(997));
        assert_eq!(group_named("nobody", groups), None);
    }
}
