//! What must never be seen is never seen: canaries are planted wherever a secret can be typed, every feature is used, and
//! everything that comes out is listened to: output, logs at their loudest, answers with their headers, the database's cells,
//! files, archives and their entries, on both databases.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use etiqa_engine::hex::from_hex;
use etiqa_simulator::{DeviceSpec, Faults, Personality, SimulatedDevice};
use reqwest::header::{HeaderName, HeaderValue};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::canary::{Listener, canary};
use crate::harness::devices::{device, router};
use crate::harness::{Answer, Client, Output, Server, World, until};
use crate::sign_in::Phone;

/// Everything that came out so far, each with where.
#[derive(Default)]
struct Seen {
    said: Vec<(String, Vec<u8>)>,
    /// Downloads that hold files.
    zips: Vec<(String, Vec<u8>)>,
}

impl Seen {
    async fn run(&mut self, world: &World, arguments: &[&str]) -> Output {
        self.run_with(world, arguments, "").await
    }

    /// The same, with something on its standard input.
    async fn run_with(&mut self, world: &World, arguments: &[&str], input: &str) -> Output {
        let output = world.etiqa_with_input(arguments, input).await;
        let said = [output.stdout.as_bytes(), output.stderr.as_bytes()].concat();
        self.said.push((arguments.join(" "), said));
        output
    }

    async fn get(&mut self, client: &Client, path: &str) {
        self.answer(path, client.get(path).await);
    }

    async fn call(&mut self, client: &Client, function: &str, fields: &[(&str, &str)]) -> u16 {
        let answer = client.call(function, fields).await;
        let status = answer.status.as_u16();
        self.answer(function, answer);
        status
    }

    /// As a browser without JavaScript: the form, and the page that it is led back to, which tells what was wrong.
    async fn post(&mut self, client: &Client, page: &str, function: &str, fields: &[(&str, &str)]) {
        let page_of = client.clone().and_header("accept", "text/html");
        let from = page_of.clone().and_header("referer", &format!("http://localhost{page}"));
        let answer = from.call(function, fields).await;
        let told = if answer.headers.contains_key("set-cookie") {
            page_of.and_cookies_of(&answer).get(page).await
        } else {
            page_of.get(page).await
        };
        self.answer(&format!("{page}, told by {function}"), told);
        self.answer(&format!("{function} of {page}"), answer);
    }

    fn answer(&mut self, name: &str, answer: Answer) {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat()
        };
        let head: Vec<u8> = answer.headers.iter().flat_map(line).collect();
        let name = format!("{name} ({})", answer.status);
        if answer.bytes.starts_with(b"PK\x03\x04") {
            self.zips.push((name.clone(), answer.bytes.clone()));
        }
        self.said.push((name, [head, answer.bytes].concat()));
    }

    fn listen(self, listener: &Listener) {
        for (place, bytes) in &self.said {
            listener.listen(place, bytes);
        }
        for (place, bytes) in self.zips {
            listener.listen_to_zip(&place, bytes);
        }
    }
}

#[tokio::test]
async fn no_secret_is_ever_seen() {
    use_everything(World::new(), true).await;
}

#[tokio::test]
async fn no_secret_is_ever_seen_on_postgres() {
    use_everything(World::on_postgres().await, false).await;
}

