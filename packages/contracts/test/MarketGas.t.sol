// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bid, IMarket, Post, Receipt} from "../sol/IMarket.sol";
import {IAudits} from "../sol/IAudits.sol";
import {Counting} from "./Counting.sol";
import {MarketStage} from "./MarketStage.sol";
import {vm} from "./Vm.sol";

/// What the smallest job costs on its way through all states, each step as a transaction of its own, between people who
/// have been through one before: what an account keeps for the first time costs 17,100 more.
contract MarketGasTest is MarketStage {
    uint256 private sum;

    function setUp() external {
        settle(1);
        Post memory terms = standardPost(1);
        terms.auditors = 1;
        uint256 job = post(terms);
        start(job, 0, PROVIDER, 1 ether);
        bytes32 id = claim(job, 0, PROVIDER, Counting.truth());
        audit(id, 1, Counting.truth());
        pass(1 days);
        market.advance(job, 0);
        market.close(job);
    }

    function note(string memory name) private {
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        sum += gas;
        vm.snapshotValue("Market", name, gas);
    }

    /// forge-config: default.isolate = true
    function test_gas_of_a_small_job() external {
        Post memory terms = standardPost(1);
        terms.auditors = 1;
        vm.prank(requester());
        uint256 job = market.post(terms);
        note("01 post");
        pass(10);
        Bid memory bid = bidOf(job, PROVIDER, 1 ether);
        bytes memory signature = signed(bid, PROVIDER);
        market.assign(job, 0, bid, signature);
        note("02 assign");
        pass(20);
        vm.prank(provider(0));
        bytes32 task = market.receipt(job, 0, "");
        note("03 receipt");
        bytes32 id = claimMeasured(job, task);
        random(id, 1);
        audits.draw(id);
        note("06 draw");
        auditMeasured(id);
        pass(1 days);
        market.advance(job, 0);
        note("10 settle");
        market.close(job);
        note("11 close");
        vm.snapshotValue("Market", "all steps", sum);
        assert(sum < 1_650_000);
    }

    function claimMeasured(uint256 job, bytes32 task) private returns (bytes32 id) {
        uint32[5] memory words = Counting.truth();
        bytes32 root = Counting.root(words);
        bytes32[] memory path = Counting.checkpointPath(words, 2);
        bytes32 state = Counting.tensor(words[4]);
        uint256 bond = disputes.minimumBond();
        vm.prank(provider(0));
        id = disputes.claim{value: bond}(task, root);
        note("04 claim in Disputes");
        bytes32 seal = sealOf(id, talliesOf(words));
        vm.prank(provider(0));
        market.claim(job, 0, root, state, 0, path, seal);
        note("05 claim");
    }

    function auditMeasured(bytes32 id) private {
        address account = audits.getSeat(id, 0).account;
        bytes32 answer = answerOf(id, 0, Counting.truth());
        bytes32 seal = keccak256(
            abi.encode(block.chainid, address(audits), id, uint256(0), account, answer, bytes32(uint256(100)))
        );
        vm.prank(account);
        audits.commit(id, 0, seal);
        note("07 commit");
        bytes32[] memory tallies = talliesOf(Counting.truth());
        vm.prank(provider(0));
        audits.open(id, "salt", tallies);
        note("08 open");
        vm.prank(account);
        audits.reveal(id, 0, answer, bytes32(uint256(100)));
        note("09 reveal");
    }
}
