//! `pool show --chart` and `--svg`: the liquidity around the current tick, on terminals and as an image.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use alloy_primitives::{Address, I256, U256, keccak256};
use diesel::connection::SimpleConnection;

use crate::support::command::{degenbot, quietly};
use crate::support::content;
use crate::support::databases::weth_and_usdc;
use crate::support::fake_chain::FakeChain;
use crate::support::node_server::NodeServer;
use crate::support::terminal::Terminal;

const POOL: &str = "0xDeEf11836d892EE382381ff547F56cc6b6F376B1";

fn execute(path: &Path, statements: &str) {
    let mut connection = content::connect(path);
    connection.batch_execute(statements).unwrap();
}

/// A chain of Base on which a contract answers a call.
fn chain(contract: &str, data: Vec<u8>, answer: Vec<u8>) -> FakeChain {
    let mut chain = FakeChain::new(8453, 34_571_900);
    let contract: Address = contract.parse().unwrap();
    let answers = [((contract, data), [(0, answer)].into())];
    chain.answers = Arc::new(answers.into_iter().collect());
    chain
}

/// A chain of Base on which the pool has this price and is at this tick.
pub fn chain_at_tick(price: u8, tick: i64) -> FakeChain {
    let tick = I256::try_from(tick).unwrap();
    let words = [U256::from(price).to_be_bytes::<32>(), tick.to_be_bytes()];
    let answer = [words.as_flattened(), &[0; 5 * 32]].concat();
    chain(POOL, keccak256("slot0()")[..4].to_vec(), answer)
}

