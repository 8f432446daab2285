//! What a stage asks, from the wire.

use consign_proto::metadata::{self as wire, freeze_window, gate};
use consign_proto::status::invalid;
use consign_types::access::Role;
use consign_types::pattern::NamePattern;
use consign_types::promotion::{
    Condition, FreezeWindow, Gate, MAX_GATES, MAX_PEOPLE, MAX_PREDECESSORS, MAX_SIGNERS, MAX_WINDOWS, Schedule, StageName,
};
use consign_types::resource::UserRef;
use consign_types::time::Span;
use consign_types::{Reason, Slug, Username};
use tonic::Status;

use crate::grpc::decode;

/// The time zone where none is given.
const UTC: &str = "UTC";

/// Stages, by their last segments.
pub(super) fn stage_names(field: &str, names: &[String]) -> Result<Vec<StageName>, Status> {
    limited(field, names, MAX_PREDECESSORS)?;
    names.iter().map(|name| decode::name(field, name)).collect()
}

/// The gates of a stage.
pub(super) fn gates(gates: &[wire::Gate]) -> Result<Vec<Gate>, Status> {
    limited("stage.gates", gates, MAX_GATES)?;
    let gate = |(index, new): (usize, &wire::Gate)| {
        let field = Field(format!("stage.gates[{index}]"));
        let name = decode::name(&field.part("gate_id"), &new.gate_id)?;
        Ok(Gate { name, condition: field.condition(decode::present(&field.part("condition"), new.condition.as_ref())?)? })
    };
    gates.iter().enumerate().map(gate).collect()
}

/// The freeze windows of a stage.
pub(super) fn freeze_windows(windows: &[wire::FreezeWindow]) -> Result<Vec<FreezeWindow>, Status> {
    limited("stage.freeze_windows", windows, MAX_WINDOWS)?;
    let window = |(index, new): (usize, &wire::FreezeWindow)| {
        let field = Field(format!("stage.freeze_windows[{index}]"));
        Ok(FreezeWindow {
            name: decode::name(&field.part("freeze_window_id"), &new.freeze_window_id)?,
            schedule: field.schedule(decode::present(&field.part("schedule"), new.schedule.as_ref())?)?,
            reason: decode::text(&field.part("reason"), &new.reason)?,
        })
    };
    windows.iter().enumerate().map(window).collect()
}

/// Refuses what is too long before it is read: a time zone alone costs more than the bytes that name it.
fn limited<T>(field: &str, items: &[T], most: usize) -> Result<(), Status> {
    if items.len() <= most {
        return Ok(());
    }
    Err(invalid(field, Reason::ArgumentInvalid, format!("at most {most}, not {}", items.len())))
}

/// Where in a request something stands.
struct Field(String);

impl Field {
    fn part(&self, name: &str) -> String {
        format!("{}.{name}", self.0)
    }

    fn condition(&self, new: &gate::Condition) -> Result<Condition, Status> {
        use gate::Condition as Wire;

        Ok(match new {
            Wire::Predecessor(new) => {
                Condition::Predecessor { stages: stage_names(&self.part("predecessor.stages"), &new.stages)?, any: new.any }
            }
            Wire::Soak(new) => Condition::Soak {
                stage: decode::optional(&self.part("soak.stage"), &new.stage, decode::name)?,
                duration: self.needed("soak.duration", new.duration)?,
            },
            Wire::Approval(new) => self.approval(new)?,
            Wire::Attestation(new) => Condition::Attestation {
                predicate_type: decode::text(&self.part("attestation.predicate_type"), &new.predicate_type)?,
                signers: self.several("attestation.signers", (&new.signers, MAX_SIGNERS), decode::text)?,
                maximum_age: decode::span(&self.part("attestation.maximum_age"), new.maximum_age)?,
            },
            Wire::Status(new) => Condition::Status {
                check: decode::text(&self.part("status.check"), &new.check)?,
                reporter: decode::optional(&self.part("status.reporter"), &new.reporter, reporter)?,
            },
            Wire::Tag(new) => {
                let tags = NamePattern::glob(&new.tag_glob);
                let tags = tags.map_err(|error| invalid(&self.part("tag.tag_glob"), Reason::ArgumentInvalid, error))?;
                Condition::Tag { tags, immutable: new.immutable }
            }
            Wire::Order(new) => Condition::Order { allow_same: new.allow_same },
            Wire::Age(new) => Condition::Age { minimum_age: self.needed("age.minimum_age", new.minimum_age)? },
        })
    }

    fn approval(&self, new: &wire::ApprovalCondition) -> Result<Condition, Status> {
        Ok(Condition::Approval {
            // Less than none is refused as none is.
            count: u32::try_from(new.count).unwrap_or_default(),
            minimum_role: decode::role(&self.part("approval.minimum_role"), new.minimum_role)?.unwrap_or(Role::Maintainer),
            approvers: self.several("approval.approvers", (&new.approvers, MAX_PEOPLE), person)?,
            distinct: new.distinct,
            allow_self_approval: new.allow_self_approval,
            validity: decode::span(&self.part("approval.validity"), new.validity)?,
        })
    }

    /// Both ends of a schedule are read here; whether it ever opens, the policy judges.
    fn schedule(&self, new: &freeze_window::Schedule) -> Result<Schedule, Status> {
        use freeze_window::Schedule as Wire;

        let time = |name: &str, time| decode::present(&self.part(name), decode::time(&self.part(name), time)?);
        Ok(match new {
            Wire::OneTime(new) => {
                Schedule::OneTime { start: time("one_time.start_time", new.start_time)?, end: time("one_time.end_time", new.end_time)? }
            }
            Wire::Recurring(new) => Schedule::Recurring {
                start: decode::text(&self.part("recurring.start_cron"), &new.start_cron)?,
                end: decode::text(&self.part("recurring.end_cron"), &new.end_cron)?,
                zone: decode::text(&self.part("recurring.time_zone"), if new.time_zone.is_empty() { UTC } else { &new.time_zone })?,
            },
        })
    }

    fn needed(&self, name: &str, duration: Option<prost_types::Duration>) -> Result<Span, Status> {
        let field = self.part(name);
        decode::present(&field, decode::span(&field, duration)?)
    }

    fn several<T>(
        &self,
        name: &str,
        (texts, most): (&[String], usize),
        parse: impl Fn(&str, &str) -> Result<T, Status>,
    ) -> Result<Vec<T>, Status> {
        let field = self.part(name);
        limited(&field, texts, most)?;
        texts.iter().map(|text| parse(&field, text)).collect()
    }
}

/// A person, as `users/{user}` by name.
fn person(field: &str, text: &str) -> Result<Username, Status> {
    match decode::name(field, text)? {
        UserRef::Name(name) => Ok(name),
        UserRef::Id(_) => Err(invalid(field, Reason::ArgumentInvalid, "say who by user name, as in `users/alice`")),
    }
}

/// Who reports: a person, or the name by which a token acts.
fn reporter(field: &str, text: &str) -> Result<Slug, Status> {
    if text.starts_with("users/") {
        return decode::name(field, person(field, text)?.as_str());
    }
    decode::name(field, text)
}
