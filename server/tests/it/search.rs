//! Searching all active configurations, on the command line as with grep, and on the page without JavaScript.

use etiqa_simulator::{Personality, SimulatedDevice};

use crate::harness::devices::device;
use crate::harness::{Answer, World, until};

const SECRET: &str = "s3cr3t-community-XyZ";

fn config(hostname: &str, more: &str) -> String {
    format!(
        "Building configuration...\n\nCurrent configuration : 300 bytes\n!\nversion 15.2\nhostname {hostname}\n!\n\
         snmp-server community {SECRET} RO\n{more}!\nend\n"
    )
}

/// Two routers whose configurations were collected.
async fn two_routers(world: &World) -> [SimulatedDevice; 2] {
    world.add_credential().await;
    let core = world.add_device(device(Personality::Ios, "core-rtr-1")).await;
    core.set_config(config("core-rtr-1", "ntp server 10.0.0.1\nntp server 10.0.0.2\n"));
    let edge = world.add_device(device(Personality::Ios, "edge-rtr-1")).await;
    edge.set_config(config("edge-rtr-1", "NTP server 10.0.0.1\n"));
    world.etiqa(["collect", "--all"]).await.good();
    [core, edge]
}

#[tokio::test]
async fn the_command_prints_as_grep_does_and_its_code_says_whether_anything_was_found() {
    let world = World::new();
    let _routers = two_routers(&world).await;
    for _ in 0..2 {
        let found = world.etiqa(["search", "ntp server 10.0.0.1", "--part", "running"]).await.good();
        insta::allow_duplicates! {
            insta::assert_snapshot!(found.stdout, @r"
            core-rtr-1/running:9: ntp server 10.0.0.1
            edge-rtr-1/running:9: NTP server 10.0.0.1
            ");
        }
        let around = ["search", "--regex", r"10\.0\.0\.[2]", "--part", "running", "--context", "1"];
        let found = world.etiqa(around).await.good();
        insta::allow_duplicates! {
            insta::assert_snapshot!(found.stdout, @r"
            core-rtr-1/running-9- ntp server 10.0.0.1
            core-rtr-1/running:10: ntp server 10.0.0.2
            core-rtr-1/running-11- !
            ");
        }
        let exact = ["search", "NTP", "--case-sensitive", "--files-with-matches", "--part", "running"];
        assert_eq!(world.etiqa(exact).await.good().stdout, "edge-rtr-1/running\n");
        let json = world.etiqa(["search", SECRET, "--json", "--part", "running"]).await.good().json();
        assert_eq!(json.as_array().unwrap().len(), 2, "whoever runs this may read the database anyway");
        assert_eq!(json[0]["texts"][0]["lines"][0]["is_hit"], true);
    }
    assert_eq!(
        world.database.number("SELECT COUNT(*) FROM search_text").await,
        4,
        "a command keeps the index as well"
    );

    let nothing = world.etiqa(["search", "no such line", "--type", "switch"]).await.with_code(1);
    assert_eq!((nothing.stdout.as_str(), nothing.stderr.as_str()), ("", ""));
    assert_eq!(
        world.etiqa(["search", "no such line", "--json"]).await.with_code(1).json(),
        serde_json::json!([])
    );
    for wrong in
        [&["search", "--regex", "(a"][..], &["search", ""], &["search", "x", "--context", "9"], &["search"]]
    {
        let refused = world.etiqa(wrong.iter().copied()).await.with_code(2);
        assert_eq!(refused.stdout, "");
    }
    let refused = world.etiqa(["search", "--regex", "(a{1000}){1000}"]).await.with_code(2);
    insta::assert_snapshot!(refused.sentence(&world), @"etiqa: This regular expression is too large; make its repetitions smaller.");
}

#[tokio::test]
async fn the_page_shows_hits_without_javascript_and_viewers_what_is_masked_for_them() {
    let world = World::new();
    let _routers = two_routers(&world).await;
    let (viewer, operator) = (world.token("viewer").await, world.token("operator").await);
    let server = world.serve().await;
    let [viewer, operator] =
        [viewer, operator].map(|token| server.with_token(&token).and_header("accept", "text/html"));

    let page = operator.get("/configs/search?q=NTP+Server&part=running&context=0").await.with_status(200);
    let page = shown(&page);
    assert!(page.contains("<mark>ntp server</mark>") && page.contains("<mark>NTP server</mark>"), "{page}");
    assert!(
        page.contains("3 lines of 2 devices.")
            && page.contains("/devices/1?part=running&amp;v=1&amp;view=text"),
        "{page}"
    );

    let secret = format!("/configs/search?q={SECRET}");
    assert!(operator.get(&secret).await.with_status(200).text().contains("2 lines of 2 devices."));
    let hidden = viewer.get(&secret).await.with_status(200).text();
    assert!(hidden.contains("Nothing was found.") && !hidden.contains("<mark>"), "{hidden}");
    let masked = shown(&viewer.get("/configs/search?q=community&context=5").await.with_status(200));
    assert!(masked.contains("<mark>community</mark>") && !masked.contains(SECRET), "{masked}");

    let wrong = operator.get("/configs/search?q=(a&regex=1").await.with_status(422).text();
    assert!(wrong.contains("This is not a regular expression: unclosed group, at character 1."), "{wrong}");
    assert!(operator.get("/configs/search").await.with_status(200).text().contains("What a line holds"));
    server.stop().await;
}

/// A page without the marks between its parts.
fn shown(page: &Answer) -> String {
    page.text().replace("<!>", "")
}

#[tokio::test]
async fn a_server_keeps_the_index_on_both_databases() {
    for world in [World::new(), World::on_postgres().await] {
        let [core, _edge] = two_routers(&world).await;
        let server = world.serve().await;
        let operator = server.with_token(&world.token("operator").await);
        let indexed = async |count: i64| {
            until("the index to be whole", async || {
                (world.database.number("SELECT COUNT(*) FROM search_text").await == count).then_some(())
            })
            .await;
        };
        indexed(4).await;
        core.set_config(config("core-rtr-1", "ntp server 10.99.99.99\n"));
        world.etiqa(["collect", "core-rtr-1"]).await.good();
        let found =
            operator.call("search_configs", &[("search[text]", "10.99.99.99")]).await.with_status(200).json();
        assert_eq!(found["devices"][0]["hostname"], "core-rtr-1");
        let gone =
            operator.call("search_configs", &[("search[text]", "10.0.0.2")]).await.with_status(200).json();
        assert_eq!(gone["devices"], serde_json::json!([]));
        server.stop().await;
    }
}