async fn use_everything(world: World, is_embedded: bool) {
    let world = world.with_env("ETIQA_LOG", "trace");
    let mut seen = Seen::default();
    let mut listener = Listener::new();
    let devices = plant(&world, &mut seen, &mut listener).await;
    destinations(&world, &mut seen, devices[0].addr().port()).await;
    commands(&world, &mut seen).await;
    let restored = world.place().join("restored");
    if is_embedded {
        restore(&world, &mut seen, &restored).await;
    }
    let token = canary_token(&world, &mut seen, &mut listener).await;

    let server = world.serve().await;
    let browser = sign_in(&server, &mut seen, &mut listener).await;
    second_factor(&world, &server, &mut seen, &mut listener).await;
    pages(&world, &server.with_token(&token), &mut seen).await;
    forms(&server, &browser, &mut seen).await;
    let (_, log) = server.stop().await;
    assert!(log.contains("TRACE"), "the log is as loud as it gets");
    seen.said.push(("the server's log".into(), log.into_bytes()));

    let key = std::fs::read_to_string(world.data().join("secret.key")).unwrap();
    listener.add("the key", &from_hex(key.trim()).unwrap());
    seen.run(&world, &["key", "rotate"]).await.good();
    let newer = std::fs::read_to_string(world.data().join("secret.key")).unwrap();
    assert_ne!(key, newer);
    listener.add("the newer key", &from_hex(newer.trim()).unwrap());
    let kit = world.etiqa(["recovery-kit"]).await.good();
    assert!(kit.stdout.contains(newer.trim()), "what a kit is for");
    seen.said.push(("what is said beside a recovery kit".into(), kit.stderr.into_bytes()));
    seen.run(&world, &["doctor"]).await;

    seen.listen(&listener);
    listener.listen_to_cells(&world).await;
    listener.listen_below(world.place());
}

/// A device's login, and what else is planted with it.
const USER: &str = "backup";

/// Credentials of every kind, and devices that take them, refuse them, or say them back.
async fn plant(world: &World, seen: &mut Seen, listener: &mut Listener) -> Vec<SimulatedDevice> {
    let (previous, password, enable) = (canary("previous"), canary("password"), canary("enable"));
    let add = [
        "credential",
        "add",
        "lab",
        "--username",
        USER,
        "--password-stdin",
        "--enable-stdin",
        "--api-token-stdin",
        "--backup-passphrase-stdin",
    ];
    let lines = format!("{previous}\n{enable}\n{}\n{}\n", canary("api-token"), canary("backup-passphrase"));
    seen.run_with(world, &add, &lines).await.good();
    seen.run_with(world, &["credential", "rotate", "lab", "--password-stdin"], &format!("{password}\n"))
        .await
        .good();
    let add = ["credential", "add", "jump", "--username", "jumper", "--password-stdin", "--site", "nowhere"];
    seen.run_with(world, &add, &format!("{}\n", canary("jump"))).await.good();
    let add = ["user", "add", "ada", "--role", "admin", "--password-stdin"];
    seen.run_with(world, &add, &format!("{}\n", canary("user"))).await.good();

    let spec = |name: &str| router(name).login(USER, &password).enable_password(&enable);
    let public = credential_with_key(world, seen, listener).await;
    let mut devices = Vec::new();
    for spec in [
        spec("good-1").login(USER, &previous),
        spec("bad-1").faults(Faults::reject_commands()),
        spec("deaf-1").faults(Faults::wrong_password()),
        router("keyed-1").login("keyed", "what nobody knows").authorized_key(public),
        spec("inner-1"),
    ] {
        devices.push(world.add_device(spec).await);
    }
    let jump =
        DeviceSpec::new(Personality::Linux).hostname("jump-1").login("jumper", &canary("jump")).jump_host();
    let jump = etiqa_simulator::start(jump, ([127, 0, 0, 1], 0)).await.unwrap();
    let port = jump.addr().port().to_string();
    let add = ["jump-host", "add", "jump", "--address", "127.0.0.1", "--port", &port, "--credential", "jump"];
    seen.run(world, &add).await.good();
    seen.run(world, &["device", "edit", "inner-1", "--jump-host", "jump"]).await.good();
    devices.push(jump);

    let balancer = device(Personality::BigIp, "lb-1").login(USER, &password);
    let balancer = etiqa_simulator::start(balancer, ([127, 0, 0, 1], 0)).await.unwrap();
    let ports = [balancer.addr(), balancer.https_addr().unwrap()].map(|addr| addr.port().to_string());
    let add =
        ["device", "add", "127.0.0.1", "--port", &ports[0], "--https-port", &ports[1], "--hostname", "lb-1"];
    let add = [&add[..], &["--platform", "bigip", "--type", "f5_big_ip"]].concat();
    seen.run(world, &add).await.good();
    devices.push(balancer);

    let port = parrot().await.port().to_string();
    let add =
        ["device", "add", "127.0.0.1", "--port", &port, "--hostname", "parrot-1", "--transport", "telnet"];
    seen.run(world, &[&add[..], &["--platform", "ios"]].concat()).await.good();
    devices
}

