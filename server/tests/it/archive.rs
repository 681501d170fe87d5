//! What a run leaves behind: zips that other programs open, with names that are safe, and damage that is found.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use etiqa_simulator::Personality;
use serde_json::Value;

use crate::harness::World;
use crate::harness::devices::{device, router};

/// An archive, unpacked.
pub(crate) struct Archive {
    entries: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    pub(crate) fn open(path: &Path) -> Self {
        let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
        let mut entries = BTreeMap::new();
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).unwrap();
            let name = entry.name().unwrap().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert!(entries.insert(name.clone(), content).is_none(), "{name} is there twice");
        }
        Self { entries }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        self.entries.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.names()))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name).to_vec()).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(self.bytes(name)).unwrap()
    }

    pub(crate) fn manifest(&self) -> Value {
        self.json("manifest.json")
    }

    /// A device of `network_configs.json`.
    pub(crate) fn device(&self, hostname: &str) -> Value {
        let configs = self.json("network_configs.json");
        let devices = configs["devices"].as_array().unwrap();
        devices.iter().find(|device| device["hostname"] == hostname).unwrap().clone()
    }
}

/// A world in which one full backup of two devices was made.
async fn backed_up(world: &World) -> Vec<etiqa_simulator::SimulatedDevice> {
    world.add_credential().await;
    let devices = vec![
        world.add_device(router("core-rtr-1")).await,
        world.add_device(device(Personality::Linux, "web-1")).await,
    ];
    world.add_backup("Everything", "full").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    devices
}

#[tokio::test]
async fn an_archive_holds_what_the_devices_said_and_a_manifest_of_it() {
    let world = World::new();
    let devices = backed_up(&world).await;

    let archive = Archive::open(&world.archive());

    assert!(devices[0].same_config(&archive.text("configs/core-rtr-1/running.cfg")));
    assert!(devices[1].same_config(&archive.text("configs/web-1/network.cfg")));
    let listed = archive.device("core-rtr-1");
    assert_eq!(listed["stale"], false);
    assert_eq!(listed["configs"][0]["version"], 1);
    let database = archive.json("database.json");
    assert_eq!(database["tables"]["device"]["rows"].as_array().unwrap().len(), 2);
    for secret in ["session", "job", "device_lease"] {
        assert!(database["tables"].get(secret).is_none(), "{secret} does not belong into an archive");
    }
    let manifest = archive.manifest();
    assert_eq!(
        (&manifest["format"], &manifest["type"], &manifest["run_id"]),
        (&1.into(), &"full".into(), &1.into())
    );
    let mut listed: Vec<String> = Vec::new();
    for entry in manifest["entries"].as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        assert_eq!(entry["size"], archive.bytes(name).len(), "{name}");
        listed.push(name.to_owned());
    }
    listed.push("manifest.json".to_owned());
    listed.sort();
    assert_eq!(listed, archive.names());
}

#[tokio::test]
async fn unzip_and_python_open_an_archive() {
    let world = World::new();
    let _devices = backed_up(&world).await;
    let archive = world.archive();

    let unzip = Command::new("unzip").arg("-tqq").arg(&archive).status().unwrap();
    assert!(unzip.success());
    let check = "import sys, zipfile, hashlib, json\n\
        z = zipfile.ZipFile(sys.argv[1])\n\
        assert z.testzip() is None\n\
        for e in json.load(z.open('manifest.json'))['entries']:\n    \
            assert hashlib.sha256(z.read(e['name'])).hexdigest() == e['sha256'], e\n";
    let python =
        Command::new("python3").args(["-c", check]).arg(&archive).stdin(Stdio::null()).status().unwrap();
    assert!(python.success());
}

#[tokio::test]
async fn the_program_is_the_only_one_that_can_read_its_directory() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let _devices = backed_up(&world).await;
    let rights = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(rights(&world.data()), 0o700);
    assert_eq!(rights(&world.data().join("backups")), 0o700);
    assert_eq!(rights(&world.data().join("secret.key")), 0o600);
    assert_eq!(rights(&world.archive()), 0o600);
}

