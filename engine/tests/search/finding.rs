use etiqa_engine::Engine;
use etiqa_engine::history::search::{PAGE_WITHIN, search_page};
use etiqa_model::ErrorKind;
use etiqa_model::device::DeviceInput;
use etiqa_model::scope::Scope;
use etiqa_model::search::SearchInput;
use etiqa_model::user::{Reach, Role};
use regex::RegexBuilder;

use crate::support::{add, found, index, on_both_engines, put, put_part, refusal, regex, text};

async fn three_devices(engine: &Engine) {
    let core = add(&engine.db, "core-1", |device| {
        device.device_type = "router".into();
        device.site = "vienna".into();
        device.tags = "core,lab".into();
    });
    let core = core.await;
    put(&engine.db, core, "hostname core-1\nntp server 10.0.0.1\nntp server 10.0.0.2\nend\n").await;
    put_part(&engine.db, core, "startup", "hostname core-1\nntp server 10.0.0.1\nend\n").await;
    let edge = add(&engine.db, "edge-1", |device| {
        device.device_type = "switch".into();
        device.site = "graz".into();
        device.tags = "lab".into();
    });
    put(&engine.db, edge.await, "hostname edge-1\nNTP Server 10.0.0.1\nvlan 10\n name (a+b)*[c]\nend\n")
        .await;
    let f5 = add(&engine.db, "lb-1", |device| device.device_type = "f5".into()).await;
    put_part(&engine.db, f5, "config", "ltm pool web {\n  description \"Büro Straße 5\"\n}\n").await;
}

