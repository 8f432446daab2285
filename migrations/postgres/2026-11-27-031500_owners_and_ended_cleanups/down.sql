drop index cleanups_due;
delete from cleanups where version_id < 0;
create index cleanups_due on cleanups (next_run_at);
