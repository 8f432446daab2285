//! Bodies that are forms with one file in them, as `curl -F` and gitbeaker send: the file is published, not the form around it.
//!
//! GitLab stores the form as it came. Nobody means that, so it is done here only where the gateway is told to be strict.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{BodyDataStream, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use consign_client::Source;
use consign_client::source::SourceError;
use futures::stream::{BoxStream, Stream, try_unfold};
use multer::{Constraints, Field, Multipart, SizeLimit};

/// The longest value of a field that is no file, and how many of them there may be.
const MAX_FIELD_BYTES: u64 = 4 << 10;
const MAX_FIELDS: u32 = 100;

/// How many bytes the parser may hold without having made anything of them: it would look for the end of a header for ever.
const MAX_HELD_BYTES: usize = 2 << 20;

/// What the fields beside the file say. They may come before it or behind it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) status: Option<String>,
    pub(crate) select: Option<String>,
    pub(crate) path: Option<String>,
}

/// A form, of which nothing is read before its file is wanted.
#[derive(Debug)]
pub(crate) struct Form {
    body: Option<BodyDataStream>,
    boundary: String,
    told: Arc<Mutex<Told>>,
}

/// A form is not one with one file in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSingleFile;

impl std::fmt::Display for NoSingleFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a form must have one file")
    }
}

impl std::error::Error for NoSingleFile {}

/// The boundary of a form; `None` for any other body.
pub(crate) fn boundary(headers: &HeaderMap) -> Option<String> {
    multer::parse_boundary(headers.get(CONTENT_TYPE)?.to_str().ok()?).ok()
}

impl Form {
    pub(crate) fn new(body: BodyDataStream, boundary: String) -> Self {
        Self { body: Some(body), boundary, told: Arc::default() }
    }

    /// What the fields said, once the file was read.
    pub(crate) fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The body, if nobody wanted it.
    pub(crate) fn into_body(self) -> Option<BodyDataStream> {
        self.body
    }
}

impl Source for Form {
    fn is_lasting(&self) -> bool {
        false
    }

    fn open(&mut self, offset: i64) -> Option<BoxStream<'static, Result<Bytes, SourceError>>> {
        if offset > 0 {
            return None;
        }
        let held = Arc::default();
        let pieces = Pieces { body: self.body.take()?, is_given: false, held: Arc::clone(&held) };
        let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(u64::MAX));
        let form = Multipart::with_constraints(pieces, self.boundary.clone(), limits);
        let reading = Reading { form, open: None, had_file: false, fields: 0, held, told: Arc::clone(&self.told) };
        Some(Box::pin(try_unfold(reading, Reading::next)))
    }
}

/// A body, a piece at a time: the parser takes all that is there whenever it is asked for anything, and would hold a whole body that comes
/// faster than it goes.
struct Pieces {
    body: BodyDataStream,
    /// Whether a piece was given, and no other one is before the parser was asked again.
    is_given: bool,
    held: Arc<AtomicUsize>,
}

impl Stream for Pieces {
    type Item = Result<Bytes, SourceError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.is_given) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(piece) = ready!(Pin::new(&mut self.body).poll_next(context)) else { return Poll::Ready(None) };
        self.is_given = true;
        let piece = piece?;
        if self.held.fetch_add(piece.len(), Ordering::Relaxed) > MAX_HELD_BYTES {
            return Poll::Ready(Some(Err("a part of the form has no end".into())));
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

/// A form that is being read.
struct Reading {
    form: Multipart<'static>,
    /// The file, while it is read.
    open: Option<Field<'static>>,
    had_file: bool,
    /// How many parts there were that are no files.
    fields: u32,
    /// What the parser has taken, less what it has given.
    held: Arc<AtomicUsize>,
    told: Arc<Mutex<Told>>,
}

impl Reading {
    /// The next bytes of the one file. They end well only where the whole form was read, and was one.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, SourceError> {
        loop {
            if let Some(chunk) = self.chunk().await? {
                return Ok(Some((chunk, self)));
            }
            if !self.advance().await? {
                return Ok(None);
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, SourceError> {
        let Some(field) = &mut self.open else { return Ok(None) };
        let chunk = field.chunk().await?;
        if let Some(chunk) = &chunk {
            let given = chunk.len().min(self.held.load(Ordering::Relaxed));
            self.held.fetch_sub(given, Ordering::Relaxed);
        } else {
            self.open = None;
        }
        Ok(chunk)
    }

    /// Goes on to the next part; `false` where there is none.
    async fn advance(&mut self) -> Result<bool, SourceError> {
        let field = match self.form.next_field().await? {
            Some(field) => field,
            None if self.had_file => return Ok(false),
            None => return Err(NoSingleFile.into()),
        };
        self.held.store(0, Ordering::Relaxed);
        if field.file_name().is_none() {
            self.fields += 1;
            if self.fields > MAX_FIELDS {
                return Err(format!("a form has at most {MAX_FIELDS} fields beside its file").into());
            }
            note(&self.told, field).await?;
        } else if std::mem::replace(&mut self.had_file, true) {
            return Err(NoSingleFile.into());
        } else {
            self.open = Some(field);
        }
        Ok(true)
    }
}

/// Notes what a field says, if anybody wants to know.
async fn note(told: &Mutex<Told>, mut field: Field<'static>) -> Result<(), SourceError> {
    let name = field.name().unwrap_or_default().to_owned();
    let mut value = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        value.extend_from_slice(&chunk);
        if u64::try_from(value.len()).is_ok_and(|length| length > MAX_FIELD_BYTES) {
            return Err(format!("the field `{name}` is too long").into());
        }
    }
    let value = String::from_utf8_lossy(&value).into_owned();
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    match name.as_str() {
        "status" => told.status = Some(value),
        "select" => told.select = Some(value),
        "path" => told.path = Some(value),
        _ => {}
    }
    Ok(())
}
