//! The errors of requests to nodes.

use std::error::Error;
use std::fmt::{self, Display};
use std::time::Duration;

use crate::documented_errors::documented_errors;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId};

documented_errors! {
    /// Why a node gave no answer that counts.
    ///
    /// The fields `endpoint` have the node's address without its key. Texts of a node are without keys as well, cut
    /// if they are long, and escaped.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum NodeError(_path) {
        /// The address is none that can be used.
        Address {
            /// The address.
            endpoint: String = endpoint(),
            /// What is wrong.
            problem: String = "it has no host".to_owned(),
        }
            in Nodes;
            text format!("{endpoint} is not the address of a node: {problem}");
            hint "Give the HTTP address of the node (its scheme is http or https), or the path of its IPC socket, such as \
                  /PATH/TO/geth.ipc";
            when "The address of a node has no host, another scheme, or characters that an address cannot have; or a \
                  header for the node is not one of HTTP.";

        /// The address is a WebSocket's.
        WebSocket {
            /// The address.
            endpoint: String = "wss://….example.com/…".to_owned(),
            /// The scheme to use instead.
            instead: &'static str = "https://",
        }
            in Nodes;
            text format!("{endpoint} is a WebSocket, which this program does not use");
            hint format!(
                "Use the node's {instead} address; providers have both, and a node of your own listens with --http, \
                 or on its IPC socket"
            );
            when "The address of a node begins with `ws://` or `wss://`.";

        /// The node belongs to another chain.
        OtherChain {
            /// The node.
            endpoint: String = endpoint(),
            /// Its chain.
            found: ChainId = ChainId::BASE,
            /// The chain that it is to be of.
            expected: ChainId = ChainId::ETHEREUM,
        }
            in Nodes;
            text format!("The node {endpoint} is of chain {found}, not of chain {expected}");
            hint "Check the address: the providers' addresses of different chains look alike";
            when "A node says that its chain is another one than the settings say.";

        /// No usable answer came in time.
        Unreachable {
            /// The node that was asked last.
            endpoint: String = endpoint(),
            /// How often nodes were asked.
            tries: u32 = 8,
            /// What happened last.
            detail: String = "connection refused".to_owned(),
        }
            in Nodes;
            text format!("No usable answer from the node {endpoint} after {}: {detail}", counted(*tries));
            hint "Check that the node runs and that its address is right, then run the command again";
            when "A node cannot be reached, does not answer in time, fails, or sends broken answers, and goes on doing \
                  so.";

        /// The node keeps refusing requests because there are too many.
        RateLimited {
            /// The node that was asked last.
            endpoint: String = endpoint(),
            /// How long was waited.
            waited: Duration = Duration::from_secs(120),
            /// What the node says.
            detail: String = "too many requests".to_owned(),
        }
            in Nodes;
            text match waited.as_secs() {
                0 => format!("The node {endpoint} refuses requests because there are too many: {detail}"),
                seconds => format!(
                    "The node {endpoint} still refuses requests after {seconds} s because there are too many: {detail}"
                ),
            };
            hint "Ask for less at a time with --max-rate and --concurrency, or use another node; a used-up daily quota \
                  comes back the next day";
            when "A provider's limit of requests is used up, and waiting did not help, or it asks for a longer wait than there is \
                  time for.";

        /// The node does not have a block yet.
        Behind {
            /// The node that was asked last.
            endpoint: String = endpoint(),
            /// The block.
            block: BlockNumber = number(23_000_000),
            /// What shows it.
            detail: String = "it knows no block of that number".to_owned(),
        }
            in Nodes;
            text format!("The node {endpoint} does not have block {block} yet: {detail}");
            hint "Wait until the node has caught up with the chain, or use another node";
            when "A block is needed that the node does not have, and waiting for it did not help: the node is still \
                  synchronizing, or is one of several behind one address, of which some lag.";

        /// The block has another hash than the one it had before.
        OtherBlock {
            /// The node that was asked last.
            endpoint: String = endpoint(),
            /// The block.
            block: BlockNumber = number(23_000_000),
            /// The hash of the block that is asked about.
            expected: BlockHash = BlockHash::new([0xaa; 32]),
            /// The hash that it has at the node.
            found: BlockHash = BlockHash::new([0xbb; 32]),
        }
            in Nodes;
            text format!("Block {block} has the hash {found} at the node {endpoint}, not {expected}");
            hint "The chain was reorganised meanwhile, or nodes disagree: run the command again, and use one node if \
                  it happens again";
            when "A block was replaced while its events were read, or one of several nodes is on another branch of \
                  the chain.";

        /// Parts of a range do not belong to one chain.
        Unlinked {
            /// The node that was asked last.
            endpoint: String = endpoint(),
            /// The first block that does not follow.
            block: BlockNumber = number(23_000_000),
        }
            in Nodes;
            text format!(
                "Block {block} of the node {endpoint} does not follow the block before it that a node sent: nodes \
                 disagree"
            );
            hint "The chain was reorganised meanwhile, or nodes disagree: run the command again, and use one node if \
                  it happens again";
            when "A range was read in parts, and the parts are of different branches of the chain, however often they \
                  are read.";

        /// The node no longer has the data.
        Pruned {
            /// The node.
            endpoint: String = endpoint(),
            /// The first block that was asked about.
            block: BlockNumber = number(23_000_000),
            /// What is needed of the block.
            needed: &'static str = "the events",
            /// What the node says.
            detail: String = "pruned history unavailable".to_owned(),
        }
            in Nodes;
            text format!("The node {endpoint} no longer has {needed} of block {block}: {detail}");
            hint format!(
                "Use a node that has {needed} of that block: {}",
                if *needed == "the state" {
                    "an archive node"
                } else {
                    "one with the full history, such as geth with --history.chain=all (and --history.logs=0)"
                }
            );
            when "An old block is needed, and the node has deleted its history or its state.";

        /// The node refuses a request.
        Refused {
            /// The node.
            endpoint: String = endpoint(),
            /// The method that was called, such as `eth_getLogs`.
            method: &'static str = "eth_getLogs",
            /// What the node says.
            detail: String = "the method does not exist".to_owned(),
        }
            in Nodes;
            text format!("The node {endpoint} refuses {method}: {detail}");
            hint "Check the key and the plan at the provider, and that a node of your own offers the method (geth: \
                  --http.api eth)";
            when "A node does not know a method, or does not allow it: the key is wrong, for example.";

        /// The node refuses the smallest request that there is.
        TooMuch {
            /// The node.
            endpoint: String = endpoint(),
            /// The block.
            block: BlockNumber = number(23_000_000),
            /// What the node says.
            detail: String = "query returned more than 10000 results".to_owned(),
        }
            in Nodes;
            text format!("The node {endpoint} refuses even the events of block {block} alone: {detail}");
            hint "Use a node with a higher limit; one of your own has none";
            when "A single block has more events than the node sends at a time.";

        /// The answer cannot be right.
        Invalid {
            /// The node.
            endpoint: String = endpoint(),
            /// What was asked.
            method: &'static str = "eth_getLogs",
            /// What is wrong with the answer.
            problem: String = "a log is outside the range".to_owned(),
            /// The part of the answer.
            found: String = "{\"blockNumber\":\"0x1\",…}".to_owned(),
        }
            in Nodes;
            text format!("The node {endpoint} answers {method} with what cannot be right: {problem}: {found}");
            hint "Nothing of this answer is used; use another node, and tell who runs this one";
            when "An answer has events that were not asked for, an event twice, two hashes of one block, or anything \
                  else that contradicts itself.";

        /// The node's answer is larger than allowed, and cannot be asked for in parts.
        TooLarge {
            /// The node.
            endpoint: String = endpoint(),
            /// What was asked.
            method: &'static str = "eth_getBlockByNumber",
            /// The limit, in bytes.
            limit: usize = 67_108_864,
        }
            in Nodes;
            text format!("The node {endpoint} answers {method} with more than {limit} bytes");
            hint "No such answer is that large: check the address, and use another node";
            when "A node sends an answer that is larger than any that makes sense.";

        /// The node sends its clients to another address.
        Redirected {
            /// The node.
            endpoint: String = endpoint(),
            /// The other address.
            to: String = "https://….example.org/…".to_owned(),
        }
            in Nodes;
            text format!("The node {endpoint} redirects to {to}, which is not followed: the request may hold a key");
            hint "If the new address is the provider's, put it in place of the old one";
            when "A node answers with a redirect to another address.";

        /// The connection is not safe.
        Tls {
            /// The node.
            endpoint: String = endpoint(),
            /// What is wrong.
            detail: String = "invalid peer certificate: Expired".to_owned(),
        }
            in Nodes;
            text format!("The node {endpoint} cannot prove who it is: {detail}");
            hint "Check the host's name and this computer's clock; certificates count if one of Mozilla's root \
                  certificates, which are built in, vouches for them";
            when "The certificate of a node is expired, of another host, or self-signed.";

        /// The range ends before it begins.
        EmptyRange {
            /// Its first block.
            from: BlockNumber = number(23_000_000),
            /// Its last block.
            to: BlockNumber = number(22_999_999),
        }
            in Nodes;
            text format!("The range of blocks ends at {to}, before it begins at {from}");
            hint "Ask only for ranges that have a block";
            when "In a program that uses the library: the range of blocks is empty.";

        /// The cancel token was cancelled.
        Interrupted
            in Inner;
            text "interrupted";
            hint "";
            when "";
    }
}

impl NodeError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        self.next_step(&"")
    }
}

impl Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

impl Error for NodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause()
    }
}

fn counted(tries: u32) -> String {
    match tries {
        1 => "1 try".to_owned(),
        tries => format!("{tries} tries"),
    }
}

/// The example of an address without its key.
#[cfg(all(test, feature = "cli"))]
fn endpoint() -> String {
    "https://….example.com/…".to_owned()
}

/// The example of a block.
#[cfg(all(test, feature = "cli"))]
#[expect(
    clippy::unwrap_used,
    reason = "only the test of the documents calls this"
)]
fn number(number: u64) -> BlockNumber {
    BlockNumber::new(number).unwrap()
}
