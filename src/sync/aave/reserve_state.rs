//! A reserve in memory, and what events make of it.

use std::collections::BTreeMap;

use diesel::sqlite::SqliteConnection;

use crate::aave::token_rules::{TokenKind, TokenRules, UnknownRevision};
use crate::models::aave::position_writer::Side;
use crate::models::aave::reserve::AaveV3Reserve;
use crate::models::access::row_error::RowError;
use crate::models::rows::aave_v3_asset::{AaveV3Asset, AaveV3AssetConfig, NewAaveV3AssetConfig};
use crate::models::rows::aave_v3_asset_facts::NewAaveV3AssetFacts;
use crate::models::rows::aave_v3_emode_asset::{AaveV3EModeAsset, NewAaveV3EModeAsset};
use crate::sync::aave::chain_values::{Bitmaps, ReserveValues};
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BasisPoints, EModeCategoryId, Revision};
use crate::types::kind::TransferAmount;

/// A reserve of a market. It may not be in the database yet; then its row has the id 0.
#[derive(Debug, Clone)]
pub(super) struct Reserve {
    pub(super) underlying: Address,
    pub(super) a_token: Address,
    pub(super) v_token: Address,
    pub(super) debt_kind: TokenKind,
    pub(super) asset: AaveV3Asset,
    pub(super) config: NewAaveV3AssetConfig,
    pub(super) facts: NewAaveV3AssetFacts,
    /// Whether the database has its facts, which the Python package does not store.
    pub(super) has_facts: bool,
    memberships: Vec<NewAaveV3EModeAsset>,
    rules: [TokenRules; 2],
    /// The token whose revision in the database is not known, if there is one. Its rules are not right then.
    pub(super) unknown: Option<(Address, UnknownRevision)>,
    /// All scaled debt. `None` while nobody has asked for it.
    pub(super) debt: Option<alloy_primitives::U256>,
    pub(super) unwritten: Unwritten,
}

/// What is not in the database yet.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each table")]
pub(super) struct Unwritten {
    pub(super) asset: bool,
    pub(super) config: bool,
    pub(super) facts: bool,
    pub(super) memberships: bool,
    /// Whether the positions are those of tokens that the reserve no longer has.
    pub(super) positions: bool,
    /// Whether the row has other tokens.
    pub(super) tokens: bool,
}

impl Unwritten {
    pub(super) const ALL: Self = Self {
        asset: true,
        config: true,
        facts: true,
        memberships: true,
        positions: false,
        tokens: false,
    };
}

/// What is known of the tokens of a reserve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens {
    pub(super) underlying: Address,
    pub(super) a_token: Address,
    pub(super) v_token: Address,
    pub(super) a_token_revision: Revision,
    pub(super) v_token_revision: Revision,
    pub(super) debt_kind: TokenKind,
}

/// Which flag of an asset in an e-mode category is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Collateral,
    Borrowable,
    LtvZero,
}

fn rules(
    tokens: &Tokens,
    transfer_amount: Option<TransferAmount>,
) -> Result<[TokenRules; 2], UnknownRevision> {
    let amount = transfer_amount.unwrap_or(TransferAmount::Scaled);
    Ok([
        TokenRules::new(TokenKind::AToken, tokens.a_token_revision, amount)?,
        TokenRules::new(tokens.debt_kind, tokens.v_token_revision, amount)?,
    ])
}

/// The rules of the first revisions, in place of unknown ones.
fn rules_of_first(debt_kind: TokenKind) -> [TokenRules; 2] {
    let amount = TransferAmount::Scaled;
    [
        TokenRules::first(TokenKind::AToken, amount),
        TokenRules::first(debt_kind, amount),
    ]
}

/// What the transfers of an aToken say, if its revision does.
fn transfer_amount_of(revision: Revision) -> Option<TransferAmount> {
    (revision.get() > 1).then_some(TransferAmount::Scaled)
}

impl Reserve {
    /// A reserve that was just listed. The ids of its tokens are filled in when it is written.
    pub(super) fn listed(market_id: i64, tokens: &Tokens) -> Result<Self, UnknownRevision> {
        let ray = crate::aave::ray_math::RAY;
        let transfer_amount = transfer_amount_of(tokens.a_token_revision);
        Ok(Self {
            underlying: tokens.underlying,
            a_token: tokens.a_token,
            v_token: tokens.v_token,
            debt_kind: tokens.debt_kind,
            asset: AaveV3Asset {
                id: 0,
                market_id,
                underlying_asset_id: 0,
                a_token_id: 0,
                a_token_revision: tokens.a_token_revision,
                v_token_id: 0,
                v_token_revision: tokens.v_token_revision,
                last_update_block: None,
                liquidity_index: ray,
                liquidity_rate: U256::default(),
                borrow_index: ray,
                borrow_rate: U256::default(),
                e_mode_category_id: None,
                price_source: None,
            },
            config: no_config(0),
            facts: NewAaveV3AssetFacts {
                asset_id: 0,
                last_update_time: None,
                transfer_amount,
            },
            has_facts: true,
            memberships: Vec::new(),
            rules: rules(tokens, transfer_amount)?,
            unknown: None,
            debt: Some(alloy_primitives::U256::ZERO),
            unwritten: Unwritten::ALL,
        })
    }

