//! Embeds the built pages (`web/dist`) as a table of files. `infra/local/console.py` builds them
//! and writes `web/dist/files.txt`: a line for each file, with its name and its hash.
//!
//! A development build without them embeds a page that says how to build them, so that a change
//! of Rust code needs no Node. A release build builds them itself, and fails if it cannot:
//! nobody deploys that page by mistake. `POSTEL_CONSOLE=skip` builds without them in any case.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the pages are made of, without `node_modules` and `dist`.
const INPUTS: [&str; 8] = [
    "src",
    "embed",
    "portal.html",
    "console.html",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
    "build.mjs",
];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let table = here.join("web/dist/files.txt");
    println!("cargo::rerun-if-env-changed=POSTEL_CONSOLE");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", table.display());
    let skipped = env::var("POSTEL_CONSOLE").is_ok_and(|given| given == "skip");
    let code = if skipped {
        missing("POSTEL_CONSOLE=skip left out the pages of the console")
    } else {
        if env::var("PROFILE")? == "release" {
            for input in INPUTS {
                println!("cargo::rerun-if-changed=web/{input}");
            }
            build(&here)?;
        }
        match fs::read_to_string(&table) {
            Ok(listed) => embedded(&here.join("web/dist"), &listed)?,
            Err(_) => missing(
                "the pages of the console are not built: python3 infra/local/console.py builds them",
            ),
        }
    };
    fs::write(Path::new(&env::var("OUT_DIR")?).join("files.rs"), code)?;
    Ok(())
}

fn build(here: &Path) -> Result<(), Box<dyn Error>> {
    let script = here.join("../../infra/local/console.py");
    let done = Command::new("python3").arg(&script).output()?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(format!(
        "the pages of the console could not be built; POSTEL_CONSOLE=skip leaves them out.\n{said}"
    )
    .into())
}

/// The table's Rust code. Names come from our own build; a file of an unknown kind fails it.
fn embedded(dist: &Path, listed: &str) -> Result<String, Box<dyn Error>> {
    let mut code = String::from("&[\n");
    for line in listed.lines() {
        let (name, hash) = line
            .split_once('\t')
            .ok_or("files.txt: a line has no tab")?;
        let file = dist.join(name);
        println!("cargo::rerun-if-changed={}", file.display());
        let encoded = |suffix: &str| {
            let path = dist.join(format!("{name}.{suffix}"));
            if path.is_file() {
                format!("Some(include_bytes!({path:?}))")
            } else {
                "None".to_owned()
            }
        };
        writeln!(
            code,
            "    File {{ name: {name:?}, hash: {hash:?}, content_type: {:?}, plain: include_bytes!({file:?}), brotli: {}, gzip: {} }},",
            content_type(name)?,
            encoded("br"),
            encoded("gz"),
        )?;
    }
    code.push(']');
    Ok(code)
}

fn content_type(name: &str) -> Result<&'static str, String> {
    match name.rsplit('.').next() {
        Some("html") => Ok("text/html; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        Some("png") => Ok("image/png"),
        Some("json") => Ok("application/json"),
        _ => Err(format!(
            "web/dist/{name}: add its content type to functions/console/build.rs"
        )),
    }
}

/// Both entry pages say how to build the real ones.
fn missing(why: &str) -> String {
    println!("cargo::warning={why}");
    let page = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Not built</title></head>\
        <body><h1>This page is not built</h1><p>Run <code>python3 infra/local/console.py</code>, then build the functions again. \
        <code>make run</code> and <code>make up</code> do both.</p></body></html>";
    let mut code = String::from("&[\n");
    for name in ["portal.html", "console.html"] {
        code.push_str(&format!(
            "    File {{ name: {name:?}, hash: \"missing\", content_type: \"text/html; charset=utf-8\", plain: {page:?}.as_bytes(), brotli: None, gzip: None }},\n"
        ));
    }
    code.push(']');
    code
}
