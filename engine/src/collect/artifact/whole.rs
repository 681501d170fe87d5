//! Whether a file that came is whole: what is packed is unpacked to its end, what is text ends as it should.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use etiqa_model::class::Class;
use flate2::bufread::MultiGzDecoder;
use tokio_util::sync::CancellationToken;

use crate::collect::failure::{Failure, Step};

/// What a file has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A gzip of a tar with at least one entry.
    TarGz,
    /// Encrypted by the device: nothing within it can be looked at, only that it is no packed or readable text.
    Encrypted,
    /// A text that begins so, and whose last line is `ends`, blank lines behind it aside.
    Text { begins: &'static str, ends: &'static str, needs_newline: bool },
}

/// How much of a text's end is looked at.
const TAIL: u64 = 4096;

/// Reads the file at `path` to its end. The failure says what is wrong with it.
pub(super) async fn check(path: &Path, form: Form) -> Step<()> {
    let path: PathBuf = path.to_owned();
    // Reading goes on in a thread of its own; who waits for it no more, stops it.
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let _guard = stop.drop_guard();
    let checked = tokio::task::spawn_blocking(move || check_now(&path, form, &stopped)).await;
    let broken = |why: String| {
        Failure::new(
            Class::Incomplete,
            format!("The file that came is not whole: {why}. Nothing was stored."),
        )
    };
    checked.unwrap_or_else(|error| Err(error.to_string())).map_err(broken)
}

fn check_now(path: &Path, form: Form, stop: &CancellationToken) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("it cannot be read back ({error})");
    let mut file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() == 0 {
        return Err("it is empty".into());
    }
    match form {
        Form::TarGz => unpack(file, stop),
        Form::Encrypted => {
            let mut head = [0; 2];
            file.read_exact(&mut head).map_err(unreadable)?;
            if head == GZIP {
                return Err("it is not encrypted, although a passphrase was given".into());
            }
            // A page or a message in its place is readable from its first byte on.
            if head[0].is_ascii_graphic() || head[0].is_ascii_whitespace() {
                return Err("it is a text where an encrypted file is expected".into());
            }
            Ok(())
        }
        Form::Text { begins, ends, needs_newline } => {
            let mut head = vec![0; begins.len()];
            let begins_well = file.read_exact(&mut head).is_ok() && head == begins.as_bytes();
            if !begins_well {
                return Err(format!("it does not begin with `{begins}`"));
            }
            let length = file.metadata().map_err(unreadable)?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).map_err(unreadable)?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail).map_err(unreadable)?;
            let tail = String::from_utf8_lossy(&tail).replace('\r', "");
            let text = tail.trim_end_matches(['\n', ' ', '\t']);
            // The whole last line, without indent: the end of an inner block is not the end of all.
            let is_last_line = text.rsplit('\n').next() == Some(ends);
            let is_ended = !needs_newline || text.len() < tail.len();
            if is_last_line && is_ended { Ok(()) } else { Err(format!("its last line is not `{ends}`")) }
        }
    }
}

/// RFC 1952, section 2.3.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];

fn unpack(file: File, stop: &CancellationToken) -> Result<(), String> {
    let mut file = BufReader::with_capacity(64 * 1024, file);
    let mut head = [0; 2];
    file.read_exact(&mut head).map_err(|error| format!("it cannot be read back ({error})"))?;
    if head != GZIP {
        return Err("it is not a gzip file".into());
    }
    file.seek(SeekFrom::Start(0)).map_err(|error| format!("it cannot be read back ({error})"))?;
    let unpacked = Stoppable { inner: MultiGzDecoder::new(file), stop };
    let mut archive = tar::Archive::new(unpacked);
    let mut entries = 0_u64;
    let listed = archive.entries().map_err(|error| format!("it cannot be unpacked ({error})"))?;
    // As they are: long names would else be read into memory, however long a hostile file says they are.
    for entry in listed.raw(true) {
        let mut entry =
            entry.map_err(|error| format!("it cannot be unpacked behind {entries} entries ({error})"))?;
        let announced = entry.header().size().unwrap_or_default();
        let read = io::copy(&mut entry, &mut io::sink())
            .map_err(|error| format!("it cannot be unpacked behind {entries} entries ({error})"))?;
        if entry.header().entry_type().is_file() && read != announced {
            return Err(format!("its entry {} ends early", entries + 1));
        }
        entries += 1;
    }
    if entries == 0 {
        return Err("there is nothing in it".into());
    }
    // What follows the last entry; the check sum of the gzip stands at its very end.
    io::copy(&mut archive.into_inner(), &mut io::sink())
        .map_err(|error| format!("it cannot be unpacked to its end ({error})"))?;
    Ok(())
}

/// A reader that ends with an error once nobody waits for it.
struct Stoppable<'a, R> {
    inner: R,
    stop: &'a CancellationToken,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other("it was stopped"));
        }
        self.inner.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed() -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for name in ["config/bigip.conf", "config/bigip_base.conf"] {
            let bytes: Vec<u8> =
                (0..40_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            header.set_cksum();
            tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    async fn verdict(bytes: &[u8], form: Form) -> Result<(), String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        check(file.path(), form).await.map_err(|failure| failure.message)
    }

    #[tokio::test]
    async fn a_packed_file_is_whole_only_to_its_last_byte() {
        let whole = packed();
        assert_eq!(verdict(&whole, Form::TarGz).await, Ok(()));
        for cut in [0, 1, 2, 10, whole.len() / 2, whole.len() - 8, whole.len() - 1] {
            assert!(verdict(&whole[..cut], Form::TarGz).await.is_err(), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_packed_file_with_one_wrong_bit_is_not_whole() {
        let whole = packed();
        for at in (10..whole.len()).step_by(whole.len() / 40) {
            let mut wrong = whole.clone();
            wrong[at] ^= 0x10;
            assert!(verdict(&wrong, Form::TarGz).await.is_err(), "bit at {at}");
        }
    }

    #[tokio::test]
    async fn a_page_in_the_place_of_a_file_is_refused() {
        let page = b"<html><body>Session expired</body></html>";
        assert!(verdict(page, Form::TarGz).await.unwrap_err().contains("not a gzip file"));
        assert!(verdict(page, Form::Encrypted).await.unwrap_err().contains("it is a text"));
    }

    #[tokio::test]
    async fn a_text_need_not_end_in_a_newline_where_its_kind_does_not() {
        let form = Form::Text { begins: "<", ends: "</config>", needs_newline: false };
        for text in ["<config>\n</config>", "<config>\n</config>\n", "<config>\r\n</config>\r\n\r\n"] {
            assert_eq!(verdict(text.as_bytes(), form).await, Ok(()), "{text:?}");
        }
        assert!(verdict(b"<config>\n</conf", form).await.is_err());
    }

    #[tokio::test]
    async fn a_text_is_whole_when_it_begins_and_ends_as_it_should() {
        let form = Form::Text { begins: "#config-version=", ends: "end", needs_newline: true };
        assert_eq!(verdict(b"#config-version=FGT60F-7.4\nconfig system global\nend\n\n", form).await, Ok(()));
        let cut = "#config-version=FGT60F-7.4\nconfig system global\nend";
        let inner = "#config-version=FGT60F-7.4\nconfig system global\n    config x\n    end\n";
        for wrong in [
            cut,
            inner,
            "#config-version=FGT60F-7.4\nset name backend\n",
            "#config-version=FGT60F-7.4\nconfig system glo",
            "{\"http_status\":403}",
            "",
        ] {
            assert!(verdict(wrong.as_bytes(), form).await.is_err(), "{wrong:?}");
        }
    }
}