/// Makes a private key with a passphrase, and a credential of it in the form of its page; gives the public key.
async fn credential_with_key(world: &World, seen: &mut Seen, listener: &mut Listener) -> String {
    // Left out with the program's own key, which has such a name: here they belong.
    let (file, passphrase) = (world.place().join("secret.key.of-keyed"), canary("key-passphrase"));
    let mut keygen = Command::new("ssh-keygen");
    let made = keygen.args(["-q", "-t", "ed25519", "-N", &passphrase, "-f"]).arg(&file).status();
    assert!(made.is_ok_and(|status| status.success()), "ssh-keygen is missing: run `make test`.");
    let private = std::fs::read_to_string(&file).unwrap();
    listener.add("a private key", private.lines().nth(2).unwrap().as_bytes());

    let server = world.serve().await;
    let signed_in = server.stranger().sign_in("ada", &canary("user")).await;
    let fields = [
        ("credential[name]", "keyed"),
        ("credential[username]", "keyed"),
        ("credential[private_key]", private.as_str()),
        ("credential[key_passphrase]", passphrase.as_str()),
    ];
    let browser = signed_in.browser(server.address());
    assert_eq!(seen.call(&browser, "save_credential", &fields).await, 200);
    let (_, log) = server.stop().await;
    seen.said.push(("the log of a form with a key".into(), log.into_bytes()));
    std::fs::read_to_string(file.with_extension("of-keyed.pub")).unwrap().trim().to_owned()
}

/// A device that says back whatever it is told, and refuses it. Gives where it listens, by telnet.
async fn parrot() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(repeat(stream));
        }
    });
    addr
}

async fn repeat(stream: TcpStream) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).split(b'\n');
    for question in ["Username: ", "Password: ", "Username: ", "Password: "] {
        write.write_all(question.as_bytes()).await.ok()?;
        let line = lines.next_segment().await.ok()??;
        let said = String::from_utf8_lossy(&line).trim().to_owned();
        let end = if question.starts_with('P') { "\r\n% Login invalid\r\n\r\n" } else { "\r\n" };
        write.write_all(format!("\r\n% You said {said}, {said}{end}").as_bytes()).await.ok()?;
    }
    None
}

/// A server that says back every request and refuses it. Gives its address.
async fn http_parrot() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(refuse(stream));
        }
    });
    addr
}

async fn refuse(mut stream: TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut piece = [0; 1024];
        let length = stream.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        head.extend_from_slice(&piece[..length]);
    }
    let answer = format!(
        "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        head.len()
    );
    stream.write_all(&[answer.as_bytes(), &head].concat()).await.ok()?;
    stream.shutdown().await.ok()
}

