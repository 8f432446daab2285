alter table cleanups
    drop constraint cleanups_project_id_fkey,
    add constraint cleanups_project_id_fkey foreign key (project_id) references projects (id);
