//! A certificate that the server signs itself, for who has none: kept in the data directory, so that browsers are asked about
//! it once, and made anew before it ends.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike, Days, Utc};
use etiqa_engine::time::now;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

/// What browsers take of one that an authority signs, too.
const VALID_DAYS: u64 = 397;
/// A new one is made so long before the old one ends.
const RENEWED_DAYS: u64 = 30;
/// Stands before the day of its end, in a line of the file that is no part of the certificate.
const UNTIL: &str = "Valid until ";
/// The file within the data directory: certificate and key in one, so that there never is one without the other.
const FILE: &str = "tls/self-signed.pem";

/// The file of the certificate, which is made where there is none, or where it ends soon. The error is a sentence.
pub(super) fn keep(data_dir: &Path, names: &[String]) -> Result<PathBuf, String> {
    let path = data_dir.join(FILE);
    let today = today().ok_or_else(|| "The clock of this machine cannot be read.".to_owned())?;
    let soon = today.checked_add_days(Days::new(RENEWED_DAYS)).unwrap_or(today);
    if ends_on(&path).is_some_and(|end| end > soon.date_naive().to_string()) {
        return Ok(path);
    }
    let pem = make(names, today).map_err(|error| format!("The certificate cannot be made: {error}."))?;
    write(&path, &pem).map_err(|error| format!("The file {} cannot be written: {error}.", path.display()))?;
    Ok(path)
}

fn today() -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(now().0)
}

/// The day on which the certificate of a file ends, `2027-12-31`; none where there is no such file.
fn ends_on(path: &Path) -> Option<String> {
    let pem = std::fs::read_to_string(path).ok()?;
    pem.lines().find_map(|line| line.strip_prefix(UNTIL)).map(|day| day.trim().to_owned())
}

fn make(names: &[String], today: DateTime<Utc>) -> Result<String, rcgen::Error> {
    let day = |at: DateTime<Utc>| rcgen::date_time_ymd(at.year(), at.month() as u8, at.day() as u8);
    let end = today.checked_add_days(Days::new(VALID_DAYS)).unwrap_or(today);
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "Etiqa Auto Backup");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A browser whose clock is slow takes it, too.
    params.not_before = day(today.checked_sub_days(Days::new(1)).unwrap_or(today));
    params.not_after = day(end);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(format!("{UNTIL}{}\n{}{}", end.date_naive(), certificate.pem(), key.serialize_pem()))
}

/// Writes what nobody else may read, whole or not at all.
fn write(path: &Path, pem: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = path.with_extension("new");
    // One that a power cut left is of nobody.
    std::fs::remove_file(&new).ok();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

/// By what browsers may open the pages: this machine's names and addresses, as far as it knows them.
pub(super) fn names(listen: SocketAddr, public: Option<&str>) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    names.extend(Some(host).filter(|host| is_name(host)));
    names.extend(public.map(|host| host.trim_start_matches('[').trim_end_matches(']').to_owned()));
    if listen.ip().is_unspecified() {
        // Nothing is sent: the system only says which of its addresses it would send from.
        for (own, other) in [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")] {
            let address = UdpSocket::bind(own).and_then(|socket| {
                socket.connect(other)?;
                socket.local_addr()
            });
            names.extend(address.ok().map(|address| address.ip().to_string()));
        }
    } else {
        names.push(listen.ip().to_string());
    }
    names.sort();
    names.dedup();
    names
}

fn is_name(host: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    !host.is_empty() && host.len() <= 253 && host.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn one_is_made_once_is_nobody_elses_to_read_and_is_made_anew_before_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let names = names("0.0.0.0:443".parse().unwrap(), Some("etiqa.example.com"));
        assert!(names.contains(&"etiqa.example.com".to_owned()), "{names:?}");
        let path = keep(folder.path(), &names).unwrap();
        let first = std::fs::read_to_string(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        keep(folder.path(), &names).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);

        let end = ends_on(&path).unwrap();
        let tomorrow = today().unwrap().checked_add_days(Days::new(1)).unwrap().date_naive().to_string();
        std::fs::write(&path, first.replace(&end, &tomorrow)).unwrap();
        keep(folder.path(), &names).unwrap();
        assert_eq!(ends_on(&path).unwrap(), end);
        assert_ne!(std::fs::read_to_string(&path).unwrap(), first);
    }
}
