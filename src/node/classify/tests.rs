//! The texts of nodes and providers.

use proptest::prelude::*;

use super::*;

/// The refused range has 1,000,000 blocks.
const LOGS: Asked = Asked {
    blocks: Some(1_000_000),
    calls: 3,
};
const CALL: Asked = Asked {
    blocks: None,
    calls: 1,
};
const CALLS: Asked = Asked {
    blocks: None,
    calls: 100,
};

fn class(status: u16, code: i64, message: &str, data: Option<&str>, asked: Asked) -> Class {
    let error = ErrorParts {
        code: (code != 0).then_some(code),
        message: message.to_owned(),
        data: data.map(str::to_owned),
    };
    classify(status, &error, asked)
}

const fn wide(limit: u64) -> Class {
    Class::RangeTooWide { limit: Some(limit) }
}

const WIDE: Class = Class::RangeTooWide { limit: None };
const MUCH: Class = Class::TooMuch { offered: None };
const RATE: Class = Class::Rate { wait: None };

const fn offered(from: u64, to: u64) -> Class {
    Class::TooMuch {
        offered: Some((from, to)),
    }
}

/// Who says it, the HTTP status, the code, the text, and what it means for logs.
#[rustfmt::skip]
const TEXTS: &[(&str, u16, i64, &str, Class)] = &[
    ("Alchemy", 200, -32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: [0x0, 0xd043b8]", offered(0, 0xd0_43b8)),
    ("Alchemy", 400, -32600, "You can make eth_getLogs requests with up to a 10000 block range.", wide(10_000)),
    ("Alchemy, free", 400, -32600, "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your parameters, this block range should work: [0x1, 0xa]. Upgrade to PAYG for expanded block range.", offered(1, 10)),
    ("Alchemy", 200, -32000, "Query timeout exceeded. Consider reducing your block range. Based on your parameters and our log response size limits, this block range should work: [0x10, 0x20]", offered(16, 32)),
    ("Alchemy", 429, 429, "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can safely ignore this message.", RATE),
    ("Infura", 200, -32005, "query returned more than 10000 results. Try with this block range [0x119B, 0x11A0].", offered(0x119b, 0x11a0)),
    ("Infura", 200, -32005, "query returned more than 10000 results", MUCH),
    ("Infura", 200, -32005, "query timeout exceeded", MUCH),
    ("Infura", 200, -32602, "range 1000000 exceeds limit of 10000", wide(10_000)),
    ("Infura, distance", 200, -32602, "range 999999 exceeds limit of 10000", wide(10_000)),
    ("Infura", 429, -32005, "project ID request rate exceeded", RATE),
    ("Infura", 429, -32005, "daily request count exceeded, request rate limited", RATE),
    ("QuickNode", 413, -32614, "eth_getLogs is limited to a 10,000 range", wide(10_000)),
    ("QuickNode", 413, -32614, "eth_getLogs is limited to a 5 range", wide(5)),
    ("QuickNode", 429, -32007, "50/second request limit reached - reduce calls per second or upgrade your account at quicknode.com", RATE),
    ("reth", 200, -32602, "query exceeds max results 20000, retry with the range 23000000-23000123", offered(23_000_000, 23_000_123)),
    ("reth", 200, -32602, "query exceeds max block range 100000", wide(100_000)),
    ("erigon", 200, -32602, "query block range exceeds server limit, narrow your filter: 1000", wide(1000)),
    ("erigon", 200, -32602, "query returns too many logs, narrow your filter: 20000", MUCH),
    ("geth", 200, -32602, "exceed maximum block range: 5000", wide(5000)),
    ("geth", 200, 4444, "pruned history unavailable", Class::Pruned),
    ("geth", 200, -32602, "block range extends beyond current head block", Class::Behind),
    ("geth", 200, -32602, "invalid block range params", Class::Behind),
    ("geth", 200, -32002, "request timed out", MUCH),
    ("geth", 200, -32003, "response too large", MUCH),
    ("geth", 200, -32000, "header not found", Class::Behind),
    ("geth", 200, -32000, "unknown block", Class::Behind),
    ("geth", 200, -32601, "the method eth_getLogs does not exist/is not available", Class::Refused),
    ("nethermind", 200, 4444, "No state available for block 0x1", Class::Pruned),
    ("nethermind", 200, -32000, "Unable to find block 25000000", Class::Behind),
    ("besu", 200, -32005, "Requested range exceeds maximum RPC range limit", WIDE),
    ("anvil", 200, -32602, "BlockOutOfRangeError: block height is 26000152 but requested was 26000200", Class::Behind),
    ("publicnode", 200, -32701, "exceed maximum block range: 50000", wide(50_000)),
    ("publicnode", 200, -32701, "Please specify an address in your request or, to remove restrictions, order a dedicated full node", WIDE),
    ("Ankr", 200, -32600, "block range is too wide", WIDE),
    ("blockpi", 200, -32602, "eth_getLogs is limited to 1024 block range. Please check the parameter requirements", wide(1024)),
    ("1rpc", 200, -32000, "eth_getLogs is limited to 0 - 1000 blocks range", wide(1000)),
    ("merkle", 200, -32602, "block range exceeds maximum: limited to 1000 block", wide(1000)),
    ("drpc", 400, 35, "ranges over 10000 blocks are not supported on freetier", wide(10_000)),
    ("tenderly", 200, -32603, "range is too large, max is 1k blocks", wide(1000)),
    ("cloudflare", 200, -32047, "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800", wide(800)),
    ("hyperliquid", 200, -32602, "query exceeds max block range 1000", wide(1000)),
    ("zkevm", 200, -32000, "logs are limited to a 10000 block range", wide(10_000)),
    ("blast", 200, -32000, "logs matched by query exceeds limit of 10000", MUCH),
    ("base", 200, -32020, "backend response too large", MUCH),
    ("optimism", 200, -32000, "block range greater than 2000 max", wide(2000)),
    ("BSC", 200, -32005, "limit exceeded", MUCH),
    ("chainstack", 200, -32000, "Block range limit exceeded. See more details at https://docs.example.com/docs/limits", WIDE),
    ("avalanche", 200, -32000, "requested from block 1 to block 9999 which exceeds maximum of 2048 blocks", wide(2048)),
    ("avalanche", 200, -32000, "requested to block 5 after last accepted block 4", Class::Behind),
    ("thirdweb", 200, -32005, "Maximum allowed number of requested blocks is 1000", MUCH),
    ("polygon", 200, -32000, "missing trie node 1b2c (path ) state 0x1 is not available", Class::Pruned),
    ("some", 200, -32000, "project is suspended", Class::Refused),
    ("some", 200, -32603, "internal error", Class::Transient),
    ("some", 200, -32000, "upstream connect error", Class::Transient),
    ("some", 503, 0, "Service Unavailable", Class::Transient),
    ("some", 401, 0, "Must be authenticated!", Class::Refused),
    ("some", 200, -32600, "batch size exceeds limit of 2", Class::Batch),
    ("some", 200, -32600, "batch requests are not supported", Class::Batch),
];

#[test]
fn texts_of_providers_are_understood() {
    for (who, status, code, message, class_of_logs) in TEXTS {
        let found = class(*status, *code, message, None, LOGS);
        assert_eq!(found, *class_of_logs, "{who}: {message}");
    }
}

#[test]
fn other_methods_have_no_ranges() {
    for (status, code, message, asked, expected) in [
        (200, -32005, "limit exceeded", CALL, RATE),
        (200, -32000, "request timed out", CALL, Class::Transient),
        (200, -32003, "response too large", CALLS, Class::Batch),
        (200, -32000, "header not found", CALL, Class::Behind),
        (200, -32000, "missing trie node 00", CALLS, Class::Pruned),
        (
            200,
            -32000,
            "historical state 0x1 is not available",
            CALL,
            Class::Pruned,
        ),
        (
            200,
            -32600,
            "Batch of more than 20 requests are not allowed",
            CALLS,
            Class::Batch,
        ),
        (200, -32601, "Method not found", CALL, Class::Refused),
    ] {
        assert_eq!(
            class(status, code, message, None, asked),
            expected,
            "{message}"
        );
    }
}

#[test]
fn waits_are_read_from_the_data() {
    let data = r#"{"rate":{"allowed_rps":1,"backoff_seconds": 2.5,"current_rps":1.3},"see":"https://h.example"}"#;
    assert_eq!(
        class(
            429,
            -32005,
            "project ID request rate exceeded",
            Some(data),
            LOGS
        ),
        Class::Rate {
            wait: Some(Duration::from_millis(2500))
        }
    );
}

#[test]
fn statuses_count_where_the_body_says_nothing() {
    for (status, asked, expected) in [
        (429, LOGS, RATE),
        (413, LOGS, MUCH),
        (413, CALLS, Class::Batch),
        (504, LOGS, MUCH),
        (504, CALL, Class::Transient),
        (502, LOGS, Class::Transient),
        (408, LOGS, Class::Transient),
        (404, LOGS, Class::Refused),
        (403, CALL, Class::Refused),
    ] {
        assert_eq!(of_status(status, asked), expected, "{status}");
    }
}

#[test]
fn a_limit_that_is_wider_than_the_range_is_one_of_size() {
    let narrow = Asked {
        blocks: Some(500),
        calls: 3,
    };
    let message = "eth_getLogs is limited to a 10,000 range";
    assert_eq!(class(413, -32614, message, None, narrow), MUCH);
}

#[test]
fn limits_are_smaller_than_what_was_refused() {
    let one = Asked {
        blocks: Some(1),
        calls: 3,
    };
    assert_eq!(class(200, -32602, "max block range: 1", None, one), WIDE);
    let two = Asked {
        blocks: Some(2),
        calls: 3,
    };
    assert_eq!(
        class(
            200,
            -32602,
            "max block range: 99999999999999999999k",
            None,
            two
        ),
        WIDE
    );
}

proptest! {
    #[test]
    fn no_text_panics(
        message in r"(\[|\]|0x|-|,|range |k|[0-9]{0,22}|exceeds |max |.){0,12}",
        data in ".{0,40}",
        blocks in proptest::option::of(0..20_u64),
    ) {
        let asked = Asked { blocks, calls: 2 };
        let found = class(200, -1, &message, Some(&data), asked);
        if let Class::RangeTooWide { limit: Some(limit) } = found {
            prop_assert!(limit > 0 && limit < blocks.unwrap());
        }
        let _ = class(200, -1, &message, Some(&format!("\"backoff_seconds\":{data}")), asked);
    }
}
