//! The known markets of Aave V3.

use alloy_primitives::address;

use crate::types::address::Address;
use crate::types::integer::ChainId;

/// The contracts of a market on a chain.
#[derive(Debug)]
pub(super) struct KnownMarket {
    pub(super) chain: ChainId,
    pub(super) name: &'static str,
    /// The name for people.
    pub(super) title: &'static str,
    pub(super) provider: Address,
    pub(super) pool: Address,
    pub(super) configurator: Address,
    pub(super) oracle: Address,
    pub(super) first_block: Option<u64>,
}

/// The name for people of a known market.
pub(super) fn known_title(chain: ChainId, name: &str) -> Option<&'static str> {
    let known = KNOWN_MARKETS
        .iter()
        .find(|known| known.chain == chain && known.name == name)?;
    Some(known.title)
}

/// The known markets, by the name that commands give them: chain, name, name for people, addresses provider, first block,
/// and pool, configurator and oracle.
///
/// The first block of Ethereum's main market is that of the Python package. The others are the blocks in which Aave's
/// subgraph begins to look for markets; no source says one for those without.
// To add one: CONTRIBUTING.md, "An Aave market".
#[rustfmt::skip]
pub(super) static KNOWN_MARKETS: &[KnownMarket] = &[
    row(ChainId::ARBITRUM, "aave_v3", "Aave V3", address!("0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"), Some(7_736_400), [
        address!("0x794a61358D6845594F94dc1DB02A252b5b4814aD"),
        address!("0x8145eddDf43f50276641b55bd3AD95944510021E"),
        address!("0xb56c2F0B653B2e0b10C9b928C8580Ac5Df02C7C7")]),
    row(ChainId::AVALANCHE, "aave_v3", "Aave V3", address!("0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"), Some(11_970_000), [
        address!("0x794a61358D6845594F94dc1DB02A252b5b4814aD"),
        address!("0x8145eddDf43f50276641b55bd3AD95944510021E"),
        address!("0xEBd36016B3eD09D4693Ed4251c67Bd858c3c7C9C")]),
    row(ChainId::BASE, "aave_v3", "Aave V3", address!("0xe20fCBdBfFC4Dd138cE8b2E6FBb6CB49777ad64D"), Some(2_357_105), [
        address!("0xA238Dd80C259a72e81d7e4664a9801593F98d1c5"),
        address!("0x5731a04B1E775f0fdd454Bf70f3335886e9A96be"),
        address!("0x2Cc0Fc26eD4563A5ce5e8bdcfe1A2878676Ae156")]),
    row(ChainId::BNB, "aave_v3", "Aave V3", address!("0xff75B6da14FfbbfD355Daf7a2731456b3562Ba6D"), Some(33_571_624), [
        address!("0x6807dc923806fE8Fd134338EABCA509979a7e0cB"),
        address!("0x67bdF23C7fCE7C65fF7415Ba3F2520B45D6f9584"),
        address!("0x39bc1bfDa2130d6Bb6DBEfd366939b4c7aa7C697")]),
    row(ChainId::CELO, "aave_v3", "Aave V3", address!("0x9F7Cf9417D5251C59fE94fB9147feEe1aAd9Cea5"), Some(30_390_065), [
        address!("0x3E59A31363E2ad014dcbc521c4a0d5757d9f3402"),
        address!("0x7567E3434CC1BEf724AB595e6072367Ef4914691"),
        address!("0x1e693D088ceFD1E95ba4c4a5F7EeA41a1Ec37e8b")]),
    row(ChainId::ETHEREUM, "aave_v3", "Aave V3", address!("0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"), Some(16_291_071), [
        address!("0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2"),
        address!("0x64b761D848206f447Fe2dd461b0c635Ec39EbB27"),
        address!("0x54586bE62E3c3580375aE3723C145253060Ca0C2")]),
    row(ChainId::ETHEREUM, "aave_v3_etherfi", "Aave V3 EtherFi", address!("0xeBa440B438Ad808101d1c451C1C5322c90BEFCdA"), Some(20_625_517), [
        address!("0x0AA97c284e98396202b6A04024F5E2c65026F3c0"),
        address!("0x8438F4D29D895d75C86BDC25360c25eF0607E65d"),
        address!("0x43b64f28A678944E0655404B0B98E443851cC34F")]),
    row(ChainId::ETHEREUM, "aave_v3_horizon", "Aave V3 Horizon", address!("0x5D39E06b825C1F2B80bf2756a73e28eFAA128ba0"), None, [
        address!("0xAe05Cd22df81871bc7cC2a04BeCfb516bFe332C8"),
        address!("0x83Cb1B4af26EEf6463aC20AFbAC9c0e2E017202F"),
        address!("0x985BcfAB7e0f4EF2606CC5b64FC1A16311880442")]),
    row(ChainId::ETHEREUM, "aave_v3_lido", "Aave V3 Lido", address!("0xcfBf336fe147D643B9Cb705648500e101504B16d"), Some(20_262_370), [
        address!("0x4e033931ad43597d96D6bcc25c280717730B58B1"),
        address!("0x342631c6CeFC9cfbf97b2fe4aa242a236e1fd517"),
        address!("0xE3C061981870C0C7b1f3C4F4bB36B95f1F260BE6")]),
    row(ChainId::GNOSIS, "aave_v3", "Aave V3", address!("0x36616cf17557639614c1cdDb356b1B83fc0B2132"), Some(30_293_054), [
        address!("0xb50201558B00496A145fE76f7424749556E326D8"),
        address!("0x7304979ec9E4EaA0273b6A037a31c4e9e5A75D16"),
        address!("0xeb0a051be10228213BAEb449db63719d6742F7c4")]),
    row(ChainId::INK, "aave_v3_whitelabel", "Aave V3 Whitelabel", address!("0x4172E6aAEC070ACB31aaCE343A58c93E4C70f44D"), Some(19_954_027), [
        address!("0x2816cf15F6d2A220E789aA011D5EE4eB6c47FEbA"),
        address!("0x4f221e5c0B7103f7e3291E10097de6D9e3BfC02d"),
        address!("0x4758213271BFdC72224A7a8742dC865fC97756e1")]),
    row(ChainId::LINEA, "aave_v3", "Aave V3", address!("0x89502c3731F69DDC95B65753708A07F8Cd0373F4"), Some(12_430_823), [
        address!("0xc47b8C00b0f69a36fa203Ffeac0334874574a8Ac"),
        address!("0x812E7c19421D9f41A6DDCF047d5cc2dE2Ca5Bfa2"),
        address!("0xCFDAdA7DCd2e785cF706BaDBC2B8Af5084d595e9")]),
    row(ChainId::MANTLE, "aave_v3", "Aave V3", address!("0xba50Cd2A20f6DA35D788639E581bca8d0B5d4D5f"), None, [
        address!("0x458F293454fE0d67EC0655f3672301301DD51422"),
        address!("0x719755fC1ACf2f9079B0Cbc56e23712c09Ab8626"),
        address!("0x47a063CfDa980532267970d478EC340C0F80E8df")]),
    row(ChainId::MEGAETH, "aave_v3", "Aave V3", address!("0x46Dcd5F4600319b02649Fd76B55aA6c1035CA478"), Some(6_657_947), [
        address!("0x7e324AbC5De01d112AfC03a584966ff199741C28"),
        address!("0xF15D31Bc839A853C9068686043cEc6EC5995DAbB"),
        address!("0x421117D7319E96d831972b3F7e970bbfe29C4F21")]),
    row(ChainId::METIS, "aave_v3", "Aave V3", address!("0xB9FABd7500B2C6781c35Dd48d54f81fc2299D7AF"), None, [
        address!("0x90df02551bB792286e8D4f13E0e357b4Bf1D6a57"),
        address!("0x69FEE8F261E004453BE0800BC9039717528645A6"),
        address!("0x38D36e85E47eA6ff0d18B0adF12E5fC8984A6f8e")]),
    row(ChainId::MONAD, "aave_v3", "Aave V3", address!("0x34793Fb9935F7bB5E5aE920fb963F39063E7A615"), None, [
        address!("0x69a5F9AD4f96ebf0a0C792dD42a01cC5C0102fef"),
        address!("0xC7A386Da9cB528aa86feD862a7bf33d10AA8455B"),
        address!("0x0c02b2c2038066C10Eab8fe1D5Cdb73d5a78A1Bf")]),
    row(ChainId::OPTIMISM, "aave_v3", "Aave V3", address!("0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"), Some(4_364_782), [
        address!("0x794a61358D6845594F94dc1DB02A252b5b4814aD"),
        address!("0x8145eddDf43f50276641b55bd3AD95944510021E"),
        address!("0xD81eb3728a631871a7eBBaD631b5f424909f0c77")]),
    row(ChainId::PLASMA, "aave_v3", "Aave V3", address!("0x061D8e131F26512348ee5FA42e2DF1bA9d6505E9"), None, [
        address!("0x925a2A7214Ed92428B5b1B090F80b25700095e12"),
        address!("0xc022B6c71c30A8Ad52Dac504eFA132d13D99d2D9"),
        address!("0x33E0b3fc976DC9C516926BA48CfC0A9E10a2aAA5")]),
    row(ChainId::POLYGON, "aave_v3", "Aave V3", address!("0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"), Some(25_824_300), [
        address!("0x794a61358D6845594F94dc1DB02A252b5b4814aD"),
        address!("0x8145eddDf43f50276641b55bd3AD95944510021E"),
        address!("0xb023e699F5a33916Ea823A16485e259257cA8Bd1")]),
    row(ChainId::SCROLL, "aave_v3", "Aave V3", address!("0x69850D0B276776781C063771b161bd8894BCdD04"), Some(2_618_760), [
        address!("0x11fCfe756c05AD438e312a7fd934381537D3cFfe"),
        address!("0x32BCab42a2bb5AC577D24b425D46d8b8e0Df9b7f"),
        address!("0x04421D8C506E2fA2371a08EfAaBf791F624054F3")]),
    row(ChainId::SONEIUM, "aave_v3", "Aave V3", address!("0x82405D1a189bd6cE4667809C35B37fBE136A4c5B"), Some(7_004_628), [
        address!("0xDd3d7A7d03D9fD9ef45f3E587287922eF65CA38B"),
        address!("0x1607FCeEc8dEbA4d5Da66D620b2363066d025a02"),
        address!("0x20040a64612555042335926d72B4E5F667a67fA1")]),
    row(ChainId::SONIC, "aave_v3", "Aave V3", address!("0x5C2e738F6E27bCE0F7558051Bf90605dD6176900"), Some(7_986_569), [
        address!("0x5362dBb1e601abF3a4c14c22ffEdA64042E5eAA3"),
        address!("0x50c70FEB95aBC1A92FC30b9aCc41Bd349E5dE2f0"),
        address!("0xD63f7658C66B2934Bd234D79D06aEF5290734B30")]),
    row(ChainId::XLAYER, "aave_v3", "Aave V3", address!("0xdFf435BCcf782f11187D3a4454d96702eD78e092"), None, [
        address!("0xE3F3Caefdd7180F884c01E57f65Df979Af84f116"),
        address!("0x1408b48B6A610948f04813EA6b2F438A6BBAd2f2"),
        address!("0x91FC11136d5615575a0fC5981Ab5C0C54418E2C6")]),
    row(ChainId::ZKSYNC, "aave_v3", "Aave V3", address!("0x2A3948BB219D6B2Fa83D64100006391a96bE6cb7"), Some(43_708_946), [
        address!("0x78e30497a3c7527d953c6B1E3541b021A98Ac43c"),
        address!("0x0207d31b4377C74bEC37356aaD83E3dCc979F40E"),
        address!("0xC7F58Fca663a8d377B6D0c9703C697f56dC40088")]),
];

/// One row of the table. The last contracts are the pool, its configurator and the oracle.
const fn row(
    chain: ChainId,
    name: &'static str,
    title: &'static str,
    provider: alloy_primitives::Address,
    first_block: Option<u64>,
    [pool, configurator, oracle]: [alloy_primitives::Address; 3],
) -> KnownMarket {
    KnownMarket {
        chain,
        name,
        title,
        provider: Address::new(provider.0.0),
        pool: Address::new(pool.0.0),
        configurator: Address::new(configurator.0.0),
        oracle: Address::new(oracle.0.0),
        first_block,
    }
}
