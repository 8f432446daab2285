//! CRC-32C (Castagnoli; RFC 3720, appendix B.4), by which chunks on their way and pieces on a disk are checked.

use crc_fast::{CrcAlgorithm, Digest};

/// The checksum of bytes.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// The checksum of bytes that follow on those which have the checksum `sum`; of none, it is 0.
pub fn append(sum: u32, bytes: &[u8]) -> u32 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(!sum));
    digest.update(bytes);
    u32::try_from(digest.finalize()).expect("the checksum has 32 bits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_the_one_of_rfc_3720() {
        for (bytes, sum) in [
            (Vec::new(), 0),
            (vec![0; 32], 0x8a91_36aa),
            (vec![0xff; 32], 0x62a8_ab43),
            ((0..32).collect(), 0x46dd_794e),
            (b"123456789".to_vec(), 0xe306_9283),
        ] {
            assert_eq!(crc32c(&bytes), sum, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn parts_have_the_checksum_of_the_whole(bytes in proptest::collection::vec(any::<u8>(), 0..5000), cut in 0_usize..5000) {
            let (first, rest) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(append(append(0, first), rest), crc32c(&bytes));
        }
    }
}
