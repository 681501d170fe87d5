//! Whoever sends what nobody should: it is refused clearly, nothing breaks, and the server's memory stays as it is.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Client, Server, World};
use crate::routes::addresses;

/// More than anything takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sends bytes as they are; what came back, until the server closed.
async fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    // The server may have said no before it has all of it.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("the server neither answers nor closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of a raw answer; 0 where the connection was closed without one.
fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_and_the_next_one_answered() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let head =
        |line: &str, more: &str| format!("{line}\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n");
    let long = "x".repeat(100_000);
    let many = (0..200).map(|n| format!("x-{n}: y\r\n")).collect::<Vec<_>>().concat();
    for (request, statuses) in [
        ("\0\0\0\0\r\n\r\n".to_owned(), &[400, 0][..]),
        ("NONSENSE\r\n\r\n".to_owned(), &[400]),
        (head("GET / HTTP/9.9", ""), &[400, 505]),
        (head(&format!("GET /{long} HTTP/1.1"), ""), &[414, 431, 400, 0]),
        (head("GET /login HTTP/1.1", &format!("x: {long}\r\n")), &[431, 400, 0]),
        (head("GET /login HTTP/1.1", &many), &[431, 400]),
        (head("GET /login HTTP/1.1", "x: a\0b\r\n"), &[400]),
        (head("GET /login HTTP/1.1", "Host: evil.example\r\n"), &[400]),
        ("GET /login HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), &[400, 422]),
        (head("POST /rpc/whoami HTTP/1.1", "Content-Length: -1\r\n"), &[400]),
        (head("POST /rpc/whoami HTTP/1.1", "Content-Length: 1\r\nContent-Length: 2\r\n"), &[400]),
        (head("POST /rpc/whoami HTTP/1.1", "Transfer-Encoding: gzip\r\n"), &[400]),
        (head("GET http://evil.example/login HTTP/1.1", ""), &[403]),
        (head("CONNECT evil.example:443 HTTP/1.1", ""), &[400, 401, 403, 404, 405]),
    ] {
        let answer = raw(&server, request.as_bytes()).await;
        let shown = request.chars().take(60).collect::<String>();
        assert!(statuses.contains(&status(&answer)), "{shown:?}: {answer}");
    }
    server.stranger().get("/healthz").await.with_status(200);
    server.stop().await;
}

#[tokio::test]
async fn what_is_too_long_is_refused_and_not_kept() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let token = world.token("admin").await;
    let server = world.serve().await;
    let bearer = &*format!("Authorization: Bearer {token}\r\n");
    let own = &*format!("Origin: http://{}\r\n", server.address());
    let post = |path: &str, who: &str, length: usize| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             {who}Content-Length: {length}\r\n\r\n",
            server.address()
        )
    };
    // Refused by what it says of itself: not a byte of it has to come.
    for (path, who, length) in [
        ("/rpc/save_device", bearer, 3 << 20),
        ("/hooks/change", bearer, 3 << 20),
        ("/theme", bearer, 3 << 20),
        ("/admin/drivers/ios", bearer, 3 << 20),
        ("/devices/import", bearer, 100 << 20),
        ("/rpc/sign_in", own, 20 << 10),
        ("/rpc/set_up", own, 20 << 10),
    ] {
        let answer = raw(&server, post(path, who, length).as_bytes()).await;
        assert_eq!(status(&answer), 413, "{path}: {answer}");
        assert!(answer.contains("larger than what is taken here"), "{answer}");
    }
    let browser = format!("{bearer}Accept: text/html\r\n");
    let refused = raw(&server, post("/rpc/save_device", &browser, 3 << 20).as_bytes()).await;
    assert!(
        status(&refused) == 413 && refused.contains("<!DOCTYPE html>"),
        "a browser gets a page: {refused}"
    );

    // What says nothing of itself is followed to the limit and no further.
    let before = server.memory();
    let streams = (0..8).map(|_| async {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST /rpc/save_device HTTP/1.1\r\nHost: {}\r\n{bearer}Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            server.address()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        for _ in 0..1_000 {
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    });
    for answer in futures::future::join_all(streams).await {
        assert!([0, 400, 413, 422].contains(&status(&answer)), "{answer}");
    }
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 128 << 20, "{grown} bytes more than before, of 500 MB that were sent");
    server.stop().await;
}

