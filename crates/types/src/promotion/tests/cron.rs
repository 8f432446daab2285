//! Cron schedules and time zones.

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::{Cron, MAX_CRON_BYTES, TimeZone};
use super::*;

#[test]
fn five_fields_are_a_schedule() {
    for text in [
        "* * * * *",
        "0 22 * * 5",
        "*/15 9-17 1,15 * *",
        "0-59/7 */4 1-31/2 jan-dec/3 SUN",
        "0 0 * * 7",
        "0 0 * * mon-Fri",
        "0 0 29 2 *",
        "0 0 L * *",
        "0 0 LW * *",
        "0 0 15W,1 * *",
        "0 0 * * 5L",
        "0 0 * * 1#5",
        "0 0 * 2 1#5",
        "0 0 30 2 1",
        "  0   0 1 1 * ",
    ] {
        let cron: Cron = text.parse().unwrap();
        assert_eq!((cron.as_str(), cron.to_string().as_str()), (text, text));
        assert_eq!(serde_json::from_str::<Cron>(&serde_json::to_string(&cron).unwrap()).unwrap(), cron);
    }
}

#[test]
fn the_rarest_day_comes_once_in_28_years() {
    let zone: TimeZone = "UTC".parse().unwrap();
    let shown = zone.shown(at(0)).unwrap();
    for day in 0..7 {
        let cron: Cron = format!("0 0 * 2 {day}#5").parse().unwrap();
        let (last, next) = (zone.when(cron.last(shown).unwrap()).unwrap(), zone.when(cron.next(shown).unwrap()).unwrap());
        assert_eq!((next.as_micros() - last.as_micros()) / DAY, 28 * 365 + 7, "{cron}");
    }
}

#[test]
fn what_is_no_schedule_is_refused_with_the_field_that_is_wrong() {
    for (text, reason) in [
        ("", "it needs five fields (minute, hour, day of month, month, day of week), and has 0"),
        ("* * * *", "and has 4"),
        ("0 0 0 * * *", "and has 6"),
        ("0 0 1 1 * 2030", "and has 6"),
        ("@daily", "and has 1"),
        ("@reboot", "and has 1"),
        ("@daily * * * *", "`@daily` is no minute"),
        ("60 0 * * *", "`60` is no minute: number out of bounds"),
        ("0 24 * * *", "`24` is no hour"),
        ("0 0 0 * *", "`0` is no day of month"),
        ("0 0 32 * *", "`32` is no day of month"),
        ("0 0 * 13 *", "`13` is no month"),
        ("0 0 * * 8", "`8` is no day of week"),
        ("5-1 0 * * *", "`5-1` is no minute: range out of bounds"),
        ("*/0 * * * *", "`*/0` is no minute: step cannot be zero"),
        ("1/5 * * * *", "`1/5` is no minute"),
        ("0,,1 0 * * *", "`0,,1` is no minute"),
        (", 0 * * *", "`,` is no minute"),
        ("+1 0 * * *", "`+1` is no minute"),
        ("0 0 29 2 +1", "`+1` is no day of week"),
        ("0 0 ? * *", "`?` is no day of month"),
        ("0 0 MON * *", "`MON` is no day of month"),
        ("0 0 * MON *", "`MON` is no month"),
        ("0 0 * * JAN", "`JAN` is no day of week"),
        ("0 0 * JANUARY *", "`JANUARY` is no month"),
        ("0 L * * *", "`L` is no hour"),
        ("0 0 1#2 * *", "`1#2` is no day of month"),
        ("0 0 * * 1#6", "`1#6` is no day of week: nth specifier out of bounds"),
        ("0\t0 * * *", "and has 4"),
        ("0 0 * *\n*", "and has 4"),
        ("0 0 * * 1\u{1b}[31m", "`1\\u{1b}[31m` is no day of week"),
        ("٣ 0 * * *", "is no minute"),
        ("0 0 30 2 *", "no day is ever like that"),
        ("0 0 31 2,4,6,9,11 *", "no day is ever like that"),
        ("0 0 31W 4 *", "no day is ever like that"),
        ("0 0 * * L", "no day is ever like that"),
    ] {
        let error = text.parse::<Cron>().unwrap_err().to_string();
        assert!(error.starts_with("cron schedule `") && error.contains(reason), "{error}");
    }
}

#[test]
fn a_schedule_is_bounded() {
    let most = format!("0{} 0 * * *", ",0".repeat((MAX_CRON_BYTES - 9) / 2));
    assert!(most.parse::<Cron>().is_ok(), "{most}");
    let error = format!("{most}  ").parse::<Cron>().unwrap_err().to_string();
    assert!(error.ends_with("is invalid: longer than 100 bytes"), "{error}");
    assert!("*".repeat(100_000).parse::<Cron>().unwrap_err().to_string().len() < 200);
}