#[tokio::test]
async fn a_flipped_byte_is_found_named_and_remembered() {
    let world = World::new();
    let _devices = backed_up(&world).await;
    let archive = world.archive();
    let name = archive.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = world.etiqa(["verify", &name]).await.good();
    assert!(whole.stdout.starts_with(&format!("{name}: whole, ")), "{whole:?}");
    let entry = "configs/core-rtr-1/running.cfg";
    flip_a_byte_of(&archive, entry);

    let output = world.etiqa(["verify", &name]).await.failed();

    assert!(output.stdout.contains(&format!("{name}: DAMAGED: {entry} is damaged")), "{output:?}");
    assert_eq!(world.database.number("SELECT damaged FROM backup_run").await, 1);
    let last_run = &world.status().await["configs"][0]["last_run"];
    assert_eq!(last_run["verified"], false, "a damaged archive is not good");
    world.etiqa(["verify", "--all"]).await.failed();
    // A file anywhere is checked the same way.
    world.etiqa(["verify", archive.to_str().unwrap()]).await.failed();
}

#[tokio::test]
async fn an_archive_that_is_gone_is_found() {
    let world = World::new();
    let _devices = backed_up(&world).await;
    let archive = world.archive();
    std::fs::remove_file(&archive).unwrap();

    let output = world.etiqa(["verify", "--all"]).await.failed();

    assert!(output.stdout.contains("DAMAGED: The file is gone."), "{output:?}");
}

#[tokio::test]
async fn an_archive_that_cannot_be_read_does_not_keep_the_others_from_being_verified() {
    let world = World::new();
    world.add_backup("Tables", "data").await;
    for _ in 0..3 {
        world.etiqa(["run-backups", "--force"]).await.good();
    }
    // Listed first; reading a folder fails for everybody, whatever their rights.
    let newest = world.database.texts("SELECT file FROM backup_run ORDER BY id DESC").await.remove(0);
    let path = world.data().join("backups").join(&newest);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();

    let output = world.etiqa(["verify", "--all"]).await.failed();

    assert!(output.stdout.contains(&format!("{newest}: NOT READ: ")), "{output:?}");
    assert_eq!(output.stdout.lines().filter(|line| line.contains(": whole, ")).count(), 2, "{output:?}");
}

#[tokio::test]
async fn a_full_archive_holds_the_servers_logs() {
    let world = World::new();
    let server = world.serve().await;
    server.stop().await;
    let name = std::fs::read_dir(world.data().join("logs")).unwrap().next().unwrap().unwrap().file_name();
    let name = name.into_string().unwrap();
    assert!(name.starts_with("etiqa.2"), "{name}");
    world.add_backup("Everything", "full").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let logs = Archive::open(&world.archive()).text(&format!("logs/{name}"));
    assert!(logs.contains("stopping"), "{logs}");
}

#[tokio::test]
async fn a_file_that_is_no_archive_of_ours_is_called_that() {
    let world = World::new();
    let file = world.file("holiday.zip", "no zip at all");
    let output = world.etiqa(["verify", file.to_str().unwrap()]).await.failed();
    insta::assert_snapshot!(output.stdout, @"holiday.zip: DAMAGED: It is not a whole zip file: invalid Zip archive: Could not find EOCD.");
}

#[tokio::test]
async fn hostile_and_equal_host_names_get_safe_entries_of_their_own() {
    let world = World::new();
    world.add_credential().await;
    let mut devices = Vec::new();
    for hostname in ["../../etc/cron.d/x", "con", "same", "same", "Same", "/abs", "a\\b"] {
        devices.push(world.add_device(router("r").seed(7)).await);
        let id = devices.len();
        // Through the inventory's own door where it lets such a name in, else as an old database may hold it.
        world.database.execute(&format!("UPDATE device SET hostname = '{hostname}' WHERE id = {id}")).await;
    }
    world.add_backup("All", "config").await;
    world.etiqa(["run-backups", "--force"]).await.good();

    let names = Archive::open(&world.archive()).names();

    let folders: std::collections::BTreeSet<String> = names
        .iter()
        .filter_map(|name| Some(name.strip_prefix("configs/")?.split('/').next()?.to_lowercase()))
        .collect();
    assert_eq!(folders.len(), devices.len(), "{names:?}");
    for name in &names {
        assert!(!name.starts_with('/') && !name.contains('\\'), "{name}");
        assert!(name.split('/').all(|part| !part.is_empty() && !part.starts_with('.')), "{name}");
    }
    assert!(
        folders.contains("_con") && folders.contains("same_2") && folders.contains("same_3"),
        "{folders:?}"
    );
}

/// Flips one bit in the middle of an entry's compressed bytes.
fn flip_a_byte_of(archive: &Path, entry: &str) {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
    let found = zip.by_name(entry).unwrap();
    let place = found.data_start().unwrap() + found.compressed_size() / 2;
    drop(found);
    drop(zip);
    let mut bytes = std::fs::read(archive).unwrap();
    bytes[usize::try_from(place).unwrap()] ^= 0x10;
    std::fs::write(archive, bytes).unwrap();
}
