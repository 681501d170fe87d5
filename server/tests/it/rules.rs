//! Rules that configurations are held against: by the command line, by a server beside its other work, and on the pages, with
//! and without JavaScript, on both databases.

use etiqa_simulator::{Personality, SimulatedDevice};
use serde_json::{Value, json};

use crate::harness::devices::device;
use crate::harness::{Answer, Client, World, until};

const SECRET: &str = "s3cr3t-community-XyZ";

fn config(hostname: &str, vty: &str, more: &str) -> String {
    format!(
        "Building configuration...\n\nCurrent configuration : 300 bytes\n!\nversion 15.2\nhostname {hostname}\n!\n\
         snmp-server community {SECRET} RO\n{more}!\nline con 0\n exec-timeout 5 0\nline vty 0 4\n {vty}\n!\nend\n"
    )
}

/// Two routers whose configurations were collected: one takes telnet and has no NTP server.
async fn two_routers(world: &World) -> [SimulatedDevice; 2] {
    world.add_credential().await;
    let core = world.add_device(device(Personality::Ios, "core-rtr-1")).await;
    core.set_config(config("core-rtr-1", "transport input ssh", "ntp server 10.0.0.1\n"));
    let edge = world.add_device(device(Personality::Ios, "edge-rtr-1")).await;
    edge.set_config(config("edge-rtr-1", "transport input telnet ssh", ""));
    world.etiqa(["collect", "--all"]).await.good();
    [core, edge]
}

async fn add_rules(world: &World) {
    let ntp = ["rule", "add", "NTP server", "--contain", "ntp server 10.0.0.1", "--part", "running"];
    world.etiqa(ntp).await.good();
    let vty = ["rule", "add", "VTY by SSH", "--not-match", "transport input.*telnet", "--block", "^line vty"];
    let critical = ["--part", "running", "--severity", "critical", "--advice", "Take telnet away."];
    world.etiqa(vty.into_iter().chain(critical)).await.good();
}

/// A page without the marks between its parts.
fn shown(page: &Answer) -> String {
    page.text().replace("<!>", "")
}

/// How many devices break each rule, by its name, once everything was held against all of them.
async fn broken(client: &Client) -> Vec<(String, u64)> {
    until("every rule to be checked", async || {
        let rules = client.call("list_rules", &[]).await.with_status(200).json();
        let rules = rules.as_array().unwrap().clone();
        let are_checked = rules.iter().all(|row| row["rule"]["is_checked"] == true);
        let told =
            |row: &Value| (row["rule"]["name"].as_str().unwrap().to_owned(), row["broken"].as_u64().unwrap());
        are_checked.then(|| rules.iter().map(told).collect())
    })
    .await
}

