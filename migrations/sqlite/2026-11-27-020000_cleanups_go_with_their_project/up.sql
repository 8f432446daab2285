-- A process of the release before purges projects and knows nothing of their cleanups: these go with them. A table is made anew, since SQLite
-- changes no foreign key.
create table cleanups_new (
    project_id integer primary key references projects (id) on delete cascade,
    next_run_at integer not null,
    version_id integer not null,
    below text,
    actor text not null
) strict;
insert into cleanups_new (project_id, next_run_at, version_id, below, actor)
select project_id, next_run_at, version_id, below, actor from cleanups;
drop table cleanups;
alter table cleanups_new rename to cleanups;
create index cleanups_due on cleanups (next_run_at);
