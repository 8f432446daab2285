//! Names of what is known by its number in a project.

macro_rules! numbered_ref {
    ($(#[$doc:meta])* $name:ident, $collection:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            /// The project.
            pub project: $crate::resource::ProjectRef,
            /// Its id.
            pub id: i64,
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!("{}/", $collection, "/{}"), self.project, self.id)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::resource::ParseResourceError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let shape = $crate::resource::ParseResourceError::Shape(concat!("projects/{project}/", $collection, "/{id}"));
                let Some(["projects", project, $collection, id]) = $crate::resource::segments(text) else {
                    return Err(shape);
                };
                let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
                let id = id.parse().ok().filter(|_| is_number).ok_or(shape)?;
                Ok(Self { project: $crate::resource::ProjectRef::from_segment(project)?, id })
            }
        }
    };
}
pub(super) use numbered_ref;
