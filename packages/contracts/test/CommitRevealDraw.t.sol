// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Bounds} from "../sol/Bounds.sol";
import {CommitRevealDraw} from "../sol/CommitRevealDraw.sol";
import {Delegations} from "../sol/Delegations.sol";
import {IDraw} from "../sol/IDraw.sol";
import {IVerifiers} from "../sol/IVerifiers.sol";
import {Token} from "../sol/Token.sol";
import {Vault} from "../sol/Vault.sol";
import {Verifiers} from "../sol/Verifiers.sol";
import {vm} from "./Vm.sol";

/// This contract is Audits.
contract CommitRevealDrawTest {
    uint256 private constant PERIOD = 10;
    uint256 private constant FORFEITURE = 2 ether;
    address private constant ALICE = address(0xa11ce);
    address private constant BOB = address(0xb0b);
    address private constant TREASURY = address(0x7ea);
    bytes32 private constant SECRET = "something nobody knows";

    Vault private vault;
    Verifiers private verifiers;
    CommitRevealDraw private draw;
    uint256 private round;

    function setUp() external {
        vm.warp(1_000_000);
        address here = address(this);
        Token token = new Token(here, 1_000 ether);
        Delegations delegations = new Delegations();
        uint64 nonce = vm.getNonce(here);
        address laterVerifiers = vm.computeCreateAddress(here, nonce + 1);
        address laterDraw = vm.computeCreateAddress(here, nonce + 2);
        vault = new Vault(IERC20(address(token)), address(0x91), laterVerifiers, address(0x93), 100);
        verifiers = new Verifiers(vault, delegations, here, laterDraw, 10 ether, 3 * PERIOD);
        draw = new CommitRevealDraw(verifiers, delegations, here, TREASURY, PERIOD, FORFEITURE);
        token.approve(address(vault), type(uint256).max);
        for (uint256 i = 0; i < 2; ++i) {
            address who = i == 0 ? ALICE : BOB;
            vault.deposit(who, 10 ether);
            vm.startPrank(who);
            vault.stake(10 ether);
            verifiers.enroll(10 ether);
            vm.stopPrank();
        }
        vm.warp(block.timestamp + 3 * PERIOD);
        verifiers.applyChanges(16);
        round = draw.request();
    }

    function begin() private {
        (uint256 from,,) = draw.timesOf(round);
        vm.warp(from);
    }

    function half() private {
        (, uint256 from,) = draw.timesOf(round);
        vm.warp(from);
    }

    function end() private {
        (,, uint256 from) = draw.timesOf(round);
        vm.warp(from);
    }

    function commit(address who, bytes32 secret) private {
        bytes32 commitment = draw.seal(round, who, secret);
        vm.prank(who);
        draw.commit(round, commitment);
    }

    function expect(IDraw.DrawStatus expected) private view returns (bytes32 random) {
        IDraw.DrawStatus status;
        (status, random) = draw.randomness(round);
        assert(status == expected && (random != 0) == (expected == IDraw.DrawStatus.Ready));
    }

    function test_a_round_is_the_next_one_and_shared() external {
        assert(draw.request() == round);
        (uint256 from, uint256 middle, uint256 to) = draw.timesOf(round);
        assert(from > block.timestamp && from <= block.timestamp + PERIOD);
        assert(to == from + PERIOD && middle == from + PERIOD / 2);
        assert(to <= block.timestamp + draw.longestTime());
        begin();
        assert(draw.request() == round + 1);
        vm.expectRevert(abi.encodeWithSelector(IDraw.NotAsker.selector, ALICE));
        vm.prank(ALICE);
        draw.request();
    }

    function test_it_is_ready_as_soon_as_everyone_has_revealed() external {
        expect(IDraw.DrawStatus.Pending);
        begin();
        commit(ALICE, SECRET);
        commit(BOB, "another");
        half();
        draw.reveal(round, ALICE, SECRET);
        expect(IDraw.DrawStatus.Pending);
        draw.reveal(round, BOB, "another");
        bytes32 random = expect(IDraw.DrawStatus.Ready);
        assert(verifiers.enrolmentOf(ALICE).duties == 0);
        end();
        assert(expect(IDraw.DrawStatus.Ready) == random);
    }

    function test_whoever_withholds_pays_and_stops_nothing() external {
        begin();
        commit(ALICE, SECRET);
        commit(BOB, "another");
        half();
        draw.reveal(round, ALICE, SECRET);
        end();
        bytes32 random = expect(IDraw.DrawStatus.Ready);
        vm.expectRevert();
        draw.forfeit(round, ALICE);
        draw.forfeit(round, BOB);
        vm.expectRevert();
        draw.forfeit(round, BOB);
        assert(vault.getAccount(TREASURY).credit == FORFEITURE && vault.getAccount(BOB).stake == 8 ether);
        assert(expect(IDraw.DrawStatus.Ready) == random);
        vm.expectRevert();
        draw.reveal(round, BOB, "another");
    }

    function test_a_verifier_that_committed_cannot_leave_before_it_has_answered() external {
        begin();
        commit(BOB, "another");
        vm.prank(BOB);
        verifiers.leave();
        vm.warp(block.timestamp + 3 * PERIOD);
        verifiers.applyChanges(16);
        assert(vault.freeStake(BOB) == 0);
        draw.forfeit(round, BOB);
        assert(vault.freeStake(BOB) == 8 ether);
    }

    function test_a_round_without_secrets_fails() external {
        begin();
        expect(IDraw.DrawStatus.Pending);
        half();
        expect(IDraw.DrawStatus.Failed);
        end();
        expect(IDraw.DrawStatus.Failed);
        ++round;
        expect(IDraw.DrawStatus.None);
    }

    function test_nothing_is_said_out_of_time_or_by_strangers() external {
        bytes32 sealed_ = draw.seal(round, ALICE, SECRET);
        (uint256 from, uint256 middle, uint256 to) = draw.timesOf(round);
        vm.expectRevert(abi.encodeWithSelector(CommitRevealDraw.OutOfTime.selector, block.timestamp, from, middle));
        vm.prank(ALICE);
        draw.commit(round, sealed_);
        begin();
        vm.prank(ALICE);
        draw.commit(round, sealed_);
        vm.expectRevert(abi.encodeWithSelector(CommitRevealDraw.AlreadyCommitted.selector, round, ALICE));
        vm.prank(ALICE);
        draw.commit(round, sealed_);
        vm.expectRevert(abi.encodeWithSelector(CommitRevealDraw.NoWeight.selector, address(this)));
        draw.commit(round, sealed_);
        vm.expectRevert(abi.encodeWithSelector(CommitRevealDraw.OutOfTime.selector, block.timestamp, middle, to));
        draw.reveal(round, ALICE, SECRET);
        // Another's commitment is good for nothing.
        vm.prank(BOB);
        draw.commit(round, sealed_);
        half();
        bytes32 found = draw.seal(round, BOB, SECRET);
        vm.expectRevert(abi.encodeWithSelector(CommitRevealDraw.WrongSecret.selector, found, sealed_));
        draw.reveal(round, BOB, SECRET);
        draw.reveal(round, ALICE, SECRET);
        vm.expectRevert();
        draw.reveal(round, ALICE, SECRET);
    }

    function test_a_delay_that_is_shorter_than_the_draw_is_refused() external {
        IVerifiers enrolled = verifiers;
        Delegations delegations = new Delegations();
        vm.expectRevert(
            abi.encodeWithSelector(
                Bounds.WrongParameter.selector, bytes32("delay"), 3 * PERIOD, 4 * PERIOD + 1, type(uint256).max
            )
        );
        new CommitRevealDraw(enrolled, delegations, address(this), TREASURY, 2 * PERIOD, FORFEITURE);
    }
}
