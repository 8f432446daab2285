//! Files by `curl`, which costs the same whoever answers.

use integration_tests::TOKEN;
use std::path::Path;
use tokio::process::Command;

/// Sends a file.
pub(crate) async fn put(url: &str, file: &Path) {
    let output = curl(url).args(["--upload-file", &file.display().to_string()]).output().await.expect("curl runs");
    assert!(output.status.success(), "PUT {url}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Fetches a file and counts its bytes.
pub(crate) async fn get(url: &str) -> u64 {
    let output = curl(url).args(["--write-out", "%{size_download}"]).output().await.expect("curl runs");
    assert!(output.status.success(), "GET {url}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).parse().expect("curl counts")
}

fn curl(url: &str) -> Command {
    let mut command = Command::new("curl");
    let token = format!("private-token: {TOKEN}");
    command.args(["--silent", "--show-error", "--fail", "--output", "/dev/null", "--header", &token, url]);
    command
}
