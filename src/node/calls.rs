//! Calls of contracts.

use std::fmt::{self, Display, Write};

use crate::node::client::{Attempt, Node, Topic};
use crate::node::error::NodeError;
use crate::node::fault::{Action, Fault};
use crate::node::header::BlockTag;
use crate::node::headers;
use crate::node::hex;
use crate::node::message::{Item, Question};
use crate::types::address::Address;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;

const METHOD: &str = "eth_call";

/// A call of a contract that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The contract.
    pub to: Address,
    /// The selector of the function and its arguments.
    pub data: Vec<u8>,
}

/// What a contract answers that refuses a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallFailure {
    /// What the node says, without keys.
    pub message: String,
    /// The data that the contract reverted with, if the node sends them.
    pub data: Option<Vec<u8>>,
}

impl Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Node {
    /// Calls contracts, in batches, and returns the results in the order of the calls. A call that the contract
    /// refuses is a value; the others are not affected.
    ///
    /// # Errors
    ///
    /// Any [`NodeError`]: [`Pruned`](NodeError::Pruned) if the node no longer has the state of the block, and
    /// [`Behind`](NodeError::Behind) if it does not have it yet.
    pub fn calls(
        &self,
        calls: &[Call],
        at: BlockTag,
    ) -> Result<Vec<Result<Vec<u8>, CallFailure>>, NodeError> {
        self.calls_in_chain(calls, at, &[])
    }

    /// The same, where these blocks have these hashes. Each message asks for their headers as well, so that the node that
    /// answers has them, even if others are behind its address.
    ///
    /// # Errors
    ///
    /// Any [`NodeError`]: also [`OtherBlock`](NodeError::OtherBlock) if no node has these blocks.
    pub(crate) fn calls_in_chain(
        &self,
        calls: &[Call],
        at: BlockTag,
        blocks: &[(BlockNumber, BlockHash)],
    ) -> Result<Vec<Result<Vec<u8>, CallFailure>>, NodeError> {
        let mut results = Vec::with_capacity(calls.len());
        while results.len() < calls.len() {
            let rest = &calls[results.len()..];
            let most = self.batch_limit().saturating_sub(blocks.len()).max(1);
            let part = &rest[..rest.len().min(most)];
            let topic = Topic {
                method: METHOD,
                block: at.number(),
                needed: "the state",
            };
            let headers = blocks.iter().map(|(number, _)| *number);
            let headers = headers.map(|number| headers::question(BlockTag::Number(number)));
            let calls = part.iter().map(|call| question(call, at));
            let questions: Vec<_> = headers.chain(calls).collect();
            let answer = self.persist(topic, |attempt| {
                attempt.ask(&questions, |items| {
                    let (headers, answers) = items.split_at(blocks.len());
                    for (item, (number, hash)) in headers.iter().zip(blocks) {
                        let header = headers::read_existing(attempt, item, *number)?;
                        headers::require_hash(attempt, &header, *hash)?;
                    }
                    let read = |item| read(attempt, item);
                    answers.iter().map(read).collect::<Result<Vec<_>, _>>()
                })
            });
            match answer {
                Ok(read) => results.extend(read),
                Err(stop) => self.shrink(stop, questions.len())?,
            }
        }
        Ok(results)
    }
}

fn question(call: &Call, at: BlockTag) -> Question {
    let mut params = String::with_capacity(2 * call.data.len() + 100);
    let _ = write!(
        params,
        r#"[{{"to":"{}","data":"{}"}},{}]"#,
        alloy_primitives::hex::encode_prefixed(call.to.as_bytes()),
        alloy_primitives::hex::encode_prefixed(&call.data),
        at.json()
    );
    Question {
        method: METHOD,
        params,
    }
}

fn read(attempt: &Attempt<'_>, item: &Item<'_>) -> Result<Result<Vec<u8>, CallFailure>, Fault> {
    let about = attempt.about();
    match item {
        Item::Result(raw) => {
            let mut bytes = Vec::new();
            serde_json::from_str::<&str>(raw.get())
                .ok()
                .and_then(|text| hex::bytes_into(text, &mut bytes))
                .ok_or_else(|| attempt.slot.invalid(&about, "it is not bytes", raw.get()))?;
            Ok(Ok(bytes))
        }
        Item::Error(error) => {
            let parts = error.parts();
            if parts.code == Some(3) || is_of_the_contract(&parts.message) {
                let data = parts.data.as_deref().and_then(revert_data);
                return Ok(Err(CallFailure {
                    message: attempt.slot.shown_text(&parts.message),
                    data,
                }));
            }
            match attempt.slot.refused(&parts, 200, &about, 1) {
                // The state of the newest block is always there.
                fault if fault.action == Action::Behind && about.block.is_none() => {
                    Err(Fault::new(Action::Again, fault.error))
                }
                fault => Err(fault),
            }
        }
    }
}

/// Whether an error says that the contract refuses the call, or that the call runs into the limits of any node.
fn is_of_the_contract(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "revert",
        "invalid opcode",
        "invalidfeopcode",
        "opcodenotfound",
        "bad instruction",
        "invalid jump",
        "invalidjump",
        "out of gas",
        "outofgas",
        "stack underflow",
        "stackunderflow",
        "stack limit",
        "evm error",
        "vm execution error",
        "vm exception",
        "gas required exceeds",
    ]
    .iter()
    .any(|word| message.contains(word))
}

/// The bytes in the data of an error: a string, or an object with a field `data`.
fn revert_data(json: &str) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Object {
        data: String,
    }
    let text = serde_json::from_str(json)
        .or_else(|_| serde_json::from_str(json).map(|Object { data }| data))
        .ok()?;
    let text = text.strip_prefix("Reverted ").unwrap_or(&text);
    let mut bytes = Vec::new();
    hex::bytes_into(text, &mut bytes)?;
    Some(bytes)
}
