// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes, ProgramHeader, Task} from "../sol/IDisputes.sol";
import {JoinOpening, Opening} from "../sol/IReferee.sol";
import {Counting, deployDisputes} from "./Counting.sol";
import {Digests} from "./Items.sol";
import {vm} from "./Vm.sol";

contract DisputesTest {
    uint256 private constant CAP = 10 gwei;
    uint256 private constant SHARE = 2_000;
    address private constant TREASURY = address(0x7ea);
    address private constant ALICE = address(0xa11ce);
    address private constant BOB = address(0xb0b);
    address private constant CAROL = address(0xca401);

    IDisputes private disputes;
    uint128 private bond;
    bytes32 private task;

    function setUp() external {
        disputes = deployDisputes(TREASURY, SHARE, CAP, 10);
        bond = uint128(disputes.minimumBond());
        task = disputes.createTask(Counting.task(Counting.node(), bond));
        vm.deal(ALICE, 1000 ether);
        vm.deal(BOB, 1000 ether);
        vm.deal(CAROL, 1000 ether);
        vm.warp(1_000_000);
        vm.fee(1 gwei);
        vm.txGasPrice(1 gwei);
    }

    // Playing -------------------------------------------------------------------------------------------------------

    function claim(uint32[5] memory words) private returns (bytes32 id) {
        return claim(words, ALICE);
    }

    function claim(uint32[5] memory words, address who) private returns (bytes32 id) {
        // Before the prank: hashing is a call, too.
        bytes32 root = Counting.root(words);
        vm.prank(who);
        return disputes.claim{value: bond}(task, root);
    }

    function challenge(bytes32 id, address who) private returns (uint256 number) {
        vm.prank(who, who);
        return disputes.challenge{value: bond}(id);
    }

    /// As an account without code sends a transaction.
    function send(address who, bytes memory move) private returns (bool sent, bytes memory reason) {
        vm.prank(who, who);
        return address(disputes).call(move);
    }

    function must(address who, bytes memory move) private {
        (bool sent, bytes memory reason) = send(who, move);
        if (!sent) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
    }

    function mustNot(address who, bytes memory move, bytes4 selector) private {
        (bool sent, bytes memory reason) = send(who, move);
        assert(!sent && bytes4(reason) == selector);
    }

    function outcome(uint256 number) private view returns (IDisputes.Outcome) {
        return disputes.getDispute(number).place.outcome;
    }

    function status(bytes32 id) private view returns (IDisputes.ClaimStatus) {
        return disputes.getClaim(id).status;
    }

    /// Plays on while nobody has won: the claimant shows `words`, the challenger goes for `step`.
    function play(uint256 number, uint32[5] memory words, uint256 step, uint256 most) private {
        for (uint256 i = 0; i < most && outcome(number) == IDisputes.Outcome.Open; ++i) {
            must(ALICE, Counting.post(disputes, number, words));
            must(BOB, Counting.answer(disputes, number, words, step));
        }
    }

    // Who wins ------------------------------------------------------------------------------------------------------

    function test_a_lie_about_any_step_loses() external {
        for (uint256 step = 0; step < 5; ++step) {
            uint32[5] memory words = Counting.lie(step);
            bytes32 id = claim(words);
            uint256 number = challenge(id, BOB);
            uint256 before = disputes.credit(BOB);
            play(number, words, step, 10);
            assert(outcome(number) == IDisputes.Outcome.Challenger);
            assert(status(id) == IDisputes.ClaimStatus.Fallen);
            // Its own bond, the reward, and some gas; the treasury has the rest.
            uint256 won = disputes.credit(BOB) - before;
            uint256 reward = bond * SHARE / 10_000;
            assert(won > bond + reward && won <= bond + reward + 2_000_000 * CAP);
        }
        assert(address(disputes).balance == disputes.credit(BOB) + disputes.credit(TREASURY));
    }

    function test_a_challenge_of_the_truth_loses_wherever_it_goes() external {
        uint32[5] memory words = Counting.truth();
        bytes32 id = claim(words);
        for (uint256 step = 0; step < 5; ++step) {
            uint256 number = challenge(id, BOB);
            uint256 before = disputes.credit(ALICE);
            play(number, words, step, 10);
            assert(outcome(number) == IDisputes.Outcome.Claimant);
            assert(disputes.credit(ALICE) - before > bond * SHARE / 10_000);
        }
        assert(status(id) == IDisputes.ClaimStatus.Standing);
        vm.warp(block.timestamp + 1 days);
        uint256 credited = disputes.credit(ALICE);
        disputes.finalize(id);
        assert(status(id) == IDisputes.ClaimStatus.Final);
        assert(disputes.credit(ALICE) == credited + bond);
        assert(address(disputes).balance == disputes.credit(ALICE) + disputes.credit(TREASURY));
    }

    function test_a_named_segment_skips_the_history() external {
        uint32[5] memory words = Counting.lie(3);
        bytes32 id = claim(words);
        bytes32[4] memory row = Counting.checkpoints(words);
        bytes32[] memory path = Counting.checkpointPath(words, 1);
        bytes32[] memory before = Counting.checkpointPath(words, 0);
        vm.prank(BOB);
        uint256 number = disputes.challengeSegment{value: bond}(id, 1, row[1], path, row[0], before);
        assert(disputes.getDispute(number).place.phase == 1);
        play(number, words, 3, 10);
        assert(outcome(number) == IDisputes.Outcome.Challenger);
    }

    function test_a_segment_of_one_step_is_passed_through() external {
        uint32[5] memory words = Counting.lie(4);
        bytes32 id = claim(words);
        bytes32[4] memory row = Counting.checkpoints(words);
        bytes32[] memory path = Counting.checkpointPath(words, 2);
        bytes32[] memory before = Counting.checkpointPath(words, 1);
        vm.prank(BOB);
        uint256 number = disputes.challengeSegment{value: bond}(id, 2, row[2], path, row[1], before);
        assert(disputes.getDispute(number).place.phase == 2);
        play(number, words, 4, 10);
        assert(outcome(number) == IDisputes.Outcome.Challenger);
    }

    function test_a_true_join_wins_for_the_claimant() external {
        uint32[5] memory words = Counting.truth();
        bytes32 id = claim(words);
        uint256 number = challenge(id, BOB);
        play(number, words, 2, 2);
        must(ALICE, Counting.post(disputes, number, words));
        must(BOB, Counting.judgeJoin(disputes.getDispute(number).at, number, words, 2));
        assert(outcome(number) == IDisputes.Outcome.Claimant);
    }

    function test_an_invalid_program_voids_and_slashes_nobody() external {
        Task memory terms = Counting.task(Counting.brokenNode(), bond);
        task = disputes.createTask(terms);
        uint32[5] memory words = Counting.truth();
        bytes32 id = claim(words);
        bytes32 other = claim(words, CAROL);
        uint256 first = challenge(other, BOB);
        uint256 number = challenge(id, BOB);
        play(number, words, 0, 2);
        must(ALICE, Counting.post(disputes, number, words));
        bytes32[] memory path = Digests.path(Digests.leaf(Counting.join()));
        bytes32[] memory siblings = Digests.path(Counting.item(1));
        bytes memory node = Counting.brokenNode();
        bytes32 at = disputes.getDispute(number).at;
        must(BOB, abi.encodeCall(IDisputes.nameNode, (number, at, 0, Counting.tensor(1), siblings, node, path)));
        must(ALICE, Counting.post(disputes, number, words));
        must(BOB, Counting.judge(disputes.getDispute(number).at, number, words, 0, node));
        assert(outcome(number) == IDisputes.Outcome.Void);
        assert(status(id) == IDisputes.ClaimStatus.Void);
        assert(disputes.getTask(task).invalid);
        assert(disputes.credit(ALICE) == bond && disputes.credit(BOB) == bond);

        // Nobody can go on with the task, and everyone gets out.
        mustNot(CAROL, Counting.post(disputes, first, words), IDisputes.InvalidTask.selector);
        mustNot(CAROL, abi.encodeCall(IDisputes.timeout, (first)), IDisputes.InvalidTask.selector);
        mustNot(CAROL, abi.encodeCall(IDisputes.finalize, (other)), IDisputes.InvalidTask.selector);
        mustNot(CAROL, abi.encodeCall(IDisputes.close, (first)), IDisputes.WrongClaimStatus.selector);
        disputes.release(other);
        disputes.close(first);
        assert(disputes.credit(CAROL) == bond && disputes.credit(BOB) == 2 * bond);
        assert(address(disputes).balance == 4 * uint256(bond));
    }

    function test_other_challengers_of_a_fallen_claim_are_paid_out() external {
        uint32[5] memory words = Counting.lie(1);
        bytes32 id = claim(words);
        uint256 first = challenge(id, BOB);
        uint256 second = challenge(id, CAROL);
        mustNot(CAROL, abi.encodeCall(IDisputes.close, (second)), IDisputes.WrongClaimStatus.selector);
        play(first, words, 1, 10);
        mustNot(ALICE, Counting.post(disputes, second, words), IDisputes.WrongClaimStatus.selector);
        mustNot(CAROL, abi.encodeCall(IDisputes.timeout, (second)), IDisputes.WrongClaimStatus.selector);
        assert(disputes.credit(TREASURY) == 0);
        disputes.close(second);
        assert(outcome(second) == IDisputes.Outcome.Closed);
        assert(disputes.credit(CAROL) > bond);
        assert(disputes.credit(TREASURY) > 0);
        mustNot(CAROL, abi.encodeCall(IDisputes.close, (second)), IDisputes.DisputeOver.selector);
        assert(address(disputes).balance == disputes.credit(BOB) + disputes.credit(CAROL) + disputes.credit(TREASURY));
    }

    // Gas that is given back ----------------------------------------------------------------------------------------

    /// What the challenger of a dispute is said to have spent.
    function spent(uint256 number) private view returns (uint256) {
        return disputes.getDispute(number).gas >> 128;
    }

    function padded(bytes memory call, uint256 length) private pure returns (bytes memory) {
        bytes memory padding = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            padding[i] = 0xff;
        }
        return abi.encodePacked(call, padding);
    }

    /// Calldata costs nothing between contracts: what is counted as spent must not grow with it, or whoever knows that a
    /// claim falls takes the rest of its bond with a dispute of its own.
    function test_calls_of_a_contract_earn_nothing_by_padding() external {
        bytes32 id = claim(Counting.lie(1));
        bytes memory call = padded(abi.encodeCall(IDisputes.challenge, (id)), 50_000);
        vm.prank(BOB);
        uint256 before = gasleft();
        (bool sent,) = address(disputes).call{value: bond}(call);
        uint256 used = before - gasleft();
        assert(sent);
        assert(spent(1) <= (used + 5_000) * 1 gwei);
        // An account without code that calls by itself pays for its calldata, at least the floor price.
        vm.prank(BOB, BOB);
        (sent,) = address(disputes).call{value: bond}(call);
        assert(sent && spent(2) >= 50_000 * 40 * 1 gwei);
        // With code it may call as often as it likes in one transaction.
        vm.etch(BOB, hex"ef01000000000000000000000000000000000000000b0b");
        vm.prank(BOB, BOB);
        (sent,) = address(disputes).call{value: bond}(call);
        assert(sent && spent(3) <= spent(1));
    }

    /// A tip can be paid to oneself.
    function test_a_tip_is_not_given_back() external {
        bytes32 id = claim(Counting.lie(1));
        uint256 first = challenge(id, BOB);
        vm.txGasPrice(CAP);
        uint256 second = challenge(id, CAROL);
        assert(spent(second) <= spent(first));
    }

    /// Who challenges itself loses more than the reward's rest, however dear its moves seem to be.
    function test_a_tenth_of_a_bond_is_lost_to_both_sides() external {
        vm.fee(1000 gwei);
        vm.txGasPrice(1000 gwei);
        uint32[5] memory words = Counting.lie(1);
        uint256 number = challenge(claim(words), BOB);
        while (outcome(number) == IDisputes.Outcome.Open) {
            must(ALICE, Counting.post(disputes, number, words));
            bytes memory call = padded(Counting.answer(disputes, number, words, 1), 20_000);
            vm.prank(BOB, BOB);
            (bool sent,) = address(disputes).call(call);
            assert(sent);
        }
        assert(outcome(number) == IDisputes.Outcome.Challenger);
        assert(spent(number) > 2_000_000 * CAP);
        assert(disputes.credit(TREASURY) >= bond / 10);
        assert(disputes.credit(BOB) + disputes.credit(TREASURY) == 2 * bond);
    }

    // Clocks --------------------------------------------------------------------------------------------------------

    function test_clocks_run_and_are_extended() external {
        uint32[5] memory words = Counting.lie(1);
        uint256 number = challenge(claim(words), BOB);
        // Nothing was used yet: both have 600 s.
        assert(disputes.getDispute(number).place.deadline == block.timestamp + 600);
        vm.warp(block.timestamp + 590);
        must(ALICE, Counting.post(disputes, number, words));
        vm.warp(block.timestamp + 100);
        must(BOB, Counting.answer(disputes, number, words, 1));
        // The claimant has 10 s left, but the top of a segment's vector gives 120.
        assert(disputes.getDispute(number).place.deadline == block.timestamp + 120);
        vm.warp(block.timestamp + 119);
        must(ALICE, Counting.post(disputes, number, words));
        assert(disputes.getDispute(number).place.deadline == block.timestamp + 500);
        must(BOB, Counting.answer(disputes, number, words, 1));
        // 1 s left; the top of a step's vector gives 60.
        assert(disputes.getDispute(number).place.deadline == block.timestamp + 60);
        vm.warp(block.timestamp + 61);
        mustNot(ALICE, Counting.post(disputes, number, words), IDisputes.MoveLate.selector);
        disputes.timeout(number);
        assert(outcome(number) == IDisputes.Outcome.Challenger);
        assert(disputes.credit(BOB) > bond);
    }

    function test_the_last_second_still_counts() external {
        uint32[5] memory words = Counting.truth();
        uint256 number = challenge(claim(words), BOB);
        vm.warp(block.timestamp + 600);
        mustNot(CAROL, abi.encodeCall(IDisputes.timeout, (number)), IDisputes.NotLate.selector);
        must(ALICE, Counting.post(disputes, number, words));
        vm.warp(block.timestamp + 601);
        disputes.timeout(number);
        assert(outcome(number) == IDisputes.Outcome.Claimant);
    }

    function test_a_claim_cannot_be_final_while_it_is_disputed_or_challenged_when_it_is_late() external {
        bytes32 id = claim(Counting.truth());
        mustNot(BOB, abi.encodeCall(IDisputes.finalize, (id)), IDisputes.WindowOpen.selector);
        vm.warp(block.timestamp + 1 days - 1);
        uint256 number = challenge(id, BOB);
        vm.warp(block.timestamp + 1);
        mustNot(BOB, abi.encodeCall(IDisputes.finalize, (id)), IDisputes.DisputesOpen.selector);
        vm.prank(BOB);
        (bool sent, bytes memory reason) =
            address(disputes).call{value: bond}(abi.encodeCall(IDisputes.challenge, (id)));
        assert(!sent && bytes4(reason) == IDisputes.WindowClosed.selector);
        must(ALICE, Counting.post(disputes, number, Counting.truth()));
        vm.warp(block.timestamp + 601);
        disputes.timeout(number);
        disputes.finalize(id);
    }

    // Refusals ------------------------------------------------------------------------------------------------------

    function test_moves_are_the_movers_own_at_their_own_place() external {
        uint32[5] memory words = Counting.truth();
        uint256 number = challenge(claim(words), BOB);
        bytes memory move = Counting.post(disputes, number, words);
        mustNot(BOB, move, IDisputes.NotYourTurn.selector);
        mustNot(CAROL, move, IDisputes.NotYourTurn.selector);
        mustNot(BOB, Counting.answer(disputes, number, words, 1), IDisputes.MoveUnexpected.selector);
        must(ALICE, move);
        mustNot(ALICE, move, IDisputes.MoveMisplaced.selector);
        mustNot(ALICE, Counting.post(disputes, number, words), IDisputes.MoveUnexpected.selector);
        move = Counting.answer(disputes, number, words, 1);
        mustNot(CAROL, move, IDisputes.NotYourTurn.selector);
        vm.warp(block.timestamp + 601);
        mustNot(BOB, move, IDisputes.MoveLate.selector);
    }

    function test_posts_hash_to_what_is_disputed_and_are_zero_past_the_end() external {
        uint32[5] memory words = Counting.truth();
        uint256 number = challenge(claim(words), BOB);
        bytes32 at = disputes.getDispute(number).at;
        bytes32[] memory children = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            children[i] = Counting.checkpoints(words)[i];
        }
        bytes32[] memory none = new bytes32[](0);
        mustNot(
            ALICE,
            abi.encodeCall(IDisputes.postChildren, (number, at, children, Digests.path(0))),
            IDisputes.WrongLength.selector
        );
        mustNot(ALICE, abi.encodeCall(IDisputes.postChildren, (number, at, none, none)), IDisputes.WrongLength.selector);
        children[3] = bytes32(uint256(1));
        mustNot(
            ALICE, abi.encodeCall(IDisputes.postChildren, (number, at, children, none)), IDisputes.Unproven.selector
        );
        children[3] = 0;
        children[1] = children[0];
        mustNot(
            ALICE, abi.encodeCall(IDisputes.postChildren, (number, at, children, none)), IDisputes.Unproven.selector
        );
        // In a segment the last item has to be the checkpoint.
        must(ALICE, Counting.post(disputes, number, words));
        must(BOB, Counting.answer(disputes, number, words, 1));
        mustNot(ALICE, Counting.post(disputes, number, Counting.lie(1)), IDisputes.Unproven.selector);
        must(ALICE, Counting.post(disputes, number, words));
    }

    function test_a_history_longer_than_the_task_cannot_be_shown() external {
        bytes32[4] memory row = Counting.checkpoints(Counting.truth());
        row[3] = bytes32(uint256(1));
        bytes32[] memory children = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            children[i] = row[i];
        }
        bytes32 root = Digests.parent(Digests.parent(row[0], row[1]), Digests.parent(row[2], row[3]));
        vm.prank(ALICE);
        uint256 number = challenge(disputes.claim{value: bond}(task, root), BOB);
        bytes32 at = disputes.getDispute(number).at;
        bytes memory move = abi.encodeCall(IDisputes.postChildren, (number, at, children, new bytes32[](0)));
        mustNot(ALICE, move, IDisputes.Unproven.selector);
        vm.warp(block.timestamp + 601);
        disputes.timeout(number);
        assert(outcome(number) == IDisputes.Outcome.Challenger);
    }

    function test_a_task_is_within_the_bounds() external {
        Task memory terms = Counting.task(Counting.node(), bond);
        Task[14] memory wrong;
        for (uint256 i = 0; i < wrong.length; ++i) {
            wrong[i] = abi.decode(abi.encode(terms), (Task));
        }
        wrong[0].bond = bond - 1;
        wrong[1].steps = 0;
        wrong[2].segmentLength = 0;
        wrong[3].moveTime = 9;
        wrong[4].clock = 30 days + 1;
        wrong[5].window = 90 days + 1;
        wrong[6].stepTime = 29;
        wrong[7].segmentTime = 59;
        wrong[8].header.items = 3;
        wrong[9].header.nodes = 0;
        wrong[10].header.version = 2;
        wrong[11].header.states = 4097;
        wrong[12].steps = 2 ** 48 + 1;
        wrong[13].segmentLength = 2 ** 20 + 1;
        for (uint256 i = 0; i < wrong.length; ++i) {
            mustNot(ALICE, abi.encodeCall(IDisputes.createTask, (wrong[i])), IDisputes.WrongParameter.selector);
        }
        mustNot(ALICE, abi.encodeCall(IDisputes.createTask, (terms)), IDisputes.AlreadyExists.selector);
        assert(keccak256(abi.encode(terms)) == task);
        bytes32 program = sha256(
            abi.encodePacked(
                hex"04" hex"01" hex"0001" hex"0002" hex"0001" hex"0000" hex"0000",
                terms.header.interfaceDigest,
                terms.header.itemsRoot
            )
        );
        assert(disputes.getTask(task).program == program);
    }

    function test_equal_tasks_differ_by_their_context() external {
        Task memory terms = Counting.task(Counting.node(), bond);
        terms.context = bytes32(uint256(1));
        bytes32 other = disputes.createTask(terms);
        assert(other != task && other == keccak256(abi.encode(terms)));
        assert(disputes.getTask(other).program == disputes.getTask(task).program);
    }

    function test_items_are_nodes_and_joins() external {
        // 3 states: 2 + 1 joins; 5 outputs: 3 + 2 + 1; one more for the step item; and 7 nodes.
        Task memory terms = Counting.task(Counting.node(), bond);
        (terms.header.nodes, terms.header.states, terms.header.outputs) = (7, 3, 5);
        terms.header.items = 17;
        disputes.createTask(terms);
        terms.header.items = 18;
        mustNot(ALICE, abi.encodeCall(IDisputes.createTask, (terms)), IDisputes.WrongParameter.selector);
    }

    function test_rules_are_within_the_bounds() external {
        this.deploy(TREASURY, 500, 1_000_000, 1);
        uint256[3][6] memory wrong = [
            [uint256(499), CAP, 10],
            [uint256(5_001), CAP, 10],
            [SHARE, 999_999, 10],
            [SHARE, 10_001 gwei, 10],
            [SHARE, CAP, 0],
            [SHARE, CAP, 7 days + 1]
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            try this.deploy(TREASURY, wrong[i][0], wrong[i][1], wrong[i][2]) {
                assert(false);
            } catch (bytes memory reason) {
                assert(bytes4(reason) == IDisputes.WrongParameter.selector);
            }
        }
        try this.deploy(address(0), SHARE, CAP, 10) {
            assert(false);
        } catch {}
    }

    function deploy(address treasury, uint256 share, uint256 cap, uint256 time) external returns (IDisputes) {
        return deployDisputes(treasury, share, cap, time);
    }

    function test_bonds_are_exact() external {
        bytes32 root = Counting.root(Counting.truth());
        for (uint256 i = 0; i < 3; ++i) {
            uint256 value = i == 0 ? 0 : i == 1 ? bond - 1 : bond + 1;
            vm.prank(ALICE);
            (bool sent, bytes memory reason) =
                address(disputes).call{value: value}(abi.encodeCall(IDisputes.claim, (task, root)));
            assert(!sent && bytes4(reason) == IDisputes.WrongBond.selector);
        }
        bytes32 id = claim(Counting.truth());
        vm.prank(BOB);
        (bool sent2,) = address(disputes).call{value: bond - 1}(abi.encodeCall(IDisputes.challenge, (id)));
        assert(!sent2);
    }

    function test_credit_is_withdrawn_once() external {
        bytes32 id = claim(Counting.truth());
        vm.warp(block.timestamp + 1 days);
        disputes.finalize(id);
        uint256 before = CAROL.balance;
        vm.prank(ALICE);
        disputes.withdraw(CAROL);
        assert(CAROL.balance == before + bond && disputes.credit(ALICE) == 0);
        mustNot(ALICE, abi.encodeCall(IDisputes.withdraw, (CAROL)), IDisputes.NothingCredited.selector);
    }

    // Garbage -------------------------------------------------------------------------------------------------------

    /// Any call of any function with any words, at any place of a game: nothing is accepted, nothing changes.
    /// forge-config: default.fuzz.runs = 128
    function testFuzz_garbage_is_refused(uint256 seed, bytes32[14] calldata words) external {
        uint32[5] memory history = Counting.lie(1);
        uint256 number = challenge(claim(history), BOB);
        uint256 half = seed % 8;
        for (uint256 i = 0; i < half; ++i) {
            must(
                i % 2 == 0 ? ALICE : BOB,
                i % 2 == 0 ? Counting.post(disputes, number, history) : Counting.answer(disputes, number, history, 1)
            );
        }
        IDisputes.Dispute memory before = disputes.getDispute(number);
        if (before.place.outcome != IDisputes.Outcome.Open) return;
        bytes4[11] memory moves = [
            IDisputes.postChildren.selector,
            IDisputes.postLeaf.selector,
            IDisputes.postWords.selector,
            IDisputes.nameChild.selector,
            IDisputes.nameItem.selector,
            IDisputes.nameNode.selector,
            IDisputes.judgeJoin.selector,
            IDisputes.nameElement.selector,
            IDisputes.judgeElement.selector,
            IDisputes.nameWord.selector,
            IDisputes.judgeWord.selector
        ];
        address mover = before.place.turn == 0 ? ALICE : BOB;
        uint256 balance = address(disputes).balance;
        for (uint256 i = 0; i < moves.length; ++i) {
            // Offsets into the words themselves, so that some of it can be decoded.
            bytes memory rest = abi.encodePacked(number, before.at);
            for (uint256 w = 0; w < words.length; ++w) {
                uint256 word = uint256(words[w]);
                if (word % 3 == 0) word = 32 * ((word >> 8) % 16);
                else if (word % 3 == 1) word = (word >> 8) % 5;
                rest = abi.encodePacked(rest, word);
            }
            (bool sent,) = send(mover, abi.encodePacked(moves[i], rest));
            assert(!sent);
        }
        IDisputes.Dispute memory later = disputes.getDispute(number);
        assert(keccak256(abi.encode(before)) == keccak256(abi.encode(later)));
        assert(address(disputes).balance == balance);
    }

    // Gas: execution alone; what a whole transaction costs is in test/dispute-chain.test.ts ---------------------------

    function test_gas_of_moves() external {
        uint32[5] memory words = Counting.lie(1);
        uint256 number = challenge(claim(words), BOB);
        string[4] memory phases = ["history", "segment", "step", "leaf"];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory move = Counting.post(disputes, number, words);
            uint256 start = gasleft();
            must(ALICE, move);
            vm.snapshotValue("Disputes", string.concat("post in ", phases[i]), start - gasleft());
            move = Counting.answer(disputes, number, words, 1);
            start = gasleft();
            must(BOB, move);
            vm.snapshotValue("Disputes", string.concat("answer in ", phases[i]), start - gasleft());
        }
    }
}