#[tokio::test]
async fn the_command_line_holds_configurations_against_rules_and_its_code_says_whether_a_critical_one_is_broken()
 {
    for world in [World::new(), World::on_postgres().await] {
        let _routers = two_routers(&world).await;
        world.etiqa(["rule", "check"]).await.good();
        add_rules(&world).await;
        let listed = world.etiqa(["rule", "list", "--json"]).await.good().json();
        assert_eq!(listed[0]["rule"]["is_checked"], false, "nothing was held against it yet");
        let checked = world.etiqa(["rule", "check"]).await.failed();
        insta::allow_duplicates! {
            insta::assert_snapshot!(checked.stdout, @r"
            warning: edge-rtr-1/running: NTP server.
            critical: edge-rtr-1/running:13: VTY by SSH. Take telnet away.
            1 device breaks 2 rules
            ");
        }
        let one = world.etiqa(["rule", "check", "edge-rtr-1"]).await.failed();
        insta::allow_duplicates! {
            insta::assert_snapshot!(one.stdout, @r"
            critical: edge-rtr-1/running:13: VTY by SSH. Take telnet away.
              13:  transport input telnet ssh
            warning: edge-rtr-1/running: NTP server.
            2 broken, 0 kept
            ");
        }
        let good = world.etiqa(["rule", "check", "core-rtr-1", "--json"]).await.good().json();
        assert_eq!((good["broken"].clone(), good["kept"].as_array().unwrap().len()), (json!([]), 2));
        let listed = world.etiqa(["rule", "list", "--json"]).await.good().json();
        assert_eq!(
            (listed[0]["rule"]["is_checked"].clone(), listed[0]["broken"].clone()),
            (json!(true), json!(1))
        );

        world.etiqa(["rule", "disable", "VTY by SSH"]).await.good();
        world.etiqa(["rule", "check"]).await.good();
        assert_eq!(
            world.database.number("SELECT COUNT(*) FROM rule_result").await,
            2,
            "what is off says nothing"
        );
        world.etiqa(["rule", "remove", "NTP server"]).await.good();
        world.etiqa(["rule", "remove", "VTY by SSH"]).await.good();
        let gone = world.etiqa(["rule", "remove", "VTY by SSH"]).await.failed();
        insta::allow_duplicates! {
            insta::assert_snapshot!(gone.sentence(&world), @r#"etiqa: There is no rule named "VTY by SSH". It may have been deleted."#);
        }
        world.etiqa(["rule", "check"]).await.good();
        assert_eq!(world.database.number("SELECT COUNT(*) FROM rule_check").await, 0);
    }
}

#[tokio::test]
async fn a_rule_that_cannot_be_one_is_refused_with_a_sentence() {
    let world = World::new();
    let token = world.token("operator").await;
    for (arguments, sentence) in [
        (
            &["--match", "(a{1000}){1000}"][..],
            "etiqa: This regular expression is too large; make its repetitions smaller.",
        ),
        (&["--match", "(a"][..], "etiqa: This is not a regular expression: unclosed group, at character 1."),
        (
            &["--contain", "x", "--block", "("][..],
            "etiqa: This is not a regular expression: unclosed group, at character 1.",
        ),
        (
            &["--contain", "x", "--platform", "toaster"][..],
            "etiqa: There is no driver named toaster; `etiqa drivers list` shows those that there are.",
        ),
        (&[][..], "etiqa: Say what is looked for with --contain, --not-contain, --match or --not-match."),
    ] {
        let refused = world.etiqa(["rule", "add", "x"].iter().chain(arguments)).await.failed();
        assert_eq!(refused.sentence(&world), sentence);
    }
    world.etiqa(["rule", "add", "x", "--contain", "a", "--match", "b"]).await.with_code(2);
    world.etiqa(["rule", "add", "x", "--contain", "a"]).await.good();
    let twice = world.etiqa(["rule", "add", "x", "--contain", "b"]).await.failed();
    assert_eq!(twice.sentence(&world), "etiqa: There is a rule named x already; choose another name.");

    let server = world.serve().await;
    let operator = server.with_token(&token);
    let hostile = [("rule[name]", "y"), ("rule[wants]", "match"), ("rule[patterns]", "(\\w{100}){100}")];
    let refused = operator.call("save_rule", &hostile).await.with_status(422);
    assert_eq!(refused.message(), "This regular expression is too large; make its repetitions smaller.");
    assert_eq!(refused.json()["fields"][0]["field"], "patterns");
    // What takes other programs for ever takes this one a walk over each text.
    let evil = [
        ("rule[name]", "y"),
        ("rule[wants]", "match"),
        ("rule[patterns]", "^(a+)+$"),
        ("rule[enabled]", "true"),
    ];
    operator.call("save_rule", &evil).await.with_status(200);
    server.stop().await;
}

#[tokio::test]
async fn a_server_checks_what_changes_and_tells_of_what_was_kept_and_is_broken_now() {
    for world in [World::new(), World::on_postgres().await] {
        let [core, edge] = two_routers(&world).await;
        let token = world.token("operator").await;
        let server = world.serve().await;
        let operator = server.with_token(&token);
        let rule = [
            ("rule[name]", "NTP server"),
            ("rule[patterns]", "ntp server 10.0.0.1"),
            ("rule[part]", "running"),
            ("rule[enabled]", "true"),
        ];
        operator.call("save_rule", &rule).await.with_status(200);
        assert_eq!(broken(&operator).await, [("NTP server".to_owned(), 1)]);

        core.set_config(config("core-rtr-1", "transport input ssh", "ntp server 10.9.9.9\n"));
        edge.set_config(config("edge-rtr-1", "transport input ssh", "ntp server 10.0.0.1\n"));
        world.etiqa(["collect", "--all"]).await.good();
        let newly = "SELECT COUNT(*) FROM rule_result r JOIN device d ON d.id = r.device_id
                     WHERE d.hostname = 'core-rtr-1' AND r.broken = 1 AND r.newly = 1";
        until("the change to be seen", async || (world.database.number(newly).await == 1).then_some(()))
            .await;
        let kept = "SELECT COUNT(*) FROM rule_result r JOIN device d ON d.id = r.device_id
                    WHERE d.hostname = 'edge-rtr-1' AND r.broken = 0";
        until("the other one to be seen", async || (world.database.number(kept).await == 1).then_some(()))
            .await;

        // The device is of another site now, and the rule of one.
        let site = [
            ("id", "1"),
            ("rule[name]", "NTP server"),
            ("rule[patterns]", "ntp server 10.0.0.1"),
            ("rule[site]", "default"),
            ("rule[part]", "running"),
            ("rule[enabled]", "true"),
        ];
        operator.call("save_rule", &site).await.with_status(200);
        assert_eq!(broken(&operator).await, [("NTP server".to_owned(), 1)]);
        world.etiqa(["device", "edit", "core-rtr-1", "--site", "graz"]).await.good();
        world.etiqa(["rule", "check"]).await.good();
        assert_eq!(broken(&operator).await, [("NTP server".to_owned(), 0)]);
        server.stop().await;
    }
}

#[tokio::test]
async fn the_pages_show_what_is_broken_and_viewers_neither_patterns_nor_secrets() {
    let world = World::new();
    let _routers = two_routers(&world).await;
    add_rules(&world).await;
    world
        .etiqa(["rule", "add", "Another community", "--not-contain", SECRET, "--part", "running"])
        .await
        .good();
    world.etiqa(["rule", "check"]).await.failed();
    let (viewer, operator) = (world.token("viewer").await, world.token("operator").await);
    let scoped = ["token", "create", "graz", "--role", "operator", "--scope", "site:graz"];
    let scoped = world.etiqa(scoped).await.good().stdout.trim().to_owned();
    let server = world.serve().await;
    let [viewer, operator, scoped] =
        [viewer, operator, scoped].map(|token| server.with_token(&token).and_header("accept", "text/html"));

    let overview = shown(&viewer.get("/").await.with_status(200));
    assert!(overview.contains("2 devices break 3 rules"), "{overview}");
    let list = shown(&viewer.get("/configs/rules").await.with_status(200));
    assert!(list.contains("Broken by 1 device") && list.contains("Broken by 2 devices"), "{list}");
    let router = shown(&viewer.get("/devices/2").await.with_status(200));
    assert!(router.contains("Breaks 3 rules") && router.contains("/devices/2/rules"), "{router}");
    let rules = shown(&viewer.get("/devices/2/rules").await.with_status(200));
    assert!(rules.contains("transport input telnet ssh") && rules.contains("Take telnet away."), "{rules}");
    assert!(rules.contains("snmp-server community &lt;removed") && !rules.contains(SECRET), "{rules}");
    let rule = shown(&viewer.get("/configs/rules/3").await.with_status(200));
    assert!(
        rule.contains("operators see it") && rule.contains("edge-rtr-1") && !rule.contains(SECRET),
        "{rule}"
    );
    assert!(shown(&operator.get("/configs/rules/3").await.with_status(200)).contains(SECRET));
    let kept = shown(&operator.get("/configs/rules/1?kept=true").await.with_status(200));
    assert!(kept.contains("core-rtr-1") && !kept.contains("edge-rtr-1"), "{kept}");
    operator.get("/configs/rules/99").await.with_status(404);
    for (who, may_change) in [(&operator, true), (&scoped, false)] {
        let list = who.get("/configs/rules").await.with_status(200).text();
        assert_eq!(list.contains("Switch off"), may_change, "{list}");
        let rule = who.get("/configs/rules/3").await.with_status(200).text();
        assert_eq!(rule.contains("/configs/rules/3/edit"), may_change, "{rule}");
    }

    let told = world.database.number("SELECT COUNT(*) FROM audit_log WHERE action = 'rule.add'").await;
    assert_eq!(told, 3);
    let secrets = format!("SELECT COUNT(*) FROM audit_log WHERE changes LIKE '%{SECRET}%'");
    assert_eq!(world.database.number(&secrets).await, 0, "a pattern may hold one");
    server.stop().await;
}

#[tokio::test]
async fn a_rule_is_tried_with_a_device_before_it_is_saved_also_without_javascript() {
    let world = World::new();
    let _routers = two_routers(&world).await;
    let (viewer, operator) = (world.token("viewer").await, world.token("operator").await);
    let server = world.serve().await;
    let (viewer, operator) = (server.with_token(&viewer), server.with_token(&operator));
    let rule = [
        ("rule[wants]", "match"),
        ("rule[patterns]", "^ transport input ssh$"),
        ("rule[block]", "^line vty"),
        ("rule[part]", "running"),
    ];
    let with = |device: &'static str| [&rule[..], &[("device", device), ("trying", "true")]].concat();
    let preview = operator.call("save_rule", &with("edge-rtr-1")).await.with_status(200).json();
    assert_eq!(
        preview,
        json!({"hostname": "edge-rtr-1", "parts": [{
            "part": "running", "version": 1, "broken": true, "blocks": 1, "missing": ["^ transport input ssh$"],
            "hits": 1, "lines": [{"number": 12, "text": "line vty 0 4"}],
        }]})
    );
    let unknown = operator.call("save_rule", &with("nowhere")).await.with_status(404);
    assert_eq!(unknown.message(), "There is no device named \"nowhere\". It may have been deleted.");
    viewer.call("save_rule", &with("edge-rtr-1")).await.with_status(403);

    let browser = operator.clone().and_header("accept", "text/html");
    let page = shown(&browser.form("/configs/rules/new", &with("core-rtr-1")).await.with_status(200));
    assert!(
        page.contains("With core-rtr-1") && page.contains("Kept") && page.contains("1 block looked into."),
        "{page}"
    );
    assert!(page.contains("^ transport input ssh$"), "what was filled in is there: {page}");
    let wrong = [("rule[wants]", "match"), ("rule[patterns]", "(a"), ("device", "core-rtr-1")];
    let page = shown(&browser.form("/configs/rules/new", &wrong).await.with_status(200));
    assert!(page.contains("unclosed group"), "{page}");
    viewer.form("/configs/rules/new", &wrong).await.with_status(403);
    assert_eq!(world.database.number("SELECT COUNT(*) FROM config_rule").await, 0, "nothing was saved");
    let tried = "SELECT COUNT(*) FROM audit_log WHERE action = 'rule.try' AND outcome = 'done'";
    assert!(world.database.number(tried).await >= 2);

    let saved = [&rule[..], &[("rule[name]", "VTY by SSH"), ("rule[enabled]", "true")]].concat();
    let answer = browser.call("save_rule", &saved).await.with_status(302);
    assert!(answer.header("location").ends_with("/configs/rules/1"), "{}", answer.header("location"));
    server.stop().await;
}

#[tokio::test]
async fn reports_hold_what_their_reader_sees_and_no_formula() {
    let world = World::new();
    let _routers = two_routers(&world).await;
    world.etiqa(["rule", "add", "=1+1", "--not-contain", SECRET, "--part", "running"]).await.good();
    let csv = world.etiqa(["rule", "report", "--csv"]).await.good().stdout;
    let mut lines = csv.lines();
    assert_eq!(
        lines.next(),
        Some(
            "rule,severity,result,hostname,address,site,platform,part,version,since,newly_broken,lines_that_tell,lines,advice"
        )
    );
    let first = lines.next().unwrap();
    assert!(
        first.starts_with("'=1+1,warning,broken,core-rtr-1,127.0.0.1,default,ios,running,1,2"),
        "{first}"
    );
    assert!(first.ends_with(",no,1,8,") && !csv.contains(SECRET), "{first}");
    let json = world.etiqa(["rule", "report", "--json", "--severity", "critical"]).await.good().json();
    assert_eq!(json, json!([]));

    world.etiqa(["device", "edit", "edge-rtr-1", "--site", "graz"]).await.good();
    let token =
        world.etiqa(["token", "create", "graz", "--role", "viewer", "--scope", "site:graz"]).await.good();
    let server = world.serve().await;
    let viewer = server.with_token(token.stdout.trim());
    let table = viewer.get("/rules/report.csv").await.with_status(200);
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    assert!(table.text().contains("edge-rtr-1") && !table.text().contains("core-rtr-1"), "{}", table.text());
    let results = viewer.get("/rules/report.json?rule=1&all=true").await.with_status(200).json();
    assert_eq!(results.as_array().unwrap().len(), 1);
    assert_eq!((results[0]["broken"].clone(), results[0]["lines"].clone()), (json!(true), json!([8])));
    viewer.get("/rules/report.csv?severity=grave").await.with_status(422);
    viewer.get("/rules/report.json?rule=99").await.with_status(404);
    server.stop().await;
}

#[tokio::test]
async fn the_starter_set_is_off_until_somebody_chooses_of_it() {
    let world = World::new();
    let _routers = two_routers(&world).await;
    let set = world.etiqa(["rule", "starter", "--platform", "ios", "--json"]).await.good().json();
    let set = set.as_array().unwrap();
    assert!(
        set.len() >= 8 && set.iter().all(|starter| starter["is_there"] == false && starter["devices"] == 2)
    );
    assert_eq!(world.database.number("SELECT COUNT(*) FROM config_rule").await, 0);
    let added = world.etiqa(["rule", "starter", "--platform", "ios", "--add"]).await.good().stdout;
    assert_eq!(added, format!("{} rules added.\n", set.len()));
    assert_eq!(
        world.etiqa(["rule", "starter", "--platform", "ios", "--add"]).await.good().stdout,
        "0 rules added.\n"
    );
    let checked = world.etiqa(["rule", "check", "edge-rtr-1"]).await.failed().stdout;
    assert!(checked.contains("critical: edge-rtr-1/running:12: IOS: VTY lines take SSH only."), "{checked}");

    let token = world.token("operator").await;
    let server = world.serve().await;
    let operator = server.with_token(&token);
    let page = shown(&operator.clone().and_header("accept", "text/html").get("/configs/rules/starter").await);
    assert!(page.contains("Junos: no telnet") && page.contains("CIS Juniper OS Benchmark"), "{page}");
    let chosen = [("names[]", "Junos: no telnet"), ("names[]", "Junos: syslog host")];
    assert_eq!(operator.call("add_starter_rules", &chosen).await.with_status(200).json(), 2);
    operator.call("add_starter_rules", &[("names[]", "nothing of it")]).await.with_status(404);
    server.stop().await;
}

#[tokio::test]
async fn rules_are_part_of_an_archive_and_what_they_came_to_is_made_anew() {
    let world = World::new();
    let _routers = two_routers(&world).await;
    add_rules(&world).await;
    world.etiqa(["rule", "check"]).await.failed();
    world.add_backup("Nightly", "full").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let database = crate::archive::Archive::open(&world.archive()).json("database.json");
    assert_eq!(database["tables"]["config_rule"]["rows"].as_array().unwrap().len(), 2);
    assert!(database["tables"]["rule_result"].is_null());
}
