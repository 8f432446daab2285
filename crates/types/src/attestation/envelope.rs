//! DSSE envelopes: a payload, what it is, and who signed both.

use serde::Deserialize;

use super::json::{self, Base64, List, Object};
use super::{MAX_SIGNATURES, ParseBundleError, Part, is_signer};
use crate::name::shown;

/// A payload with 1 to [`MAX_SIGNATURES`] signatures, none of which was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) payload_type: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) signatures: Vec<Signature>,
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    /// The key that it claims to be of: nothing but a hint, since no signature covers it.
    pub(crate) key_id: Option<String>,
    /// The signature, in whatever form its algorithm has.
    pub(crate) bytes: Vec<u8>,
}

/// An envelope as it is sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    payload_type: String,
    payload: Base64,
    signatures: List<Object<SentSignature>, MAX_SIGNATURES>,
}

#[derive(Deserialize)]
struct SentSignature {
    keyid: Option<String>,
    sig: Base64,
}

impl Envelope {
    /// Reads an envelope with whatever payload.
    pub(crate) fn read(json: &[u8]) -> Result<Self, ParseBundleError> {
        json::read::<Sent>(Part::Envelope, json)?.try_into()
    }

    /// The bytes that are signed.
    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

impl TryFrom<Sent> for Envelope {
    type Error = ParseBundleError;

    fn try_from(sent: Sent) -> Result<Self, Self::Error> {
        let signatures = sent.signatures.within("signatures")?;
        if signatures.is_empty() {
            return Err(ParseBundleError::Unsigned);
        }
        let signatures = signatures.into_iter().map(|Object(signature)| signature.try_into());
        Ok(Self { payload_type: sent.payload_type, payload: sent.payload.0, signatures: signatures.collect::<Result<_, _>>()? })
    }
}

impl TryFrom<SentSignature> for Signature {
    type Error = ParseBundleError;

    fn try_from(sent: SentSignature) -> Result<Self, Self::Error> {
        Ok(Self { key_id: key_id(sent.keyid)?, bytes: sent.sig.0 })
    }
}

/// A key id as it is kept. An empty one is none: that is how protobuf writes it.
pub(super) fn key_id(text: Option<String>) -> Result<Option<String>, ParseBundleError> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) if !is_signer(&text) => Err(ParseBundleError::KeyId(shown(&text))),
        text => Ok(text),
    }
}

/// What a DSSE signature is over: the
/// [pre-authentication encoding](https://github.com/secure-systems-lab/dsse/blob/master/protocol.md#signature-definition) of a payload
/// and its type. Each length stands before what it measures, so that no two pairs have the same bytes.
pub(crate) fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}
