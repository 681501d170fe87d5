//! Files as people have them.

use etiqa_model::device::{DeviceStatus, DeviceType};
use proptest::prelude::*;
use proptest::sample::select;

use super::csv::Record;
use super::*;

/// Every row: its line and its address, or what is wrong with it.
fn rows(file: impl AsRef<[u8]>) -> Vec<(u64, String)> {
    let parsed = parse(file.as_ref()).unwrap();
    parsed
        .rows
        .map(|row| (row.line, row.device.map_or_else(|wrong| wrong, |device| device.address)))
        .collect()
}

fn devices(file: impl AsRef<[u8]>) -> Vec<NewDevice> {
    parse(file.as_ref()).unwrap().rows.map(|row| row.device.unwrap()).collect()
}

fn refused(file: impl AsRef<[u8]>) -> String {
    parse(file.as_ref()).unwrap_err().to_string()
}

fn utf_16(text: &str, mark: [u8; 2], unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    mark.into_iter().chain(text.encode_utf16().flat_map(unit)).collect()
}

#[test]
fn a_file_of_long_names_is_refused_in_short() {
    let why = refused(format!("hostname,{}\n", "x".repeat(100_000)));
    assert!(why.contains("no column ip") && why.len() < 400, "{why}");
}

#[test]
fn every_column_is_read() {
    let file = "ip,hostname,device_type,status,description,platform,port,transport,credential,site,tags,https_port\n\
                10.0.0.1,fw1,cp,Online,\"Vienna, rack 3\",GAIA,2222,ssh,readonly,vienna,\"edge;core, edge\",8443\n";
    let expected = NewDevice {
        site: "vienna".into(),
        address: "10.0.0.1".into(),
        port: 2222,
        hostname: "fw1".into(),
        device_type: DeviceType::CheckPoint,
        platform: Some("gaia".into()),
        transport: etiqa_model::device::Transport::Ssh,
        credential: Some("readonly".into()),
        jump_host: None,
        legacy_ssh: false,
        https_port: Some(8443),
        tags: vec!["core".into(), "edge".into()],
        description: "Vienna, rack 3".into(),
        status: DeviceStatus::Online,
    };
    assert_eq!(devices(file), std::slice::from_ref(&expected));
    assert_eq!(as_input(&expected).parse(), Ok(expected));
}

#[test]
fn json_is_read_as_an_array_or_under_devices() {
    let array = r#"[{"ip":"10.0.0.1","type":"F5","port":22,"tags":["a","b"],"status":null},
                    {"IP Address":"10.0.0.2","port":"2222","tags":"b; a","weight":1.5}]"#;
    let under_devices = format!("{{\"version\":1,\"Devices\":{array}}}");
    for file in [array, &under_devices] {
        let found = devices(file);
        assert_eq!((found[0].device_type, found[0].port), (DeviceType::F5BigIp, 22));
        assert_eq!((found[1].address.as_str(), found[1].port), ("10.0.0.2", 2222));
        assert!(found.iter().all(|device| device.tags == ["a", "b"]));
        assert_eq!(parse(file.as_bytes()).unwrap().unknown_columns, ["weight"]);
    }
    assert!(devices("[]").is_empty());
}

#[test]
fn header_names_may_be_written_in_any_way() {
    for header in ["IP Address;Device-Type", "ip_address;TYPE", " \"Ip\" ; device type "] {
        let file = format!("{header}\n10.0.0.1;Check Point\n");
        assert_eq!(devices(&file)[0].device_type, DeviceType::CheckPoint, "{header}");
    }
}

#[test]
fn the_delimiter_is_found_in_the_header() {
    for file in [
        "ip,hostname\n10.0.0.1,a;b\n",
        "ip;hostname\n10.0.0.1;a,b\n",
        "ip\thostname\n10.0.0.1\ta,b\n",
        "sep=;\r\nip;hostname\r\n10.0.0.1;a,b\r\n",
        "\"a, b; c\";ip;hostname\nx;10.0.0.1;a,b\n",
    ] {
        let found = devices(file);
        assert_eq!((found[0].address.as_str(), found[0].hostname.len()), ("10.0.0.1", 3), "{file}");
    }
    assert_eq!(devices("ip\n10.0.0.1\n")[0].address, "10.0.0.1");
}

#[test]
fn the_line_of_a_row_is_where_it_begins() {
    for end in ["\n", "\r\n", "\r"] {
        let file = [
            "",
            "ip,description",
            "",
            "10.0.0.1,\"two",
            "lines and a \"\"quote\"\"\"",
            "  ",
            ",",
            "10.0.0.2,one",
            "300.0.0.1,none",
        ]
        .join(end);
        let lines: Vec<u64> = rows(&file).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [4, 8, 9], "{end:?}");
        let first = parse(file.as_bytes()).unwrap().rows.next().unwrap().device.unwrap();
        assert_eq!(
            first.description,
            "two
lines and a \"quote\""
        );
    }
}