    /// A reserve of the database. Its revisions may be unknown.
    pub(super) fn stored(
        connection: &mut SqliteConnection,
        reserve: AaveV3Reserve,
        memberships: &[AaveV3EModeAsset],
        debt_kind: TokenKind,
    ) -> Result<Self, RowError> {
        let asset = reserve.asset;
        let facts = NewAaveV3AssetFacts::of_asset(connection, asset.id)?;
        let has_facts = facts.is_some();
        let facts = facts.unwrap_or(NewAaveV3AssetFacts {
            asset_id: asset.id,
            last_update_time: None,
            transfer_amount: transfer_amount_of(asset.a_token_revision),
        });
        let config = AaveV3AssetConfig::of_asset(connection, asset.id)?;
        let config = config.map_or_else(|| no_config(asset.id), |config| as_new(&config));
        let of_asset = memberships.iter().filter(|row| row.asset_id == asset.id);
        let tokens = Tokens {
            underlying: reserve.underlying.address,
            a_token: reserve.a_token.address,
            v_token: reserve.v_token.address,
            a_token_revision: asset.a_token_revision,
            v_token_revision: asset.v_token_revision,
            debt_kind,
        };
        let (rules, unknown) = match rules(&tokens, facts.transfer_amount) {
            Ok(rules) => (rules, None),
            Err(unknown) => {
                let token = match unknown.kind {
                    TokenKind::AToken => tokens.a_token,
                    TokenKind::VariableDebt | TokenKind::GhoDebt => tokens.v_token,
                };
                (rules_of_first(debt_kind), Some((token, unknown)))
            }
        };
        Ok(Self {
            underlying: tokens.underlying,
            a_token: tokens.a_token,
            v_token: tokens.v_token,
            debt_kind,
            config,
            facts,
            has_facts,
            memberships: of_asset
                .map(|row| NewAaveV3EModeAsset {
                    asset_id: row.asset_id,
                    category_id: row.category_id,
                    is_collateral: row.is_collateral,
                    is_borrowable: row.is_borrowable,
                    is_ltv_zero: row.is_ltv_zero,
                })
                .collect(),
            rules,
            unknown,
            debt: None,
            unwritten: Unwritten::default(),
            asset,
        })
    }

    /// Forgets what only this program stores. What the transfers of revision 1 say shows again with the next one.
    pub(super) fn forget_facts(&mut self) {
        self.facts.last_update_time = None;
        self.facts.transfer_amount = transfer_amount_of(self.asset.a_token_revision);
    }

    /// The reserve is listed again, with other tokens.
    pub(super) fn relisted(&mut self, tokens: &Tokens) -> Result<(), UnknownRevision> {
        let before = self.asset.clone();
        let listed = Self::listed(before.market_id, tokens)?;
        *self = Self {
            asset: AaveV3Asset {
                id: before.id,
                underlying_asset_id: before.underlying_asset_id,
                price_source: before.price_source,
                ..listed.asset
            },
            unwritten: Unwritten {
                positions: true,
                ..Unwritten::ALL
            },
            ..listed
        };
        self.number();
        Ok(())
    }

    /// Gives all rows the asset's id.
    pub(super) fn number(&mut self) {
        let asset_id = self.asset.id;
        self.config.asset_id = asset_id;
        self.facts.asset_id = asset_id;
        for membership in &mut self.memberships {
            membership.asset_id = asset_id;
        }
    }

    /// Forgets the configuration, as the contracts do when the reserve is dropped.
    pub(super) fn drop_configuration(&mut self) {
        self.config = no_config(self.asset.id);
        self.memberships.clear();
        self.asset.e_mode_category_id = None;
        self.unwritten.config = true;
        self.unwritten.memberships = true;
        self.unwritten.asset = true;
    }

    /// The rules of one of its tokens.
    pub(super) const fn rules(&self, side: Side) -> &TokenRules {
        let [collateral, debt] = &self.rules;
        match side {
            Side::Collateral => collateral,
            Side::Debt => debt,
        }
    }

