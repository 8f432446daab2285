//! When freeze windows are open.

use proptest::prelude::*;

use super::super::{FreezeWindow, Schedule};
use super::*;

const BERLIN: &str = "Europe/Berlin";

fn recurring(start: &str, end: &str, zone: &str) -> Schedule {
    Schedule::Recurring { start: start.parse().unwrap(), end: end.parse().unwrap(), zone: zone.parse().unwrap() }
}

/// When a schedule closes that is open at the moment; `-` for one that is not.
fn until(schedule: &Schedule, now: &str) -> String {
    schedule.open_until(now.parse().unwrap()).map_or("-".to_owned(), |end| end.to_string())
}

#[test]
fn a_window_recurs_by_the_clock_of_its_zone() {
    let cases = [
        // From Friday at 23 to Monday at 7, by the clock of Berlin in summer.
        ("0 23 * * 5", "0 7 * * 1", BERLIN, "2026-06-05T20:59:59.999999Z", "-"),
        ("0 23 * * 5", "0 7 * * 1", BERLIN, "2026-06-05T21:00:00Z", "2026-06-08T05:00:00Z"),
        ("0 23 * * 5", "0 7 * * 1", BERLIN, "2026-06-05T21:00:00.000001Z", "2026-06-08T05:00:00Z"),
        ("0 23 * * 5", "0 7 * * 1", BERLIN, "2026-06-08T04:59:59.999999Z", "2026-06-08T05:00:00Z"),
        ("0 23 * * 5", "0 7 * * 1", BERLIN, "2026-06-08T05:00:00Z", "-"),
        ("0 23 * * 5", "0 7 * * 1", BERLIN, "2026-06-10T12:00:00Z", "-"),
        // The same in winter, and by another clock.
        ("0 23 * * 5", "0 7 * * 1", BERLIN, "2026-01-09T22:00:00Z", "2026-01-12T06:00:00Z"),
        ("0 23 * * 5", "0 7 * * 1", "UTC", "2026-06-05T22:00:00Z", "-"),
        ("0 23 * * 5", "0 7 * * 1", "Asia/Kolkata", "2026-06-05T17:30:00Z", "2026-06-08T01:30:00Z"),
        // Over the end of a year, and from leap day to leap day.
        ("0 0 20 12 *", "0 0 7 1 *", "UTC", "2026-12-31T23:59:59Z", "2027-01-07T00:00:00Z"),
        ("0 0 20 12 *", "0 0 7 1 *", "UTC", "2027-01-07T00:00:00Z", "-"),
        ("0 0 29 2 *", "0 0 1 3 *", "UTC", "2028-02-29T12:00:00Z", "2028-03-01T00:00:00Z"),
        ("0 0 29 2 *", "0 0 1 3 *", "UTC", "2027-02-28T12:00:00Z", "-"),
        ("0 0 1 3 *", "0 0 29 2 *", "UTC", "2026-02-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        // Several starts for one end, several ends for one start, and both at one moment.
        ("0 8,9,10 * * *", "0 12 * * *", "UTC", "2026-06-05T09:30:00Z", "2026-06-05T12:00:00Z"),
        ("0 8 * * *", "0 10,12 * * *", "UTC", "2026-06-05T09:30:00Z", "2026-06-05T10:00:00Z"),
        ("0 8 * * *", "0 10,12 * * *", "UTC", "2026-06-05T11:00:00Z", "-"),
        ("0 8,10 * * *", "0 10 * * *", "UTC", "2026-06-05T10:30:00Z", "-"),
        ("0 8 * * *", "0 8 * * *", "UTC", "2026-06-05T08:00:00Z", "-"),
        // The last Friday, the last day of the month.
        ("0 0 * * 5L", "0 0 L * *", "UTC", "2026-06-26T00:00:00Z", "2026-06-30T00:00:00Z"),
        ("0 0 * * 5L", "0 0 L * *", "UTC", "2026-06-25T00:00:00Z", "-"),
    ];
    for (start, end, zone, now, expected) in cases {
        assert_eq!(until(&recurring(start, end, zone), now), expected, "{start} to {end} in {zone} at {now}");
    }
}

#[test]
fn in_spring_what_the_clock_skips_comes_at_the_end_of_the_gap() {
    // On the 29th, the clock of Berlin goes from 02:00 to 03:00 at 01:00Z.
    let cases = [
        ("30 2 * * *", "0 5 * * *", "2026-03-28T01:30:00Z", "2026-03-28T04:00:00Z"),
        ("30 2 * * *", "0 5 * * *", "2026-03-29T00:59:59.999999Z", "-"),
        ("30 2 * * *", "0 5 * * *", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"),
        ("30 2 * * *", "0 5 * * *", "2026-03-29T03:00:00Z", "-"),
        ("30 2 * * *", "0 5 * * *", "2026-03-30T00:30:00Z", "2026-03-30T03:00:00Z"),
        ("0 1 * * *", "30 2 * * *", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"),
        ("0 1 * * *", "30 2 * * *", "2026-03-29T01:00:00Z", "-"),
        ("0 1 * * *", "0 4 * * *", "2026-03-29T00:30:00Z", "2026-03-29T02:00:00Z"),
        // Starts within the gap and right behind it are one.
        ("0 3 * * *", "30 3 * * *", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"),
        // Whatever the gap leaves out comes at its end, in its order: here the end is the last, and there the start.
        ("0 1 * * *", "0,30 2 * * *", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"),
        ("0,30 2 * * *", "0 5 * * *", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"),
        ("10 2 * * *", "30 2 * * *", "2026-03-29T01:00:00Z", "-"),
        ("30 2 * * *", "10 2 * * *", "2026-03-29T01:00:00Z", "2026-03-30T00:10:00Z"),
        ("30 2 * * *", "0 3 * * *", "2026-03-29T01:00:00Z", "-"),
    ];
    for (start, end, now, expected) in cases {
        assert_eq!(until(&recurring(start, end, BERLIN), now), expected, "{start} to {end} at {now}");
    }
}

#[test]
fn in_autumn_what_the_clock_shows_twice_comes_the_first_time() {
    // On the 25th, the clock of Berlin goes from 03:00 to 02:00 at 01:00Z.
    let cases = [
        ("30 2 * * *", "45 2 * * *", "2026-10-25T00:29:59.999999Z", "-"),
        ("30 2 * * *", "45 2 * * *", "2026-10-25T00:30:00Z", "2026-10-25T00:45:00Z"),
        ("30 2 * * *", "45 2 * * *", "2026-10-25T00:45:00Z", "-"),
        ("30 2 * * *", "45 2 * * *", "2026-10-25T01:30:00Z", "-"),
        ("30 2 * * *", "0 5 * * *", "2026-10-25T01:15:00Z", "2026-10-25T04:00:00Z"),
        ("0 1 * * *", "30 2 * * *", "2026-10-25T00:29:00Z", "2026-10-25T00:30:00Z"),
        ("0 1 * * *", "30 2 * * *", "2026-10-25T01:15:00Z", "-"),
        ("0 1 * * *", "0 4 * * *", "2026-10-25T01:30:00Z", "2026-10-25T03:00:00Z"),
        ("0,30 2 * * *", "15,45 2 * * *", "2026-10-25T00:30:00Z", "2026-10-25T00:45:00Z"),
        ("0,30 2 * * *", "15,45 2 * * *", "2026-10-25T01:00:00Z", "-"),
        ("0,30 2 * * *", "15,45 2 * * *", "2026-10-25T01:31:00Z", "-"),
        ("59 2 * * *", "0 3 * * *", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"),
        ("59 2 * * *", "0 3 * * *", "2026-10-25T02:00:00Z", "-"),
    ];
    for (start, end, now, expected) in cases {
        assert_eq!(until(&recurring(start, end, BERLIN), now), expected, "{start} to {end} at {now}");
    }
}

#[test]
fn the_clock_may_be_changed_by_other_than_an_hour() {
    let cases = [
        // Samoa had no 30th of December, which should have begun at 10:00Z.
        ("Pacific/Apia", "0 12 30 12 *", "0 12 31 12 *", "2011-12-30T09:59:59Z", "-"),
        ("Pacific/Apia", "0 12 30 12 *", "0 12 31 12 *", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"),
        // Lord Howe moves by half an hour, from 02:00 to 01:30 at 15:00Z, and from 02:00 to 02:30 at 15:30Z.
        ("Australia/Lord_Howe", "45 1 * * *", "50 1 * * *", "2026-04-04T14:45:00Z", "2026-04-04T14:50:00Z"),
        ("Australia/Lord_Howe", "45 1 * * *", "50 1 * * *", "2026-04-04T15:15:00Z", "-"),
        ("Australia/Lord_Howe", "15 2 * * *", "45 2 * * *", "2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z"),
        // Kwajalein went from the 20th to the 22nd of August 1993.
        ("Pacific/Kwajalein", "0 0 21 8 *", "0 6 22 8 *", "1993-08-21T12:00:00Z", "1993-08-21T18:00:00Z"),
    ];
    for (zone, start, end, now, expected) in cases {
        assert_eq!(until(&recurring(start, end, zone), now), expected, "{start} to {end} in {zone} at {now}");
    }
}

#[test]
fn beyond_the_calendar_no_window_that_recurs_is_open() {
    let always = recurring("* * * * *", "59 23 31 12 *", BERLIN);
    for micros in [i64::MIN, -400_000_000_000_000_000, -62_200_000_000_000_000, 253_402_300_799_999_999, i64::MAX] {
        assert_eq!(always.open_until(Timestamp::from_micros(micros)), None, "{micros}");
    }
    assert!(always.open_until(at(0)).is_some());
    let last = recurring("0 0 1 1 *", "0 0 2 1 *", "UTC");
    assert_eq!(until(&last, "4999-01-01T00:00:00Z"), "4999-01-02T00:00:00Z");
}

#[test]
fn a_window_tells_whether_its_schedule_is_open() {
    let schedule = Schedule::OneTime { start: at(0), end: at(2) };
    let window = FreezeWindow { name: "a".parse().unwrap(), schedule, reason: "".parse().unwrap() };
    let open: Vec<bool> = (-1..=2).map(|micros| window.is_open(at(micros))).collect();
    assert_eq!(open, [false, true, true, false]);
    assert_eq!(window.open_until(at(1)), Some(at(2)));
}

#[test]
fn a_schedule_that_ends_when_it_starts_never_opens() {
    for (start, end, opens) in [(0, 1, true), (0, 0, false), (1, 0, false)] {
        assert_eq!(Schedule::OneTime { start: at(start), end: at(end) }.opens(), opens, "{start} {end}");
    }
    assert!(recurring("0 1 * * *", "0 2 * * *", "UTC").opens());
    assert!(!recurring("0 1 * * *", "0 1 * * *", "UTC").opens());
}

proptest! {
    #[test]
    fn an_open_window_stays_open_until_it_closes(
        start in "[0-5]?[0-9] (2[0-3]|1?[0-9]) \\* \\* ([0-6]|\\*)", end in "[0-5]?[0-9] (2[0-3]|1?[0-9]) \\* \\* ([0-6]|\\*)",
        now in 0..400 * DAY, part in 1..1000_i64,
    ) {
        let schedule = recurring(&start, &end, BERLIN);
        if let Some(end) = schedule.open_until(at(now)) {
            prop_assert!(end > at(now));
            prop_assert_eq!(schedule.open_until(end), None);
            let between = Timestamp::from_micros(at(now).as_micros() + (end.as_micros() - at(now).as_micros() - 1) / part);
            prop_assert_eq!(schedule.open_until(between), Some(end));
        }
    }

    #[test]
    fn no_moment_makes_a_schedule_panic(now in any::<i64>(), start in any::<i64>(), end in any::<i64>()) {
        let now = Timestamp::from_micros(now);
        let once = Schedule::OneTime { start: Timestamp::from_micros(start), end: Timestamp::from_micros(end) };
        for schedule in [once, recurring("0 0 * * 1", "30 2 * * 7", "Pacific/Apia"), recurring("30 12 * * *", "*/5 3 30 12 *", "Pacific/Apia")] {
            prop_assert!(schedule.open_until(now).is_none_or(|end| end > now));
        }
    }
}
