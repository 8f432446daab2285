//! What every store promises: one battery of tests for all of them and for what is wrapped around them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod battery;
mod fixture;
mod local;
mod s3;

/// Runs the whole battery on a fixture.
macro_rules! run_battery {
    ($fixture:expr; $($module:ident: $($case:ident),+;)+) => {
        $($(
            #[tokio::test]
            async fn $case() {
                crate::battery::$module::$case(&$fixture.await).await;
            }
        )+)+
    };
    ($fixture:expr) => {
        crate::run_battery! { $fixture;
            transfer:
                bytes_come_back_whatever_their_number_and_their_chunks,
                an_upload_that_hurries_is_the_same,
                a_range_is_read_alone,
                what_was_not_declared_is_refused_and_leaves_nothing,
                bytes_that_come_twice_are_skipped_and_a_gap_is_refused,
                small_blobs_are_written_and_read_together_each_with_its_own_answer;
            copies:
                the_same_bytes_are_stored_once_and_a_copy_on_its_way_out_is_not_used,
                uploads_of_the_same_bytes_at_once_all_succeed,
                a_damaged_blob_ends_in_an_error_and_is_healed_by_the_next_upload_of_its_bytes,
                copies_are_listed_in_order_page_by_page,
                a_discarded_copy_is_gone_and_a_quarantined_one_is_damaged;
            resume:
                an_upload_goes_on_where_it_stopped_in_this_process_and_in_another,
                an_upload_that_nobody_asked_to_keep_leaves_nothing,
                a_refused_upload_leaves_nothing_though_nobody_waits,
                a_stream_that_breaks_off_does_not_end_the_newer_one,
                what_was_kept_is_durable_while_the_transfer_goes_on,
                the_newest_of_two_writers_wins,
                a_cancelled_upload_starts_over,
                a_finished_upload_answers_its_receipt_again,
                a_digest_alone_is_no_receipt,
                uploads_that_nobody_goes_on_with_are_dropped;
            parts:
                parts_come_in_any_order_on_several_streams,
                parts_that_came_are_there_in_another_process,
                a_part_that_comes_again_supersedes_the_one_before,
                a_part_must_lie_within_an_upload_and_be_aligned,
                an_upload_with_a_gap_is_not_finished_and_goes_on;
        }
    };
}
pub(crate) use run_battery;
