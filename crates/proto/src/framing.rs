//! gRPC messages that carry a chunk, read and written without copying it.
//!
//! A codec hands each message over in one buffer, so the bytes of a transfer would be copied once at each end, which costs as much as all
//! else that the server does with them. Here they stay in the frames in which they came.

mod segments;

use std::fmt::Display;
use std::marker::PhantomData;

use bytes::{Buf, BufMut as _, Bytes, BytesMut};
use consign_types::Reason;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len};
use prost::{DecodeError, Message};
use tonic::Status;

use crate::blob::{Chunk, ReadResponse, WriteRequest};
use crate::status::{compressed, refused};
use segments::Segments;

/// The mark of compression and the length before each message: the gRPC over HTTP/2 specification, "Length-Prefixed-Message".
const PREFIX_BYTES: usize = 5;

/// The number of `Chunk.data`.
const DATA: u32 = 1;

/// A message that carries a chunk.
pub trait Carrier: Message + Default {
    /// The number of the field that has the chunk.
    const CHUNK: u32;

    /// That field.
    fn chunk(&mut self) -> &mut Option<Chunk>;
}

impl Carrier for WriteRequest {
    const CHUNK: u32 = 4;

    fn chunk(&mut self) -> &mut Option<Chunk> {
        &mut self.chunk
    }
}

impl Carrier for ReadResponse {
    const CHUNK: u32 = 1;

    fn chunk(&mut self) -> &mut Option<Chunk> {
        &mut self.chunk
    }
}

/// A message, and the data of its chunk in the pieces in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carried<M> {
    /// The message. The data of its chunk are left out.
    pub message: M,
    /// They are here.
    pub data: Vec<Bytes>,
}

impl<M: Carrier> From<M> for Carried<M> {
    fn from(mut message: M) -> Self {
        let data = message.chunk().as_mut().map(|chunk| std::mem::take(&mut chunk.data));
        Self { message, data: data.into_iter().collect() }
    }
}

/// A message as it is sent: what comes before the data of its chunk, and these.
pub fn encode<M: Carrier>(mut message: M) -> [Bytes; 2] {
    let chunk = message.chunk().take();
    let Chunk { data, crc32c } = chunk.clone().unwrap_or_default();
    // The data come last, so that nothing is to be sent behind them.
    let others = Chunk { data: Bytes::new(), crc32c };
    let data_head = if data.is_empty() { 0 } else { key_len(DATA) + encoded_len_varint(data.len() as u64) };
    let chunk_bytes = others.encoded_len() + data_head + data.len();
    let chunk_head = if chunk.is_some() { key_len(M::CHUNK) + encoded_len_varint(chunk_bytes as u64) } else { 0 };
    let all = message.encoded_len() + chunk_head + chunk_bytes;
    let mut head = BytesMut::with_capacity(PREFIX_BYTES + all - data.len());
    head.put_u8(0);
    head.put_u32(u32::try_from(all).expect("a message is far smaller than 4 GiB"));
    message.encode_raw(&mut head);
    if chunk.is_some() {
        encode_key(M::CHUNK, WireType::LengthDelimited, &mut head);
        encode_varint(chunk_bytes as u64, &mut head);
        others.encode_raw(&mut head);
        if !data.is_empty() {
            encode_key(DATA, WireType::LengthDelimited, &mut head);
            encode_varint(data.len() as u64, &mut head);
        }
    }
    [head.freeze(), data]
}

/// Any other message as it is sent.
pub fn encode_plain(message: &impl Message) -> Bytes {
    let all = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + all);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(all).expect("a message is far smaller than 4 GiB"));
    message.encode_raw(&mut bytes);
    bytes.freeze()
}

/// Takes a stream of messages apart.
#[derive(Debug)]
pub struct Deframer<M> {
    received: Segments,
    /// The length of the message that is coming.
    coming: Option<usize>,
    max_bytes: usize,
    message: PhantomData<fn() -> M>,
}

impl<M: Carrier> Deframer<M> {
    /// For messages of at most so many bytes.
    pub fn new(max_bytes: usize) -> Self {
        Self { received: Segments::default(), coming: None, max_bytes, message: PhantomData }
    }

    /// Adds what came next.
    pub fn push(&mut self, bytes: Bytes) {
        self.received.push(bytes);
    }

