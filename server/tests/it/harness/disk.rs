//! A disk that loses what was not synced: rebuilt from a trace of a program's system calls.
//!
//! The worst that POSIX allows: bytes of a file are there only from its fsync on, a name (new, changed or gone) only from the
//! fsync of its folder on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The system calls that change files, and those that say where in a file the next write goes.
pub(crate) const TRACED: &str = "openat,lseek,write,writev,pwrite64,pwritev,pwritev2,ftruncate,fallocate,copy_file_range,\
     sendfile,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir";

/// One call that came back without an error.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: String,
    arguments: Vec<String>,
    result: i64,
}

impl Call {
    /// The path of the file or folder that is synced, where this does so.
    pub(crate) fn synced(&self) -> Option<PathBuf> {
        matches!(self.name.as_str(), "fsync" | "fdatasync").then(|| fd(&self.arguments[0]).1)
    }

    /// Whether it changes a name.
    pub(crate) fn names(&self) -> bool {
        ["rename", "link", "unlink"].iter().any(|name| self.name.starts_with(name))
    }
}

/// Reads the output of `strace -f -y -xx`.
pub(crate) fn parse(trace: &str) -> Vec<Call> {
    let mut unfinished: BTreeMap<&str, String> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (process, rest) = line.split_once(char::is_whitespace).unwrap();
        let rest = rest.trim_start();
        let whole = if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            unfinished.insert(process, begun.trim_end().to_owned());
            continue;
        } else if rest.starts_with("<... ") {
            let ended = rest.split_once("resumed>").unwrap().1;
            let Some(begun) = unfinished.remove(process) else { continue };
            format!("{begun}{ended}")
        } else {
            rest.to_owned()
        };
        let Some((call, result)) = whole.rsplit_once(" = ") else { continue };
        let Some((name, arguments)) = call.trim_end().strip_suffix(')').and_then(|call| call.split_once('('))
        else {
            continue;
        };
        let number = result.split(|c: char| !c.is_ascii_digit() && c != '-').next().unwrap_or("");
        let Ok(result) = number.parse::<i64>() else { continue };
        if result >= 0 {
            let arguments = arguments.split(", ").map(str::to_owned).collect();
            calls.push(Call { name: name.to_owned(), arguments, result });
        }
    }
    calls
}

/// `"\x2f\x61"`.
fn bytes(text: &str) -> Vec<u8> {
    let hex = text.trim_matches(|c| c != '\\' && !char::is_alphanumeric(c));
    hex.split("\\x").skip(1).map(|two| u8::from_str_radix(&two[..2], 16).unwrap()).collect()
}

fn path(text: &str) -> PathBuf {
    PathBuf::from(String::from_utf8(bytes(text)).unwrap())
}

/// `7<\x2f\x61>`.
fn fd(text: &str) -> (i64, PathBuf) {
    let (number, at) = text.split_once('<').unwrap_or((text, ""));
    (number.parse().unwrap_or(-1), path(at.trim_end_matches('>')))
}

/// A path that may be below the folder of a descriptor.
fn at(folder: &str, name: &str) -> PathBuf {
    fd(folder).1.join(path(name))
}

#[derive(Debug, Clone, Default)]
struct File {
    now: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

/// A folder with all that is in it, as programs see it and as a power cut would leave it.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    root: PathBuf,
    files: Vec<File>,
    names: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    places: BTreeMap<i64, u64>,
}

