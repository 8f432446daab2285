-- The projects that keep only some of the files that newer ones replaced: how many, their settings say. A run goes through their versions by
-- id: `version_id` is the one it has come to, 0 none yet, and `below` the path that it has come to in that one. `actor` asked for it.
create table cleanups (
    project_id bigint primary key references projects (id),
    next_run_at timestamptz not null,
    version_id bigint not null,
    below text collate "C",
    actor text not null
);
create index cleanups_due on cleanups (next_run_at);
