//! Bytes as they came, frame by frame.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Frames of fewer bytes are copied together: each costs as much again to be kept by itself.
const KEPT_FROM: usize = 4 << 10;

/// Bytes in the frames in which they came.
#[derive(Debug, Default)]
pub(super) struct Segments {
    frames: VecDeque<Bytes>,
    /// What came in small frames since.
    small: BytesMut,
    length: usize,
}

impl Segments {
    pub(super) fn push(&mut self, bytes: Bytes) {
        self.length += bytes.len();
        if bytes.len() < KEPT_FROM {
            self.small.extend_from_slice(&bytes);
        } else {
            self.end_small();
            self.frames.push_back(bytes);
        }
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            self.frames.push_back(self.small.split().freeze());
        }
    }

    /// Takes bytes off the front.
    pub(super) fn take(&mut self, mut count: usize) -> Vec<Bytes> {
        let mut taken = Vec::new();
        self.length -= count;
        while count > 0 {
            if self.frames.is_empty() {
                self.end_small();
            }
            let frame = self.frames.front_mut().expect("no more is taken than there is");
            let piece = frame.split_to(count.min(frame.len()));
            if frame.is_empty() {
                self.frames.pop_front();
            }
            count -= piece.len();
            taken.push(piece);
        }
        taken
    }
}

impl Buf for Segments {
    fn remaining(&self) -> usize {
        self.length
    }

    fn chunk(&self) -> &[u8] {
        self.frames.front().map_or(&self.small, |frame| frame)
    }

    fn advance(&mut self, mut count: usize) {
        self.length -= count;
        while count > 0 {
            if self.frames.is_empty() {
                self.end_small();
            }
            let frame = self.frames.front_mut().expect("no more is left out than there is");
            let now = count.min(frame.len());
            frame.advance(now);
            if frame.is_empty() {
                self.frames.pop_front();
            }
            count -= now;
        }
    }
}