#[tokio::test]
async fn uploads_that_are_not_whole_yet_take_no_memory() {
    let world = World::new();
    let token = world.token("operator").await;
    let server = world.serve().await;
    let rows = "192.0.2.1,a name\n".repeat(4_000);
    let before = server.memory();
    let mut uploads = Vec::new();
    for _ in 0..6 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST /devices/import HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n\
             --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n",
            server.address(),
            60 << 20
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..600 {
            stream.write_all(rows.as_bytes()).await.unwrap();
        }
        uploads.push(stream);
    }
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 96 << 20, "{grown} bytes more than before, of 240 MB that were sent");
    drop(uploads);
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused() {
    let world = World::new();
    let token = world.token("admin").await;
    let server = world.serve().await;
    let send = async |path: &str, kind: &str, body: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            server.address(),
            body.len()
        );
        raw(&server, format!("{head}{body}").as_bytes()).await
    };
    let form = "application/x-www-form-urlencoded";
    for (path, kind, body) in [
        ("/rpc/save_device", form, "%%%=%zz&device[address]=%ff%fe"),
        ("/rpc/save_device", form, "device[address][address][address]=1"),
        ("/rpc/save_device", form, "device[port]=99999999999999999999"),
        ("/rpc/save_device", "application/json", "{\"device\":"),
        ("/rpc/get_device", form, "id=-9223372036854775809"),
        ("/rpc/no_such_function", form, ""),
        ("/hooks/change", "application/json", "{\"devices\":{}}"),
        ("/hooks/change", "application/json", "{\"device\":\"\\u0000\"}"),
        ("/theme", form, "theme=<script>"),
        ("/devices/import", "multipart/form-data", "x"),
        (
            "/devices/import",
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx",
        ),
        ("/devices/import", "multipart/form-data; boundary=b", "--b--\r\n"),
        ("/devices/1/media", "multipart/form-data; boundary=b", "no such thing"),
        ("/admin/recovery-kit/file", form, "password=%00"),
    ] {
        let answer = send(path, kind, body).await;
        let status = status(&answer);
        assert!((300..500).contains(&status), "{path} {body}: {answer}");
    }
    let deep = format!("{{\"devices\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    assert_eq!(status(&send("/hooks/change", "application/json", &deep).await), 422);
    server.stranger().get("/healthz").await.with_status(200);
    server.stop().await;
}