impl Disk {
    /// What is in `root` now, all of it long synced.
    pub(crate) fn of(root: &Path) -> Self {
        let root = root.canonicalize().unwrap();
        let mut disk = Self {
            root: root.clone(),
            files: vec![],
            names: BTreeMap::new(),
            durable: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    disk.names.insert(path.clone(), Node::Folder);
                    folders.push(path);
                } else {
                    let content = std::fs::read(&path).unwrap();
                    disk.files.push(File { now: content.clone(), durable: content });
                    disk.names.insert(path, Node::File(disk.files.len() - 1));
                }
            }
        }
        disk.durable = disk.names.clone();
        disk
    }

    /// Does what a call did.
    pub(crate) fn apply(&mut self, call: &Call) {
        let argument = |index: usize| call.arguments[index].as_str();
        match call.name.as_str() {
            "openat" => {
                let flags = argument(2);
                self.places.insert(call.result, 0);
                if flags.contains("O_TMPFILE") {
                    return;
                }
                let path = at(argument(0), argument(1));
                if flags.contains("O_CREAT") && !self.names.contains_key(&path) && self.holds(&path) {
                    self.files.push(File::default());
                    self.names.insert(path.clone(), Node::File(self.files.len() - 1));
                }
                if let Some(file) = self.file(&path) {
                    if flags.contains("O_TRUNC") {
                        file.now.clear();
                    }
                    let end = file.now.len() as u64;
                    if flags.contains("O_APPEND") {
                        self.places.insert(call.result, end);
                    }
                }
            }
            "lseek" => {
                self.places.insert(fd(argument(0)).0, call.result as u64);
            }
            "write" | "writev" => {
                let (number, path) = fd(argument(0));
                let place = self.places.get(&number).copied().unwrap_or(0);
                self.write(&path, place, &call.written());
                self.places.insert(number, place + call.result as u64);
            }
            "pwrite64" | "pwritev" | "pwritev2" => {
                let place = if call.name == "pwrite64" {
                    argument(3)
                } else {
                    call.arguments[call.arguments.len() - 1].as_str()
                };
                self.write(&fd(argument(0)).1, place.parse().unwrap(), &call.written());
            }
            "ftruncate" => {
                let length: usize = argument(1).parse().unwrap();
                if let Some(file) = self.file(&fd(argument(0)).1) {
                    file.now.resize(length, 0);
                }
            }
            "fsync" | "fdatasync" => self.sync(&fd(argument(0)).1),
            "rename" => self.rename(&path(argument(0)), &path(argument(1))),
            "renameat" | "renameat2" => {
                self.rename(&at(argument(0), argument(1)), &at(argument(2), argument(3)));
            }
            "link" => self.link(&path(argument(0)), &path(argument(1))),
            "linkat" => self.link(&at(argument(0), argument(1)), &at(argument(2), argument(3))),
            "unlink" | "rmdir" => {
                self.names.remove(&path(argument(0)));
            }
            "unlinkat" => {
                self.names.remove(&at(argument(0), argument(1)));
            }
            "mkdir" => self.folder(path(argument(0))),
            "mkdirat" => self.folder(at(argument(0), argument(1))),
            // Nothing here writes a file of the data directory in one of these ways.
            _ => assert!(!self.holds(&fd(argument(0)).1), "{call:?} is not understood"),
        }
    }

    fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.root) && !path.to_string_lossy().ends_with(" (deleted)")
    }

    fn file(&mut self, path: &Path) -> Option<&mut File> {
        match self.names.get(path)? {
            Node::File(index) => self.files.get_mut(*index),
            Node::Folder => None,
        }
    }

    fn write(&mut self, path: &Path, place: u64, bytes: &[u8]) {
        let place = usize::try_from(place).unwrap();
        if let Some(file) = self.file(path) {
            if file.now.len() < place + bytes.len() {
                file.now.resize(place + bytes.len(), 0);
            }
            file.now[place..place + bytes.len()].copy_from_slice(bytes);
        }
    }

    fn sync(&mut self, path: &Path) {
        if let Some(file) = self.file(path) {
            file.durable.clone_from(&file.now);
            return;
        }
        let is_in = |name: &Path| name.parent() == Some(path);
        self.durable.retain(|name, _| !is_in(name));
        self.durable.extend(
            self.names.iter().filter(|(name, _)| is_in(name)).map(|(name, node)| (name.clone(), *node)),
        );
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        if let Some(node) = self.names.remove(from) {
            self.names.insert(to.to_owned(), node);
        }
    }

    fn link(&mut self, from: &Path, to: &Path) {
        if let Some(node) = self.names.get(from).copied() {
            self.names.insert(to.to_owned(), node);
        }
    }

    fn folder(&mut self, path: PathBuf) {
        if self.holds(&path) {
            self.names.insert(path, Node::Folder);
        }
    }

    /// What a power cut now would leave, written into the new folder `to`.
    pub(crate) fn after_power_cut(&self, to: &Path) {
        std::fs::create_dir(to).unwrap();
        // Folders come before what is in them.
        for (name, node) in &self.durable {
            let place = to.join(name.strip_prefix(&self.root).unwrap());
            // A folder whose own name was lost took what is in it along.
            if !place.parent().is_some_and(Path::is_dir) || name.to_string_lossy().ends_with("-shm") {
                continue;
            }
            match node {
                Node::Folder => std::fs::create_dir(&place).unwrap(),
                Node::File(index) => std::fs::write(&place, &self.files[*index].durable).unwrap(),
            }
        }
    }
}

impl Call {
    /// The bytes that it wrote.
    fn written(&self) -> Vec<u8> {
        let mut written: Vec<u8> = match self.name.as_str() {
            "write" | "pwrite64" => bytes(&self.arguments[1]),
            _ => {
                let pieces = self.arguments.iter().filter(|piece| piece.contains("iov_base="));
                pieces.flat_map(|piece| bytes(piece.split_once("iov_base=").unwrap().1)).collect()
            }
        };
        written.truncate(self.result as usize);
        written
    }
}
