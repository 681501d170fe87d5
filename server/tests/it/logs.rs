//! What is logged, how, and where.

use etiqa_engine::time::now;
use serde_json::Value;

use crate::harness::devices::router;
use crate::harness::{World, until};

/// Every line of the files of the log.
fn logged(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.data().join("logs")).unwrap();
    let texts = entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    texts.collect::<String>().lines().map(str::to_owned).collect()
}

fn names(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.data().join("logs")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_log_in_json_is_an_object_on_each_line_on_stderr_and_in_the_files() {
    let world = World::new().with_env("ETIQA_LOG_FORMAT", "json");
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr")).await;
    world.add_backup("Nightly", "config").await;
    let server = world.serve().await;
    world.etiqa(["run-backups", "--force"]).await.good();
    until("the run in the log", async || {
        logged(&world).iter().any(|line| line.contains("completed")).then_some(())
    })
    .await;
    let (code, said) = server.stop().await;
    assert_eq!(code, Some(0));

    let on_stderr = said.lines().filter(|line| line.starts_with('{')).map(str::to_owned);
    let lines: Vec<String> = logged(&world).into_iter().chain(on_stderr).collect();
    let mut ends = 0;
    for line in &lines {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["timestamp"].is_string() && event["level"].is_string(), "{line}");
        if event["status"] == "completed" {
            assert_eq!((&event["run"], &event["level"]), (&"1".into(), &"INFO".into()), "{line}");
            ends += 1;
        }
    }
    assert!(ends >= 2, "on stderr and in the file: {lines:#?}");
}

#[tokio::test]
async fn how_much_is_logged_is_said_by_an_option_and_one_that_cannot_be_read_is_refused() {
    let world = World::new();
    let quiet = world.etiqa(["run-backups", "--force"]).await;
    assert!(!quiet.stderr.contains("DEBUG"), "{quiet:?}");
    world.add_backup("Tables", "data").await;
    let loud = world.etiqa(["run-backups", "--force", "--log", "etiqa_engine=debug"]).await.good();
    assert!(loud.stderr.contains("INFO"), "{loud:?}");
    let refused = world.etiqa(["run-backups", "--log", "etiqa=loud"]).await.with_code(2);
    assert!(refused.stderr.contains("write error, warn, info, debug or trace"), "{refused:?}");
}

#[tokio::test]
async fn files_of_the_log_have_a_bound_and_old_ones_are_given_up() {
    let world = World::new()
        .with_env("ETIQA_LOG_FILE_MIB", "1")
        .with_env("ETIQA_LOG_FILES", "3")
        .with_env("ETIQA_LOG", "trace");
    world.add_backup("Tables", "data").await;
    for name in ["etiqa.2020-01-01.log", "etiqa.2020-01-01.1.log"] {
        std::fs::write(world.data().join("logs").join(name), "long ago\n").unwrap();
    }
    std::fs::write(world.data().join("logs/notes.txt"), "mine\n").unwrap();
    let server = world.serve().await;
    let stranger = server.stranger();
    until("a second file", async || {
        for _ in 0..50 {
            stranger.get("/login").await;
        }
        let written = names(&world).iter().any(|name| name.ends_with(".1.log") && !name.contains("2020"));
        written.then_some(())
    })
    .await;
    server.stop().await;
    let left = names(&world);
    assert!(!left.iter().any(|name| name.contains("2020")), "{left:?}");
    assert!(left.contains(&"notes.txt".to_owned()), "what is not ours stays: {left:?}");
    assert!(left.len() <= 3 + 1, "{left:?}");
}

#[tokio::test]
async fn an_archive_takes_the_logs_in_where_it_is_asked_to() {
    let world = World::new();
    world.add_backup_with("With", "full", &["--include", "logs"]).await;
    let name = format!("etiqa.{}.log", now().to_utc().date_naive());
    std::fs::write(world.data().join("logs").join(&name), "what was logged before\n").unwrap();
    world.etiqa(["run-backups", "--force"]).await.good();
    let archive = std::fs::File::open(world.archive()).unwrap();
    let archive = zip::ZipArchive::new(archive).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert!(names.contains(&format!("logs/{name}")), "{names:?}");
}
