//! Setters of options, which may get more fields.

/// Gives a type of options a setter for each of these fields, called like the field. With `=> Some` the field is
/// optional.
macro_rules! setters {
    ($options:ident { $($field:ident: $type:ty $(=> $wrap:path)?),+ $(,)? }) => {
        impl $options {
            $(
                #[doc = concat!("Sets the field of this name of [`", stringify!($options), "`].")]
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
