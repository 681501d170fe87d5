//! The description of the API and what the server does, held against each other by a program of somebody else's.

use etiqa_simulator::Personality;
use tokio::process::Command;

use crate::harness::World;
use crate::harness::devices::{device, router};

/// Where scripts/install-test-tools.sh puts it.
const SCHEMATHESIS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/schemathesis.sh");

#[tokio::test]
async fn nothing_that_the_description_allows_breaks_the_server_or_is_answered_otherwise_than_it_says() {
    let world = World::new();
    world.add_credential().await;
    let [_one, _two] = [
        world.add_device(router("core-rtr-1")).await,
        world.add_device(device(Personality::Ios, "edge-rtr-1")).await,
    ];
    world.add_backup("Nightly", "config").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let description = world.etiqa(["openapi"]).await.good().stdout;
    let description = world.file("openapi.json", description);
    for role in ["admin", "viewer"] {
        let token = world.token(role).await;
        let server = world.serve().await;
        let checked = Command::new(SCHEMATHESIS)
            .arg(&description)
            .arg(format!("http://{}", server.address()))
            .env("ETIQA_TOKEN", &token)
            .current_dir(world.place())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success(), "{role}: {said}\n{}", String::from_utf8_lossy(&checked.stderr));
        server.stop().await;
    }
}
