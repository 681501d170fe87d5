//! One file to a place and back, the same way for every kind of place: whole and equal, or not at all.

use std::io;
use std::path::Path;

use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;

use super::place::{Headway, Place, PlaceError};
use crate::backup::archive::read_back::hash_file;
use crate::hex::to_hex;

/// Names that are tried before a place is found to be too full of other people's files.
const MOST_NAMES: u32 = 100;

/// A file that is to be at a place.
#[derive(Debug, Clone)]
pub struct Parcel<'a> {
    /// Where it is here.
    pub path: &'a Path,
    /// The name that it is to have there.
    pub name: &'a str,
    /// Its size.
    pub size: u64,
    /// Its SHA-256, lower-case hex.
    pub sha256: &'a str,
    /// The name that it has there until it is whole; nobody else uses it.
    pub stage: &'a str,
}

/// What a place has under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    Nothing,
    /// The very file.
    Same,
    Other,
}

/// Brings a file to a place and reads it back from there. Gives its name, which is another one where a different file has
/// its own: nothing is ever overwritten. One that is there already, and equal, is not sent again.
pub async fn deliver(
    place: &dyn Place,
    parcel: &Parcel<'_>,
    headway: &Headway,
) -> Result<String, PlaceError> {
    let mut is_staged = false;
    for number in 1..=MOST_NAMES {
        let name = numbered(parcel.name, number);
        match compare(place, &name, parcel, headway).await? {
            There::Same => {
                if place.can_rename() {
                    place.delete(parcel.stage).await?;
                }
                return Ok(name);
            }
            There::Other => continue,
            There::Nothing => {}
        }
        if !place.can_rename() {
            send(place, &name, parcel, headway).await?;
            return Ok(name);
        }
        if !is_staged {
            // What an upload left that was cut off is begun anew.
            send(place, parcel.stage, parcel, headway).await?;
            is_staged = true;
        }
        if place.rename(parcel.stage, &name).await? {
            return Ok(name);
        }
    }
    Err(PlaceError::one_file(format!("{MOST_NAMES} different files have the name {} there.", parcel.name)))
}

/// Writes it and reads it back; what is not equal is removed again.
async fn send(
    place: &dyn Place,
    name: &str,
    parcel: &Parcel<'_>,
    headway: &Headway,
) -> Result<(), PlaceError> {
    place.write(name, parcel.path, headway).await?;
    if compare(place, name, parcel, headway).await? == There::Same {
        return Ok(());
    }
    place.delete(name).await?;
    let path = parcel.path.to_owned();
    let here = spawn_blocking(move || hash_file(&path)).await.map_err(io::Error::other).and_then(|hash| hash);
    Err(match here {
        Ok((sha256, _)) if sha256 == parcel.sha256 => PlaceError::temporary(
            "What was read back from there is not what was sent, so it was removed again.",
        ),
        _ => PlaceError::one_file("The archive is damaged here, so it was not sent. Verify it."),
    })
}

/// What a place has under `name`, held against the file.
pub(super) async fn compare(
    place: &dyn Place,
    name: &str,
    parcel: &Parcel<'_>,
    headway: &Headway,
) -> Result<There, PlaceError> {
    match place.size_of(name).await? {
        None => Ok(There::Nothing),
        Some(size) if size != parcel.size => Ok(There::Other),
        Some(_) => {
            let mut hash = Sha256::new();
            let mut size = 0;
            let mut pieces = place.read(name).await?;
            while let Some(piece) = pieces.try_next().await? {
                hash.update(&piece);
                size += piece.len() as u64;
                // More than was said, and who knows how much more.
                if size > parcel.size {
                    return Ok(There::Other);
                }
                headway.step()?;
            }
            let is_same = size == parcel.size && to_hex(&hash.finalize()) == parcel.sha256;
            Ok(if is_same { There::Same } else { There::Other })
        }
    }
}

/// Reads a file from a place into an empty local one, which is on the disk when this returns; an error unless it is the
/// very file.
pub async fn fetch(
    place: &dyn Place,
    name: &str,
    size: u64,
    sha256: &str,
    into: &Path,
    headway: &Headway,
) -> Result<(), PlaceError> {
    let broken = |error: io::Error| PlaceError::one_file(format!("It cannot be written here: {error}."));
    let mut hash = Sha256::new();
    let mut read = 0;
    let mut file = tokio::fs::OpenOptions::new().write(true).open(into).await.map_err(broken)?;
    let mut pieces = place.read(name).await?;
    while let Some(piece) = pieces.try_next().await? {
        hash.update(&piece);
        read += piece.len() as u64;
        if read > size {
            break;
        }
        file.write_all(&piece).await.map_err(broken)?;
        headway.step()?;
    }
    file.flush().await.map_err(broken)?;
    file.sync_all().await.map_err(broken)?;
    if read != size || to_hex(&hash.finalize()) != sha256 {
        return Err(PlaceError::one_file(format!("What is there as {name} is not what was sent.")));
    }
    Ok(())
}

/// The name itself, then `_2`, `_3` in front of its ending.
fn numbered(name: &str, number: u32) -> String {
    if number == 1 {
        return name.to_owned();
    }
    match name.find(".zip") {
        Some(at) => format!("{}_{number}{}", &name[..at], &name[at..]),
        None => format!("{name}_{number}"),
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::super::place::{Doing, Pieces};
    use super::*;

    /// Says of every file how large it is, and does not come to the end of any.
    struct Endless(u64);

    impl Place for Endless {
        fn can_rename(&self) -> bool {
            false
        }

        fn write<'a>(&'a self, _name: &'a str, _file: &'a Path, _headway: &'a Headway) -> Doing<'a, ()> {
            Box::pin(async { Ok(()) })
        }

        fn rename<'a>(&'a self, _from: &'a str, _to: &'a str) -> Doing<'a, bool> {
            Box::pin(async { Ok(false) })
        }

        fn size_of<'a>(&'a self, _name: &'a str) -> Doing<'a, Option<u64>> {
            Box::pin(async move { Ok(Some(self.0)) })
        }

        fn read<'a>(&'a self, _name: &'a str) -> Doing<'a, Pieces<'a>> {
            Box::pin(async {
                let pieces = futures::stream::repeat_with(|| Ok::<_, PlaceError>(vec![0_u8; 8]));
                Ok(Box::pin(pieces) as Pieces<'a>)
            })
        }

        fn delete<'a>(&'a self, _name: &'a str) -> Doing<'a, ()> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn a_file_that_does_not_end_where_it_should_is_another_one() {
        let parcel =
            Parcel { path: Path::new("a.zip"), name: "a.zip", size: 20, sha256: "", stage: ".a.part" };
        let headway = Headway::new(&CancellationToken::new());
        let there = compare(&Endless(20), "a.zip", &parcel, &headway).await;
        assert_eq!(there, Ok(There::Other));
    }

    #[test]
    fn a_second_name_keeps_its_ending() {
        assert_eq!(numbered("daily_1.zip", 1), "daily_1.zip");
        assert_eq!(numbered("daily_1.zip", 2), "daily_1_2.zip");
        assert_eq!(numbered("daily_1.zip.age", 3), "daily_1_3.zip.age");
    }
}