/// Destinations of every kind, with secrets; most of them say these back, and the server of files refuses them.
async fn destinations(world: &World, seen: &mut Seen, port: u16) {
    let parrot = http_parrot().await;
    let line = format!("{}\n", canary("destination"));
    let (dav, store, hub) =
        (format!("http://{parrot}/dav"), format!("http://{parrot}"), format!("http://{parrot}/texts.git"));
    let (mirror, port) = (world.place().join("mirror"), port.to_string());
    let made = Command::new("git").args(["init", "-q", "--bare"]).arg(&mirror).status();
    assert!(made.is_ok_and(|status| status.success()), "git is missing: run `make test`.");
    let mirror = mirror.to_str().unwrap();
    for (name, with_secret, options) in [
        ("dav", true, &["--kind", "webdav", "--url", &dav, "--username", USER][..]),
        (
            "store",
            true,
            &["--kind", "s3", "--endpoint", &store, "--bucket", "b", "--path-style", "--access-key-id", "ID"],
        ),
        ("hub", true, &["--kind", "git", "--url", &hub, "--username", USER]),
        ("far", true, &["--kind", "sftp", "--address", "127.0.0.1", "--port", &port, "--username", USER]),
        ("mirror", false, &["--kind", "git", "--url", mirror]),
    ] {
        let secret: &[&str] = if with_secret { &["--secret-stdin"] } else { &[] };
        let add = [&["destination", "add", name][..], options, secret].concat();
        seen.run_with(world, &add, &line).await.good();
        seen.run(world, &["destination", "test", name]).await;
    }
    // What signs, and a token that comes back with the refusal.
    let secret = canary("destination");
    let lines = format!("http://{parrot}/hook\n{secret}\n{secret}\n");
    let secrets = ["--url-stdin", "--secret-stdin", "--token-stdin"];
    let add = [&["notify", "channel", "add", "hook", "--kind", "webhook"][..], &secrets].concat();
    seen.run_with(world, &add, &lines).await.good();
    seen.run(world, &["notify", "channel", "test", "hook"]).await;
    seen.run(world, &["notify", "rule", "add", "All", "--event", "run_failed", "--channel", "hook"])
        .await
        .good();
    seen.run(world, &["notify", "channel", "list", "--json"]).await.good();
    seen.run(world, &["notify", "deliveries"]).await.good();
    seen.run(world, &["destination", "list", "--json"]).await.good();
    seen.run(world, &["destination", "list"]).await.good();
}

/// Everything that the command line does.
async fn commands(world: &World, seen: &mut Seen) {
    for (name, kind) in [("All", "full"), ("Texts", "config"), ("Rows", "data")] {
        world.add_backup(name, kind).await;
    }
    seen.run(world, &["backup-config", "edit", "All", "--include", "database,logs,media"]).await.good();
    let sends = ["dav", "store", "hub", "far", "mirror"].map(|name| ["--destination", name]).concat();
    seen.run(world, &[&["backup-config", "edit", "Texts"][..], &sends].concat()).await.good();
    let add =
        ["backup-config", "add", "Sealed", "--type", "full", "--frequency", "daily", "--passphrase-stdin"];
    seen.run_with(world, &add, &format!("{}\n", canary("archive"))).await.good();

    seen.run(world, &["run-backups", "--force"]).await.failed();
    let good = "SELECT DISTINCT d.hostname FROM device_result r JOIN device d ON d.id = r.device_id
                WHERE r.class IN ('ok', 'unchanged') ORDER BY d.hostname";
    let good = world.database.texts(good).await;
    assert_eq!(good, ["good-1", "inner-1", "keyed-1", "lb-1"], "logins work where they should");
    seen.run(world, &["artifact", "fetch", "lb-1"]).await.failed();
    seen.run(world, &["certificate", "accept", "lb-1"]).await.good();
    seen.run(world, &["artifact", "fetch", "lb-1"]).await.good();
    seen.run(world, &["artifact", "save", "lb-1", "saved.ucs"]).await.good();
    let csv = world.file("devices.csv", "ip,hostname,credential\n192.0.2.7,new-1,lab\n192.0.2.300,x,lab\n");
    let texts = world.place().join("texts.zip");
    for command in [
        &["import-devices", csv.to_str().unwrap()][..],
        &["run-backups", "--config", "All", "--force"],
        &["credential", "list", "--json"],
        &["credential", "list"],
        &["jump-host", "list", "--json"],
        &["device", "list", "--json"],
        &["device", "test", "good-1"],
        &["device", "test", "inner-1"],
        &["device", "test", "deaf-1"],
        &["device", "test", "parrot-1"],
        &["device", "show", "good-1"],
        &["device", "diff", "good-1"],
        &["device", "export", texts.to_str().unwrap()],
        &["artifact", "list", "lb-1", "--json"],
        &["collect", "--all", "--json"],
        &["search", "hostname"],
        &["audit", "list"],
        &["audit", "export"],
        &["token", "list"],
        &["user", "list"],
        &["drivers", "list"],
        &["backup-config", "list", "--json"],
        &["backup-status", "--json"],
        &["verify", "--all"],
        &["doctor"],
        &["--help"],
        &["credential", "add", "--help"],
    ] {
        seen.run(world, command).await;
    }
    let archives = world.backups();
    let all = archives.iter().find(|name| name.starts_with("all_")).unwrap();
    seen.run(world, &["verify", all, "--drill"]).await.good();
    let log = Command::new("git")
        .arg("-C")
        .arg(world.place().join("mirror"))
        .args(["log", "--all", "-p"])
        .output()
        .unwrap();
    seen.said.push(("the mirror".into(), log.stdout));
}

