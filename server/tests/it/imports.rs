//! `import-devices`: files as people have them, and what is said of the rows that cannot be taken.

use std::fmt::Write;

use serde_json::Value;

use crate::harness::{Output, World};

async fn import(world: &World, content: impl AsRef<[u8]>, options: &[&str]) -> Output {
    let file = world.file("devices", content);
    world.etiqa(["import-devices", file.to_str().unwrap()].iter().chain(options)).await
}

/// `address type hostname` of every device, sorted.
async fn inventory(world: &World) -> Vec<String> {
    let listed = world.etiqa(["device", "list", "--json"]).await.good().json();
    let text = |device: &Value, key: &str| device[key].as_str().unwrap().to_owned();
    let devices = listed.as_array().unwrap().iter();
    let mut devices: Vec<String> = devices
        .map(|device| ["address", "device_type", "hostname"].map(|key| text(device, key)).join(" "))
        .collect();
    devices.sort();
    devices
}

#[tokio::test]
async fn types_are_known_by_every_name_that_people_write() {
    let world = World::new();
    let aliases = [
        ("check_point", ["checkpoint", "Check Point", "CP", "CHECKPOINT Firewall", "check_point"].as_slice()),
        ("f5_big_ip", &["f5", "BigIP", "big-ip", "F5 BIGIP", "f5 load balancer", "f5_big_ip"]),
        ("infoblox", &["Infoblox", "NIOS"]),
        ("switch", &["SWITCH"]),
        ("router", &["Router"]),
        ("other", &["other", ""]),
    ];
    let mut csv = "ip,hostname,device_type\n".to_owned();
    let mut expected = Vec::new();
    for (kind, written) in aliases {
        for alias in written {
            let number = expected.len() + 10;
            writeln!(csv, "192.0.2.{number},h{number},{alias}").unwrap();
            expected.push(format!("192.0.2.{number} {kind} h{number}"));
        }
    }

    import(&world, csv, &[]).await.good();

    assert_eq!(inventory(&world).await, expected);
}

#[tokio::test]
async fn every_way_to_write_the_same_table_gives_the_same_devices() {
    let expected = ["192.0.2.1 router core, \"old\"", "192.0.2.2 switch sw-2"];
    let ways: [(&str, &[u8]); 8] = [
        ("commas", b"ip,hostname,device_type\n192.0.2.1,\"core, \"\"old\"\"\",router\n192.0.2.2,sw-2,switch\n"),
        ("CRLF", b"ip,hostname,device_type\r\n192.0.2.1,\"core, \"\"old\"\"\",router\r\n192.0.2.2,sw-2,switch\r\n"),
        ("BOM", b"\xef\xbb\xbfip_address,hostname,type\n192.0.2.1,\"core, \"\"old\"\"\",router\n192.0.2.2,sw-2,switch"),
        ("semicolons", b"IP;Hostname;Device_Type\n192.0.2.1;\"core, \"\"old\"\"\";router\n192.0.2.2;sw-2;switch\n"),
        ("tabs", b"hostname\tip\ttype\n\"core, \"\"old\"\"\"\t192.0.2.1\trouter\nsw-2\t192.0.2.2\tswitch\n"),
        ("blank lines", b"\nip,hostname,type\n\n192.0.2.1,\"core, \"\"old\"\"\",router\n\n192.0.2.2,sw-2,switch\n\n"),
        ("JSON", br#"[{"ip":"192.0.2.1","hostname":"core, \"old\"","type":"router"},
                      {"ip_address":"192.0.2.2","hostname":"sw-2","device_type":"switch"}]"#),
        ("JSON under devices", br#"{"devices":[{"ip":"192.0.2.1","hostname":"core, \"old\"","type":"router"},
                      {"ip":"192.0.2.2","hostname":"sw-2","type":"switch"}]}"#),
    ];
    for (way, content) in ways {
        let world = World::new();
        let output = import(&world, content, &[]).await.good();
        assert_eq!(
            output.stdout, "2 rows: 2 created, 0 updated, 0 skipped, 0 refused\n",
            "{way}: {output:?}"
        );
        assert_eq!(inventory(&world).await, expected, "{way}");
    }
}

