//! The macro that defines setters of option types.

/// Defines a setter for each of these fields, with the name of the field. With `=> Some` the field is optional.
///
/// Option types are `non_exhaustive`, because later releases may add fields. Callers set fields with these methods.
macro_rules! setters {
    ($options:ident { $($field:ident: $type:ty $(=> $wrap:path)?),+ $(,)? }) => {
        impl $options {
            $(
                #[doc = concat!("Sets the `", stringify!($field), "` field of [`", stringify!($options), "`].")]
                #[must_use]
                #[allow(unused_parens, reason = "an optional field is wrapped")]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $($wrap)?($field);
                    self
                }
            )+
        }
    };
}
pub(crate) use setters;
