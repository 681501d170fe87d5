//! Devices that play recorded sessions.

use std::time::Duration;

use etiqa_model::recording::Recording;
use etiqa_simulator::{DeviceSpec, Faults, LineEnd, SimulatedDevice, Trick, WireFault};
use russh::ChannelMsg;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Shell, login};
use crate::started;

const SHELL: &str = "platform: x\nssh: SSH-2.0-Toy-1\npager: --More--\nerase: ␍        ␍\npage: 3\n\
                     paging off: no page\nunknown: % No\n---\nwelcome\nsw1>«enable»\nPassword: «*»\nsw1#«show a»\n\
                     1\n2\n3\n4\nend\nsw1#«exit»\n";

async fn device(text: &str, faults: Faults) -> SimulatedDevice {
    started(DeviceSpec::recorded(Recording::parse(text).unwrap()).faults(faults)).await
}

/// What a shell says to the lines of [`SHELL`].
async fn said(faults: Faults) -> String {
    let device = device(SHELL, faults).await;
    let mut shell = Shell::open(&device).await;
    let mut said = String::new();
    for (typed, end) in
        [("enable\n", "word: "), ("secret\n", "#"), ("no page\n", "#"), ("show a\n", "#"), ("exit\n", "")]
    {
        shell.type_in(typed).await;
        said += &shell.until(end).await;
    }
    said + &shell.rest().await
}

#[tokio::test]
async fn a_shell_is_played_word_for_word() {
    let session = "welcome\r\nsw1>enable\r\nPassword: \r\nsw1#no page\r\nsw1#show a\r\n1\r\n2\r\n3\r\n4\r\nend\r\nsw1#exit\r\n";
    assert_eq!(said(Faults::default()).await, session);
    assert_eq!(said(Faults { chunk_bytes: Some(1), drip: true, ..Faults::default() }).await, session);
    let line_end = LineEnd::CrCrLf;
    assert_eq!(said(Faults { line_end, ..Faults::default() }).await, session.replace("\r\n", "\r\r\n"));
    let colours = said(Faults { colours: true, ..Faults::default() }).await;
    assert!(colours.contains("\r\n\x1b[0m\x1b[1G\x1b[1;32msw1#\x1b[0m"), "{colours:?}");
}

#[tokio::test]
async fn tricks_are_played() {
    let refused = said(Faults::trick("show a", Trick::Refuse)).await;
    assert!(refused.ends_with("show a\r\n% No\r\nsw1#exit\r\n"), "{refused:?}");
    let wrong = said(Faults::trick("show a", Trick::WrongPrompt)).await;
    assert!(wrong.ends_with("end\r\ntx1#exit\r\n"), "{wrong:?}");

    let device = device(SHELL, Faults { always_pages: true, ..Faults::default() }).await;
    let mut shell = Shell::open(&device).await;
    shell.type_in("no page\nshow a\n").await;
    let said = shell.until("--More--").await;
    assert!(said.ends_with("no page\r\n% No\r\nsw1>show a\r\n1\r\n2\r\n3\r\n--More--"), "{said:?}");
}

#[tokio::test]
async fn single_commands_have_their_status() {
    let text = "platform: x\nmode: exec\nunknown: sh: not found\n---\n$ «a»\n1\n$ «b»\nno\n[exit 3]\n";
    let device = device(text, Faults::default()).await;
    let connection = login(&device).await;
    for (command, output, status) in [("a", "1\n", 0), ("b", "no\n", 3), ("c", "sh: not found\n", 127)] {
        let mut channel = connection.channel_open_session().await.unwrap();
        channel.exec(true, command).await.unwrap();
        let (mut said, mut ended) = (String::new(), None);
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Data { data } => said += std::str::from_utf8(&data).unwrap(),
                ChannelMsg::ExitStatus { exit_status } => ended = Some(exit_status),
                _ => {}
            }
        }
        assert_eq!((said.as_str(), ended), (output, Some(status)), "{command}");
    }
}

const TELNET: &str =
    "platform: x\ntransport: telnet\n---\nUser: «*»\nPassword: «*»\nsw1#«show a»\n1\nsw1#«exit»\n";

/// Everything that a device says over telnet, options included, to a client that agrees to `options` and types the whole
/// of [`TELNET`].
async fn telnet(options: &[u8], faults: Faults) -> std::io::Result<Vec<u8>> {
    let device = device(TELNET, faults).await;
    let mut connection = TcpStream::connect(device.addr()).await?;
    connection.write_all(options).await?;
    connection.write_all(b"admin\r\nsecret\r\nshow a\r\0exit\r\n").await?;
    let mut said = Vec::new();
    let read = tokio::time::timeout(Duration::from_millis(500), connection.read_to_end(&mut said)).await;
    // Silence is what was asked for.
    read.unwrap_or(Ok(0)).map(|_| said)
}

#[tokio::test]
async fn telnet_begins_with_its_options_and_a_login() {
    let said = telnet(b"\xff\xfb\x18", Faults::default()).await.unwrap();
    assert!(said.starts_with(&[255, 251, 1, 255, 251, 3, 255, 253, 24, 255, 253, 31]), "{said:?}");
    let asks_for_kind = [255, 250, 24, 1, 255, 240];
    assert!(said.windows(6).any(|bytes| bytes == asks_for_kind), "{said:?}");
    assert!(said.ends_with(b"\r\nsw1#show a\r\n1\r\nsw1#exit\r\n"), "{said:?}");
}

#[tokio::test]
async fn a_connection_is_cut_reset_or_silenced_at_the_byte() {
    assert_eq!(telnet(b"", Faults::wire(30, WireFault::Cut)).await.unwrap().len(), 30);
    assert_eq!(telnet(b"", Faults::wire(30, WireFault::Hang)).await.unwrap().len(), 30);
    let reset = telnet(b"", Faults::wire(30, WireFault::Reset)).await.unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
    let (clean, garbled) = (
        telnet(b"", Faults::default()).await.unwrap(),
        telnet(b"", Faults::wire(12, WireFault::Garble)).await.unwrap(),
    );
    let differing = clean.iter().zip(&garbled).filter(|(byte, other)| byte != other).count();
    assert_eq!((clean.len(), differing), (garbled.len(), 1));
}