#[tokio::test]
async fn a_list_comes_on_standard_input_as_well() {
    let world = World::new();
    let list = "ip,hostname,type\n192.0.2.1,core,router\n";
    world.etiqa_with_input(["import-devices", "-"], list).await.good();
    assert_eq!(inventory(&world).await, ["192.0.2.1 router core"]);
    let done = world.etiqa_with_input(["import-rancid", "-"], "192.0.2.2;cisco;up\n").await.good();
    assert!(done.stdout.starts_with("1 rows: 1 created "), "{done:?}");
}

#[tokio::test]
async fn a_bad_row_is_named_and_stops_no_good_one() {
    let world = World::new();
    let csv = "ip,hostname,device_type,status,port\n\
               192.0.2.1,good-1,router,online,\n\
               999.1.1.1 x,bad-address,router,,\n\
               192.0.2.3,bad-type,toaster,,\n\
               192.0.2.4,bad-status,router,sleeping,\n\
               192.0.2.5,bad-port,router,,70000\n\
               ,no-address,router,,\n\
               192.0.2.1,twice,router,,\n\
               192.0.2.9,good-2,switch,offline,\n";

    let output = import(&world, csv, &[]).await.failed();

    insta::assert_snapshot!(output.stderr, @r#"
    line 3: ip: "999.1.1.1 x" is neither an IP address nor a host name.
    line 4: device_type: "toaster" is not a device type; use one of: check_point, f5_big_ip, infoblox, switch, router, other.
    line 5: status: "sleeping" is not a status; use one of: online, offline, unknown.
    line 6: port: The port takes a whole number from 1 to 65535.
    line 7: ip: The IP address is missing.
    line 8: The device 192.0.2.1, port 22, of site default is in line 2 already.
    "#);
    assert_eq!(output.stdout, "8 rows: 2 created, 0 updated, 0 skipped, 6 refused\n");
    assert_eq!(inventory(&world).await, ["192.0.2.1 router good-1", "192.0.2.9 switch good-2"]);
}

#[tokio::test]
async fn a_known_device_is_skipped_and_with_update_changed() {
    let world = World::new();
    import(&world, "ip,hostname,type,description\n192.0.2.1,old,router,keep me\n", &[]).await.good();
    let newer = "ip,hostname\n192.0.2.1,new\n192.0.2.2,other\n";

    let skipped = import(&world, newer, &[]).await.good();
    assert_eq!(skipped.stdout, "2 rows: 1 created, 0 updated, 1 skipped, 0 refused\n");
    assert_eq!(inventory(&world).await, ["192.0.2.1 router old", "192.0.2.2 other other"]);

    let updated = import(&world, newer, &["--update"]).await.good();
    assert_eq!(updated.stdout, "2 rows: 0 created, 1 updated, 1 skipped, 0 refused\n");
    assert_eq!(inventory(&world).await, ["192.0.2.1 router new", "192.0.2.2 other other"]);
    let description = world.database.texts("SELECT description FROM device WHERE hostname = 'new'").await;
    assert_eq!(description, ["keep me"], "what the file does not say stays");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let world = World::new();
    import(&world, "ip,hostname\n192.0.2.1,old\n", &[]).await.good();

    let output =
        import(&world, "ip,hostname\n192.0.2.1,new\n192.0.2.2,more\n", &["--dry-run", "--update"]).await;

    assert_eq!(
        output.good().stdout,
        "2 rows: 1 would be created, 1 would be updated, 0 skipped, 0 refused\n"
    );
    assert_eq!(inventory(&world).await, ["192.0.2.1 other old"]);
}

#[tokio::test]
async fn an_imported_status_is_only_the_first_value() {
    let world = World::new();
    import(&world, "ip,status\n192.0.2.1,offline\n192.0.2.2,Online\n192.0.2.3,\n", &[]).await.good();
    let status = world.database.texts("SELECT status FROM device ORDER BY id").await;
    assert_eq!(status, ["offline", "online", "unknown"]);
    let enabled = world.database.number("SELECT COUNT(*) FROM device WHERE enabled = 1").await;
    assert_eq!(enabled, 3, "an offline device is collected like any other");
}

#[tokio::test]
async fn what_is_no_list_of_devices_is_refused_with_one_sentence() {
    let world = World::new();
    let mut said = Vec::new();
    for content in [
        b"".as_slice(),
        b"Dear all,\nplease find the devices attached.\n",
        b"hostname,type\ncore,router\n",
        b"PK\x03\x04\x14\x00\x06\x00",
        b"\x00\x01\x02\xff\xfe\x00binary",
        b"[{\"ip\": \"192.0.2.1\",}]",
        b"{\"routers\": [{\"ip\": \"192.0.2.1\"}]}",
        b"[{\"name\": \"core\"}]",
    ] {
        let output = import(&world, content, &[]).await.failed();
        said.push(output.sentence(&world));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    etiqa: The file is empty; it needs a first line with column names, or a JSON array.
    etiqa: The file is neither CSV nor JSON: its first line has to name the columns, such as ip,hostname,device_type.
    etiqa: The file has no column ip or ip_address; its columns are hostname, type.
    etiqa: The file is a spreadsheet or an archive, not text; save it as CSV and import that.
    etiqa: The file is not text; import a CSV or JSON file.
    etiqa: The file is not valid JSON at line 1, column 21: trailing comma.
    etiqa: The JSON has no list of devices; write an array of objects, alone or under "devices".
    etiqa: No device in the JSON has the key ip or ip_address.
    "#);
    assert_eq!(world.database.number("SELECT COUNT(*) FROM device").await, 0);
}

#[tokio::test]
async fn a_hundred_thousand_devices_come_in() {
    let world = World::new();
    let mut csv = "ip,hostname,device_type,site,tags\n".to_owned();
    for n in 0..100_000 {
        let (b, c, d) = (n / 65_536, n / 256 % 256, n % 256);
        writeln!(csv, "10.{b}.{c}.{d},dev-{n},switch,site-{},core", n % 50).unwrap();
    }

    let output = import(&world, csv, &[]).await.good();

    assert_eq!(output.stdout, "100000 rows: 100000 created, 0 updated, 0 skipped, 0 refused\n");
    assert_eq!(world.database.number("SELECT COUNT(*) FROM device").await, 100_000);
}

#[tokio::test]
async fn the_page_takes_a_file_shows_what_it_would_do_and_then_does_it_once() {
    let world = World::new();
    world.add_user("olga", "operator").await;
    let server = world.serve().await;
    let browser = server.signed_in("olga").await;
    let csv = "ip,hostname\n192.0.2.1,one\nnonsense here,two\n";

    let uploaded = browser.upload("/devices/import", "devices.csv", csv).await.with_status(303);
    let page = uploaded.header("location").to_owned();
    assert_eq!(page, "/devices/import?upload=1");
    assert_eq!(world.database.number("SELECT COUNT(*) FROM device").await, 0, "nothing yet");
    let preview = browser.call("get_import", &[("id", "1")]).await.with_status(200).json();
    assert_eq!((&preview["report"]["created"], &preview["report"]["failed"]), (&1.into(), &1.into()));
    assert_eq!(preview["report"]["errors"][0]["line"], 3);

    browser.call("apply_import", &[("id", "1")]).await;
    assert_eq!(inventory(&world).await, ["192.0.2.1 other one"]);
    let again = browser.call("apply_import", &[("id", "1")]).await.with_status(409);
    assert_eq!(again.message(), "This file was imported already.");
    let refused = browser.upload("/devices/import", "letter.txt", "Dear all,").await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    server.stop().await;
}
