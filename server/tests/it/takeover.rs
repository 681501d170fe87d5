//! An archive that is uploaded on the page of the first visit.

use std::fs;

use etiqa_engine::failpoint;
use etiqa_simulator::SimulatedDevice;

use crate::harness::devices::router;
use crate::harness::{Server, World, until};

const PASSPHRASE: &str = "a long passphrase";

/// An instance with an admin, a device and a sealed archive of everything.
async fn archived() -> (World, SimulatedDevice) {
    let world = World::new();
    world.add_credential().await;
    let device = world.add_device(router("core-rtr-1")).await;
    world.add_user("ada", "admin").await;
    let add = [
        "backup-config",
        "add",
        "Everything",
        "--type",
        "full",
        "--frequency",
        "daily",
        "--passphrase-stdin",
    ];
    world.etiqa_with_input(add, &format!("{PASSPHRASE}\n")).await.good();
    world.etiqa(["run-backups", "--force"]).await.good();
    (world, device)
}

/// What the form of `/setup` has in it.
struct Form {
    code: String,
    key: String,
    passphrase: &'static str,
    archive: Vec<u8>,
}

impl Form {
    async fn of(world: &World, server: &Server) -> Self {
        Self {
            code: server.setup_code().await,
            key: fs::read_to_string(world.data().join("secret.key")).unwrap(),
            passphrase: PASSPHRASE,
            archive: fs::read(world.archive()).unwrap(),
        }
    }

    async fn send(&self, server: &Server) -> crate::harness::Answer {
        let fields = [
            ("restore[code]", self.code.as_str()),
            ("restore[key]", &self.key),
            ("restore[passphrase]", self.passphrase),
        ];
        let client = server.stranger().with_own_origin();
        client.upload_with("/setup/restore", &fields, ("archive", self.archive.clone())).await
    }
}

/// The new instance is the old one: its people, its devices, its key.
async fn has_taken_over(old: &World, new: &World, server: &Server) {
    let ada = until("the restored instance", async || {
        let answer = server.stranger().sign_in("ada", &World::password_of("ada")).await;
        (answer.status == 303 || answer.status == 200).then(|| answer.browser(server.address()))
    })
    .await;
    let page = ada.get("/").await.with_status(200).text();
    assert!(page.contains("Nothing runs by itself until an admin confirms"), "{page}");
    assert_eq!(new.database.texts("SELECT hostname FROM device").await, ["core-rtr-1"]);
    let key = |world: &World| fs::read_to_string(world.data().join("secret.key")).unwrap();
    assert_eq!(key(old), key(new));
    for left in [".restored", ".taking-over", ".restore-upload"] {
        assert!(!new.data().join(left).exists(), "{left}");
    }
}

#[tokio::test]
async fn an_empty_instance_becomes_the_one_that_its_first_visitor_uploads() {
    let (old, _device) = archived().await;
    let new = World::new();
    let server = new.serve().await;
    let mut form = Form::of(&old, &server).await;

    let right = std::mem::replace(&mut form.code, "aaaa-bbbb-cccc".to_owned());
    let refused = form.send(&server).await.with_status(422);
    assert_eq!(refused.message(), "This is not the code that the program printed when it started.");
    form.code = right;
    form.passphrase = "another passphrase";
    let refused = form.send(&server).await.with_status(422);
    assert!(refused.message().contains("The passphrase does not open it"), "{}", refused.message());
    let page =
        server.stranger().and_header("accept", "text/html").get("/setup").await.with_status(200).text();
    assert!(page.contains("The passphrase does not open it"), "{page}");
    assert!(!new.data().join(".restored").exists() && !new.data().join(".restore-upload").exists());

    form.passphrase = PASSPHRASE;
    form.send(&server).await.with_status(303);
    has_taken_over(&old, &new, &server).await;
    form.send(&server).await.with_status(409);
    server.stop().await;
}

#[tokio::test]
async fn an_instance_that_somebody_works_with_is_not_replaced() {
    let (old, _device) = archived().await;
    let new = World::new();
    new.etiqa(["device", "add", "192.0.2.1"]).await.good();
    let server = new.serve().await;
    let refused = Form::of(&old, &server).await.send(&server).await.with_status(409);
    assert_eq!(
        refused.message(),
        "This instance is not empty: restore into a new one, with `etiqa restore`."
    );
    server.stop().await;
    assert_eq!(new.database.number("SELECT COUNT(*) FROM device").await, 1);
}

#[tokio::test]
async fn a_takeover_that_is_killed_anywhere_comes_to_its_end_at_the_next_start() {
    let (old, _device) = archived().await;
    for failpoint in failpoint::TAKEOVER {
        let new = World::new();
        let mut command = new.command(["serve", "--listen", "127.0.0.1:0"]);
        command.env("ETIQA_FAILPOINT", failpoint);
        let server = Server::start(command).await;
        let form = Form::of(&old, &server).await;
        let asked = form.send_and_forget(&server);
        server.died().await;
        asked.abort();
        let refused = new.etiqa(["backup-status", "--json"]).await.failed();
        assert!(refused.stderr.contains("is about to take over"), "{failpoint}: {refused:?}");
        let server = new.serve().await;
        has_taken_over(&old, &new, &server).await;
        server.stop().await;
    }
}

impl Form {
    /// Sends it to a server that will not live to answer.
    fn send_and_forget(self, server: &Server) -> tokio::task::JoinHandle<()> {
        let origin = format!("http://{}", server.address());
        let form = reqwest::multipart::Form::new()
            .text("restore[code]", self.code)
            .text("restore[key]", self.key)
            .text("restore[passphrase]", self.passphrase)
            .part("archive", reqwest::multipart::Part::bytes(self.archive).file_name("archive.zip"));
        tokio::spawn(async move {
            let url = format!("{origin}/setup/restore");
            let _ = reqwest::Client::new().post(url).header("origin", origin).multipart(form).send().await;
        })
    }
}