#[test]
fn schedules_and_zones_are_equal_by_text() {
    let cron = |text: &str| text.parse::<Cron>().unwrap();
    let zone = |text: &str| text.parse::<TimeZone>().unwrap();
    assert_ne!(cron("0 0 * * 0"), cron("0 0 * * 7"));
    assert_eq!(HashSet::from([cron("0 0 * * 0"), cron("0 0 * * 0")]).len(), 1);
    assert_eq!(HashSet::from([zone("UTC"), zone("UTC"), zone("Etc/UTC")]).len(), 2);
    assert_eq!(format!("{:?} {:?}", cron("0 0 * * 0"), zone("UTC")), "Cron(0 0 * * 0) TimeZone(UTC)");
}

#[test]
fn a_zone_has_one_spelling() {
    for text in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "Asia/Kolkata"] {
        let zone: TimeZone = text.parse().unwrap();
        assert_eq!((zone.as_str(), serde_json::to_string(&zone).unwrap()), (text, format!("\"{text}\"")));
        assert_eq!(serde_json::from_str::<TimeZone>(&format!("\"{text}\"")).unwrap(), zone);
    }
    for text in [
        "",
        "utc",
        "europe/berlin",
        "Europe/Berlin ",
        "Mars/Base",
        "CEST",
        "+02:00",
        "Etc/Unknown",
        "../UTC",
        "posix/UTC",
        &"A".repeat(9999),
    ] {
        let error = text.parse::<TimeZone>().unwrap_err().to_string();
        assert!(error.starts_with("time zone `") && error.contains("such as `Europe/Berlin`") && error.len() < 300, "{error}");
    }
}

/// A field as a text, and the values that it stands for.
fn field(values: std::ops::Range<i64>) -> impl Strategy<Value = (String, Vec<i64>)> {
    let all: Vec<i64> = values.clone().collect();
    let list = proptest::collection::vec(values, 1..4).prop_map(|list| {
        let texts: Vec<String> = list.iter().map(i64::to_string).collect();
        (texts.join(","), list)
    });
    prop_oneof![1 => Just(("*".to_owned(), all)), 3 => list]
}

proptest! {
    #[test]
    fn a_schedule_comes_when_the_clock_shows_it(
        (minute, minutes) in field(0..60), (hour, hours) in field(0..24), (day, days) in field(0..7), now in 0..8 * DAY,
    ) {
        let cron: Cron = format!("{minute} {hour} * * {day}").parse().unwrap();
        let zone: TimeZone = "UTC".parse().unwrap();
        let shown = zone.shown(at(now)).unwrap();
        // The first day of the epoch was a Thursday.
        let shows = |of: i64| minutes.contains(&(of % 60)) && hours.contains(&(of / 60 % 24)) && days.contains(&((of / 1440 + 4) % 7));
        let start = at(now).as_micros() / 60_000_000;
        let found = |minute: Option<i64>| minute.map(|minute| Timestamp::from_micros(minute * 60_000_000));
        prop_assert_eq!(cron.last(shown).and_then(|last| zone.when(last)), found((start - 12_000..=start).rev().find(|of| shows(*of))));
        prop_assert_eq!(cron.next(shown).and_then(|next| zone.when(next)), found((start + 1..start + 12_000).find(|of| shows(*of))));
    }

    #[test]
    fn whatever_is_taken_for_a_schedule_comes_before_and_after(
        text in "([0-9*/,#LW-]{1,5} ){4}[0-9*/,#LW-]{1,5}|([0-9]{1,5}|\\*(/[0-9]{1,5})?) [0-9]{1,2}-[0-9]{1,2}(/[0-9]{1,5})? [0-9]{1,2}W? [0-9]{1,2} \\*|.{0,30}",
        zone in prop_oneof![Just("UTC"), Just("Europe/Berlin"), Just("Australia/Lord_Howe"), Just("America/St_Johns")],
        now in 0..400 * DAY,
    ) {
        if let Ok(cron) = text.parse::<Cron>() {
            let zone: TimeZone = zone.parse().unwrap();
            let shown = zone.shown(at(now)).unwrap();
            let (last, next) = (zone.when(cron.last(shown).unwrap()).unwrap(), zone.when(cron.next(shown).unwrap()).unwrap());
            prop_assert!(last <= at(now) && at(now) < next, "{} {} {} {}", text, last, at(now), next);
        }
    }
}
