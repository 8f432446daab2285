//! Where mutations begin. They are made one after the other, in the order in which they stand.

use async_graphql::{Context, Object};

use super::cleanup::{self, UpdatePackagesCleanupPolicyInput, UpdatePackagesCleanupPolicyPayload};
use super::limits;
use super::refusal::Result;
use super::removal::{
    self, DestroyPackageFileInput, DestroyPackageFilePayload, DestroyPackageFilesInput, DestroyPackageFilesPayload, DestroyPackageInput,
    DestroyPackagePayload, DestroyPackagesInput, DestroyPackagesPayload,
};
use super::session::Session;
use super::settings::{self, UpdateNamespacePackageSettingsInput, UpdateNamespacePackageSettingsPayload};

/// What can be changed.
pub(super) struct Mutation;

#[Object]
impl Mutation {
    /// Changes how a namespace keeps packages.
    #[graphql(complexity = "2 * limits::QUESTION + child_complexity")]
    async fn update_namespace_package_settings(
        &self,
        context: &Context<'_>,
        input: UpdateNamespacePackageSettingsInput,
    ) -> Result<UpdateNamespacePackageSettingsPayload> {
        settings::update(Session::of(context), input).await
    }

    /// Changes how many files of one name the packages of a project keep.
    #[graphql(complexity = "2 * limits::QUESTION + child_complexity")]
    async fn update_packages_cleanup_policy(
        &self,
        context: &Context<'_>,
        input: UpdatePackagesCleanupPolicyInput,
    ) -> Result<UpdatePackagesCleanupPolicyPayload> {
        cleanup::update(Session::of(context), input).await
    }

    /// Removes a package.
    #[graphql(complexity = "limits::removal(1, child_complexity)")]
    async fn destroy_package(&self, context: &Context<'_>, input: DestroyPackageInput) -> Result<DestroyPackagePayload> {
        let errors = removal::packages(Session::of(context), &[input.id]).await?;
        Ok(DestroyPackagePayload { errors, client_mutation_id: input.client_mutation_id })
    }

    /// Removes packages, of whichever projects.
    #[graphql(complexity = "limits::removal(input.ids.len(), child_complexity)")]
    async fn destroy_packages(&self, context: &Context<'_>, input: DestroyPackagesInput) -> Result<DestroyPackagesPayload> {
        let errors = removal::packages(Session::of(context), &input.ids).await?;
        Ok(DestroyPackagesPayload { errors, client_mutation_id: input.client_mutation_id })
    }

    /// Removes a file.
    #[graphql(complexity = "limits::removal(1, child_complexity)")]
    async fn destroy_package_file(&self, context: &Context<'_>, input: DestroyPackageFileInput) -> Result<DestroyPackageFilePayload> {
        let errors = removal::files(Session::of(context), &[input.id], None).await?;
        Ok(DestroyPackageFilePayload { errors, client_mutation_id: input.client_mutation_id })
    }

    /// Removes files of a project.
    #[graphql(complexity = "limits::removal(input.ids.len(), child_complexity)")]
    async fn destroy_package_files(&self, context: &Context<'_>, input: DestroyPackageFilesInput) -> Result<DestroyPackageFilesPayload> {
        let errors = removal::files(Session::of(context), &input.ids, Some(&input.project_path)).await?;
        Ok(DestroyPackageFilesPayload { errors, client_mutation_id: input.client_mutation_id })
    }
}
