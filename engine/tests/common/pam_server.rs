//! OpenSSH that leaves the login to PAM, whose questions come over the method keyboard-interactive. The passwords are
//! the test's own: libpam-wrapper puts a directory of ours in place of the machine's.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use tempfile::TempDir;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::sshd::{Setup, Sshd};

/// Lines of configuration of a server that asks its users by PAM.
pub(crate) const ASKS: &str = "LogLevel VERBOSE\nUsePAM yes\nKbdInteractiveAuthentication yes";
/// The password of the user root.
pub(crate) const PASSWORD: &str = "correct hörse";

/// Two wrappers that begin at one moment want the same name for their copies, and the second one then asks nothing.
static TURN: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);

/// Ends with the test; there is one at a time.
pub(crate) struct Pam {
    pub(crate) sshd: Sshd,
    /// Behind the server, which has to end first.
    _services: Services,
    _turn: OwnedMutexGuard<()>,
}

/// The wrapper works on copies of this directory, one for each process, and leaves some behind.
struct Services(TempDir);

impl Drop for Services {
    fn drop(&mut self) {
        for entry in std::fs::read_dir("/tmp").unwrap().flatten() {
            let is_copy = entry.file_name().to_string_lossy().starts_with("pam.");
            if is_copy && entry.path().join(self.0.path().file_name().unwrap()).exists() {
                std::fs::remove_dir_all(entry.path()).ok();
            }
        }
    }
}

impl Pam {
    /// A server with `lines` of configuration, whose users pass `rules`: `{ask}` is a question for a password, and
    /// `{name}` another one for the user's name, which is shown.
    pub(crate) async fn start(lines: &str, rules: &str) -> Self {
        let turn = Arc::clone(&TURN).lock_owned().await;
        let module = library("pam_wrapper/pam_matrix.so");
        let services = tempfile::tempdir().unwrap();
        let at = |name: &str| services.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(at("passwords"), format!("root:{PASSWORD}:sshd\n")).unwrap();
        std::fs::write(at(services.path().file_name().unwrap().to_str().unwrap()), "").unwrap();
        std::fs::write(at("names"), "root:root:sshd\n").unwrap();
        let ask = format!("{} passdb={}", module.display(), at("passwords"));
        let name = format!("{} passdb={} echo", module.display(), at("names"));
        let rules = format!("{rules}\naccount required pam_permit.so\nsession required pam_permit.so\n");
        std::fs::write(at("sshd"), rules.replace("{ask}", &ask).replace("{name}", &name)).unwrap();
        let environment = vec![
            ("LD_PRELOAD", library("libpam_wrapper.so").to_str().unwrap().to_owned()),
            ("PAM_WRAPPER", "1".to_owned()),
            ("PAM_WRAPPER_SERVICE_DIR", services.path().to_str().unwrap().to_owned()),
        ];
        let sshd = Sshd::start_with(&Setup { lines, environment, ..Setup::default() }).await;
        Self { sshd, _services: Services(services), _turn: turn }
    }
}

fn library(name: &str) -> PathBuf {
    let folders = ["x86_64-linux-gnu", "aarch64-linux-gnu", "."].into_iter();
    let paths = folders
        .flat_map(|folder| ["/usr/lib", "/usr/lib64"].map(|lib| PathBuf::from(lib).join(folder).join(name)));
    let mut paths = paths.filter(|path| path.exists());
    paths.next().expect("libpam-wrapper is missing: run `make test`, which installs it.")
}
