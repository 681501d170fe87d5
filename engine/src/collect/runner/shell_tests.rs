//! Whole conversations with a device that is not there, byte by byte as the test wants them.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use etiqa_model::Secret;
use etiqa_model::class::Class;
use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::parts::Collected;
use super::shell::converse;
use crate::collect::driver::Mode;
use crate::collect::evidence::Evidence;
use crate::collect::failure::Step;
use crate::collect::transport::{Closed, Line};
use crate::collect::{Driver, DriverSet, Limits, Login};

static IOS: LazyLock<Arc<Driver>> = LazyLock::new(|| DriverSet::built_in().get("ios").unwrap());

/// Longer than a device must rest at a prompt.
const LONG: Duration = Duration::from_millis(120);

struct Wire {
    from_device: mpsc::Receiver<Vec<u8>>,
    to_device: mpsc::Sender<Vec<u8>>,
}

impl Line for Wire {
    async fn receive(&mut self) -> Option<Vec<u8>> {
        self.from_device.recv().await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        self.to_device.send(bytes.to_vec()).await.map_err(|_| Closed)
    }
}

/// A device: what it sends at login, and for each line typed what it answers behind the echo. `⏸` is a pause, `⏹`
/// the end of the connection, `♾` silence for ever.
#[derive(Clone)]
struct Device {
    greeting: String,
    config: String,
    enable: Option<&'static str>,
    splits: Vec<usize>,
}

impl Device {
    fn with_config(config: &str) -> Self {
        Self { greeting: "\r\nWelcome\r\n".into(), config: config.into(), enable: None, splits: Vec::new() }
    }

    async fn play(self, out: mpsc::Sender<Vec<u8>>, mut keys: mpsc::Receiver<Vec<u8>>) -> Option<()> {
        let mut prompt = if self.enable.is_some() { "r1>" } else { "r1#" };
        let mut asks = false;
        self.say(&out, &format!("{}{prompt}", self.greeting)).await?;
        let mut waiting = String::new();
        loop {
            waiting.push_str(&String::from_utf8(keys.recv().await?).unwrap());
            while let Some(end) = waiting.find('\n') {
                let line: String = waiting.drain(..=end).collect();
                let typed = line.trim_end();
                // As devices do: a stray blank in front is echoed, and means nothing.
                let line = typed.trim_start();
                if std::mem::take(&mut asks) {
                    let is_right = Some(typed) == self.enable;
                    prompt = if is_right { "r1#" } else { "r1>" };
                    let answer = if is_right { "" } else { "% Access denied\r\n\r\n" };
                    self.say(&out, &format!("\r\n{answer}{prompt}")).await?;
                    continue;
                }
                let answer = match line {
                    "exit" => return self.say(&out, "exit\r\n").await,
                    "show running-config" => self.config.as_str(),
                    "enable" if self.enable.is_some() => {
                        asks = true;
                        self.say(&out, "enable\r\nPassword: ").await?;
                        continue;
                    }
                    "show startup-config" => "startup-config is not present\r\n",
                    _ => "",
                };
                self.say(&out, &format!("{typed}\r\n{answer}{prompt}")).await?;
            }
        }
    }