/// A sealed archive is opened, and restored elsewhere.
async fn restore(world: &World, seen: &mut Seen, folder: &std::path::Path) {
    let archives = world.backups();
    let sealed = archives.iter().find(|name| name.starts_with("sealed_")).unwrap();
    let sealed: PathBuf = world.data().join("backups").join(sealed);
    let (sealed, key) = (sealed.to_str().unwrap(), world.data().join("secret.key"));
    let (line, wrong) = (format!("{}\n", canary("archive")), format!("{}\n", canary("wrong")));
    seen.run_with(world, &["restore", sealed, "--list", "--passphrase-stdin"], &wrong).await.failed();
    let opened = world.place().join("opened");
    let only = [
        "restore",
        sealed,
        "--only",
        "database.json",
        "--only",
        "configs",
        "--to",
        opened.to_str().unwrap(),
        "--passphrase-stdin",
    ];
    seen.run_with(world, &only, &line).await.good();
    let into = [
        "restore",
        sealed,
        "--data-dir",
        folder.to_str().unwrap(),
        "--key-file",
        key.to_str().unwrap(),
        "--passphrase-stdin",
    ];
    seen.run_with(world, &into, &line).await.good();
    seen.run(world, &["--data-dir", folder.to_str().unwrap(), "doctor"]).await;
}

/// A token of an admin: shown once, on standard output, and nowhere else.
async fn canary_token(world: &World, seen: &mut Seen, listener: &mut Listener) -> String {
    let made = world.etiqa(["token", "create", "robot", "--role", "admin"]).await.good();
    seen.said.push(("what is said beside a token".into(), made.stderr.into_bytes()));
    let token = made.stdout.trim().to_owned();
    listener.add("a token", token.as_bytes());
    token
}

/// A person who signs in, and one who does not get in. The cookie is in the answer that gives it, and nowhere else.
async fn sign_in(server: &Server, seen: &mut Seen, listener: &mut Listener) -> Client {
    let stranger = server.stranger();
    let mut signed_in = stranger.sign_in("ada", &canary("user")).await;
    let browser = signed_in.browser(server.address());
    take_cookies(&mut signed_in, listener);
    seen.answer("sign_in", signed_in);
    seen.answer("a refused sign_in", stranger.sign_in("eve", &canary("user")).await);
    let wrong = canary("wrong");
    let fields = [("name", "ada"), ("password", wrong.as_str())];
    seen.post(&stranger.with_own_origin(), "/login", "sign_in", &fields).await;
    browser
}

/// Cookies are in the answer that sets them, and nowhere else.
fn take_cookies(answer: &mut Answer, listener: &mut Listener) {
    for cookie in answer.headers.get_all("set-cookie") {
        let value = cookie.to_str().unwrap().split(['=', ';']).nth(1).unwrap();
        // One that is taken away has none.
        if !value.is_empty() {
            listener.add("a cookie", value.as_bytes());
        }
    }
    answer.headers.remove("set-cookie");
}