#[tokio::test]
async fn a_text_is_found_as_it_stands_in_any_case_unless_case_matters() {
    on_both_engines(async |engine| {
        three_devices(&engine).await;
        for _ in 0..2 {
            assert_eq!(
                found(&engine, &text("ntp server 10.0.0.1")).await,
                [
                    "core-1/running:2: [ntp server 10.0.0.1]",
                    "core-1/startup:2: [ntp server 10.0.0.1]",
                    "edge-1/running:2: [NTP Server 10.0.0.1]",
                ]
            );
            let exact = SearchInput { match_case: true, ..text("NTP S") };
            assert_eq!(found(&engine, &exact).await, ["edge-1/running:2: [NTP S]erver 10.0.0.1"]);
            assert_eq!(found(&engine, &text("(a+b)*[c]")).await, ["edge-1/running:4:  name [(a+b)*[c]]"]);
            assert_eq!(
                found(&engine, &text("BÜRO")).await,
                ["lb-1/config:2:   description \"[Büro] Straße 5\""]
            );
            assert_eq!(found(&engine, &text("10x0x0x1")).await, [""; 0]);
            assert_eq!(
                found(&engine, &text("5")).await,
                ["lb-1/config:2:   description \"Büro Straße [5]\""]
            );
            index(&engine).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_search_is_narrowed_by_type_site_tag_and_part() {
    on_both_engines(async |engine| {
        three_devices(&engine).await;
        index(&engine).await;
        let narrowed = async |change: fn(&mut SearchInput)| {
            let mut input = regex("^hostname|^ltm");
            change(&mut input);
            let lines = found(&engine, &input).await;
            lines.iter().map(|line| line.split(':').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let all = ["core-1/running", "core-1/startup", "edge-1/running", "lb-1/config"];
        assert_eq!(narrowed(|_| {}).await, all);
        assert_eq!(narrowed(|search| search.device_type = "BIG-IP".into()).await, all[3..]);
        assert_eq!(narrowed(|search| search.site = "graz".into()).await, all[2..3]);
        assert_eq!(narrowed(|search| search.tag = "lab".into()).await, all[..3]);
        assert_eq!(narrowed(|search| search.part = "startup".into()).await, all[1..2]);
        let both = |search: &mut SearchInput| {
            search.tag = "lab".into();
            search.device_type = "router".into();
            search.part = "running".into();
        };
        assert_eq!(narrowed(both).await, all[..1]);
        assert_eq!(narrowed(|search| search.site = "nowhere".into()).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn lines_around_a_hit_come_with_it() {
    on_both_engines(async |engine| {
        three_devices(&engine).await;
        let around = SearchInput { context: "1".into(), part: "running".into(), ..text("10.0.0.2") };
        assert_eq!(
            found(&engine, &around).await,
            [
                "core-1/running:2- ntp server 10.0.0.1",
                "core-1/running:3: ntp server [10.0.0.2]",
                "core-1/running:4- end",
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused_in_one_sentence_at_the_field() {
    on_both_engines(async |engine| {
        for (pattern, words) in [
            ("(a", "This is not a regular expression: unclosed group, at character 1."),
            ("(a{1000}){1000}", "This regular expression is too large; make its repetitions smaller."),
            (&"x".repeat(10_000_000), "What is searched for is longer than 1000 characters"),
            ("", "Say what to search for."),
        ] {
            let error = refusal(&engine, &regex(pattern)).await;
            assert!(error.field("text").unwrap().starts_with(words), "{error}");
        }
        assert_eq!(found(&engine, &regex(&".*".repeat(400))).await, [""; 0]);
    })
    .await;
}

/// Texts of a kind that an index could get wrong: short, empty, in other alphabets, without an end, alike but for case.
const TEXTS: [&str; 14] = [
    "",
    "\n",
    "ab",
    "abc",
    "ABC\nab\nc\n",
    "access-list 10 permit 10.1.2.3 0.0.0.255\naccess-list 10 deny any\n",
    "interface Vlan10\n description \"Käse & Brot\"\n ip address 192.0.2.1 255.255.255.0\n",
    "interface vlan20\n description KÄSE\n shutdown\n",
    "set system host-name MX\u{212a}\nset system services \u{17f}\u{17f}h\n",
    "config system global\n    set hostname \"fw-01\"\nend\n",
    "<removed> is a word of ours\n",
    "tab\there\r\nand returns\r\n",
    "aaaaaaaaaaaaaaaaaaaa\n",
    "banner ^C\n  *** 100% [ok] {x} $HOME \\d+ ***\n^C\n",
];

const PATTERNS: [&str; 40] = [
    "abc",
    "ab\nc",
    "a",
    "permit 10",
    "10.1.2.3",
    r"10\.1\.\d+\.3",
    "vlan[12]0",
    "vlan(10|20)",
    "VLAN.*",
    "k",
    "mxk",
    "ssh",
    "käse",
    "KÄSE",
    "brot$",
    "^interface",
    "^ +description",
    r"\bany\b",
    "a{3}",
    "a{20}",
    "a{21}",
    "(ab)?c",
    "x*",
    "^$",
    "^",
    "removed",
    "here\r",
    "returns$",
    r"\*\*\* 100%",
    r"\\d\+",
    "fw-0[0-9]+",
    "set (system|hostname)",
    "(abc|access)",
    "(?-i)ABC",
    "(?i)abc",
    "[^a-z]list",
    "description \"",
    "deny|shutdown|end",
    "",
    "zzz",
];

#[tokio::test]
async fn both_databases_find_what_a_walk_through_all_texts_finds_however_much_is_indexed() {
    on_both_engines(async |engine| {
        for (number, text) in TEXTS.iter().enumerate() {
            let device = add(&engine.db, &format!("d{number:02}"), |_| {}).await;
            put(&engine.db, device, text).await;
        }
        for indexed in 0..3 {
            for pattern in PATTERNS {
                for match_case in [false, true] {
                    let input = SearchInput { match_case, ..regex(pattern) };
                    if pattern.is_empty() || pattern.contains(['\n', '\r']) {
                        refusal(&engine, &input).await;
                        continue;
                    }
                    let mut walked = Vec::new();
                    let mut expression = RegexBuilder::new(pattern);
                    expression.case_insensitive(!match_case).crlf(true).multi_line(true);
                    let expression = expression.build().unwrap();
                    for (number, text) in TEXTS.iter().enumerate() {
                        for (at, line) in text.split_inclusive('\n').enumerate() {
                            // Behind the end of a line begins the next one.
                            let is_within = |start: usize| start < line.len() || !line.ends_with('\n');
                            if expression.find(line).is_some_and(|hit| is_within(hit.start())) {
                                walked.push(format!("d{number:02}/running:{}", at + 1));
                            }
                        }
                    }
                    let lines = found(&engine, &input).await;
                    let lines: Vec<_> =
                        lines.iter().map(|line| line.rsplit_once(": ").unwrap().0.to_owned()).collect();
                    assert_eq!(lines, walked, "{pattern:?}, match case: {match_case}, indexed: {indexed}");
                }
            }
            etiqa_engine::history::search::index_texts(&engine, 7).await.unwrap();
        }
        assert_eq!(index(&engine).await, 0, "everything was indexed in the end");
    })
    .await;
}

#[tokio::test]
async fn only_devices_of_the_scope_are_found_and_no_page_begins_behind_another() {
    on_both_engines(async |engine| {
        let site = |site: &'static str| move |input: &mut DeviceInput| site.clone_into(&mut input.site);
        let ours = add(&engine.db, "b", site("vienna")).await;
        let other = add(&engine.db, "a", site("graz")).await;
        for device in [ours, other] {
            put(&engine.db, device, "hostname here\nntp server 10.0.0.1\nend\n").await;
        }
        let scope = Scope::parse("site:vienna").unwrap();
        let reach = Reach::new(Role::Operator, scope).unwrap();
        for is_indexed in [false, true] {
            if is_indexed {
                index(&engine).await;
            }
            let found = search_page(&engine, &text("ntp server"), &reach, PAGE_WITHIN).await.unwrap();
            let found: Vec<_> = found.devices.iter().map(|device| device.device_id).collect();
            assert_eq!(found, [ours]);
            let behind = SearchInput { after: other.to_string(), ..text("ntp server") };
            let refused = search_page(&engine, &behind, &reach, PAGE_WITHIN).await.unwrap_err();
            assert_eq!(refused.into_user_error().kind, ErrorKind::NotFound);
        }
    })
    .await;
}
