//! The examples of docs/api.md: each of them works as it stands there, against a server of its own kind.

use std::process::Stdio;

use tokio::process::Command;

use crate::harness::World;
use crate::harness::devices::router;

const PAGE: &str = include_str!("../../../docs/api.md");

/// The blocks of a language, in the order of the page.
fn blocks(language: &str) -> Vec<&'static str> {
    let begins = format!("```{language}\n");
    PAGE.split(begins.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[tokio::test]
async fn the_examples_of_the_documents_work() {
    let (shell, python) = (blocks("sh").join("\n"), blocks("python").join("\n"));
    assert!(shell.contains("curl") && python.contains("urllib"), "the page has examples for both");
    for (program, argument, example) in [("sh", "-ec", shell.as_str()), ("python3", "-c", python.as_str())] {
        let world = World::new();
        world.add_credential().await;
        let _device = world.add_device(router("core-rtr-1")).await;
        world.etiqa(["collect", "--all"]).await.good();
        let token = world.token("admin").await;
        let server = world.serve().await;
        let ran = Command::new(program)
            .args([argument, example])
            .env("ETIQA_URL", format!("http://{}", server.address()))
            .env("ETIQA_TOKEN", token)
            .current_dir(world.place())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let (said, wrong) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{program}: {said}\n{wrong}");
        server.stop().await;
    }
}