/// Somebody with a second factor: what is shown once to set it up is never seen again, nor is what signs in with it.
async fn second_factor(world: &World, server: &Server, seen: &mut Seen, listener: &mut Listener) {
    let (password, wrong) = (canary("second-factor"), canary("wrong"));
    let add = ["user", "add", "grace", "--role", "viewer", "--password-stdin"];
    seen.run_with(world, &add, &format!("{password}\n")).await.good();
    let own = server.stranger().sign_in("grace", &password).await.browser(server.address());
    seen.post(&own, "/account", "begin_second_factor", &[("password", wrong.as_str())]).await;
    assert_eq!(seen.call(&own, "begin_second_factor", &[("password", password.as_str())]).await, 200);
    let shown = own.call("get_second_factor", &[]).await.with_status(200).json();
    let secret = shown["pending"]["secret"].as_str().unwrap();
    let phone = Phone::of(secret);
    listener.add("a second factor", phone.secret());
    let codes = shown["pending"]["recovery_codes"].as_array().unwrap().iter();
    let codes: Vec<&str> = codes.map(|code| code.as_str().unwrap()).collect();
    for text in codes.iter().copied().chain([secret]) {
        listener.add("what a second factor is written as", text.as_bytes());
        listener.add("the same in one piece", text.replace([' ', '-'], "").as_bytes());
    }
    assert_eq!(seen.call(&own, "confirm_second_factor", &[("code", codes[1])]).await, 422);
    assert_eq!(seen.call(&own, "confirm_second_factor", &[("code", phone.code(0).as_str())]).await, 200);
    seen.get(&own.clone().and_header("accept", "text/html"), "/account").await;
    seen.call(&own, "get_second_factor", &[]).await;

    let mut asked = server.stranger().sign_in("grace", &password).await.with_status(200);
    let browser = server.stranger().with_own_origin().and_cookies_of(&asked);
    take_cookies(&mut asked, listener);
    seen.answer("a sign_in that asks for a code", asked);
    seen.post(&browser, "/login?step=code", "confirm_sign_in", &[("code", wrong.as_str())]).await;
    let mut inside = browser.call("confirm_sign_in", &[("code", codes[0])]).await.with_status(200);
    take_cookies(&mut inside, listener);
    seen.answer("confirm_sign_in", inside);
}

