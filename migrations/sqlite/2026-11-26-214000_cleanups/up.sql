-- The projects that keep only some of the files that newer ones replaced: how many, their settings say. A run goes through their versions by
-- id: `version_id` is the one it has come to, 0 none yet, and `below` the path that it has come to in that one. `actor` asked for it.
create table cleanups (
    project_id integer primary key references projects (id),
    next_run_at integer not null,
    version_id integer not null,
    below text,
    actor text not null
) strict;
create index cleanups_due on cleanups (next_run_at);
