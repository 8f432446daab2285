-- What happened, for those who watch: written by the change that it tells of, and kept for 30 days. A change may be several events, its parts.
-- `position` is the number of the transaction: once no transaction below a number is under way, all events below it are there.
create table events (
    position bigint not null default (pg_current_xact_id()::text::bigint),
    project_id bigint not null,
    sequence bigint not null,
    part integer not null,
    type text collate "C" not null,
    subject text collate "C" not null,
    actor text collate "C" not null,
    time timestamptz not null,
    data text not null,
    request_id text not null,
    primary key (project_id, sequence, part)
);
create index events_position on events (position, project_id, sequence, part);

-- The place of the last event that is no longer kept, of each project that had one; of project 0 that of all projects.
create table event_floors (
    project_id bigint primary key,
    position bigint not null,
    of_project bigint not null,
    sequence bigint not null,
    part integer not null
);
