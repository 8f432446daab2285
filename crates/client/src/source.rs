//! Where the bytes of a publish come from.

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, TryStreamExt as _};

/// Why the bytes can't be had.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// The bytes of a publish.
pub trait Source: Send {
    /// Whether they can be read again. If so, an upload that breaks off goes on where it was.
    fn is_lasting(&self) -> bool;

    /// The bytes from `offset` on; `None` where they were read already and can't be again.
    fn open(&mut self, offset: i64) -> Option<BoxStream<'static, Result<Bytes, SourceError>>>;
}

/// A body that is read once. It is still there where nobody wanted it.
impl<S, E> Source for Option<S>
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<SourceError> + 'static,
{
    fn is_lasting(&self) -> bool {
        false
    }

    fn open(&mut self, offset: i64) -> Option<BoxStream<'static, Result<Bytes, SourceError>>> {
        if offset > 0 {
            return None;
        }
        self.take().map(|body| body.map_err(Into::into).boxed())
    }
}

/// A body that is opened anew by a function, which is told where: a file, or what a program keeps in memory.
#[derive(Debug)]
pub struct Lasting<F>(pub F);

impl<F, S, E> Source for Lasting<F>
where
    F: FnMut(i64) -> S + Send,
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<SourceError> + 'static,
{
    fn is_lasting(&self) -> bool {
        true
    }

    fn open(&mut self, offset: i64) -> Option<BoxStream<'static, Result<Bytes, SourceError>>> {
        Some((self.0)(offset).map_err(Into::into).boxed())
    }
}
