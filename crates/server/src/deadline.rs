//! The deadline that a gRPC caller sets: past it, the answer is of no use to anybody.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use consign_proto::status;

use crate::routes::into_response;

/// Ends a call when its `grpc-timeout` is over. Work in the database that has begun goes on.
pub(crate) async fn honour(request: Request, next: Next) -> Response {
    let timeout = request.headers().get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?));
    let Some(timeout) = timeout else {
        return next.run(request).await;
    };
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => into_response(status::deadline_exceeded()),
    }
}

/// At most eight digits and a unit: the gRPC over HTTP/2 specification, "Timeout".
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(value * 3600)),
        "M" => Some(Duration::from_secs(value * 60)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_specification_writes_them() {
        assert_eq!(parse("10S"), Some(Duration::from_secs(10)));
        assert_eq!(parse("2H"), Some(Duration::from_hours(2)));
        assert_eq!(parse("99999999m"), Some(Duration::from_millis(99_999_999)));
        assert_eq!(parse("1u"), Some(Duration::from_micros(1)));
        for text in ["", "S", "10", "10s", "-1S", "123456789S", "1.5S", "1é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