    /// Whether a message is there in part.
    pub fn is_amid(&self) -> bool {
        self.coming.is_some() || self.received.has_remaining()
    }

    /// The next message, if all of it has come.
    pub fn pop(&mut self) -> Result<Option<Carried<M>>, Status> {
        let length = match self.coming {
            Some(length) => length,
            None if self.received.remaining() < PREFIX_BYTES => return Ok(None),
            None => take_prefix(&mut self.received, self.max_bytes)?,
        };
        self.coming = Some(length);
        if self.received.remaining() < length {
            return Ok(None);
        }
        self.coming = None;
        let end = self.received.remaining() - length;
        decode(&mut self.received, end).map(Some).map_err(unreadable)
    }
}

/// Reads the one message that a body is.
pub fn decode_plain<M: Message + Default>(mut body: Bytes) -> Result<M, Status> {
    if body.len() < PREFIX_BYTES {
        return Err(unreadable("there is none"));
    }
    let length = take_prefix(&mut body, usize::MAX)?;
    if length != body.len() {
        return Err(unreadable("it has another length"));
    }
    M::decode(body).map_err(unreadable)
}

/// Takes what stands before a message, and returns the message's length.
fn take_prefix(bytes: &mut impl Buf, max_bytes: usize) -> Result<usize, Status> {
    let (mark, length) = (bytes.get_u8(), bytes.get_u32() as usize);
    if mark != 0 {
        return Err(compressed());
    }
    if length > max_bytes {
        let rule = format!("message has `{length}` bytes, and at most `{max_bytes}` are taken");
        return Err(refused(Reason::ArgumentInvalid, rule));
    }
    Ok(length)
}

fn unreadable(how: impl Display) -> Status {
    refused(Reason::ArgumentInvalid, format!("message can't be read: {how}"))
}

/// Reads a message that goes on until `end` bytes are left.
fn decode<M: Carrier>(bytes: &mut Segments, end: usize) -> Result<Carried<M>, DecodeError> {
    let mut carried = Carried::<M>::default();
    while bytes.remaining() > end {
        let (tag, wire) = decode_key(bytes)?;
        if (tag, wire) == (M::CHUNK, WireType::LengthDelimited) {
            let end = length_within(bytes, end)?;
            decode_chunk(bytes, end, &mut carried)?;
        } else {
            carried.message.merge_field(tag, wire, bytes, prost::encoding::DecodeContext::default())?;
        }
    }
    if bytes.remaining() < end { Err(beyond()) } else { Ok(carried) }
}

fn decode_chunk<M: Carrier>(bytes: &mut Segments, end: usize, carried: &mut Carried<M>) -> Result<(), DecodeError> {
    let chunk = carried.message.chunk().get_or_insert_default();
    while bytes.remaining() > end {
        let (tag, wire) = decode_key(bytes)?;
        if (tag, wire) == (DATA, WireType::LengthDelimited) {
            let rest = length_within(bytes, end)?;
            carried.data = bytes.take(bytes.remaining() - rest);
        } else {
            chunk.merge_field(tag, wire, bytes, prost::encoding::DecodeContext::default())?;
        }
    }
    if bytes.remaining() < end { Err(beyond()) } else { Ok(()) }
}

/// Reads a length, and returns how many bytes are left behind what it is the length of.
fn length_within(bytes: &mut Segments, end: usize) -> Result<usize, DecodeError> {
    let length = decode_varint(bytes)?;
    let left = usize::try_from(length).ok().and_then(|length| bytes.remaining().checked_sub(length));
    left.filter(|left| *left >= end).ok_or_else(beyond)
}