/// Everything that can be looked at.
async fn pages(world: &World, robot: &Client, seen: &mut Seen) {
    robot.post("/backup/config/1/run/").await.with_status(202);
    let _ = robot.call("start_connection_test", &[("id", "1")]).await;
    until("the end of all runs", async || {
        let open = "SELECT COUNT(*) FROM backup_run WHERE status IN ('pending', 'running')";
        (world.database.number(open).await == 0).then_some(())
    })
    .await;
    let page = robot.clone().and_header("accept", "text/html");
    for path in [
        "/",
        "/backup/",
        "/backup/1",
        "/backup/config/1",
        "/backup/config/2/edit",
        "/backup/config/4/edit",
        "/backup/new",
        "/backup/run/1",
        "/backup/run/2",
        "/backup/run/3",
        "/backup/run/4",
        "/backup/run/5",
        "/backup/status/",
        "/configs/",
        "/configs/search?q=hostname",
        "/devices/",
        "/devices/1",
        "/devices/2",
        "/devices/3",
        "/devices/4",
        "/devices/5",
        "/devices/6",
        "/devices/7",
        "/devices/8",
        "/devices/1?tab=results",
        "/devices/7?tab=artifacts",
        "/devices/1/edit",
        "/devices/new",
        "/devices/import",
        "/admin/",
        "/admin/audit",
        "/admin/audit/export",
        "/admin/credentials",
        "/admin/credentials?edit=1",
        "/admin/credentials?rotate=1",
        "/admin/destinations",
        "/admin/destinations?edit=1",
        "/admin/destinations?edit=2",
        "/admin/destinations?edit=4",
        "/admin/notifications",
        "/admin/notifications?edit=1&rule=1",
        "/admin/drivers",
        "/admin/drivers/ios",
        "/admin/jobs",
        "/admin/jump-hosts",
        "/admin/machines",
        "/admin/recovery-kit",
        "/admin/settings",
        "/admin/tokens",
        "/admin/users",
        "/account",
        "/healthz",
        "/readyz",
        "/metrics",
        "/configs/download",
        "/devices/1/download",
        "/devices/export.csv",
        "/configs/version/1/download",
        "/backup/download/1/",
        "/backup/run/1/entry?name=database.json",
        "/artifact/1/download",
    ] {
        seen.get(&page, path).await;
    }
    for id in ["1", "2", "3", "4", "5", "6", "7", "8", "9"] {
        for function in [
            "get_run",
            "get_transcript",
            "get_artifact_transcript",
            "get_device",
            "get_config",
            "get_version",
            "get_archive",
            "get_backup_config",
            "get_connection_test",
            "get_device_artifacts",
            "test_destination",
            "test_channel",
        ] {
            seen.call(robot, function, &[("id", id)]).await;
        }
        seen.call(robot, "get_diff", &[("to", id)]).await;
    }
    let (said, text) = ("sw1#show version\nCisco IOS Software\nsw1#\n", "hostname");
    for (function, fields) in [
        ("verify_run", vec![("id", "1")]),
        ("drill_run", vec![("id", "1")]),
        ("list_credentials", vec![]),
        ("list_tokens", vec![]),
        ("list_users", vec![]),
        ("list_destinations", vec![]),
        ("list_channels", vec![]),
        ("list_deliveries", vec![]),
        ("list_notify_rules", vec![]),
        ("list_jump_hosts", vec![]),
        ("list_jobs", vec![]),
        ("list_machines", vec![]),
        ("list_results", vec![("id", "2")]),
        ("list_configs", vec![]),
        ("get_settings", vec![]),
        ("get_backup_choices", vec![]),
        ("get_kit_state", vec![]),
        ("search_configs", vec![("search[text]", text)]),
        ("try_driver", vec![("name", "ios"), ("transcript", said)]),
        ("compare_texts", vec![("old[device]", "1"), ("new[device]", "6")]),
    ] {
        seen.call(robot, function, &fields).await;
    }
}

