//! Fixed-point arithmetic: products and quotients in ray, and percentages.
//!
//! The contracts' libraries are `WadRayMath`, `TokenMath` and `PercentageMath`. A result of `None` is one for which they
//! revert, because a number exceeds 256 bits or a divisor is zero.

use alloy_primitives::U256 as Number;

use crate::types::decimal::U256;
use crate::types::integer::BasisPoints;

/// One ray: 10²⁷, the unit of indexes and rates.
pub const RAY: U256 = U256(Number::from_limbs([
    0x9fd0_803c_e800_0000,
    0x033b_2e3c,
    0,
    0,
]));

/// How a result that is not whole is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are no other ways to round")]
pub enum Rounding {
    /// To the nearest, halves up.
    HalfUp,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

/// `one × other ÷ ray`: an amount in units of the token, from a scaled amount and an index.
#[must_use]
pub fn ray_mul(one: U256, other: U256, rounding: Rounding) -> Option<U256> {
    divided(one.0.checked_mul(other.0)?, RAY.0, rounding)
}

/// `one × ray ÷ other`: a scaled amount, from an amount in units of the token and an index.
#[must_use]
pub fn ray_div(one: U256, other: U256, rounding: Rounding) -> Option<U256> {
    divided(one.0.checked_mul(RAY.0)?, other.0, rounding)
}

/// `percentage` of an amount, rounded half up.
#[must_use]
pub fn percent_mul(amount: U256, percentage: BasisPoints) -> Option<U256> {
    let product = amount.0.checked_mul(Number::from(percentage.get()))?;
    divided(product, Number::from(10_000), Rounding::HalfUp)
}

/// A quotient. The contracts add to the dividend before they divide, so a large one makes them revert.
pub(super) fn divided(dividend: Number, divisor: Number, rounding: Rounding) -> Option<U256> {
    if divisor.is_zero() {
        return None;
    }
    let quotient = match rounding {
        Rounding::HalfUp => dividend.checked_add(divisor >> 1)? / divisor,
        Rounding::Down => dividend / divisor,
        Rounding::Up => {
            let (quotient, remainder) = dividend.div_rem(divisor);
            if remainder.is_zero() {
                quotient
            } else {
                quotient.checked_add(Number::ONE)?
            }
        }
    };
    Some(U256(quotient))
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn big(number: U256) -> BigUint {
        BigUint::from_bytes_be(&number.0.to_be_bytes::<32>())
    }

    /// Numbers of all lengths.
    fn number() -> impl Strategy<Value = U256> {
        (any::<[u64; 4]>(), 0..=256_usize)
            .prop_map(|(limbs, bits)| U256(Number::from_limbs(limbs) >> (256 - bits).min(255)))
    }

    /// The nearest, lower or higher whole number, by the definition.
    fn is_rounded(dividend: &BigUint, divisor: &BigUint, found: &BigUint, how: Rounding) -> bool {
        let (low, high) = (found * divisor, (found + 1_u32) * divisor);
        match how {
            Rounding::Down => low <= *dividend && *dividend < high,
            Rounding::Up => {
                low >= *dividend
                    && (*found == BigUint::ZERO || (found - 1_u32) * divisor < *dividend)
            }
            // The contracts halve an odd divisor downwards, so there a half is rounded up as well.
            Rounding::HalfUp => {
                let half = divisor / 2_u32;
                let shifted = dividend + half;
                low <= shifted && shifted < high
            }
        }
    }

    proptest! {
        #[test]
        fn products_and_quotients_are_those_of_big_integers(one in number(), other in number()) {
            let ray = big(RAY);
            for how in [Rounding::HalfUp, Rounding::Down, Rounding::Up] {
                if let Some(found) = ray_mul(one, other, how) {
                    prop_assert!(is_rounded(&(big(one) * big(other)), &ray, &big(found), how));
                }
                if let Some(found) = ray_div(one, other, how) {
                    prop_assert!(is_rounded(&(big(one) * &ray), &big(other), &big(found), how));
                }
            }
        }

        #[test]
        fn what_fits_is_computed(one in 0..=u128::MAX, other in 1..=u128::MAX) {
            let [one, other] = [one, other].map(|number| U256(Number::from(number)));
            for how in [Rounding::HalfUp, Rounding::Down, Rounding::Up] {
                prop_assert!(ray_div(one, other, how).is_some());
            }
            prop_assert!(ray_mul(one, other, Rounding::Down).is_some());
        }

        #[test]
        fn percentages_are_those_of_big_integers(amount in number(), percentage in 0..=20_000_u32) {
            if let Some(found) = percent_mul(amount, BasisPoints::new(percentage).unwrap()) {
                let (product, whole) = (big(amount) * percentage, BigUint::from(10_000_u32));
                prop_assert!(is_rounded(&product, &whole, &big(found), Rounding::HalfUp));
            }
        }
    }

    #[test]
    fn halves_are_rounded_up_and_what_does_not_fit_has_no_result() {
        let number = |number: u128| U256(Number::from(number));
        let half = RAY.0 >> 1;
        let mul = |one, other| ray_mul(one, other, Rounding::HalfUp);
        assert_eq!(mul(number(1), U256(half)), Some(number(1)));
        assert_eq!(mul(number(1), U256(half - Number::ONE)), Some(number(0)));
        assert_eq!(mul(number(3), U256(half)), Some(number(2)));
        let most = Number::MAX;
        assert_eq!(mul(U256(most), number(1)), None);
        assert!(mul(U256(most - half), number(1)).is_some());
        assert_eq!(mul(U256(most), RAY), None);
    }

    #[test]
    fn a_ray_is_ten_to_the_27() {
        assert_eq!(RAY.to_string(), format!("1{}", "0".repeat(27)));
        assert_eq!(ray_div(RAY, U256(Number::ZERO), Rounding::Up), None);
    }
}
