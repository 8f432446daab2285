alter table trust_rules drop column stage_globs;
alter table tokens drop column stage_globs;
