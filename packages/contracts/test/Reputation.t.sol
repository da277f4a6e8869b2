// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReputation} from "../sol/IReputation.sol";
import {Reputation} from "../sol/Reputation.sol";
import {vm} from "./Vm.sol";

/// This contract is the market.
contract ReputationTest {
    address private constant ALICE = address(0xa11ce);
    uint256 private constant SCALE = 100 ether;
    Reputation private reputation;

    function setUp() external {
        vm.warp(20_000 days);
        reputation = new Reputation(address(this), address(0xa4d), SCALE);
    }

    function completed(uint256 fee) private {
        reputation.record(ALICE, IReputation.Outcome.Completed, fee);
    }

    function test_fees_add_up_and_halve_in_thirty_days() external {
        completed(40 ether);
        completed(60 ether);
        assert(reputation.scoreOf(ALICE) == 100 ether && reputation.discountOf(ALICE) == 500);
        vm.warp(20_030 days);
        uint256 score = reputation.scoreOf(ALICE);
        assert(score <= 50 ether && score > 50 ether - 1 gwei);
        vm.warp(20_030 days + 1 days - 1);
        assert(reputation.scoreOf(ALICE) == score);
        vm.warp(20_000 days + 3_839 days);
        assert(reputation.scoreOf(ALICE) == 0);
        vm.warp(40_000 days);
        assert(reputation.scoreOf(ALICE) == 0);
    }

    /// By another program, from the arithmetic in IReputation.
    function test_a_score_to_the_last_unit() external {
        completed(1 ether);
        vm.warp(20_001 days);
        assert(reputation.scoreOf(ALICE) == 977159968434245954);
        vm.warp(20_007 days);
        assert(reputation.scoreOf(ALICE) == 850667160950855698);
        vm.warp(20_030 days);
        assert(reputation.scoreOf(ALICE) == 0.5 ether - 1);
    }

    function test_a_slash_forgets_everything_but_counts() external {
        completed(40 ether);
        reputation.record(ALICE, IReputation.Outcome.Declined, 0);
        assert(reputation.scoreOf(ALICE) == 40 ether);
        reputation.record(ALICE, IReputation.Outcome.Late, 0);
        assert(reputation.scoreOf(ALICE) == 0);
        completed(1 ether);
        reputation.record(ALICE, IReputation.Outcome.Failed, 0);
        vm.prank(address(0xa4d));
        reputation.record(ALICE, IReputation.Outcome.Slashed, 0);
        IReputation.Record memory kept = reputation.recordOf(ALICE);
        assert(kept.completed == 2 && kept.late == 1 && kept.failed == 1 && kept.declined == 1 && kept.slashed == 3);
        assert(reputation.scoreOf(ALICE) == 0);
    }

    function test_nobody_else_writes() external {
        vm.expectRevert(abi.encodeWithSelector(IReputation.NotOffice.selector, ALICE));
        vm.prank(ALICE);
        reputation.record(ALICE, IReputation.Outcome.Completed, 1);
    }

    function testFuzz_the_discount_is_bounded_and_decay_never_gains(uint96 fee, uint16 first, uint16 second) external {
        completed(fee);
        assert(reputation.discountOf(ALICE) <= 1_000);
        vm.warp(block.timestamp + uint256(first) * 1 days);
        uint256 before = reputation.scoreOf(ALICE);
        assert(before <= fee);
        vm.warp(block.timestamp + uint256(second) * 1 days);
        assert(reputation.scoreOf(ALICE) <= before);
    }
}
