//! SFTP version 3, read only.

use std::collections::HashMap;
use std::sync::Arc;

use russh_sftp::protocol::{
    Attrs, Data, File as Entry, FileAttributes, FileMode, Handle, Name, OpenFlags, Status, StatusCode,
};
use russh_sftp::server::{Handler, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::sync::mpsc;

use super::{File, names_in};
use crate::output::{Gone, Output};
use crate::state::State;

/// What is on its way between the channel and the protocol.
const BUFFER: usize = 64 * 1024;

/// Speaks SFTP on a channel until the client leaves.
pub(crate) async fn serve(
    state: &Arc<State>,
    output: &mut Output,
    input: &mut mpsc::UnboundedReceiver<Vec<u8>>,
) -> Result<(), Gone> {
    output.begin_config(state.faults());
    let (ours, theirs) = duplex(BUFFER);
    run(theirs, Session { state: state.clone(), open: HashMap::new(), opened: 0 }).await;
    let (mut from_server, mut to_server) = tokio::io::split(ours);
    let (mut buffer, mut is_open) = (vec![0; BUFFER], true);
    loop {
        tokio::select! {
            typed = input.recv(), if is_open => match typed {
                Some(typed) => to_server.write_all(&typed).await?,
                None => {
                    is_open = false;
                    to_server.shutdown().await?;
                }
            },
            count = from_server.read(&mut buffer) => match count? {
                0 => return output.finish(0).await,
                count => {
                    state.think().await;
                    output.write(&buffer[..count]).await?;
                }
            },
        }
    }
}

struct Session {
    state: Arc<State>,
    open: HashMap<String, Open>,
    opened: u64,
}

enum Open {
    File(File),
    /// A folder, until its names were read.
    Folder(Option<Vec<String>>),
}

impl Session {
    fn opened(&mut self, id: u32, open: Open) -> Handle {
        self.opened += 1;
        let handle = self.opened.to_string();
        self.open.insert(handle.clone(), open);
        Handle { id, handle }
    }

    fn attributes(&self, id: u32, path: &str) -> Result<Attrs, StatusCode> {
        let attrs = match File::open(&self.state, path) {
            Some(file) => of_file(file.size()),
            None if names_in(&self.state, path).is_some() || path == "/" => of_folder(),
            None => return Err(StatusCode::NoSuchFile),
        };
        Ok(Attrs { id, attrs })
    }
}

fn of_file(size: u64) -> FileAttributes {
    let mut attributes =
        FileAttributes { size: Some(size), permissions: Some(0o640), ..FileAttributes::empty() };
    attributes.set_type(FileMode::REG);
    attributes
}

fn of_folder() -> FileAttributes {
    let mut attributes = FileAttributes { permissions: Some(0o750), ..FileAttributes::empty() };
    attributes.set_type(FileMode::DIR);
    attributes
}

impl Handler for Session {
    type Error = StatusCode;

    fn unimplemented(&self) -> Self::Error {
        StatusCode::OpUnsupported
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        flags: OpenFlags,
        _: FileAttributes,
    ) -> Result<Handle, Self::Error> {
        if flags.bits() != OpenFlags::READ.bits() {
            return Err(StatusCode::PermissionDenied);
        }
        let file = File::open(&self.state, &path).ok_or(StatusCode::NoSuchFile)?;
        Ok(self.opened(id, Open::File(file)))
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Result<Data, Self::Error> {
        let Some(Open::File(file)) = self.open.get(&handle) else { return Err(StatusCode::Failure) };
        let data = file.read(offset, u64::from(len));
        if data.is_empty() { Err(StatusCode::Eof) } else { Ok(Data { id, data }) }
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, Self::Error> {
        self.open.remove(&handle).ok_or(StatusCode::Failure)?;
        Ok(Status {
            id,
            status_code: StatusCode::Ok,
            error_message: "Success".to_owned(),
            language_tag: String::new(),
        })
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, Self::Error> {
        self.attributes(id, &path)
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, Self::Error> {
        self.attributes(id, &path)
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, Self::Error> {
        match self.open.get(&handle) {
            Some(Open::File(file)) => Ok(Attrs { id, attrs: of_file(file.size()) }),
            Some(Open::Folder(_)) => Ok(Attrs { id, attrs: of_folder() }),
            None => Err(StatusCode::Failure),
        }
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, Self::Error> {
        let path =
            if path.starts_with('/') { path } else { format!("/{}", path.trim_start_matches(['.', '/'])) };
        Ok(Name { id, files: vec![Entry::dummy(path)] })
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, Self::Error> {
        let names = names_in(&self.state, &path).ok_or(StatusCode::NoSuchFile)?;
        Ok(self.opened(id, Open::Folder(Some(names))))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, Self::Error> {
        let Some(Open::Folder(names)) = self.open.get_mut(&handle) else { return Err(StatusCode::Failure) };
        let names = names.take().ok_or(StatusCode::Eof)?;
        let files = names
            .into_iter()
            .map(|name| {
                let size = self.state.backups.file(&name).map_or(0, |file| file.size());
                Entry::new(name, of_file(size))
            })
            .collect();
        Ok(Name { id, files })
    }
}