    async fn say(&self, out: &mpsc::Sender<Vec<u8>>, text: &str) -> Option<()> {
        let mut piece = Vec::new();
        for (at, c) in text.chars().enumerate() {
            match c {
                '⏸' => {
                    if !piece.is_empty() {
                        out.send(std::mem::take(&mut piece)).await.ok()?;
                    }
                    sleep(LONG).await;
                }
                '⏹' => {
                    out.send(piece).await.ok()?;
                    return None;
                }
                '♾' => {
                    out.send(piece).await.ok()?;
                    return std::future::pending().await;
                }
                c => piece.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
            if self.splits.contains(&at) && !piece.is_empty() {
                out.send(std::mem::take(&mut piece)).await.ok()?;
                tokio::task::yield_now().await;
            }
        }
        if piece.is_empty() { Some(()) } else { out.send(piece).await.ok() }
    }
}

fn login() -> Login {
    Login { name: "net".into(), username: "net".into(), ..Login::default() }
}

async fn collect_as(device: Device, login: &Login) -> Step<Collected> {
    let (out, from_device) = mpsc::channel(64);
    let (to_device, typed) = mpsc::channel(64);
    let playing = tokio::spawn(device.play(out, typed));
    let limits = Limits { step: Duration::from_millis(700), max_bytes: 100_000, ..Limits::default() };
    let Mode::Shell(shell) = &IOS.mode else { unreachable!() };
    let wire = Wire { from_device, to_device };
    let result = converse(wire, &IOS, shell, login, &limits, &mut Evidence::default()).await;
    playing.abort();
    result
}

async fn collect(device: Device) -> Step<String> {
    collect_as(device, &login()).await.map(|collected| collected.parts[0].text.clone())
}

async fn class_of(config: &str) -> Class {
    collect(Device::with_config(config)).await.unwrap_err().class
}

const CONFIG: &str =
    "version 15\r\nhostname r1\r\n!\r\ninterface Gi0/1\r\n description up#link\r\n!\r\nend\r\n\r\n";

fn stored() -> String {
    CONFIG.replace("\r\n", "\n").trim_end().to_owned() + "\n"
}

#[tokio::test]
async fn a_config_is_stored_without_echo_and_prompt() {
    assert_eq!(collect(Device::with_config(CONFIG)).await.unwrap(), stored());
}

#[tokio::test]
async fn a_prompt_like_line_does_not_end_the_text_even_where_the_device_pauses_behind_it() {
    for line in ["r1#⏸\r\n", "r1>⏸ \r\n", "banner motd ^C\r\nr1#⏸\r\nr1#⏸show\r\n^C\r\n"] {
        let config = CONFIG.replace("!\r\nend", &format!("{line}!\r\nend"));
        let whole =
            stored().replace("!\nend", &format!("{}!\nend", line.replace('⏸', "").replace("\r\n", "\n")));
        assert_eq!(collect(Device::with_config(&config)).await.unwrap(), whole, "{line:?}");
    }
}

#[tokio::test]
async fn a_device_that_hangs_or_leaves_behind_a_prompt_like_line_gives_no_text() {
    let cut = CONFIG.replace("!\r\nend\r\n\r\n", "end\r\nr1#");
    assert_eq!(class_of(&format!("{cut}♾")).await, Class::Timeout);
    assert_eq!(class_of(&format!("{cut}⏹")).await, Class::Disconnected);
}

#[tokio::test]
async fn a_text_without_its_end_is_never_stored() {
    assert_eq!(class_of(&CONFIG.replace("end\r\n", "")).await, Class::Incomplete);
}

#[tokio::test]
async fn a_text_that_ends_in_the_middle_of_a_line_is_judged_by_its_rule() {
    assert_eq!(class_of("version 15\r\nhostname r1\r\n!\r\nno shu").await, Class::Incomplete);
    let config = CONFIG.trim_end();
    assert_eq!(collect(Device::with_config(config)).await.unwrap(), stored());
    // Nor is a line broken behind which the device goes on after a long pause.
    let config = CONFIG.replace("!\r\nend", " description to r1#⏸⏸⏸⏸⏸⏸⏸⏸⏸⏸⏸⏸, port 2\r\n!\r\nend");
    assert_eq!(class_of(&config).await, Class::Incomplete);
}

#[tokio::test]
async fn an_unknown_pager_times_out_and_its_text_is_named() {
    let config = CONFIG.replace("!\r\nend", "<press a key>♾!\r\nend");
    let failure = collect(Device::with_config(&config)).await.unwrap_err();
    assert_eq!(failure.class, Class::Timeout);
    assert!(failure.message.contains("`show running-config`") && failure.message.contains("<press a key>"));
}

#[tokio::test]
async fn a_line_that_looks_like_a_pager_is_kept() {
    let config = CONFIG.replace("!\r\nend", "--More--⏸\r\n!\r\nend");
    assert_eq!(
        collect(Device::with_config(&config)).await.unwrap(),
        stored().replace("!\nend", "--More--\n!\nend")
    );
}

#[tokio::test]
async fn endless_output_is_too_large() {
    assert_eq!(class_of(&"interface Gi0/1\r\n".repeat(10_000)).await, Class::TooLarge);
    assert_eq!(class_of(&"x".repeat(120_000)).await, Class::TooLarge);
    // Short on the wire only.
    assert_eq!(class_of(&"\x1b[4000000Cx\r\n".repeat(100)).await, Class::TooLarge);
}

#[tokio::test]
async fn a_rejected_command_names_its_error() {
    let failure =
        collect(Device::with_config("      ^\r\n% Invalid input detected at '^' marker.\r\n\r\n")).await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.class, Class::CommandRejected);
    assert!(failure.message.contains("`show running-config`: “% Invalid input"), "{}", failure.message);
}

#[tokio::test]
async fn a_banner_that_looks_like_a_prompt_is_a_banner() {
    for greeting in ["core-9#⏸\r\n", "\r\nr1#⏸ is watched\r\n", "x>⏸\r\n⏸"] {
        let device = Device { greeting: greeting.into(), ..Device::with_config(CONFIG) };
        assert_eq!(collect(device).await.unwrap(), stored(), "{greeting:?}");
    }
}

#[tokio::test]
async fn no_prompt_at_all_is_said_so() {
    let device =
        Device { greeting: "Login blocked, ask the office♾".into(), ..Device::with_config(CONFIG) };
    let failure = collect(device).await.unwrap_err();
    assert_eq!(failure.class, Class::PromptNotFound);
    assert!(failure.message.contains("Login blocked"), "{}", failure.message);
}

#[tokio::test]
async fn enable_takes_its_own_password() {
    let device = Device { enable: Some("open"), ..Device::with_config(CONFIG) };
    let with = |password: &str| Login { enable_password: Some(Secret::new(password)), ..login() };
    let collected = collect_as(device.clone(), &with("open")).await.unwrap();
    assert_eq!(collected.parts[0].text, stored());
    let failure = collect_as(device.clone(), &with("shut")).await.unwrap_err();
    assert_eq!(failure.class, Class::AuthFailed);
    assert!(failure.message.contains("enable password") && !failure.message.contains("shut"));
    let failure = collect_as(device, &login()).await.unwrap_err();
    assert_eq!((failure.class, failure.message.contains("has none")), (Class::AuthFailed, true));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_config_split_at_any_byte_gives_the_same_text(splits in proptest::collection::vec(0_usize..120, 0..12)) {
        let device = Device { splits, ..Device::with_config(CONFIG) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        prop_assert_eq!(runtime.block_on(collect(device)).unwrap(), stored());
    }

    #[test]
    fn a_config_cut_at_any_byte_gives_no_text(cut in 0_usize..70, ending in prop_oneof![Just('⏹'), Just('♾')]) {
        let device = Device::with_config(&format!("{}{ending}", &CONFIG[..cut]));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        prop_assert!(runtime.block_on(collect(device)).is_err());
    }
}
