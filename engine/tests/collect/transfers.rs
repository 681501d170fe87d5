//! Files of devices as parts: by SFTP, and by SCP where the server has no SFTP, from the real OpenSSH.

use std::fmt::Write as _;

use etiqa_engine::collect::Driver;
use etiqa_model::class::Class;

use crate::sshd::Sshd;
use crate::support::{run, text};

const SFTP: &str = "Subsystem sftp internal-sftp";

/// A driver whose only part is a file.
fn driver(path: &str, more: &str) -> Driver {
    let toml = format!(
        "title = \"Appliance with a file\"\nmode = \"exec\"\n\n[[command]]\nsend = \"{path}\"\nfile = true\npart = \"running\"\n\n{more}"
    );
    Driver::parse("appliance", &toml).unwrap()
}

#[tokio::test]
async fn a_file_comes_whole_by_sftp_and_by_scp() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config ü's.xml");
    let mut content = "<opnsense>\n".to_owned();
    for line in 0..40_000 {
        let _ = writeln!(content, "  <rule id=\"{line}\">% Invalid input is no answer here</rule>");
    }
    content.push_str("</opnsense>\n");
    std::fs::write(&path, &content).unwrap();
    let whole = "[complete.running]\nend_marker = '</opnsense>'\n[errors]\npatterns = ['% Invalid']\n";
    let driver = driver(path.to_str().unwrap(), whole);
    for lines in [SFTP, ""] {
        let sshd = Sshd::start(lines).await;
        let outcome = run(&sshd.target(), &driver, &[sshd.login()]).await;
        assert_eq!(outcome.class, Class::Ok, "{lines:?}: {}\n{:?}", outcome.message, outcome.transcript);
        assert!(text(&outcome, "running") == content, "{lines:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_said_so_and_one_that_is_cut_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.xml");
    for lines in [SFTP, ""] {
        let sshd = Sshd::start(lines).await;
        let missing = run(&sshd.target(), &driver("/no/such/file", ""), &[sshd.login()]).await;
        assert_eq!(missing.class, Class::CommandRejected, "{lines:?}: {}", missing.message);
        std::fs::write(&path, "<opnsense>\n  <rule/>\n").unwrap();
        let whole = "[complete.running]\nend_marker = '</opnsense>'\n";
        let cut = run(&sshd.target(), &driver(path.to_str().unwrap(), whole), &[sshd.login()]).await;
        assert_eq!(cut.class, Class::Incomplete, "{lines:?}: {}", cut.message);
    }
}

#[tokio::test]
async fn a_file_that_never_ends_is_too_large() {
    let sshd = Sshd::start(SFTP).await;
    let outcome = run(&sshd.target(), &driver("/dev/zero", ""), &[sshd.login()]).await;
    assert_eq!(outcome.class, Class::TooLarge, "{}", outcome.message);
}

#[test]
fn a_shell_cannot_fetch_files_and_a_driver_says_so() {
    let toml = "title = \"x\"\nmode = \"shell\"\n[prompt]\nprivileged = '\\w+#'\n[[command]]\nsend = \"/a\"\nfile = true\npart = \"running\"\n";
    let refused = Driver::parse("x", toml).unwrap_err();
    assert_eq!(refused.message, "A `file` belongs to mode = \"exec\".");
}