    /// A token has another implementation.
    pub(super) fn upgrade(
        &mut self,
        side: Side,
        revision: Revision,
    ) -> Result<(), UnknownRevision> {
        match side {
            Side::Collateral => {
                self.asset.a_token_revision = revision;
                self.facts.transfer_amount = transfer_amount_of(revision);
                self.unwritten.facts = true;
            }
            Side::Debt => self.asset.v_token_revision = revision,
        }
        self.unwritten.asset = true;
        self.refresh_rules()
    }

    /// It is known what the transfers of the aToken say.
    pub(super) fn set_transfer_amount(
        &mut self,
        amount: TransferAmount,
    ) -> Result<(), UnknownRevision> {
        self.facts.transfer_amount = Some(amount);
        self.unwritten.facts = true;
        self.refresh_rules()
    }

    fn refresh_rules(&mut self) -> Result<(), UnknownRevision> {
        let tokens = Tokens {
            underlying: self.underlying,
            a_token: self.a_token,
            v_token: self.v_token,
            a_token_revision: self.asset.a_token_revision,
            v_token_revision: self.asset.v_token_revision,
            debt_kind: self.debt_kind,
        };
        self.rules = rules(&tokens, self.facts.transfer_amount)?;
        self.unknown = None;
        Ok(())
    }

    /// The asset is in one category only, or in none: before Aave 3.2.
    pub(super) fn set_only_category(&mut self, category: EModeCategoryId) {
        self.memberships.clear();
        if category.get() != 0 {
            self.memberships.push(NewAaveV3EModeAsset {
                asset_id: self.asset.id,
                category_id: category,
                is_collateral: true,
                is_borrowable: true,
                is_ltv_zero: false,
            });
        }
        self.choose_category((category.get() != 0).then_some(category));
    }

    /// The asset is in a category from now on, or no longer: since Aave 3.2.
    pub(super) fn set_membership(
        &mut self,
        category: EModeCategoryId,
        which: Membership,
        is_set: bool,
    ) {
        let asset_id = self.asset.id;
        let found = self
            .memberships
            .iter()
            .position(|membership| membership.category_id == category);
        let index = found.unwrap_or(self.memberships.len());
        if found.is_none() {
            self.memberships.push(NewAaveV3EModeAsset {
                asset_id,
                category_id: category,
                is_collateral: false,
                is_borrowable: false,
                is_ltv_zero: false,
            });
        }
        if let Some(membership) = self.memberships.get_mut(index) {
            let flag = match which {
                Membership::Collateral => &mut membership.is_collateral,
                Membership::Borrowable => &mut membership.is_borrowable,
                Membership::LtvZero => &mut membership.is_ltv_zero,
            };
            *flag = is_set;
        }
        self.memberships.retain(|membership| {
            membership.is_collateral || membership.is_borrowable || membership.is_ltv_zero
        });
        let preferred = (which == Membership::Collateral && is_set).then_some(category);
        self.choose_category(preferred.or(self.config.e_mode_category_id));
    }

    /// The columns of the Python package hold one category: the last one in which the asset became collateral, as long as it
    /// is in it.
    fn choose_category(&mut self, preferred: Option<EModeCategoryId>) {
        let mut as_collateral = self.memberships.iter().filter(|it| it.is_collateral);
        let is_in = |category: &EModeCategoryId| {
            as_collateral.clone().any(|it| it.category_id == *category)
        };
        let chosen = preferred
            .filter(is_in)
            .or_else(|| as_collateral.next().map(|it| it.category_id));
        self.config.e_mode_category_id = chosen;
        self.unwritten.config = true;
        self.unwritten.memberships = true;
        self.unwritten.asset = true;
    }

    /// Makes the rows what the contracts say.
    pub(super) fn correct(
        &mut self,
        values: &ReserveValues,
        bitmaps: &BTreeMap<EModeCategoryId, Bitmaps>,
        has_bitmaps: bool,
    ) -> Result<(), UnknownRevision> {
        (self.a_token, self.v_token) = (values.a_token, values.v_token);
        let asset = &mut self.asset;
        asset.liquidity_index = values.liquidity_index;
        asset.liquidity_rate = values.liquidity_rate;
        asset.borrow_index = values.borrow_index;
        asset.borrow_rate = values.borrow_rate;
        asset.price_source = values.price_source;
        asset.v_token_revision = values.v_token_revision;
        if asset.a_token_revision != values.a_token_revision {
            asset.a_token_revision = values.a_token_revision;
            self.facts.transfer_amount = transfer_amount_of(values.a_token_revision);
        }
        self.facts.last_update_time = Some(values.last_update_time);
        self.correct_config(values, bitmaps, has_bitmaps);
        self.refresh_rules()
    }

