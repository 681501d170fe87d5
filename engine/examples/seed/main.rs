//! Fills a data directory with an inventory and years of history, for `make bench`: what it holds depends on these numbers
//! and on the hour alone.
//!
//!   seed DATA_DIR [DEVICES VERSIONS RUNS]      10000 200000 100000 by default
//!
//! Its devices are not there: nothing of it is due, and nothing looks whether they answer.

#![expect(clippy::expect_used, reason = "what cannot go on ends")]

mod fill;

use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Role};

use self::fill::{Amount, fill};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let data_dir = arguments.next().expect("seed DATA_DIR [DEVICES VERSIONS RUNS]").into();
    let mut number = |usual: i64| arguments.next().map_or(usual, |text| text.parse().expect("a number"));
    let amount = Amount {
        devices: number(10_000),
        versions: number(200_000),
        runs: number(100_000),
        of_each: 12,
        results_of_first: 50_000,
    };
    let options = Options { data_dir, ..Options::default() };
    let engine = Engine::open(options, Role::Command).await.expect("the data directory opens");
    fill(&engine, amount, now()).await.expect("an empty database is filled");
    engine.db.close().await;
}