#[tokio::test]
async fn no_name_in_an_address_leads_out_of_its_place() {
    let world = World::new();
    world.add_credential().await;
    let token = world.token("admin").await;
    let key = std::fs::read_to_string(world.data().join("secret.key")).unwrap();
    let server = world.serve().await;
    let bearer = format!("Authorization: Bearer {token}\r\n");
    for path in [
        "/../secret.key",
        "/pkg/../../secret.key",
        "/pkg/..%2f..%2fsecret.key/x",
        "/pkg/x/..%2f..%2f..%2fdata%2fsecret.key",
        "/backup/download/..%2f..%2fsecret.key",
        "/backup/download/%2e%2e%5csecret.key/",
        "/backup/download/%00/",
        "/backup/download/9223372036854775808/",
        "/backup/run/1/entry?name=../../secret.key",
        "/backup/run/1/entry?name=%00",
        "/artifact/..%2f1/download",
        "/configs/version/%ff/download",
        "/configs/version/1%2f..%2f2/download",
        "/configs/download?at=%00",
        "/devices/1/media/..%2f..%2f..%2fsecret.key",
        "/devices/..%2f1/media/1",
        "/devices/%E2%80%AE1/download",
        "/devices/export.csv?sort=%00&search=%ff",
        "/admin/drivers/..%2f..%2fsecret.key",
        "/admin/drivers/CON",
        "/admin/drivers/%00",
        "//secret.key",
        "/./secret.key",
        "/%2e%2e/secret.key",
    ] {
        for accept in ["*/*", "text/html"] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n{bearer}Connection: close\r\n\r\n",
                server.address()
            );
            let answer = raw(&server, request.as_bytes()).await;
            assert!((200..500).contains(&status(&answer)), "{path}: {answer}");
            assert!(!answer.contains(key.trim()), "{path}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn an_uploaded_file_gets_a_name_that_is_one_everywhere() {
    let world = World::new();
    let add = ["device", "add", "192.0.2.1", "--hostname", "core", "--type", "router"];
    world.etiqa(add).await.good();
    let token = world.token("operator").await;
    let server = world.serve().await;
    let client = server.with_token(&token);
    let long = "x".repeat(5_000);
    let names = [
        "../../../etiqa.db",
        "..\\..\\secret.key",
        "/etc/passwd",
        "C:\\Windows\\win.ini",
        "CON",
        "nul.txt",
        "aux.",
        "...",
        "..",
        ".hidden",
        "a\u{0}b",
        "a\u{202e}txt.exe",
        "ümläut 💥.txt",
        "a/b/c",
        "a%2fb",
        "-rf",
        "a\"b'c<d>e|f?g*h",
        &long,
    ];
    for name in names {
        let answer = client.upload("/devices/1/media", name, "content").await;
        assert!(answer.status.as_u16() < 500, "{name:?}: {}", answer.text());
    }
    let kept = world.database.texts("SELECT file_name FROM media").await;
    assert!(kept.len() > 10, "{kept:?}");
    for name in &kept {
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        assert!(is_plain && !name.starts_with('.') && !name.ends_with('.') && name.len() <= 120, "{name:?}");
        let stem = name.split('.').next().unwrap().to_lowercase();
        assert!(!["con", "nul", "aux"].contains(&stem.as_str()), "{name:?}");
    }
    let beside: Vec<_> =
        std::fs::read_dir(world.place()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["data"], "nothing is outside of the data directory");
    server.stop().await;
}

#[tokio::test]
async fn who_sends_nothing_for_long_is_not_waited_for() {
    let world = World::new();
    let server = world.serve().await;
    let half = |text: &'static str| {
        let address = server.address().to_owned();
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it is still waited for");
            answer.len()
        }
    };
    let (nothing, head, answered) =
        tokio::join!(half(""), half("GET /healthz HTTP/1.1\r\nHost: local"), async {
            server.stranger().get("/healthz").await.status
        },);
    assert_eq!((nothing, head, answered.as_u16()), (0, 0, 200));
    server.stop().await;
}

#[tokio::test]
async fn who_asks_for_much_in_a_loop_waits_and_others_do_not() {
    let world = World::new();
    world.add_user("ada", "viewer").await;
    let token = world.token("viewer").await;
    let server = world.serve().await;
    let program = server.with_token(&token);
    let mut refused = None;
    for _ in 0..2_000 {
        let answer = program.get("/configs/download?masked=true").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("nobody ever had to wait");
    assert!(
        refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0),
        "{:?}",
        refused.headers
    );
    assert_eq!(refused.json()["kind"], "too_many");
    assert!(refused.message().contains("Wait "), "{}", refused.message());
    let page =
        program.clone().and_header("accept", "text/html").get("/configs/download").await.with_status(429);
    assert!(
        page.text().starts_with("<!DOCTYPE html>") && page.text().contains("too often"),
        "{}",
        page.text()
    );
    program.get("/backup/status/").await.with_status(200);
    assert_ne!(server.signed_in("ada").await.get("/configs/download").await.status, 429);
    server.stop().await;
}

