//! What pages ask of the database: a number of statements that has a bound, however much there is.

#[path = "../../../engine/examples/seed/fill.rs"]
mod fill;

use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Role};

use self::fill::{Amount, fill};
use crate::harness::{World, until};

/// No page asks more.
const MOST: usize = 25;
/// Each page is asked so often, one time right after the other; the first time, what is remembered is read as well, and now
/// and then anew.
const TIMES: usize = 4;

#[tokio::test]
async fn a_page_makes_a_bounded_number_of_statements_however_much_there_is() {
    // Of everything less than a page shows, and more.
    let little = Amount { devices: 12, versions: 240, runs: 24, of_each: 5, results_of_first: 9 };
    let much = Amount { devices: 400, versions: 8_000, runs: 3_000, of_each: 30, results_of_first: 6_000 };
    let (small, large) = (statements(little).await, statements(much).await);
    assert_eq!(small.len(), large.len());
    let pages: Vec<_> = small.into_iter().zip(large).collect();
    println!("Statements with little, and with much:");
    for ((_, few), (page, many)) in &pages {
        println!("{few:>4} {many:>4}  {page}");
    }
    for ((small_page, few), (page, many)) in pages {
        assert!((1..=MOST).contains(&many), "{page} makes {many} statements");
        assert_eq!(few, many, "{small_page} of a small instance, and {page} of a larger one");
    }
}

fn pages(amount: Amount) -> Vec<String> {
    let (run, version, last) = (amount.runs, amount.versions, (amount.devices / 50).max(1));
    let numbered = [
        format!("/backup/?before={}", run / 2),
        format!("/backup/run/{run}"),
        format!("/backup/run/{run}?results=failed"),
        format!("/configs/version/{version}"),
        format!("/devices/?page={last}"),
        format!("/devices/?sort=-last_good&page={last}"),
    ];
    [
        "/",
        "/backup/",
        "/backup/?outcome=partial",
        "/backup/?config=1&outcome=failed",
        "/backup/?config=1&outcome=cancelled&kind=config",
        "/backup/?kind=config&trigger=manual",
        "/backup/?from=2020-01-01&to=2100-01-01",
        "/backup/new",
        "/backup/config/1",
        "/backup/config/1/edit",
        "/backup/config/1/retention",
        "/devices/",
        "/devices/?q=sw-000",
        "/devices/?site=site-07",
        "/devices/?platform=ios&sort=site",
        "/devices/?state=failing&sort=-backup",
        "/devices/?state=overdue",
        "/devices/?state=needs_hand",
        "/devices/?state=no_backup&sort=-last_good",
        "/devices/?class=auth_failed&status=unknown&enabled=true",
        "/devices/1",
        "/devices/1?tab=results",
        "/devices/1?tab=results&good=false&from=2020-01-01&to=2100-01-01",
        "/devices/1?tab=results&class=timeout",
        "/devices/1?tab=artifacts",
        "/devices/1/rules",
        "/devices/5",
        "/devices/5?part=startup&view=text",
        "/devices/new",
        "/devices/import",
        "/configs/",
        "/configs/?q=sw-000",
        "/configs/?at=2100-01-01T12:00",
        "/configs/?q=sw-000&at=2100-01-01T12:00",
        "/configs/rules",
        "/configs/rules/new",
        "/configs/rules/starter",
        "/configs/search",
        "/configs/search?q=c0mmun1ty-7+RO",
        "/configs/compare?old_device=%231&new_device=%232",
        "/account",
        "/admin/",
        "/admin/audit",
        "/admin/audit?who=nobody&text=x",
        "/admin/components",
        "/admin/config-versions",
        "/admin/config-versions?q=sw-00006",
        "/admin/credentials",
        "/admin/destinations",
        "/admin/notifications",
        "/admin/drivers",
        "/admin/drivers/ios",
        "/admin/inventory-sources",
        "/admin/jobs",
        "/admin/jobs?state=dead&kind=run",
        "/admin/jump-hosts",
        "/admin/machines",
        "/admin/recovery-kit",
        "/admin/settings",
        "/admin/tokens",
        "/admin/users",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(numbered)
    .collect()
}

/// The pages of an instance with so much in it, each with its statements.
async fn statements(amount: Amount) -> Vec<(String, usize)> {
    let world = World::new().with_env("ETIQA_LOG", "warn,etiqa=debug,sqlx::query=debug");
    let options = Options { data_dir: world.data(), ..Options::default() };
    let engine = Engine::open(options, Role::Command).await.unwrap();
    fill(&engine, amount, now()).await.unwrap();
    engine.db.close().await;
    drop(engine);
    let token = world.token("admin").await;
    let server = world.serve().await;
    // Until its index is whole a search looks into all texts.
    let missing = "SELECT COUNT(*) FROM config_version v WHERE v.state = 'active'
                   AND NOT EXISTS (SELECT 1 FROM search_text t WHERE t.text_sha256 = v.text_sha256)";
    until("the index to be whole", async || (world.database.number(missing).await == 0).then_some(())).await;
    let admin = server.with_token(&token).and_header("accept", "text/html");
    let pages = pages(amount);
    for page in &pages {
        for _ in 0..TIMES {
            admin.get(page).await.with_status(200);
        }
    }
    server.stop().await;
    let counts = counts_by_request(&world);
    let of = |number: usize| counts.get(number).copied().unwrap_or_default();
    let least = |at: usize| (1..TIMES).map(|time| of(at * TIMES + time)).min().unwrap();
    let counted = (0..pages.len()).map(least).collect::<Vec<_>>();
    pages.into_iter().zip(counted).collect()
}

/// How many statements each request made, from the first one on, as the log tells them.
fn counts_by_request(world: &World) -> Vec<usize> {
    let mut counts = Vec::new();
    for entry in std::fs::read_dir(world.data().join("logs")).unwrap() {
        for line in std::fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            // What a fresh connection begins with is of no page.
            let is_statement = line.contains("summary=") && !line.contains("summary=\"PRAGMA");
            let Some((_, of_request)) = line.split_once("request{number=").filter(|_| is_statement) else {
                continue;
            };
            let number: String = of_request.chars().take_while(char::is_ascii_digit).collect();
            let at = number.parse::<usize>().unwrap() - 1;
            counts.resize(counts.len().max(at + 1), 0);
            counts[at] += 1;
        }
    }
    counts
}
