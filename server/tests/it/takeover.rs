//! An archive that is uploaded on the page of the first visit.

use std::fs;
use std::time::Duration;

use etiqa_engine::failpoint;
use etiqa_simulator::SimulatedDevice;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::devices::router;
use crate::harness::{Answer, Server, World, until};

const PASSPHRASE: &str = "a long passphrase";
/// What a takeover leaves behind in no case.
const LEFT: [&str; 4] = [".restored", ".taking-over", ".moving-in", ".restore-upload"];

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
            key: key(world),
            passphrase: PASSPHRASE,
            archive: fs::read(world.archive()).unwrap(),
        }
    }

    async fn send(&self, server: &Server) -> Answer {
        let fields = [
            ("restore[code]", self.code.as_str()),
            ("restore[key]", &self.key),
            ("restore[passphrase]", self.passphrase),
        ];
        let client = server.stranger().with_own_origin();
        client.upload_with("/setup/restore", &fields, ("archive", self.archive.clone())).await
    }

    /// Sends it and lets nobody wait for the answer.
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

/// A request of which only the beginning comes.
async fn hanging(server: &Server, path: &str, media_type: &str, begins: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nContent-Type: {media_type}\r\n\
         Content-Length: 1000000\r\n\r\n{begins}",
        server.address()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn set_up(server: &Server, code: &str) -> Answer {
    let fields = [("code", code), ("name", "eve"), ("password", "eve-pass-31Kz")];
    server.stranger().with_own_origin().call("set_up", &fields).await
}

async fn setup_page(server: &Server) -> String {
    server.stranger().and_header("accept", "text/html").get("/setup").await.with_status(200).text()
}

/// A new instance whose server was killed while it restored an upload into it.
async fn killed_at(failpoint: &str, old: &World) -> World {
    let new = World::new();
    let mut command = new.command(["serve", "--listen", "127.0.0.1:0"]);
    command.env("ETIQA_FAILPOINT", failpoint);
    let server = Server::start(command).await;
    let asked = Form::of(old, &server).await.send_and_forget(&server);
    server.died().await;
    asked.abort();
    new
}

fn key(world: &World) -> String {
    fs::read_to_string(world.data().join("secret.key")).unwrap()
}

fn left_nothing(world: &World) {
    for left in LEFT {
        assert!(!world.data().join(left).exists(), "{left}");
    }
}

/// The new instance is as it was: nobody is in it, and whoever has its code may come.
async fn is_still_new(old: &World, new: &World, server: &Server) {
    server.setup_code().await;
    assert_eq!(new.database.number("SELECT COUNT(*) FROM app_user").await, 0);
    assert_eq!(new.database.number("SELECT COUNT(*) FROM device").await, 0);
    assert_ne!(key(old), key(new));
    left_nothing(new);
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
    assert_eq!(key(old), key(new));
    left_nothing(new);
}

#[tokio::test]
async fn an_empty_instance_becomes_the_one_that_its_first_visitor_uploads() {
    let (old, _device) = archived().await;
    let new = World::new();
    let server = new.serve().await;
    let mut form = Form::of(&old, &server).await;

    let right = std::mem::replace(&mut form.code, "aaaa-bbbb-cccc".to_owned());
    let refused = form.send(&server).await.with_status(422);
    assert_eq!(refused.message(), "This is not the code that the program printed last.");
    form.code = right;
    form.passphrase = "another passphrase";
    let refused = form.send(&server).await.with_status(422);
    assert!(refused.message().contains("The passphrase does not open it"), "{}", refused.message());
    let page = setup_page(&server).await;
    assert!(page.contains("The passphrase does not open it"), "{page}");
    left_nothing(&new);

    // Whoever has no code changes nothing of what the page says.
    let stranger = server.stranger().with_own_origin();
    stranger.upload_with("/setup/restore", &[], ("something", vec![1])).await.with_status(422);
    stranger.upload_with("/setup/restore", &[], ("archive", vec![1])).await.with_status(422);
    assert!(setup_page(&server).await.contains("The passphrase does not open it"));

    form.passphrase = PASSPHRASE;
    form.send(&server).await.with_status(303);
    has_taken_over(&old, &new, &server).await;
    form.send(&server).await.with_status(409);
    server.stop().await;
}

#[tokio::test]
async fn an_instance_that_somebody_works_with_is_not_replaced() {
    let (old, _device) = archived().await;
    for (command, table) in
        [("device add 192.0.2.1", "device"), ("token create robot --role viewer", "api_token")]
    {
        let new = World::new();
        new.etiqa(command.split(' ')).await.good();
        let server = new.serve().await;
        let refused = Form::of(&old, &server).await.send(&server).await.with_status(409);
        assert_eq!(
            refused.message(),
            "This instance is not empty: restore into a new one, with `etiqa restore`."
        );
        server.stop().await;
        assert_eq!(new.database.number(&format!("SELECT COUNT(*) FROM {table}")).await, 1);
    }
}

#[tokio::test]
async fn a_takeover_goes_on_when_the_browser_is_closed() {
    let (old, _device) = archived().await;
    let new = World::new();
    let server = new.serve().await;
    let asked = Form::of(&old, &server).await.send_and_forget(&server);
    let restored = new.data().join(".restored");
    let begun = async {
        while !restored.exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), begun).await.unwrap();
    asked.abort();
    has_taken_over(&old, &new, &server).await;
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_hangs_does_not_keep_the_restored_instance_from_opening() {
    let (old, _device) = archived().await;
    let new = World::new();
    let server = new.serve().await;
    let _hanging = hanging(&server, "/rpc/set_up", "application/x-www-form-urlencoded", "code=").await;
    Form::of(&old, &server).await.send(&server).await.with_status(303);
    has_taken_over(&old, &new, &server).await;
    assert_eq!(server.stop().await.0, Some(0));
}

#[tokio::test]
async fn nobody_becomes_the_first_admin_while_an_archive_is_uploaded() {
    let new = World::new();
    let server = new.serve().await;
    let code = server.setup_code().await;
    let begins = format!(
        "--b\r\nContent-Disposition: form-data; name=\"restore[code]\"\r\n\r\n{code}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"archive\"; filename=\"archive.zip\"\r\n\r\nPK"
    );
    let upload = hanging(&server, "/setup/restore", "multipart/form-data; boundary=b", &begins).await;
    let growing = new.data().join(".restore-upload");
    until("the upload", async || growing.exists().then_some(())).await;
    let refused = set_up(&server, &code).await.with_status(409);
    assert!(refused.message().contains("or restores into it"), "{}", refused.message());

    drop(upload);
    let admin = until("the end of the upload", async || {
        let answer = set_up(&server, &code).await;
        (answer.status != 409).then_some(answer)
    })
    .await;
    admin.browser(server.address()).call("list_users", &[]).await.with_status(200);
    left_nothing(&new);
    server.stop().await;
}

#[tokio::test]
async fn nothing_is_begun_in_an_instance_that_is_about_to_be_replaced() {
    let new = World::new();
    let server = new.serve().await;
    let code = server.setup_code().await;
    // As it is for the moment in which the server ends.
    let promised = new.data().join(".restored/etiqa.db");
    fs::create_dir(new.data().join(".restored")).unwrap();
    fs::write(&promised, "promised").unwrap();
    fs::write(new.data().join(".taking-over"), "").unwrap();

    let refused = set_up(&server, &code).await.with_status(409);
    assert!(refused.message().contains("is about to take over"), "{}", refused.message());
    let form = Form { code, key: String::new(), passphrase: "", archive: b"PK".to_vec() };
    let refused = form.send(&server).await.with_status(409);
    assert!(refused.message().contains("is about to take over"), "{}", refused.message());
    assert_eq!(fs::read_to_string(&promised).unwrap(), "promised");
    server.stop().await;
}

#[tokio::test]
async fn a_takeover_that_is_killed_anywhere_comes_to_its_end_at_the_next_start() {
    let (old, _device) = archived().await;
    for failpoint in failpoint::TAKEOVER {
        let new = killed_at(failpoint, &old).await;
        let refused = new.etiqa(["backup-status", "--json"]).await.failed();
        assert!(refused.stderr.contains("is about to take over"), "{failpoint}: {refused:?}");
        let server = new.serve().await;
        has_taken_over(&old, &new, &server).await;
        server.stop().await;
    }
}

#[tokio::test]
async fn a_restore_that_is_killed_before_its_end_leaves_the_new_instance_as_it_was() {
    let (old, _device) = archived().await;
    for failpoint in failpoint::RESTORE {
        let new = killed_at(failpoint, &old).await;
        // Even where a note says that it takes over; at the last of these places all is restored, and it could.
        if *failpoint != "restore.opened" {
            fs::write(new.data().join(".taking-over"), "").unwrap();
        }
        let server = new.serve().await;
        is_still_new(&old, &new, &server).await;
        server.stop().await;
    }
}

#[tokio::test]
async fn what_somebody_did_since_the_restore_is_not_replaced() {
    let (old, _device) = archived().await;
    let new = killed_at("takeover.noted", &old).await;
    let token =
        "INSERT INTO api_token (name, role, token_sha256, created_at) VALUES ('robot', 'viewer', 'x', 1)";
    new.database.execute(token).await;
    let server = new.serve().await;
    is_still_new(&old, &new, &server).await;
    let page = setup_page(&server).await;
    assert!(page.contains("Somebody has worked with this instance since"), "{page}");
    assert_eq!(new.database.number("SELECT COUNT(*) FROM api_token").await, 1);
    server.stop().await;
}