/// Names and values of a form.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// Every form that takes a secret: filled in as it should be, and refused.
async fn forms(server: &Server, browser: &Client, seen: &mut Seen) {
    let (user, fresh, wrong) = (canary("user"), canary("fresh"), canary("wrong"));
    let (user, fresh, wrong) = (user.as_str(), fresh.as_str(), wrong.as_str());
    let kit = browser.form("/admin/recovery-kit/file", &[("password", user)]).await.with_status(200);
    assert!(kit.text().contains(&canary("archive")), "what a kit is for");
    seen.answer("the headers of a recovery kit", Answer { bytes: Vec::new(), ..kit });
    let changed = seen.call(browser, "change_password", &[("current", user), ("new", fresh)]).await;
    assert_eq!(changed, 200, "the password is changed");

    let credential = [
        ("credential[name]", "all"),
        ("credential[username]", "all"),
        ("credential[site]", "nowhere"),
        ("credential[password]", fresh),
        ("credential[enable_password]", fresh),
        ("credential[api_token]", fresh),
        ("credential[backup_passphrase]", fresh),
    ];
    let unreadable = [
        ("credential[name]", "unreadable"),
        ("credential[username]", "x"),
        ("credential[private_key]", wrong),
        ("credential[key_passphrase]", fresh),
    ];
    let (server_of_files, store) = (
        [
            ("destination[name]", "x"),
            ("destination[kind]", "sftp"),
            ("destination[password]", fresh),
            ("destination[private_key]", wrong),
            ("destination[key_passphrase]", fresh),
        ],
        [("destination[name]", "x"), ("destination[kind]", "s3"), ("destination[secret_access_key]", fresh)],
    );
    let channel = [
        ("channel[name]", "x"),
        ("channel[kind]", "email"),
        ("channel[secret_url]", wrong),
        ("channel[secret]", fresh),
        ("channel[token]", fresh),
        ("channel[password]", fresh),
    ];
    let sealed = [("config[name]", ""), ("config[encryption]", "passphrase"), ("config[passphrase]", fresh)];
    let forms: [(&str, &str, Fields<'_>); 14] = [
        ("/admin/users", "add_user", &[("name", "x y"), ("role", "none"), ("password", fresh)]),
        ("/admin/users", "add_user", &[("name", "bea"), ("role", "viewer"), ("password", fresh)]),
        ("/admin/users", "change_user", &[("id", "1"), ("role", "king"), ("password", fresh)]),
        (
            "/admin/credentials",
            "save_credential",
            &[("credential[name]", ""), ("credential[password]", fresh)],
        ),
        ("/admin/credentials", "save_credential", &credential),
        ("/admin/credentials", "save_credential", &unreadable),
        ("/admin/credentials", "rotate_credential", &[("id", "1"), ("secrets[password]", fresh)]),
        ("/admin/destinations", "save_destination", &server_of_files),
        ("/admin/destinations", "save_destination", &store),
        ("/admin/notifications", "save_channel", &channel),
        ("/backup/new", "save_backup_config", &sealed),
        ("/setup", "set_up", &[("code", wrong), ("name", "eve"), ("password", fresh)]),
        ("/account", "change_password", &[("current", wrong), ("new", fresh)]),
        ("/admin/recovery-kit", "take_recovery_kit", &[("password", wrong)]),
    ];
    for (page, function, fields) in forms {
        seen.post(browser, page, function, fields).await;
        seen.call(browser, function, fields).await;
    }
    let refused = browser.form("/admin/recovery-kit/file", &[("password", wrong)]).await;
    seen.answer("a refused recovery kit", refused);
    seen.answer("an old password", server.stranger().sign_in("ada", user).await);
    // What is no token and no session may be one of somebody else's.
    let stranger = server.stranger().and_header("authorization", "Bearer kanarija-1");
    seen.get(&stranger, "/backup/status/").await;
    let stranger = server.stranger().and_header("cookie", "etiqa_session=kanarija-2");
    seen.get(&stranger, "/backup/status/").await;
}

#[tokio::test]
async fn the_setup_code_is_on_the_console_and_nowhere_else() {
    let world = World::new().with_env("ETIQA_LOG", "trace");
    let mut seen = Seen::default();
    let mut listener = Listener::new();
    let server = world.serve().await;
    let code = server.setup_code().await;
    listener.add("the code", code.as_bytes());
    let stranger = server.stranger().with_own_origin();
    let password = canary("user");
    for (given, password) in [("aaaa-bbbb-cccc", password.as_str()), (code.as_str(), "short")] {
        let fields = [("code", given), ("name", "ada"), ("password", password)];
        seen.post(&stranger, "/setup", "set_up", &fields).await;
    }
    let (passphrase, key) = (canary("passphrase"), canary("key"));
    let fields = [
        ("restore[code]", code.as_str()),
        ("restore[key]", key.as_str()),
        ("restore[passphrase]", passphrase.as_str()),
    ];
    let refused =
        stranger.upload_with("/setup/restore", &fields, ("archive", b"PK no archive".to_vec())).await;
    seen.answer("/setup/restore", refused);
    seen.get(&stranger.clone().and_header("accept", "text/html"), "/setup").await;
    let mut set_up = stranger
        .call("set_up", &[("code", code.as_str()), ("name", "ada"), ("password", password.as_str())])
        .await;
    assert!(set_up.status.is_success() || set_up.status.is_redirection(), "{}", set_up.text());
    set_up.headers.remove("set-cookie");
    seen.answer("set_up", set_up);
    let (_, log) = server.stop().await;
    let (console, log): (Vec<_>, Vec<_>) = log.lines().partition(|line| line.contains(&code));
    assert_eq!(console.len(), 1, "{console:?}");
    seen.said.push(("the server's log".into(), log.join("\n").into_bytes()));

    seen.listen(&listener);
    listener.listen_to_cells(&world).await;
    listener.listen_below(world.place());
}
