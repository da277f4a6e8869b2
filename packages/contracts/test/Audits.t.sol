// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AuditTerms, IAudits} from "../sol/IAudits.sol";
import {IDisputes, Task} from "../sol/IDisputes.sol";
import {IDraw} from "../sol/IDraw.sol";
import {IMarket, Post} from "../sol/IMarket.sol";
import {Counting} from "./Counting.sol";
import {Digests} from "./Items.sol";
import {MarketStage} from "./MarketStage.sol";
import {vm} from "./Vm.sol";

contract AuditsTest is MarketStage {
    address private constant STRANGER = address(0x57a);
    uint256 private constant STAKE = 800 ether;
    uint256 private job;

    function mustNot(bytes4 selector) private {
        vm.expectPartialRevert(selector);
    }

    /// A slice that is claimed, in a market with this many verifiers.
    function claimed(uint256 count, uint32[5] memory words) private returns (bytes32 id) {
        settle(count);
        Post memory terms = standardPost(1);
        terms.times.deadline = uint64(block.timestamp + 60 days);
        job = post(terms);
        start(job, 0, PROVIDER, 1 ether);
        id = claim(job, 0, PROVIDER, words);
        vm.deal(STRANGER, 100 ether);
    }

    function status(bytes32 id) private view returns (IAudits.AuditStatus) {
        return audits.getAudit(id).status;
    }

    function seatStatus(bytes32 id, uint256 seat) private view returns (IAudits.SeatStatus) {
        return audits.getSeat(id, seat).status;
    }

    function locked(address account) private view returns (uint256) {
        return verifiers.enrolmentOf(account).locked;
    }

    function duties(address account) private view returns (uint256) {
        return verifiers.enrolmentOf(account).duties;
    }

    function seatOf(bytes32 id, uint256 seat) private view returns (address) {
        return audits.getSeat(id, seat).account;
    }

    /// Lets the window pass and settles the slice.
    function settled(bytes32 id) private {
        pass(1 days);
        market.advance(job, 0);
        assert(disputes.getClaim(id).status == IDisputes.ClaimStatus.Final);
    }

    // Drawing ---------------------------------------------------------------------------------------------------------

    function test_without_verifiers_the_window_alone_protects() external {
        bytes32 id = claimed(0, Counting.truth());
        assert(status(id) == IAudits.AuditStatus.Unaudited);
        mustNot(IMarket.NotDue.selector);
        market.advance(job, 0);
        settled(id);
        assert(credit(provider(0)) == 100 ether);
    }

    function test_where_everyone_is_a_party_nobody_is_drawn() external {
        settle(0);
        vm.prank(provider(0));
        verifiers.enroll(5_000 ether);
        pass(2 * PERIOD + 1);
        job = post(standardPost(1));
        start(job, 0, PROVIDER, 1 ether);
        bytes32 id = claim(job, 0, PROVIDER, Counting.truth());
        uint256 round = audits.getAudit(id).round;
        (uint256 begin, uint256 half, uint256 end) = drawing.timesOf(round);
        vm.warp(begin);
        bytes32 seal = drawing.seal(round, provider(0), "secret");
        vm.prank(provider(0));
        drawing.commit(round, seal);
        vm.warp(half);
        drawing.reveal(round, provider(0), "secret");
        vm.warp(end);
        audits.draw(id);
        assert(status(id) == IAudits.AuditStatus.Unaudited);
        settled(id);
    }

    function test_a_round_that_fails_is_asked_for_again_three_times_in_all() external {
        bytes32 id = claimed(4, Counting.truth());
        mustNot(IAudits.NotDue.selector);
        audits.draw(id);
        for (uint256 i = 1; i <= 3; ++i) {
            assert(audits.getAudit(id).rounds == i);
            (,, uint256 end) = drawing.timesOf(audits.getAudit(id).round);
            vm.warp(end);
            audits.draw(id);
        }
        assert(status(id) == IAudits.AuditStatus.Unaudited);
        settled(id);
    }

    function test_a_draw_that_nobody_makes_ends_by_time() external {
        bytes32 id = claimed(4, Counting.truth());
        assert(audits.finish(id) == IAudits.AuditStatus.Drawing);
        vm.warp(uint256(audits.getAudit(id).deadline) + 1);
        mustNot(IAudits.TooLate.selector);
        audits.draw(id);
        assert(audits.finish(id) == IAudits.AuditStatus.Unaudited);
        settled(id);
    }

    function test_auditors_are_distinct_and_no_parties() external {
        bytes32 id = claimed(2, Counting.truth());
        draw(id, 2);
        assert(seatOf(id, 0) != seatOf(id, 1));
        assert(duties(verifier(0)) == 1 && duties(verifier(1)) == 1);
        assert(audits.getAudit(id).seats == 2);
        // The last segment is everybody's.
        assert(audits.isAudited(id, 0, 2) && audits.isAudited(id, 1, 2) && !audits.isAudited(id, 2, 2));
    }

    function test_only_the_market_begins_and_ends() external {
        AuditTerms memory terms;
        mustNot(IAudits.NotMarket.selector);
        audits.begin("claim", terms);
        mustNot(IAudits.NotMarket.selector);
        audits.end("claim", IAudits.Fate.Settled);
        mustNot(IAudits.WrongAuditStatus.selector);
        audits.finish("claim");
    }

    // Auditors --------------------------------------------------------------------------------------------------------

    function test_seats_commit_once_and_for_themselves() external {
        bytes32 id = claimed(4, Counting.truth());
        mustNot(IAudits.WrongAuditStatus.selector);
        audits.commit(id, 0, "commitment");
        draw(id, 4);
        mustNot(IAudits.NotYours.selector);
        audits.commit(id, 0, "commitment");
        vm.prank(seatOf(id, 0));
        mustNot(IAudits.NotCommitted.selector);
        audits.commit(id, 0, 0);
        vm.prank(seatOf(id, 0));
        mustNot(IAudits.WrongSeatStatus.selector);
        audits.commit(id, 2, "commitment");
        commit(id, 0, Counting.truth());
        vm.prank(seatOf(id, 0));
        mustNot(IAudits.WrongSeatStatus.selector);
        audits.commit(id, 0, "commitment");
        pass(121);
        vm.prank(seatOf(id, 1));
        mustNot(IAudits.TooLate.selector);
        audits.commit(id, 1, "commitment");
    }

    function test_a_silent_auditor_is_slashed_and_the_others_go_on() external {
        bytes32 id = claimed(4, Counting.truth());
        draw(id, 4);
        commit(id, 0, Counting.truth());
        pass(121);
        open(id, Counting.truth());
        reveal(id, 0, Counting.truth());
        assert(status(id) == IAudits.AuditStatus.Done);
        settled(id);
        assert(seatStatus(id, 0) == IAudits.SeatStatus.Paid && seatStatus(id, 1) == IAudits.SeatStatus.Slashed);
        assert(locked(seatOf(id, 1)) == 4_500 ether && duties(seatOf(id, 1)) == 0);
        assert(credit(provider(0)) == 100 ether && reputation.recordOf(seatOf(id, 1)).slashed == 1);
    }

    function test_an_auditor_that_commits_and_does_not_reveal_is_slashed() external {
        bytes32 id = claimed(4, Counting.truth());
        draw(id, 4);
        commit(id, 0, Counting.truth());
        commit(id, 1, Counting.truth());
        open(id, Counting.truth());
        reveal(id, 0, Counting.truth());
        bytes32 answer = answerOf(id, 1, Counting.truth());
        pass(61);
        vm.prank(seatOf(id, 1));
        mustNot(IAudits.TooLate.selector);
        audits.reveal(id, 1, answer, bytes32(uint256(101)));
        settled(id);
        assert(seatStatus(id, 1) == IAudits.SeatStatus.Slashed && locked(seatOf(id, 1)) == 4_500 ether);
    }

    function test_an_answer_has_to_be_the_committed_one_of_the_seat() external {
        bytes32 id = claimed(4, Counting.truth());
        draw(id, 4);
        commit(id, 0, Counting.truth());
        commit(id, 1, Counting.truth());
        open(id, Counting.truth());
        bytes32 answer = answerOf(id, 0, Counting.truth());
        vm.prank(seatOf(id, 0));
        mustNot(IAudits.NotCommitted.selector);
        audits.reveal(id, 0, answer, bytes32(uint256(101)));
        mustNot(IAudits.NotYours.selector);
        audits.reveal(id, 0, answer, bytes32(uint256(100)));
    }

    function test_an_auditor_that_differs_from_a_claim_that_stands_is_not_paid() external {
        bytes32 id = claimed(4, Counting.truth());
        draw(id, 4);
        commit(id, 0, Counting.truth());
        commit(id, 1, Counting.lie(0));
        open(id, Counting.truth());
        reveal(id, 0, Counting.truth());
        reveal(id, 1, Counting.lie(0));
        assert(seatStatus(id, 1) == IAudits.SeatStatus.Differed);
        settled(id);
        assert(seatStatus(id, 1) == IAudits.SeatStatus.Unpaid && credit(seatOf(id, 1)) == 0);
        assert(locked(seatOf(id, 1)) == 5_000 ether && credit(seatOf(id, 0)) != 0);
    }

    function test_an_auditor_that_misses_loses_nothing() external {
        bytes32 id = claimed(4, Counting.truth());
        draw(id, 4);
        vm.prank(seatOf(id, 0));
        audits.miss(id, 0);
        commit(id, 1, Counting.truth());
        open(id, Counting.truth());
        reveal(id, 1, Counting.truth());
        settled(id);
        assert(seatStatus(id, 0) == IAudits.SeatStatus.Unpaid && locked(seatOf(id, 0)) == 5_000 ether);
        assert(credit(provider(0)) == 100 ether);
    }

    function test_a_claim_whose_data_nobody_could_get_is_not_paid_and_not_slashed() external {
        bytes32 id = claimed(4, Counting.truth());
        draw(id, 4);
        for (uint256 k = 0; k < 2; ++k) {
            vm.prank(seatOf(id, k));
            audits.miss(id, k);
        }
        assert(status(id) == IAudits.AuditStatus.Unavailable);
        mustNot(IMarket.NotDue.selector);
        market.advance(job, 0);
        settled(id);
        assert(market.getProgress(job, 0).status == IMarket.SliceStatus.Bidding);
        assert(stakeOf(provider(0)) == FUNDS && lockedOf(provider(0)) == 0 && credit(provider(0)) == 0);
    }

    // The provider ----------------------------------------------------------------------------------------------------

    function test_tallies_are_what_was_sealed() external {
        bytes32 id = claimed(4, Counting.truth());
        bytes32[] memory tallies = talliesOf(Counting.truth());
        draw(id, 4);
        vm.prank(provider(0));
        mustNot(IAudits.WrongAuditStatus.selector);
        audits.open(id, "salt", tallies);
        commit(id, 0, Counting.truth());
        commit(id, 1, Counting.truth());
        mustNot(IAudits.NotYours.selector);
        audits.open(id, "salt", tallies);
        vm.prank(provider(0));
        mustNot(IAudits.NotCommitted.selector);
        audits.open(id, "pepper", tallies);
        vm.prank(provider(0));
        mustNot(IAudits.WrongLength.selector);
        audits.open(id, "salt", new bytes32[](2));
        pass(61);
        vm.prank(provider(0));
        mustNot(IAudits.WrongAuditStatus.selector);
        audits.open(id, "salt", tallies);
        assert(audits.finish(id) == IAudits.AuditStatus.Silent);
    }

    function test_phases_that_nobody_ends_take_no_longer() external {
        bytes32 id = claimed(4, Counting.truth());
        draw(id, 4);
        commit(id, 0, Counting.truth());
        uint256 deadline = audits.getAudit(id).deadline;
        vm.warp(deadline + 61);
        assert(audits.finish(id) == IAudits.AuditStatus.Silent);
    }

    // Claims that fall ------------------------------------------------------------------------------------------------

    function test_a_claim_that_falls_before_the_answers_pays_who_has_committed() external {
        bytes32 id = claimed(4, Counting.lie(4));
        draw(id, 4);
        commit(id, 0, Counting.truth());
        fell(id, STRANGER, true, Counting.lie(4), 4);
        market.advance(job, 0);
        // The other one still had time.
        assert(seatStatus(id, 0) == IAudits.SeatStatus.Paid && seatStatus(id, 1) == IAudits.SeatStatus.Unpaid);
        assert(credit(seatOf(id, 0)) != 0 && locked(seatOf(id, 1)) == 5_000 ether);
        assert(duties(seatOf(id, 0)) == 0 && duties(seatOf(id, 1)) == 0);
        vm.prank(seatOf(id, 1));
        mustNot(IAudits.WrongAuditStatus.selector);
        audits.commit(id, 1, "commitment");
    }

    /// Both auditors say what the provider says: a claim that is wrong in the last segment, which they have audited.
    function matched(bool played) private returns (bytes32 id, uint256 dispute) {
        id = claimed(4, Counting.lie(4));
        audit(id, 4, Counting.lie(4));
        dispute = fell(id, STRANGER, played, Counting.lie(4), 4);
        market.advance(job, 0);
        assert(seatStatus(id, 0) == IAudits.SeatStatus.Suspect && duties(seatOf(id, 0)) == 1);
    }

    function test_an_auditor_that_matched_a_lie_is_slashed() external {
        (bytes32 id, uint256 dispute) = matched(true);
        uint256 reward = credit(STRANGER);
        audits.accuse(id, 0, dispute);
        mustNot(IAudits.NotDue.selector);
        audits.finishSeat(id, 0);
        pass(121);
        audits.finishSeat(id, 0);
        assert(seatStatus(id, 0) == IAudits.SeatStatus.Slashed && locked(seatOf(id, 0)) == 4_500 ether);
        assert(credit(STRANGER) == reward + 250 ether && duties(seatOf(id, 0)) == 0);
        // What it was paid is no more than it has lost.
        assert(credit(seatOf(id, 0)) <= 500 ether);
        mustNot(IAudits.WrongSeatStatus.selector);
        audits.finishSeat(id, 0);
        // The other one is accused too late.
        mustNot(IAudits.TooLate.selector);
        audits.accuse(id, 1, dispute);
        audits.finishSeat(id, 1);
        assert(seatStatus(id, 1) == IAudits.SeatStatus.Paid && locked(seatOf(id, 1)) == 5_000 ether);
    }

    function test_a_claim_that_its_provider_let_fall_by_time_accuses_nobody() external {
        (bytes32 id, uint256 dispute) = matched(false);
        mustNot(IAudits.WrongDispute.selector);
        audits.accuse(id, 0, dispute);
        mustNot(IAudits.NotDue.selector);
        audits.finishSeat(id, 0);
        pass(61);
        audits.finishSeat(id, 0);
        assert(locked(seatOf(id, 0)) == 5_000 ether && duties(seatOf(id, 0)) == 0);
    }

    function test_a_segment_that_a_seat_has_not_audited_is_not_its_business() external {
        bytes32 id = claimed(4, Counting.lie(0));
        draw(id, 4);
        // A seat that does not audit the first segment, if there is one.
        uint256 seat = audits.isAudited(id, 0, 0) ? 1 : 0;
        if (audits.isAudited(id, seat, 0)) return;
        for (uint256 k = 0; k < 2; ++k) {
            commit(id, k, Counting.lie(0));
        }
        open(id, Counting.lie(0));
        for (uint256 k = 0; k < 2; ++k) {
            reveal(id, k, Counting.lie(0));
        }
        uint256 dispute = fell(id, STRANGER, true, Counting.lie(0), 0);
        market.advance(job, 0);
        mustNot(IAudits.NotAudited.selector);
        audits.accuse(id, seat, dispute);
    }

    /// The task of the last segment alone, as counting from `words` says it.
    function lastSegment(bytes32 id, uint32[5] memory words) private returns (bytes32 task) {
        Task memory part = Counting.task(Counting.node(), uint128(disputes.minimumBond()));
        part.initialItem = Counting.item(words[3]);
        part.steps = 1;
        part.context = id;
        return disputes.createTask(part);
    }

    /// A provider gives up a true claim: a friend challenges its last segment, and it posts nonsense there.
    function thrown() private returns (bytes32 id, uint32[5] memory words) {
        words = Counting.truth();
        id = claimed(4, words);
        audit(id, 4, words);
        uint256 bond = disputes.minimumBond();
        bytes32[] memory path = Counting.checkpointPath(words, 2);
        bytes32[] memory before = Counting.checkpointPath(words, 1);
        bytes32[2] memory items = [Counting.item(5), Counting.item(4)];
        vm.prank(STRANGER);
        uint256 dispute = disputes.challengeSegment{value: bond}(id, 2, items[0], path, items[1], before);
        // A segment of one step: the step's vector is next. Its end is the checkpoint, the rest is not what was run.
        bytes32[] memory children = Digests.path(Counting.tensor(77), Counting.item(5));
        bytes32[] memory last = Digests.path(Counting.tensor(77));
        play(provider(0), abi.encodeCall(IDisputes.postChildren, (dispute, at_(dispute), children, last)));
        play(STRANGER, nameNonsense(dispute));
        play(provider(0), abi.encodeCall(IDisputes.postLeaf, (dispute, at_(dispute), Counting.bytesOf(77))));
        uint32[5] memory nonsense = Counting.truth();
        nonsense[4] = 77;
        play(STRANGER, Counting.judge(at_(dispute), dispute, nonsense, 4, Counting.node()));
        assert(disputes.getClaim(id).status == IDisputes.ClaimStatus.Fallen);
        market.advance(job, 0);
        audits.accuse(id, 0, dispute);
    }

    function nameNonsense(uint256 dispute) private view returns (bytes memory) {
        bytes32[] memory siblings = Digests.path(Counting.item(5));
        bytes32[] memory encoding = Digests.path(Digests.leaf(Counting.join()));
        return abi.encodeCall(
            IDisputes.nameNode, (dispute, at_(dispute), 0, Counting.tensor(77), siblings, Counting.node(), encoding)
        );
    }

    function at_(uint256 dispute) private view returns (bytes32) {
        return disputes.getDispute(dispute).at;
    }

    function play(address who, bytes memory move) private {
        vm.prank(who);
        (bool sent,) = address(disputes).call(move);
        assert(sent);
    }

    function defence(bytes32 id, uint32[5] memory words, address who) private returns (bytes32 made) {
        bytes32 task = lastSegment(id, words);
        uint256 bond = disputes.getTask(task).bond;
        bytes32 root = Counting.item(words[4]);
        vm.deal(who, 100 ether);
        vm.prank(who);
        made = disputes.claim{value: bond}(task, root);
        bytes32[] memory path = Counting.checkpointPath(words, 2);
        bytes32[] memory before = Counting.checkpointPath(words, 1);
        audits.defend(id, 0, made, path, Counting.item(words[3]), before);
    }

    function test_an_honest_auditor_defends_its_segment_against_a_thrown_game() external {
        (bytes32 id, uint32[5] memory words) = thrown();
        bytes32 made = defence(id, words, seatOf(id, 0));
        assert(seatStatus(id, 0) == IAudits.SeatStatus.Defending);
        pass(122);
        mustNot(IAudits.NotDue.selector);
        audits.finishSeat(id, 0);
        pass(1 days);
        audits.finishSeat(id, 0);
        assert(disputes.getClaim(made).status == IDisputes.ClaimStatus.Final);
        assert(locked(seatOf(id, 0)) == 5_000 ether && duties(seatOf(id, 0)) == 0);
        assert(seatStatus(id, 0) == IAudits.SeatStatus.Paid);
    }

    function test_a_lie_cannot_be_defended() external {
        (bytes32 id, uint256 dispute) = matched(true);
        audits.accuse(id, 0, dispute);
        bytes32 made = defence(id, Counting.lie(4), seatOf(id, 0));
        uint256 bond = disputes.minimumBond();
        vm.prank(STRANGER);
        uint256 number = disputes.challenge{value: bond}(made);
        pass(1 days + 1);
        mustNot(IAudits.NotDue.selector);
        audits.finishSeat(id, 0);
        disputes.timeout(number);
        audits.finishSeat(id, 0);
        assert(seatStatus(id, 0) == IAudits.SeatStatus.Slashed && locked(seatOf(id, 0)) == 4_500 ether);
    }

    function test_a_defence_is_a_new_claim_of_exactly_that_segment() external {
        (bytes32 id, uint256 dispute) = matched(true);
        uint32[5] memory words = Counting.lie(4);
        bytes32[] memory path = Counting.checkpointPath(words, 2);
        bytes32[] memory before = Counting.checkpointPath(words, 1);
        bytes32 item = Counting.item(4);
        uint256 bond = disputes.minimumBond();
        bytes32 early = lastSegment(id, words);
        bytes32 root = Counting.item(words[4]);
        vm.prank(STRANGER);
        early = disputes.claim{value: bond}(early, root);
        pass(1);
        audits.accuse(id, 0, dispute);
        mustNot(IAudits.WrongDefence.selector);
        audits.defend(id, 0, early, path, item, before);
        mustNot(IAudits.WrongDefence.selector);
        audits.defend(id, 0, "no claim", path, item, before);
        // Another root, another beginning, other terms.
        bytes32 task = lastSegment("other", words);
        bytes32 wrong = Counting.item(5);
        vm.prank(STRANGER);
        wrong = disputes.claim{value: bond}(task, wrong);
        mustNot(IAudits.Unproven.selector);
        audits.defend(id, 0, wrong, path, item, before);
        vm.prank(STRANGER);
        wrong = disputes.claim{value: bond}(task, root);
        mustNot(IAudits.Unproven.selector);
        audits.defend(id, 0, wrong, path, root, before);
        Task memory part = Counting.task(Counting.node(), uint128(bond));
        part.initialItem = item;
        part.steps = 1;
        part.window -= 1;
        task = disputes.createTask(part);
        vm.prank(STRANGER);
        wrong = disputes.claim{value: bond}(task, root);
        mustNot(IAudits.WrongDefence.selector);
        audits.defend(id, 0, wrong, path, item, before);
        pass(121);
        mustNot(IAudits.TooLate.selector);
        audits.defend(id, 0, wrong, path, item, before);
    }
}
