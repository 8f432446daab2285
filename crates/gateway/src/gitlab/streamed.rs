//! Lists whose entries may be long: written while they are read, so that no more of one is in memory than its reader takes.

use std::future::ready;
use std::marker::PhantomData;

use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Documented};
use aide::operation::OperationOutput;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use consign_client::Error;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use schemars::JsonSchema;
use serde::Serialize;

use super::pages::Listing;

/// A page of a list as an answer, with the headers about the others. Where reading it fails, the answer breaks off.
#[derive(Debug)]
pub(crate) struct Streamed<T> {
    headers: HeaderMap,
    body: Body,
    entries: PhantomData<fn() -> T>,
}

impl<T: Serialize + 'static> Streamed<T> {
    pub(crate) fn of(headers: HeaderMap, entries: impl Stream<Item = Result<T, Error>> + Send + 'static) -> Self {
        Self { headers, body: Body::from_stream(array(entries)), entries: PhantomData }
    }
}

impl<T> IntoResponse for Streamed<T> {
    fn into_response(self) -> Response {
        let media_type = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (media_type, self.headers, self.body).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for Streamed<T> {
    type Inner = Vec<T>;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Documented> {
        Listing::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Documented)> {
        Listing::<T>::inferred_responses(ctx, operation)
    }
}

fn broken_off(error: &Error) {
    tracing::warn!(error = error as &dyn std::error::Error, "a list broke off");
}

/// The JSON of a list, a chunk an entry. An entry is taken only when the chunk of the one before is.
fn array<T: Serialize>(entries: impl Stream<Item = Result<T, Error>>) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let entries = entries.inspect_err(broken_off).map_err(std::io::Error::other).enumerate().map(|(at, entry)| {
        let mut json = if at == 0 { Vec::new() } else { b",".to_vec() };
        serde_json::to_writer(&mut json, &entry?)?;
        Ok(json.into())
    });
    let mark = |bytes: &'static [u8]| stream::once(ready(Ok(Bytes::from_static(bytes))));
    mark(b"[").chain(entries).chain(mark(b"]"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Pages of so many entries, and how many of them were asked for.
    fn pages(sizes: &'static [u32]) -> (impl Stream<Item = Result<u32, Error>>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let page = move |size: &u32| {
            counted.fetch_add(1, Ordering::Relaxed);
            stream::iter((0..*size).map(Ok))
        };
        (stream::iter(sizes).map(page).flatten(), asked)
    }

    #[tokio::test]
    async fn a_list_is_one_array_however_its_pages_come() {
        for (sizes, json) in [(&[][..], "[]"), (&[0], "[]"), (&[1], "[0]"), (&[2, 1], "[0,1,0]"), (&[0, 1, 0, 2], "[0,0,1]")] {
            let chunks: Vec<Bytes> = array(pages(sizes).0).try_collect().await.unwrap();
            assert_eq!(chunks.concat(), json.as_bytes(), "{sizes:?}");
        }
    }

    #[tokio::test]
    async fn no_page_is_asked_for_before_the_one_before_was_taken() {
        let (entries, asked) = pages(&[2, 2]);
        let mut chunks = Box::pin(array(entries));
        let mut told = Vec::new();
        while let Some(chunk) = chunks.next().await {
            told.push((String::from_utf8(chunk.unwrap().into()).unwrap(), asked.load(Ordering::Relaxed)));
        }
        let expected = [("[", 0), ("0", 1), (",1", 1), (",0", 2), (",1", 2), ("]", 2)];
        assert_eq!(told, expected.map(|(chunk, asked)| (chunk.to_owned(), asked)));
    }

    #[tokio::test]
    async fn a_list_that_can_not_be_read_to_its_end_breaks_off() {
        let entries = stream::iter([Ok(1), Err(Error::Protocol("no more"))]);
        let answer = Streamed::of(HeaderMap::new(), entries).into_response();
        assert!(axum::body::to_bytes(answer.into_body(), usize::MAX).await.is_err());
    }
}
