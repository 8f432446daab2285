//! Connections that say nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::budget::Budget;

/// How long a new connection may take for its first bytes, and how many those are: an HTTP/2 preface.
const GREETING: Duration = Duration::from_secs(10);
const GREETING_BYTES: usize = 24;

/// How long a connection may then pass without a byte in either direction. (HTTP/2 connections are asked for a sign of life
/// much more often.)
const SILENCE: Duration = Duration::from_mins(5);

/// How long a peer may take nothing of what is sent to it; less where others wait for the memory that it keeps.
const DEAFNESS: Duration = Duration::from_mins(1);

/// A connection that fails when it is silent for too long, or its peer takes nothing for too long.
pub(crate) struct Idle<S> {
    stream: S,
    transfers: Budget,
    /// Runs while the peer takes nothing.
    deaf: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Whether TLS holds back what was written, since the peer takes nothing.
    is_held_back: bool,
    received: usize,
    alive: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Idle<S> {
    pub(crate) fn new(stream: S, transfers: Budget) -> Self {
        let alive = Instant::now();
        Self { stream, transfers, deaf: None, is_held_back: false, received: 0, alive, alarm: Box::pin(sleep_until(alive + GREETING)) }
    }

    fn limit(&self) -> Duration {
        if self.received < GREETING_BYTES { GREETING } else { SILENCE }
    }

    /// A write that came to this, and what it means.
    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.alive = Instant::now();
            self.deaf = None;
            return written;
        }
        self.poll_deafness(cx)
    }

    /// A flush that came to this. Without TLS there is nothing to flush, and that it succeeds means nothing.
    fn flushed(&mut self, cx: &mut Context<'_>, flushed: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        let was_held_back = std::mem::replace(&mut self.is_held_back, flushed.is_pending());
        if flushed.is_ready() {
            self.deaf = self.deaf.take().filter(|_| !was_held_back);
            return flushed;
        }
        self.poll_deafness(cx)
    }

    fn poll_deafness<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let transfers = &self.transfers;
        let deaf = self.deaf.get_or_insert_with(|| {
            let transfers = transfers.clone();
            Box::pin(async move { transfers.standstill(DEAFNESS).await })
        });
        if deaf.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")));
        }
        self.poll_silence(cx)
    }

    /// The alarm is set anew only when it rings, not with each byte.
    fn poll_silence<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            let end = self.alive + self.limit();
            if end <= Instant::now() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "connection is silent")));
            }
            self.alarm.as_mut().reset(end);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Idle<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                self.received = self.received.saturating_add(buf.filled().len() - before);
                // The greeting has one deadline: bytes that trickle in do not put it off.
                if self.received >= GREETING_BYTES {
                    self.alive = Instant::now();
                }
                Poll::Ready(result)
            }
            Poll::Pending => self.poll_silence(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Idle<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.flushed(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.flushed(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter, duplex};

    async fn read(stream: &mut Idle<tokio::io::DuplexStream>) -> io::Result<usize> {
        stream.read(&mut [0; 64]).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_does_not_greet_is_closed_after_ten_seconds() {
        let (mut peer, stream) = duplex(64);
        let mut stream = Idle::new(stream, Budget::new(1 << 20));
        peer.write_all(b"PRI").await.unwrap();
        let started = Instant::now();

        assert_eq!(read(&mut stream).await.unwrap(), 3);
        assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_greeted_may_be_silent_for_five_minutes() {
        let (mut peer, stream) = duplex(64);
        let mut stream = Idle::new(stream, Budget::new(1 << 20));
        peer.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").await.unwrap();
        let started = Instant::now();

        assert!(read(&mut stream).await.unwrap() > GREETING_BYTES);
        assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), 300);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_left_after_a_minute() {
        let (mut peer, stream) = duplex(64);
        let mut stream = Idle::new(stream, Budget::new(1 << 20));
        peer.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(read(&mut stream).await.unwrap() > GREETING_BYTES);
        let started = Instant::now();

        let error = stream.write_all(&[7; 100]).await.unwrap_err();

        assert_eq!((error.kind(), started.elapsed()), (io::ErrorKind::TimedOut, DEAFNESS));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_of_what_was_held_back_is_left_after_a_minute() {
        let (mut peer, stream) = duplex(64);
        let mut stream = Idle::new(BufWriter::new(stream), Budget::new(1 << 20));
        peer.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 64]).await.unwrap() > GREETING_BYTES);
        let started = Instant::now();

        stream.write_all(&[7; 100]).await.unwrap();
        let error = stream.flush().await.unwrap_err();

        assert_eq!((error.kind(), started.elapsed()), (io::ErrorKind::TimedOut, DEAFNESS));
    }
}
