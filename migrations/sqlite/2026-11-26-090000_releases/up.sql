-- What a project says of its releases: by tags of its source code, which Consign does not keep. `links` are JSON.
create table releases (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    tag text not null,
    display_name text not null,
    description text not null,
    links text not null,
    last_link integer not null,
    creator text not null,
    revision integer not null,
    released_at integer not null,
    created_at integer not null,
    updated_at integer not null,
    unique (project_id, tag)
) strict;
create index releases_time on releases (project_id, released_at, id);
