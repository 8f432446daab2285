-- What happened, for those who watch: written by the change that it tells of, and kept for 30 days. A change may be several events, its parts.
-- `position` rises in the order in which changes were committed, over all projects.
create table events (
    position integer primary key autoincrement,
    project_id integer not null,
    sequence integer not null,
    part integer not null,
    type text not null,
    subject text not null,
    actor text not null,
    time integer not null,
    data text not null,
    request_id text not null,
    unique (project_id, sequence, part)
) strict;

-- The place of the last event that is no longer kept, of each project that had one; of project 0 that of all projects.
create table event_floors (
    project_id integer primary key,
    position integer not null,
    of_project integer not null,
    sequence integer not null,
    part integer not null
) strict;