#[test]
fn every_encoding_that_excel_writes_is_understood() {
    let file = "ip,description\r\n10.0.0.1,Büro – 5 €\r\n";
    let windows_1252 = b"ip,description\r\n10.0.0.1,B\xFCro \x96 5 \x80\r\n".to_vec();
    let with_mark = ["\u{FEFF}", file].concat().into_bytes();
    let little = utf_16(file, [0xFF, 0xFE], u16::to_le_bytes);
    let big = utf_16(file, [0xFE, 0xFF], u16::to_be_bytes);
    for bytes in [file.as_bytes().to_vec(), windows_1252, with_mark, little, big] {
        assert_eq!(devices(bytes)[0].description, "Büro – 5 €");
    }
    // One stray byte in a UTF-8 file does not garble the rest of it.
    let mixed = [file.as_bytes(), b"10.0.0.2,caf\xE9\n"].concat();
    let descriptions: Vec<String> = devices(mixed).into_iter().map(|device| device.description).collect();
    assert_eq!(descriptions, ["Büro – 5 €", "café"]);
    assert_eq!(devices(["\u{FEFF}", "[{\"ip\":\"10.0.0.1\"}]"].concat()).len(), 1);
}

#[test]
fn a_bad_row_is_reported_and_the_others_are_read() {
    let file = "ip,hostname,port,type\n\
                10.0.0.1,a,,\n\
                300.1.1.1,b,70000,toaster\n\
                ,c,,\n\
                10.0.0.2,d\n\
                10.0.0.3,e,,,x\n\
                10.0.0.4,f,,\n";
    let expected = [
        (2, "10.0.0.1"),
        (
            3,
            "ip: \"300.1.1.1\" is neither an IP address nor a host name; device_type: \"toaster\" is not a device \
             type; use one of: check_point, f5_big_ip, infoblox, switch, router, other; port: The port takes a whole \
             number from 1 to 65535.",
        ),
        (4, "ip: The IP address is missing."),
        (5, "The row has 2 fields, but the first line names 4 columns."),
        (6, "The row has 5 fields, but the first line names 4 columns."),
        (7, "10.0.0.4"),
    ];
    assert_eq!(rows(file), expected.map(|(line, text)| (line, text.to_owned())));
}

#[test]
fn a_stray_quotation_mark_costs_one_row() {
    let file = "ip,description\n\
                10.0.0.1,\"never closed\n\
                10.0.0.2,5\" disk\n\
                10.0.0.3,\"well formed\"\n\
                10.0.0.4,\"closed\" too early\n\
                10.0.0.5,\n";
    let wrong = "A quotation mark is not closed, or stands in the wrong place.";
    let expected = [(2, wrong), (3, "10.0.0.2"), (4, "10.0.0.3"), (5, wrong), (6, "10.0.0.5")];
    assert_eq!(rows(file), expected.map(|(line, text)| (line, text.to_owned())));
}

#[test]
fn a_bad_element_is_reported_and_the_others_are_read() {
    let file = r#"[{"ip":"10.0.0.1"}, 7, {"ip":{"v4":"10.0.0.2"}}, {"ip":"10.0.0.3","tags":[["a"]]}, {"hostname":"x"}, {"ip":"10.0.0.4","port":22.0}]"#;
    let expected = [
        (1, "10.0.0.1"),
        (2, "The element is not an object with keys such as ip and hostname."),
        (3, "ip: takes a text or a number, not a list or an object."),
        (4, "tags: takes texts only."),
        (5, "ip: The IP address is missing."),
        (6, "10.0.0.4"),
    ];
    assert_eq!(rows(file), expected.map(|(line, text)| (line, text.to_owned())));
}

#[test]
fn a_second_row_for_one_device_names_the_first() {
    let csv =
        "ip,site,port\n2001:db8::1,,\n2001:DB8:0::1,default,22\n2001:db8::1,vienna,\n2001:db8::1,,2222\n";
    assert_eq!(
        rows(csv)[1],
        (3, "The device 2001:db8::1, port 22, of site default is in line 2 already.".into())
    );
    assert_eq!(rows(csv).iter().filter(|(_, text)| text == "2001:db8::1").count(), 3);
    let json = r#"[{"ip":"10.0.0.1"},{"ip_address":"10.0.0.1"}]"#;
    assert_eq!(rows(json)[1].1, "The device 10.0.0.1, port 22, of site default is in element 1 already.");
}

