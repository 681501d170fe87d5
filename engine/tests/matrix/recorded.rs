//! Recorded devices: which there are, and a session with one over the network.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use etiqa_engine::collect::{Driver, DriverSet, Endpoint, Limits, Login, Outcome, Target, collect};
use etiqa_model::Secret;
use etiqa_model::class::Class;
use etiqa_model::recording::Recording;
use etiqa_simulator::{DeviceSpec, Faults, start};
use tokio_util::sync::CancellationToken;

/// A recording that must end well, and its driver.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) recording: Recording,
    pub(crate) driver: Arc<Driver>,
}

/// Every recorded session in `drivers/recordings` that must give whole texts; with `ETIQA_TEST_RECORDING` those whose
/// names begin so.
pub(crate) fn good_recordings() -> Vec<Arc<Recorded>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../drivers/recordings");
    let only = std::env::var("ETIQA_TEST_RECORDING").unwrap_or_default();
    let drivers = DriverSet::built_in();
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let recorded = files.into_iter().filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let recording = Recording::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let driver = drivers.get(&recording.platform).unwrap();
        let is_wanted = recording.expect == Class::Ok && name.starts_with(&only);
        is_wanted.then(|| Arc::new(Recorded { name, recording, driver }))
    });
    recorded.collect()
}

/// Every platform is in the matrix, unless one was asked for.
pub(crate) fn assert_every_driver_is_played(recordings: &[Arc<Recorded>]) {
    if std::env::var_os("ETIQA_TEST_RECORDING").is_some() {
        return;
    }
    let played: BTreeSet<&str> = recordings.iter().map(|recorded| recorded.driver.name()).collect();
    let drivers = DriverSet::built_in();
    let missing: Vec<&str> =
        drivers.iter().map(|driver| driver.name()).filter(|name| !played.contains(name)).collect();
    assert!(missing.is_empty(), "no good recording of {missing:?}");
}

/// One session with the device over SSH or telnet, with so many lines on a page where it pages; gives its outcome and how
/// many bytes the device wrote.
pub(crate) async fn played(
    recorded: &Recorded,
    page: Option<usize>,
    faults: Faults,
    limits: &Limits,
) -> (Outcome, usize) {
    let mut recording = recorded.recording.clone();
    if let (Some(pager), Some(lines)) = (&mut recording.pager, page) {
        pager.lines = lines;
    }
    let spec = DeviceSpec::recorded(recording).faults(faults);
    let device = start(spec, ([127, 0, 0, 1], 0)).await.unwrap();
    let (address, port) = (device.addr().ip().to_string(), device.addr().port());
    let endpoint = Endpoint { address, judged: None, port, host_key: None, legacy: false };
    let target = Target { endpoint, transport: recorded.recording.transport, via: Vec::new() };
    let secret = |text: &str| Some(Secret::new(text));
    let login = Login {
        name: "net".into(),
        username: "admin".into(),
        password: secret("admin"),
        enable_password: secret("the-enable-password").filter(|_| recorded.recording.has_enable),
        ..Login::default()
    };
    let outcome = collect(&target, &recorded.driver, &[login], limits, &CancellationToken::new()).await;
    (outcome, device.bytes_sent())
}
