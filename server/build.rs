//! Rebuilds the program when the site that it carries changes.

fn main() {
    println!("cargo::rerun-if-changed=../target/site");
}
