//! Why an ID token is refused. Nothing that it says is told on.

/// An ID token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It can't be read.
    #[error("it is not a signed JWT of at most 16 KiB")]
    Malformed,
    /// It is not signed, or in a way that is not accepted at all, or not with its key.
    #[error(
        "it must be signed by RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA, as the key of its issuer says, without `crit`"
    )]
    Algorithm,
    /// Tokens of who made it are not taken.
    #[error("its issuer is none whose tokens are taken")]
    Issuer,
    /// The keys of the issuer can't be had: the same token may be good later.
    #[error("the keys of the ID token's issuer cannot be fetched now")]
    KeysUnavailable,
    /// The issuer has no key of this id.
    #[error("its issuer publishes no key of its key id")]
    UnknownKey,
    /// Its issuer did not make it.
    #[error("its signature does not hold")]
    Signature,
    /// A claim that must be there is missing, or is not what it should be.
    #[error("its claim `{0}` is missing or not valid")]
    Claim(&'static str),
    /// Its time is over.
    #[error("its time is over")]
    Expired,
    /// Its time has not come.
    #[error("its time has not come: is a clock wrong?")]
    NotYet,
    /// It counts for too long.
    #[error("it lives for more than 24 hours")]
    TooLong,
}
