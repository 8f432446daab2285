drop index versions_project_content;
drop table deployments;
drop table placements;
drop table promotion_items;
drop table promotions;
drop table stage_policies;
drop table stages;
