//! The documents that are made from the code: `make reference` writes them, and a test compares.

use std::fmt::Write as _;

use consign_types::{ErrorKind, Reason};

/// `docs/reasons.md`.
pub fn reasons() -> String {
    let mut text = String::from(
        "# Reasons\n\nEvery error but those of gRPC itself (`UNIMPLEMENTED`, `DEADLINE_EXCEEDED`) carries a `google.rpc.ErrorInfo` with the domain `consign` and one of these reasons. \
         A reason never changes its name or its code.\n\n| reason | gRPC code | meaning |\n| --- | --- | --- |\n",
    );
    for reason in Reason::ALL {
        let row = format_args!("| `{reason}` | {} | {} |\n", code(reason.kind()), reason.meaning());
        text.write_fmt(row).expect("a string takes all that is written to it");
    }
    text
}

fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidArgument => "INVALID_ARGUMENT",
        ErrorKind::OutOfRange => "OUT_OF_RANGE",
        ErrorKind::Unauthenticated => "UNAUTHENTICATED",
        ErrorKind::PermissionDenied => "PERMISSION_DENIED",
        ErrorKind::NotFound => "NOT_FOUND",
        ErrorKind::AlreadyExists => "ALREADY_EXISTS",
        ErrorKind::FailedPrecondition => "FAILED_PRECONDITION",
        ErrorKind::Aborted => "ABORTED",
        ErrorKind::ResourceExhausted => "RESOURCE_EXHAUSTED",
        ErrorKind::Unavailable => "UNAVAILABLE",
        ErrorKind::DataLoss => "DATA_LOSS",
        ErrorKind::Internal => "INTERNAL",
    }
}
