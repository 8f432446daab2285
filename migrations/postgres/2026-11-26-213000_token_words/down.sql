drop table replaced_secrets;
drop index tokens_kind;
alter table tokens drop column scope_names;
alter table tokens drop column username;
alter table tokens drop column description;
