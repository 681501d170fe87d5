//! Rebuilds the program when the site that it carries changes.

use std::{fs, io};

fn main() -> io::Result<()> {
    // A fresh clone has no site yet; the program then carries none, and its pages still render on the server.
    fs::create_dir_all("../target/site")?;
    println!("cargo::rerun-if-changed=../target/site");
    Ok(())
}
