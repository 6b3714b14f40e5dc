//! Filters with more addresses than nodes take.

use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::logs::check::check;
use crate::node::logs::filter::{LogFilter, METHOD};
use crate::node::logs::order::sorted;
use crate::node::logs::request::{LogAnswer, Proof};
use crate::types::integer::BlockNumber;

/// How many addresses a filter has at most. It is geth's limit, and the lowest that is known.
const MOST: usize = 1_000;

impl Node {
    /// Asks once for the events of a range, in several questions if the filter has many addresses. The answers are of
    /// one branch of the chain.
    pub(super) fn logs_of_all_addresses(
        &self,
        filter: &LogFilter,
        from: BlockNumber,
        to: BlockNumber,
        proof: Proof,
    ) -> Result<LogAnswer, NodeError> {
        if filter.addresses.len() <= MOST {
            return self.logs_once(filter, from, to, proof);
        }
        let mut all: Option<LogAnswer> = None;
        for addresses in filter.addresses.chunks(MOST) {
            let part = LogFilter {
                addresses: addresses.to_vec(),
                ..filter.clone()
            };
            let Some(before) = &mut all else {
                all = Some(self.logs_once(&part, from, to, proof)?);
                continue;
            };
            let branch = Proof::pinned(Some(before.last.hash));
            let answer = self.logs_once(&part, from, to, branch).map_err(|error| {
                match error {
                    // The chain was reorganised between the questions.
                    NodeError::OtherBlock {
                        endpoint, block, ..
                    } if proof.pinned.is_none() => NodeError::Unlinked { endpoint, block },
                    error => error,
                }
            })?;
            before.logs.extend(answer.logs.iter());
        }
        let Some(mut all) = all else {
            return Err(NodeError::EmptyRange { from, to });
        };
        all.logs = sorted(all.logs);
        check(&all.logs, &all.first, &all.last).map_err(|violation| NodeError::Invalid {
            endpoint: self.slots()[0].name(),
            method: METHOD,
            problem: violation.problem,
            found: violation.found,
        })?;
        Ok(all)
    }
}
