-- What a project says of its releases: by tags of its source code, which Consign does not keep. `links` are JSON.
create table releases (
    id bigint generated always as identity primary key,
    project_id bigint not null references projects (id),
    tag text collate "C" not null,
    display_name text not null,
    description text not null,
    links text not null,
    last_link bigint not null,
    creator text not null,
    revision bigint not null,
    released_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (project_id, tag)
);
create index releases_time on releases (project_id, released_at, id);