#[test]
fn chart_is_around_the_current_tick_that_the_node_says() {
    let copy = weth_and_usdc();
    let server = NodeServer::start(chain_at_tick(1, -198_432));
    let before = copy.files();
    let told = quietly(
        &copy.path,
        &["pool", "show", POOL, "--chart", "--rpc", &server.url()],
    );
    assert_eq!(copy.files(), before);
    insta::assert_snapshot!(told, @r"
    status: 0
    --- stdout
    Liquidity of WETH/USDC, 0.3%, base_uniswap_v3
    ▶ Current tick -198432 in block 34,571,900: 2413.5 USDC per WETH
      From tick  USDC per WETH  Liquidity
        -201300         1811.7   1.000e15  ██▉
        -201000         1866.9   5.000e15  ██████████████▋
        -200700         1923.7   5.000e15  ██████████████▋
        -200400         1982.3   5.000e15  ██████████████▋
        -200100         2042.7   5.000e15  ██████████████▋
        -199800         2104.9   5.000e15  ██████████████▋
        -199500         2169.0   5.000e15  ██████████████▋
        -199200         2235.0   1.400e16  █████████████████████████████████████████
        -198900         2303.1   1.400e16  █████████████████████████████████████████
    ▶   -198600         2373.2   1.400e16  █████████████████████████████████████████
        -198300         2445.5   1.400e16  █████████████████████████████████████████
        -198000         2520.0   1.400e16  █████████████████████████████████████████
        -197700         2596.7   1.400e16  █████████████████████████████████████████
        -197400         2675.8   5.000e15  ██████████████▋
        -197100         2757.3   5.000e15  ██████████████▋
        -196800         2841.3   5.000e15  ██████████████▋
        -196500         2927.8   5.000e15  ██████████████▋
        -196200         3017.0   1.000e15  ██▉
        -195900         3108.8   1.000e15  ██▉
    --- stderr
    ");
    let config = copy.folder().join("node.toml");
    fs::write(&config, format!("[rpc]\n8453 = \"{}\"\n", server.url())).unwrap();
    let config = config.to_str().unwrap();
    let by_config = quietly(
        &copy.path,
        &["--config", config, "pool", "show", POOL, "--chart"],
    );
    assert_eq!(by_config, told);
}

#[test]
fn chart_is_around_the_current_tick_of_a_pool_inside_a_manager() {
    let copy = weth_and_usdc();
    let row = "SELECT pool_hash || ' ' || m.address || ' ' || m.chain AS line
         FROM uniswap_v4_pools v JOIN managed_pools p ON p.id = v.managed_pool_id
         JOIN pool_managers m ON m.id = p.manager_id
         WHERE m.chain = 8453 AND EXISTS (SELECT 1 FROM managed_pool_liquidity_positions l
             WHERE l.managed_pool_id = p.id) ORDER BY p.id";
    let rows = content::lines(&mut content::connect(&copy.path), row);
    let row: Vec<_> = rows[0].split(' ').collect();
    let (hash, manager) = (row[0], row[1]);
    execute(
        &copy.path,
        &format!(
            "DELETE FROM managed_pool_liquidity_positions WHERE managed_pool_id =
                 (SELECT managed_pool_id FROM uniswap_v4_pools WHERE pool_hash = '{hash}');
             INSERT INTO managed_pool_liquidity_positions (managed_pool_id, tick, liquidity_net, liquidity_gross)
                 SELECT managed_pool_id, 0, '5', '5' FROM uniswap_v4_pools WHERE pool_hash = '{hash}'
                 UNION ALL SELECT managed_pool_id, 6000, '-5', '5' FROM uniswap_v4_pools WHERE pool_hash = '{hash}'"
        ),
    );
    // The mapping of the pools is in slot 6, and the first slot of a pool has 160 bits of price and 24 of tick.
    let id: U256 = hash.parse().unwrap();
    let slot = keccak256([id.to_be_bytes::<32>(), U256::from(6).to_be_bytes()].concat());
    let word = |number: u64| U256::from(number).to_be_bytes::<32>();
    let mut data = keccak256("extsload(bytes32[])")[..4].to_vec();
    data.extend([word(32), word(1), slot.0].concat());
    let tick = U256::from((-1_234_i32).cast_unsigned() & 0xff_ffff);
    let value: U256 = (U256::from(0xbb8) << 208) | (tick << 160) | U256::from(7);
    let answer = [word(32), word(1), value.to_be_bytes()].concat();
    let server = NodeServer::start(chain(manager, data, answer));
    let told = quietly(
        &copy.path,
        &["pool", "show", hash, "--chart", "--rpc", &server.url()],
    );
    assert!(told.starts_with("status: 0\n"), "{told}");
    let said = "\n▶ Current tick -1234 in block 34,571,900: ";
    assert!(told.contains(said), "{told}");
}

#[test]
fn chart_without_a_current_tick_says_so() {
    let copy = weth_and_usdc();
    let chart = ["pool", "show", POOL, "--chart"];
    let told = quietly(&copy.path, &chart);
    insta::assert_snapshot!(told, @r"
    status: 0
    --- stdout
    Liquidity of WETH/USDC, 0.3%, base_uniswap_v3
    The current tick is not known: there is no node for chain ID 8453 (see --rpc and --tick)
    From tick  USDC per WETH  Liquidity
      -201300         1811.7   1.000e15  ███▏
      -201000         1866.9   5.000e15  ███████████████▍
      -200700         1923.7   5.000e15  ███████████████▍
      -200400         1982.3   5.000e15  ███████████████▍
      -200100         2042.7   5.000e15  ███████████████▍
      -199800         2104.9   5.000e15  ███████████████▍
      -199500         2169.0   5.000e15  ███████████████▍
      -199200         2235.0   1.400e16  ███████████████████████████████████████████
      -198900         2303.1   1.400e16  ███████████████████████████████████████████
      -198600         2373.2   1.400e16  ███████████████████████████████████████████
      -198300         2445.5   1.400e16  ███████████████████████████████████████████
      -198000         2520.0   1.400e16  ███████████████████████████████████████████
      -197700         2596.7   1.400e16  ███████████████████████████████████████████
      -197400         2675.8   5.000e15  ███████████████▍
      -197100         2757.3   5.000e15  ███████████████▍
      -196800         2841.3   5.000e15  ███████████████▍
      -196500         2927.8   5.000e15  ███████████████▍
      -196200         3017.0   1.000e15  ███▏
      -195900         3108.8   1.000e15  ███▏
    --- stderr
    ");
    for (price, tick) in [(0, -198_432), (1, 887_273)] {
        let server = NodeServer::start(chain_at_tick(price, tick));
        let url = server.url();
        let told = quietly(&copy.path, &[&chart[..], &["--rpc", &url]].concat());
        let said = "\nThe current tick is not known: the contract does not say it\n";
        assert!(told.contains(said), "{told}");
        assert!(!told.contains('▶'), "{told}");
    }
    // No node is asked for what is given.
    let server = NodeServer::start(chain_at_tick(1, 0));
    let config = copy.folder().join("node.toml");
    fs::write(&config, format!("[rpc]\n8453 = \"{}\"\n", server.url())).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    let told = quietly(
        &copy.path,
        &[&config, &chart[..], &["--tick", "-200000"]].concat(),
    );
    let said = "\n▶ Current tick -200000 (--tick): 2063.2 USDC per WETH\n";
    assert!(told.contains(said), "{told}");
    assert_eq!(server.count(), 0);
}

#[test]
fn chart_needs_a_node_that_answers_and_a_pool_with_liquidity() {
    let copy = weth_and_usdc();
    let svg = copy.folder().join("chart.svg");
    let failed = |arguments: &[&str], status: u8, message: &str| {
        let told = quietly(&copy.path, &[&["pool", "show"], arguments].concat());
        let status = format!("status: {status}\n--- stdout\n--- stderr\n");
        assert!(told.starts_with(&status), "{told}");
        assert!(told.contains(message), "{told}");
        assert!(!svg.exists());
    };
    let svg_option = ["--svg", svg.to_str().unwrap()];
    let with_svg = |arguments: &[&'static str]| [arguments, &svg_option].concat();
    let silent = ["--rpc", "http://127.0.0.1:1"];
    failed(&with_svg(&[POOL, silent[0], silent[1]]), 1, "127.0.0.1:1");
    failed(
        &with_svg(&["58"]),
        1,
        "The liquidity of '58' cannot be drawn: pools of its kind have no ticks",
    );
    failed(
        &with_svg(&["1"]),
        1,
        "The liquidity of '1' cannot be drawn: several pools match",
    );
    failed(
        &["1", "--chart"],
        1,
        "name it by its address or its hash, and its chain by --chain",
    );
    failed(
        &[POOL, "--tick", "5"],
        2,
        "'--tick <TICK>' needs '--chart' or '--svg <FILE>'",
    );
    failed(
        &[POOL, "--rpc", "x"],
        2,
        "'--rpc <URL>' needs '--chart' or '--svg <FILE>'",
    );
    failed(
        &[POOL, "--chart", "--tick", "5", "--rpc", "x"],
        2,
        "cannot be used with",
    );
    failed(
        &[POOL, "--chart", "--tick", "887273"],
        2,
        "it is not a tick (-887272 to 887272)",
    );
    failed(
        &[POOL, "--svg", "-"],
        2,
        "the image is written to a file as a whole",
    );
    execute(
        &copy.path,
        "DELETE FROM liquidity_positions WHERE pool_id = 31",
    );
    failed(
        &with_svg(&[POOL, "--tick", "0"]),
        1,
        "cannot be drawn: the pool has none",
    );
    execute(
        &copy.path,
        "INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) VALUES (31, 0, '1', '1')",
    );
    failed(
        &with_svg(&[POOL, "--tick", "0"]),
        1,
        "the net liquidity of the ticks does not add up",
    );
}

#[test]
fn image_is_written_as_a_whole_and_replaces_only_its_own() {
    let copy = weth_and_usdc();
    let svg = copy.folder().join("chart.svg");
    let write = |target: &str| {
        let arguments = ["pool", "show", POOL, "--tick", "-198432", "--svg", target];
        quietly(&copy.path, &arguments)
    };
    let written = "status: 0\n--- stdout\n--- stderr\nWrote the chart to chart.svg.\n";
    assert_eq!(write("chart.svg"), written);
    let image = fs::read_to_string(&svg).unwrap();
    // The bars are many and of one form; the first and the last of each class show it.
    let rows = image.lines();
    let (bars, others): (Vec<_>, Vec<_>) = rows.partition(|line| {
        line.starts_with("<rect class=\"below\"") || line.starts_with("<rect class=\"above\"")
    });
    let first_and_last = format!("{}\n{}\n", bars[0], bars.last().unwrap());
    insta::assert_snapshot!(format!(
        "{}\n{} bars\n{first_and_last}",
        others.join("\n"),
        bars.len()
    ));
    // One of its own is replaced, and nothing stays beside it.
    fs::write(&svg, image.replace("WETH", "DAI")).unwrap();
    assert_eq!(write("chart.svg"), written);
    assert_eq!(fs::read_to_string(&svg).unwrap(), image);
    let leftovers = copy.files();
    assert!(!leftovers.keys().any(|name| name.contains("degenbot-tmp")));

    let foreign = copy.folder().join("drawing.svg");
    fs::write(&foreign, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    symlink("chart.svg", copy.folder().join("link.svg")).unwrap();
    let pipe = copy.folder().join("pipe.svg");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let name = copy.path.file_name().unwrap().to_str().unwrap().to_owned();
    for (target, problem) in [
        ("drawing.svg", "exists and is not a chart of this command"),
        ("link.svg", "already exists"),
        ("pipe.svg", "is not a regular file"),
        ("/dev/null", "is not a regular file"),
        (".", ""),
        (&name, "is the place of the database itself"),
        (&format!("{name}-wal"), "is the place of"),
        ("nowhere/chart.svg", ""),
    ] {
        let told = write(target);
        assert!(
            told.starts_with("status: 1\n--- stdout\n--- stderr\nerror: "),
            "{target}: {told}"
        );
        assert!(told.contains(problem), "{target}: {told}");
    }
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(fs::read_to_string(&svg).unwrap(), image);
    assert!(fs::read_to_string(&foreign).unwrap().ends_with("\"/>"));
}

#[test]
fn hostile_symbols_are_text_in_an_image() {
    let copy = weth_and_usdc();
    execute(
        &copy.path,
        "UPDATE erc20_tokens SET symbol = '</t><script>' || char(27) || '&\"' WHERE symbol = 'WETH'",
    );
    let arguments = [
        "pool", "show", POOL, "--tick", "-198432", "--svg", "x.svg", "--chart",
    ];
    let told = quietly(&copy.path, &arguments);
    assert!(told.contains("</t><script>\\u{1b}&\""), "{told}");
    let image = fs::read_to_string(copy.folder().join("x.svg")).unwrap();
    assert!(
        image.contains("&lt;/t&gt;&lt;script&gt;\\u{1b}&amp;&quot;"),
        "{image}"
    );
    assert!(!image.contains("<script") && !image.contains('\u{1b}'));
}

#[test]
fn charts_fit_on_terminals_and_have_colours_unless_nobody_wants_them() {
    let copy = weth_and_usdc();
    let on_terminal = |columns: usize, environment: &[(&str, &str)]| {
        let home = copy.folder();
        let mut command = Command::new("sh");
        command
            .env_clear()
            .env("HOME", home)
            .env("TERM", "xterm")
            .current_dir(home);
        command.envs(environment.iter().copied());
        let program = degenbot(home).get_program().to_owned();
        let script = format!(
            "read begin; stty cols {columns} rows 50; exec \"$0\" --database \"$1\" pool show \"$2\" --chart --tick -198432"
        );
        command
            .args(["-c", &script])
            .arg(program)
            .arg(&copy.path)
            .arg(POOL);
        let mut terminal = Terminal::run(command);
        // The terminal has its first size by now.
        terminal.press("\n");
        let (status, shown) = terminal.finish();
        assert_eq!(status, 0, "{shown}");
        shown.trim_start().to_owned()
    };
    for columns in [80, 200] {
        let plain = on_terminal(columns, &[("NO_COLOR", "1")]);
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
        let widest = plain
            .lines()
            .map(|line| line.trim_end().chars().count())
            .max()
            .unwrap();
        assert!(
            (columns - 10..=columns).contains(&widest),
            "{widest}: {plain}"
        );
        assert_eq!(plain.contains("WETH per USDC"), columns == 200, "{plain}");
        let coloured = on_terminal(columns, &[]);
        let without = ["\u{1b}[32m", "\u{1b}[35m", "\u{1b}[0m"]
            .iter()
            .fold(coloured.clone(), |text, code| text.replace(code, ""));
        assert_eq!(without, plain);
        assert!(
            coloured.contains("\u{1b}[32m█") && coloured.contains("\u{1b}[35m█"),
            "{coloured:?}"
        );
    }
}
