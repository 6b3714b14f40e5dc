//! Errors that are documented where they are defined.
//!
//! One entry of [`documented_errors!`] is all there is to an error: its documentation, its fields with the values of
//! an example, its text, the next step, and when it occurs. `docs/errors.md` is made of these entries, so an error
//! without one of these parts does not compile.

/// A chapter of `docs/errors.md`.
#[cfg(all(test, feature = "cli"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chapter {
    FindingTheDatabase,
    NotADegenbotDatabase,
    FileAndDisk,
    OtherPrograms,
    Backups,
    UpgradesAndDowngrades,
    Rows,
    Exchanges,
    ConfigFile,
    QuestionsAndAnswers,
    ShouldNotHappen,
    /// Documented by what the error carries, which is an error of its own.
    Inner,
}

/// An example of an error, and where it stands in `docs/errors.md`.
#[cfg(all(test, feature = "cli"))]
#[derive(Debug)]
pub(crate) struct Documented<E> {
    /// The name of the variant.
    pub(crate) name: &'static str,
    pub(crate) example: E,
    pub(crate) chapter: Chapter,
    /// When the error occurs.
    pub(crate) when: &'static str,
}

/// Defines an enum of errors. The name in parentheses is that of the path that an error is about, for texts and hints.
macro_rules! documented_errors {
    (
        $(#[$enum_meta:meta])*
        $vis:vis enum $name:ident($path:ident) {
            $(
                $(#[$meta:meta])*
                $variant:ident $({
                    $( $(#[$field_meta:meta])* $field:ident: $type:ty = $example:expr, )*
                })?
                in $chapter:ident;
                text $text:expr;
                hint $hint:expr;
                $( cause($source:ident) $cause:expr; )?
                when $when:expr;
            )+
        }
    ) => {
        $(#[$enum_meta])*
        $vis enum $name {
            $(
                $(#[$meta])*
                $variant $({ $( $(#[$field_meta])* $field: $type, )* })?,
            )+
        }

        impl $name {
            /// What failed, and why.
            #[allow(unused_variables, reason = "not every text has every field")]
            fn text(&self, $path: &dyn std::fmt::Display) -> String {
                match self {
                    $( Self::$variant $({ $($field),* })? => $text.to_string(), )+
                }
            }

            /// What to do next.
            #[allow(unused_variables, reason = "not every hint has every field")]
            fn next_step(&self, $path: &dyn std::fmt::Display) -> String {
                match self {
                    $( Self::$variant $({ $($field),* })? => $hint.to_string(), )+
                }
            }

            /// The error of something else that caused this one.
            #[allow(dead_code, unused_variables, reason = "few errors have a cause")]
            fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
                match self {
                    $(
                        $( Self::$variant { source: $source, .. } => $cause, )?
                    )+
                    #[allow(unreachable_patterns, reason = "none is left where every error has one")]
                    _ => None,
                }
            }

            /// An example of each error.
            #[cfg(all(test, feature = "cli"))]
            pub(crate) fn documented() -> Vec<$crate::documented_errors::Documented<Self>> {
                vec![
                    $( $crate::documented_errors::Documented {
                        name: stringify!($variant),
                        example: Self::$variant $({ $( $field: $example, )* })?,
                        chapter: $crate::documented_errors::Chapter::$chapter,
                        when: $when,
                    }, )+
                ]
            }
        }
    };
}
pub(crate) use documented_errors;
