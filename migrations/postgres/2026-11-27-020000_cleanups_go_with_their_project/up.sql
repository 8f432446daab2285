-- A process of the release before purges projects and knows nothing of their cleanups: these go with them.
alter table cleanups
    drop constraint cleanups_project_id_fkey,
    add constraint cleanups_project_id_fkey foreign key (project_id) references projects (id) on delete cascade;