/// Every header that any answer has.
const HEADERS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=()"),
];

#[tokio::test]
async fn every_route_answers_with_all_of_the_security_headers() {
    let world = World::new();
    let token = world.token("admin").await;
    let server = world.serve().await;
    let admin = server.with_token(&token);
    let look = async |client: &Client, method: &str, path: &str| {
        // The stream does not end; its headers come at once.
        let headers = if path == "/events" {
            client.open(path).await.headers().clone()
        } else if method == "GET" {
            client.get(path).await.headers
        } else {
            client.post(path).await.headers
        };
        let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        for (name, value) in HEADERS {
            assert!(header(name).contains(value), "{method} {path}: {name} is {:?}", header(name));
        }
        let policy = header("content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action"] {
            assert!(policy.contains(part), "{method} {path}: {policy}");
        }
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"),
            "{method} {path}: {policy}"
        );
        let cache = header("cache-control");
        assert!(cache == "no-store" || cache == "no-cache", "{method} {path}: {cache}");
        assert_eq!(header("strict-transport-security"), "", "{method} {path}: it is no HTTPS");
    };
    let known = addresses();
    let known = known.iter().map(|(method, path)| (*method, path.as_str()));
    let routes: Vec<_> = known.chain([("GET", "/no/such"), ("POST", "/no")]).collect();
    for client in [admin.clone(), admin.and_header("accept", "text/html"), server.stranger()] {
        for (method, path) in &routes {
            look(&client, method, path).await;
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn no_unsafe_request_of_another_site_passes_whatever_it_asks_for() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let ada = server.signed_in("ada").await;
    let posts = addresses().into_iter().filter(|(method, _)| *method == "POST");
    let paths: Vec<String> = posts.map(|(_, path)| path).collect();
    for origin in ["https://evil.example", "null"] {
        let foreign = ada.clone().and_header("origin", origin);
        for path in &paths {
            let refused = foreign.post(path).await;
            assert_eq!(refused.status, 403, "{path}: {}", refused.text());
        }
    }
    let nowhere = ada.clone().without_header("origin");
    for path in &paths {
        nowhere.post(path).await.with_status(403);
    }
    ada.call("whoami", &[]).await.with_status(200);
    server.stop().await;
}

#[tokio::test]
async fn what_a_proxy_says_counts_only_where_the_proxy_is_trusted() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let sign_in = async |server: &Server, origin: &str| {
        let browser = server.stranger().and_header("host", "etiqa.example").and_header("origin", origin);
        let browser =
            browser.and_header("x-forwarded-proto", "https").and_header("x-forwarded-for", "198.51.100.7");
        browser.call("sign_in", &[("name", "ada"), ("password", &World::password_of("ada"))]).await
    };
    let start = async |options: &[&str]| {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--public-url", "https://etiqa.example"];
        Server::start(world.command(serve.iter().chain(options))).await
    };

    let server = start(&[]).await;
    let answer = sign_in(&server, "https://etiqa.example").await.with_status(200);
    assert!(answer.header("set-cookie").starts_with("etiqa_session="), "{:?}", answer.headers);
    assert_eq!(answer.header("strict-transport-security"), "");
    sign_in(&server, "https://evil.example").await.with_status(403);
    server.stop().await;

    let server = start(&["--trusted-proxy", "127.0.0.0/8,::1"]).await;
    let answer = sign_in(&server, "https://etiqa.example").await.with_status(200);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-etiqa_session=") && cookie.contains("; Secure"), "{cookie}");
    assert!(answer.header("strict-transport-security").starts_with("max-age="), "{:?}", answer.headers);
    sign_in(&server, "http://etiqa.example").await.with_status(403);
    let both = server
        .stranger()
        .and_header("x-forwarded-for", "198.51.100.7")
        .and_header("forwarded", "for=127.0.0.1");
    both.get("/login").await.with_status(400);
    server.stop().await;
}