fn beyond() -> DecodeError {
    #[expect(deprecated, reason = "there is no other way to make one")]
    DecodeError::new("a field goes beyond its message")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(data: Vec<u8>, crc32c: Option<i32>) -> WriteRequest {
        let chunk = Some(Chunk { data: data.into(), crc32c });
        WriteRequest { ticket: Bytes::from_static(b"ticket"), write_offset: 7, chunk, finish: true, ..WriteRequest::default() }
    }

    fn framed(message: &impl Message) -> Vec<u8> {
        encode_plain(message).into()
    }

    /// Hands the bytes over in frames of these sizes, over and over.
    fn decoded<M: Carrier>(bytes: &[u8], sizes: &[usize]) -> Result<Vec<Carried<M>>, Status> {
        let mut deframer = Deframer::new(1 << 20);
        let (mut rest, mut messages) = (bytes, Vec::new());
        for size in sizes.iter().cycle() {
            let (now, later) = rest.split_at(rest.len().min(*size));
            deframer.push(Bytes::copy_from_slice(now));
            while let Some(message) = deframer.pop()? {
                messages.push(message);
            }
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        assert!(!deframer.is_amid(), "nothing is left");
        Ok(messages)
    }

    fn whole<M: Carrier>(carried: Carried<M>) -> M {
        let Carried { mut message, data } = carried;
        if let Some(chunk) = message.chunk() {
            chunk.data = data.concat().into();
        }
        message
    }

    proptest! {
        #[test]
        fn messages_are_the_same_whatever_frames_they_come_in(
            data in proptest::collection::vec(any::<u8>(), 0..20_000),
            sum in any::<Option<i32>>(),
            sizes in proptest::collection::vec(1_usize..9000, 1..5),
        ) {
            let messages = [request(data.clone(), sum), WriteRequest::default(), request(Vec::new(), None), request(data, None)];
            let bytes: Vec<u8> = messages.iter().flat_map(framed).collect();
            let read: Vec<WriteRequest> = decoded(&bytes, &sizes).unwrap().into_iter().map(whole).collect();
            prop_assert_eq!(&read, &messages);
        }

        #[test]
        fn what_is_encoded_is_read_by_any_decoder(data in proptest::collection::vec(any::<u8>(), 0..2000), sum in any::<Option<i32>>(), size in any::<i64>()) {
            let chunk = Some(Chunk { data: data.into(), crc32c: sum });
            for message in [ReadResponse { chunk, size_bytes: size, parts_checked: true }, ReadResponse { size_bytes: size, ..ReadResponse::default() }, ReadResponse::default()] {
                let bytes = encode(message.clone()).concat();
                prop_assert_eq!(bytes.len(), 5 + u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize);
                prop_assert_eq!(ReadResponse::decode(&bytes[5..]).unwrap(), message);
            }
        }

        #[test]
        fn what_one_decoder_reads_the_other_does_and_neither_panics(body in proptest::collection::vec(any::<u8>(), 0..200), sizes in proptest::collection::vec(1_usize..50, 1..4)) {
            let mut bytes = vec![0];
            bytes.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(&body);
            if let (Ok(read), Ok(expected)) = (decoded::<WriteRequest>(&bytes, &sizes), WriteRequest::decode(body.as_slice())) {
                prop_assert_eq!(whole(read[0].clone()), expected);
            }
        }
    }

    #[test]
    fn what_is_broken_is_refused() {
        let good = framed(&request(vec![7; 100], Some(1)));
        for (at, byte, what) in [(0, 1, "compressed"), (1, 1, "too long"), (5, 0xff, "a field of an unknown kind")] {
            let mut bad = good.clone();
            bad[at] = byte;
            let mut deframer = Deframer::<WriteRequest>::new(1 << 20);
            deframer.push(bad.into());
            assert!(deframer.pop().is_err(), "{what}");
        }
        // A chunk that claims more than its message has.
        for body in [&[0x22, 5, 0x0a, 9, 1, 2, 3][..], &[0x22, 200, 1], &[0x22, 4, 0x0a, 3, 1, 2]] {
            let mut bytes = vec![0, 0, 0, 0, u8::try_from(body.len()).unwrap()];
            bytes.extend_from_slice(body);
            bytes.extend_from_slice(&good);
            let mut deframer = Deframer::<WriteRequest>::new(1 << 20);
            deframer.push(bytes.into());
            assert!(deframer.pop().is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_large_frame_is_not_copied() {
        let bytes = Bytes::from(framed(&request(vec![7; 100_000], None)));
        let mut deframer = Deframer::<WriteRequest>::new(1 << 20);
        let (first, second) = (bytes.slice(..60_000), bytes.slice(60_000..));
        deframer.push(first.clone());
        assert!(deframer.pop().unwrap().is_none());
        deframer.push(second.clone());
        let data = deframer.pop().unwrap().unwrap().data;
        assert_eq!(data.len(), 2);
        assert!(first.as_ptr_range().contains(&data[0].as_ptr()) && data[1].as_ptr() == second.as_ptr());
    }
}
