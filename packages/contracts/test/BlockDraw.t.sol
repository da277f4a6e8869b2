// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BlockDraw} from "../sol/BlockDraw.sol";
import {IDraw} from "../sol/IDraw.sol";
import {ISwarmRecords} from "../sol/ISwarms.sol";
import {SwarmStage} from "./SwarmStage.sol";
import {vm} from "./Vm.sol";

contract BlockDrawTest is SwarmStage {
    function test_a_round_is_ready_a_block_later_and_gone_after_256() external {
        BlockDraw drawing = new BlockDraw(address(this), 12);
        vm.roll(1_000);
        uint256 round = drawing.request();
        assert(drawing.request() == round && round == 1_000);
        expect(drawing, round, IDraw.DrawStatus.Pending);
        expect(drawing, round + 1, IDraw.DrawStatus.None);
        vm.roll(1_001);
        bytes32 random = expect(drawing, round, IDraw.DrawStatus.Ready);
        assert(random != 0);
        vm.roll(1_256);
        assert(expect(drawing, round, IDraw.DrawStatus.Ready) == random);
        vm.roll(1_257);
        expect(drawing, round, IDraw.DrawStatus.Failed);
    }

    function test_nobody_else_may_ask() external {
        BlockDraw drawing = new BlockDraw(address(0x1), 12);
        vm.expectRevert(abi.encodeWithSelector(IDraw.NotAsker.selector, address(this)));
        drawing.request();
    }

    function test_a_swarm_asks_again_for_what_has_gone() external {
        uint256 swarm = create(4, 1, 2);
        fund(person(0), 0, 100 ether);
        join(swarm, 0);
        vm.roll(1_000);
        swarms.advance(swarm);
        vm.expectRevert(abi.encodeWithSelector(ISwarmRecords.DrawPending.selector, 1_000));
        swarms.advance(swarm);
        vm.roll(2_000);
        swarms.advance(swarm);
        assert(swarms.getSwarm(swarm).round == 0 && swarms.getSwarm(swarm).drawing == 2_000);
        vm.roll(2_001);
        swarms.advance(swarm);
        assert(swarms.getSwarm(swarm).round == 1 && swarms.getRound(swarm, 1).seed != 0);
    }

    function test_a_swarm_whose_time_is_over_begins_nothing_and_gives_its_escrow_back() external {
        uint256 swarm = create(4, 1, 2);
        uint256 before = vault.getAccount(CREATOR).credit;
        vm.expectPartialRevert(ISwarmRecords.OutOfTime.selector);
        swarms.close(swarm);
        vm.warp(block.timestamp + 30 days);
        vm.expectPartialRevert(ISwarmRecords.Expired.selector);
        swarms.advance(swarm);
        swarms.close(swarm);
        assert(vault.getAccount(CREATOR).credit == before + 120 ether);
    }

    function test_who_is_idle_for_eight_rounds_can_be_asked_to_leave() external {
        uint256 swarm = create(2, 1, 20);
        fund(person(0), 0, 100 ether);
        join(swarm, 0);
        for (uint256 round = 1; round <= 8; ++round) {
            vm.expectPartialRevert(ISwarmRecords.NotYours.selector);
            swarms.leave(swarm, person(0));
            begin(swarm);
            vm.warp(block.timestamp + 3 * STAGE);
        }
        swarms.leave(swarm, person(0));
        assert(vault.getAccount(person(0)).locked == 0 && swarms.getSwarm(swarm).participants == 0);
    }

    function expect(BlockDraw drawing, uint256 round, IDraw.DrawStatus expected) private view returns (bytes32) {
        (IDraw.DrawStatus status, bytes32 random) = drawing.randomness(round);
        assert(status == expected && (random != 0) == (status == IDraw.DrawStatus.Ready));
        return random;
    }
}