#[test]
fn of_two_columns_that_mean_the_same_the_first_with_a_value_counts() {
    let file = "ip,ip_address,type,device_type\n,10.0.0.1,switch,router\n10.0.0.2,10.0.0.9, ,router\n";
    let found: Vec<_> =
        devices(file).into_iter().map(|device| (device.address, device.device_type)).collect();
    assert_eq!(found, [("10.0.0.1".into(), DeviceType::Switch), ("10.0.0.2".into(), DeviceType::Router)]);
}

#[test]
fn a_row_knows_which_columns_it_speaks_of() {
    let file = "ip,site,hostname\n10.0.0.1,,core\n";
    let given = parse(file.as_bytes()).unwrap().rows.next().unwrap().given;
    assert!(given.has(Column::Address) && given.has(Column::Hostname));
    assert!(!given.has(Column::Site) && !given.has(Column::Port));
}

#[test]
fn what_looks_like_a_formula_is_text() {
    let file = "ip,hostname,description\n10.0.0.1,=1+1,\"=HYPERLINK(\"\"http://x\"\")\"\n";
    assert_eq!(devices(file)[0].hostname, "=1+1");
    assert_eq!(devices(file)[0].description, "=HYPERLINK(\"http://x\")");
}

#[test]
fn unknown_columns_are_named_once() {
    let file = "ip,Rack,rack,,Rack\n10.0.0.1,1,2,3,4\n";
    assert_eq!(parse(file.as_bytes()).unwrap().unknown_columns, ["Rack", "rack"]);
}

#[test]
fn a_file_without_devices_is_refused_with_one_sentence() {
    for (file, said) in [
        (&b""[..], "empty"),
        (b"\xEF\xBB\xBF \r\n\r\n", "empty"),
        (b"PK\x03\x04\x14\x00", "save it as CSV"),
        (b"\xD0\xCF\x11\xE0\xA1", "save it as CSV"),
        (b"\x7FELF\x02\x00\x00", "not text"),
        (b"Dear colleague,\nplease find the list below.\n", "neither CSV nor JSON"),
        (b"10.0.0.1,core\n10.0.0.2,edge\n", "first line has to name the columns"),
        (b"hostname;type\ncore;switch\n", "its columns are hostname, type"),
        (b"[{\"ip\":\"10.0.0.1\"}, {\"ip\"]", "not valid JSON at line 1"),
        (b"[{\"ip\":\"10.0.0.1\"}", "not valid JSON at line 1"),
        (b"[] []", "not valid JSON"),
        (b"{\"hosts\":[]}", "under \"devices\""),
        (b"{\"devices\":{\"a\":1}}", "under \"devices\""),
        (b"[{\"hostname\":\"core\"}]", "the key ip or ip_address"),
    ] {
        let message = refused(file);
        assert!(message.contains(said) && message.ends_with('.') && !message.contains('\n'), "{message}");
    }
    assert!(rows("ip,hostname\n").is_empty());
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for start in [&b""[..], b"ip,hostname\n", b"[", b"{\"devices\":[{\"ip\":", b"\xFF\xFE"] {
            if let Ok(parsed) = parse(&[start, &bytes].concat()) {
                parsed.rows.for_each(drop);
            }
        }
    }

    #[test]
    fn well_formed_tables_are_read_as_the_csv_crate_reads_them(
        table in prop::collection::vec(prop::collection::vec("[ab\u{e4} \",;\t\r\n]{0,6}", 2..5), 1..8),
        delimiter in select(&b",;\t"[..]),
    ) {
        let mut writer = ::csv::WriterBuilder::new().delimiter(delimiter).flexible(true).from_writer(Vec::new());
        for record in &table {
            writer.write_record(record).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let mut read = Vec::new();
        let mut position = 0;
        while position < text.len() {
            let record = Record::read(&text, position, delimiter);
            prop_assert!(!record.is_malformed);
            position = record.end;
            read.push(record.cells);
        }
        prop_assert_eq!(read, table);
    }

    #[test]
    fn good_rows_come_through_whatever_stands_between_them(
        junk in prop::collection::vec("[a-c0-9,\"' ]{0,12}", 1..12),
    ) {
        let rows = junk.iter().enumerate().map(|(number, junk)| format!("{junk}
10.9.9.{number},\"good\"
"));
        let file = format!("ip,hostname
{}", rows.collect::<String>());
        let parsed = parse(file.as_bytes()).unwrap();
        let good = parsed.rows.filter(|row| row.device.as_ref().is_ok_and(|device| device.hostname == "good"));
        prop_assert_eq!(good.count(), junk.len());
    }
}
