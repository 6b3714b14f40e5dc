//! The macro that defines an enum of errors together with their documentation.
//!
//! An entry of [`documented_errors!`] has everything about one error: its documentation, its fields with example
//! values, its text, its hint, and when it occurs. An entry that lacks a part does not compile. `docs/errors.md` is
//! generated from these entries.

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
    OwnObjects,
    Rows,
    Exchanges,
    Markets,
    ConfigFile,
    Nodes,
    QuestionsAndAnswers,
    Commands,
    ShouldNotHappen,
    /// None: the error wraps another documented error, which has the chapter.
    Inner,
}

/// An error's entry in `docs/errors.md`.
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

/// Defines an enum of errors. The name in parentheses is the variable that holds the path in texts and hints.
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
            /// The message: what failed, and why.
            #[allow(unused_variables, reason = "not every text has every field")]
            fn text(&self, $path: &dyn std::fmt::Display) -> String {
                match self {
                    $( Self::$variant $({ $($field),* })? => $text.to_string(), )+
                }
            }

            /// The hint: what to do next.
            #[allow(unused_variables, reason = "not every hint has every field")]
            fn next_step(&self, $path: &dyn std::fmt::Display) -> String {
                match self {
                    $( Self::$variant $({ $($field),* })? => $hint.to_string(), )+
                }
            }

            /// The underlying error.
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

            /// The entries of `docs/errors.md`.
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