    /// Makes the configuration and the memberships what the contracts say.
    pub(super) fn correct_config(
        &mut self,
        values: &ReserveValues,
        bitmaps: &BTreeMap<EModeCategoryId, Bitmaps>,
        has_bitmaps: bool,
    ) {
        // Sixteen bits always fit.
        let ratio = |first| {
            let bits = u32::try_from(values.bits(first, 16)).unwrap_or_default();
            BasisPoints::new(bits).unwrap_or(BasisPoints::ZERO)
        };
        let ceiling = U256(alloy_primitives::U256::from(values.bits(212, 40)));
        let config = &mut self.config;
        config.ltv = ratio(0);
        config.liquidation_threshold = ratio(16);
        config.liquidation_bonus = ratio(32);
        config.borrowing_enabled = values.bit(58);
        config.stable_borrowing_enabled = values.bit(59);
        config.borrowable_in_isolation = values.bit(61);
        config.flash_loan_enabled = values.bit(63);
        config.isolation_mode = ceiling != U256::default();
        if config.debt_ceiling.unwrap_or_default() != ceiling {
            config.debt_ceiling = Some(ceiling);
        }
        let asset_id = self.asset.id;
        let membership = |category_id, is_collateral, is_borrowable, is_ltv_zero| {
            let is_in = is_collateral || is_borrowable || is_ltv_zero;
            is_in.then_some(NewAaveV3EModeAsset {
                asset_id,
                category_id,
                is_collateral,
                is_borrowable,
                is_ltv_zero,
            })
        };
        let memberships: Vec<_> = if has_bitmaps {
            let bit = |bitmap: &alloy_primitives::U256| bitmap.bit(values.number);
            let of_category = |(number, it): (&EModeCategoryId, &Bitmaps)| {
                let bits = (bit(&it.collateral), bit(&it.borrowable), bit(&it.ltv_zero));
                membership(*number, bits.0, bits.1, bits.2)
            };
            bitmaps.iter().filter_map(of_category).collect()
        } else {
            let number = u8::try_from(values.bits(168, 8)).unwrap_or_default();
            let number = EModeCategoryId::new(number).unwrap_or(EModeCategoryId::NONE);
            let is_in = number != EModeCategoryId::NONE;
            membership(number, is_in, is_in, false)
                .into_iter()
                .collect()
        };
        let is_like = |other: &NewAaveV3EModeAsset| self.memberships.contains(other);
        if memberships.len() != self.memberships.len() || !memberships.iter().all(is_like) {
            self.memberships = memberships;
        }
        let preferred = self.config.e_mode_category_id;
        self.choose_category(preferred);
    }

    /// Which rows are others than before.
    pub(super) fn changes_since(&self, before: &Self) -> Unwritten {
        let category = self.config.e_mode_category_id;
        let tokens = (self.a_token, self.v_token) != (before.a_token, before.v_token);
        Unwritten {
            tokens,
            asset: tokens
                || self.asset != before.asset
                || category != before.config.e_mode_category_id,
            config: self.config != before.config,
            facts: self.facts != before.facts,
            memberships: self.memberships != before.memberships,
            positions: false,
        }
    }

    /// Whether it has the configuration that a reserve is left with when it is dropped.
    pub(super) fn is_dropped(&self) -> bool {
        let empty = no_config(self.asset.id);
        let config = NewAaveV3AssetConfig {
            debt_ceiling: self.config.debt_ceiling.filter(|it| *it != U256::default()),
            ..self.config.clone()
        };
        config == empty
    }

    /// The e-mode categories that it is in.
    pub(super) fn memberships(&self) -> &[NewAaveV3EModeAsset] {
        &self.memberships
    }
}

/// The configuration of a reserve that nothing was said of.
const fn no_config(asset_id: i64) -> NewAaveV3AssetConfig {
    NewAaveV3AssetConfig {
        asset_id,
        ltv: BasisPoints::ZERO,
        liquidation_threshold: BasisPoints::ZERO,
        liquidation_bonus: BasisPoints::ZERO,
        e_mode_category_id: None,
        borrowing_enabled: false,
        stable_borrowing_enabled: false,
        flash_loan_enabled: false,
        isolation_mode: false,
        debt_ceiling: None,
        borrowable_in_isolation: false,
    }
}

const fn as_new(config: &AaveV3AssetConfig) -> NewAaveV3AssetConfig {
    NewAaveV3AssetConfig {
        asset_id: config.asset_id,
        ltv: config.ltv,
        liquidation_threshold: config.liquidation_threshold,
        liquidation_bonus: config.liquidation_bonus,
        e_mode_category_id: config.e_mode_category_id,
        borrowing_enabled: config.borrowing_enabled,
        stable_borrowing_enabled: config.stable_borrowing_enabled,
        flash_loan_enabled: config.flash_loan_enabled,
        isolation_mode: config.isolation_mode,
        debt_ceiling: config.debt_ceiling,
        borrowable_in_isolation: config.borrowable_in_isolation,
    }
}
