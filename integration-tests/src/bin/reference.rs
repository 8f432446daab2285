//! Prints `docs/reasons.md`.

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn main() {
    print!("{}", integration_tests::reference::reasons());
}
