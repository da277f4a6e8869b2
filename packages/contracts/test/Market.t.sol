// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bounds} from "../sol/Bounds.sol";
import {IAudits} from "../sol/IAudits.sol";
import {IDisputes, ProgramHeader, Task} from "../sol/IDisputes.sol";
import {Bid, Charges, IMarket, Post, Receipt, Slice} from "../sol/IMarket.sol";
import {IVault} from "../sol/IVault.sol";
import {Delegation} from "../sol/IDelegations.sol";
import {Counting} from "./Counting.sol";
import {Digests} from "./Items.sol";
import {MarketStage} from "./MarketStage.sol";
import {vm} from "./Vm.sol";

contract MarketTest is MarketStage {
    address private constant STRANGER = address(0x57a);
    /// What is locked for 100 units: 100 / 0.25, and twice two auditors' 100.
    uint256 private constant STAKE = 800 ether;

    function setUp() external {
        settle(4);
    }

    function status(uint256 job, uint16 slice) private view returns (IMarket.SliceStatus) {
        return market.getProgress(job, slice).status;
    }

    function mustNot(bytes4 selector) private {
        vm.expectPartialRevert(selector);
    }

    function posted() private returns (uint256 job) {
        job = post(standardPost(1));
        pass(10);
    }

    // Posting ---------------------------------------------------------------------------------------------------------

    function test_an_honest_slice_goes_through_all_states_and_everyone_is_paid() external {
        uint256 job = post(standardPost(1));
        uint256 escrow = 315 ether; // (1 + 2 * 1) * 100, and 5 percent
        assert(market.getJob(job).escrow == escrow);
        start(job, 0, PROVIDER, 0.8 ether);
        bytes32 id = claim(job, 0, PROVIDER, Counting.truth());
        audit(id, 4, Counting.truth());
        assert(audits.getAudit(id).status == IAudits.AuditStatus.Done);
        pass(1 days);
        market.advance(job, 0);
        assert(status(job, 0) == IMarket.SliceStatus.Settled);
        assert(disputes.getClaim(id).status == IDisputes.ClaimStatus.Final);
        assert(lockedOf(provider(0)) == 0 && stakeOf(provider(0)) == FUNDS);
        assert(credit(provider(0)) == 80 ether);
        market.close(job);
        assert(market.getJob(job).status == IMarket.JobStatus.Closed && market.getJob(job).escrow == 0);
        uint256 paid = credit(audits.getSeat(id, 0).account) + credit(audits.getSeat(id, 1).account);
        uint256 fee = (80 ether + paid) / 20;
        assert(paid > 0 && credit(TREASURY) == fee);
        assert(credit(requester()) == FUNDS - 80 ether - paid - fee);
        assert(reputation.scoreOf(provider(0)) == fee);
    }

    function test_what_was_posted_is_read_back() external {
        Post memory terms = standardPost(4);
        terms.programs = new ProgramHeader[](2);
        terms.programs[0] = standardPost(1).programs[0];
        terms.programs[1] = ProgramHeader(1, 7, 12, 3, 4, 2, "interface", "items");
        terms.slices[1].program = 1;
        terms.slices[1].inputsRoot = "inputs";
        terms.slices[1].group = 3;
        terms.slices[2].initialFrom = 1;
        terms.slices[2].initialItem = 0;
        terms.slices[2].inputsFrom = new uint16[](2);
        terms.slices[2].inputsFrom[1] = 1;
        terms.slices[3].group = 3;
        terms.slices[3].time = 77;
        terms.allowed = new address[](2);
        (terms.allowed[0], terms.allowed[1]) = (provider(0), STRANGER);
        terms.banned = new address[](1);
        terms.banned[0] = provider(1);
        uint256 job = post(terms);
        for (uint16 i = 0; i < 4; ++i) {
            assert(keccak256(abi.encode(market.getSlice(job, i))) == keccak256(abi.encode(terms.slices[i])));
        }
        for (uint8 i = 0; i < 2; ++i) {
            assert(keccak256(abi.encode(market.getProgram(job, i))) == keccak256(abi.encode(terms.programs[i])));
        }
        IMarket.Spec memory spec = market.getSpec(job);
        assert(spec.manifest == terms.manifest && spec.ceiling == terms.ceiling && spec.auditPrice == terms.auditPrice);
        assert(spec.bond == terms.bond && spec.auditRate == terms.auditRate && spec.auditors == terms.auditors);
        assert(keccak256(abi.encode(spec.times)) == keccak256(abi.encode(terms.times)));
        assert(keccak256(abi.encode(spec.charges)) == keccak256(abi.encode(standardCharges())));
        assert(keccak256(abi.encode(spec.allowed)) == keccak256(abi.encode(terms.allowed)));
        assert(keccak256(abi.encode(spec.banned)) == keccak256(abi.encode(terms.banned)));
        address[] memory parties = market.partiesOf(job, 1);
        assert(parties.length == 2 && parties[0] == address(0) && parties[1] == requester());
        assert(status(job, 0) == IMarket.SliceStatus.Bidding && status(job, 2) == IMarket.SliceStatus.Waiting);
        mustNot(IMarket.UnknownSlice.selector);
        market.getSlice(job, 4);
        mustNot(Bounds.WrongParameter.selector);
        market.getProgram(job, 2);
        mustNot(IMarket.UnknownJob.selector);
        market.getSpec(job + 1);
    }

    function test_a_job_of_the_most_slices_fits_into_a_transaction() external {
        Post memory terms = standardPost(256);
        terms.auditors = 8;
        for (uint256 i = 1; i < 256; ++i) {
            terms.slices[i].initialFrom = uint16(i - 1);
            terms.slices[i].initialItem = 0;
            terms.slices[i].inputsRoot = keccak256(abi.encode(i));
        }
        fund(requester(), 10_000_000 ether, 0);
        vm.prank(requester());
        uint256 before = gasleft();
        uint256 job = market.post(terms);
        assert(before - gasleft() < 12_000_000);
        assert(keccak256(abi.encode(market.getSlice(job, 255))) == keccak256(abi.encode(terms.slices[255])));
    }

    function refuse(Post memory terms, bytes32 name) private {
        vm.prank(requester());
        (bool taken, bytes memory reason) = address(market).call(abi.encodeCall(IMarket.post, (terms)));
        assert(!taken && bytes4(reason) == Bounds.WrongParameter.selector);
        bytes32 named;
        assembly ("memory-safe") {
            named := mload(add(reason, 36))
        }
        assert(named == name);
    }

    function test_posts_outside_the_bounds_are_refused_by_name() external {
        Post memory p = standardPost(2);
        bytes memory good = abi.encode(p);
        p.programs = new ProgramHeader[](0);
        refuse(p, "programs");
        p = abi.decode(good, (Post));
        p.programs[0].items = 3;
        refuse(p, "items");
        p = abi.decode(good, (Post));
        p.slices = new Slice[](0);
        refuse(p, "slices");
        p = abi.decode(good, (Post));
        p.ceiling = 0;
        refuse(p, "ceiling");
        p = abi.decode(good, (Post));
        p.auditPrice = p.ceiling / 2 - 1;
        refuse(p, "auditPrice");
        p = abi.decode(good, (Post));
        p.bond -= 1;
        refuse(p, "bond");
        p = abi.decode(good, (Post));
        p.auditRate = 0;
        refuse(p, "auditRate");
        p = abi.decode(good, (Post));
        p.auditors = 9;
        refuse(p, "auditors");
        p = abi.decode(good, (Post));
        p.allowed = new address[](65);
        refuse(p, "allowed");
        p = abi.decode(good, (Post));
        p.banned = new address[](65);
        refuse(p, "banned");
        p = abi.decode(good, (Post));
        p.slices[1].program = 1;
        refuse(p, "program");
        p = abi.decode(good, (Post));
        p.slices[1].initialFrom = 1;
        refuse(p, "initialFrom");
        p = abi.decode(good, (Post));
        p.slices[1].initialFrom = 0;
        refuse(p, "initialItem");
        p = abi.decode(good, (Post));
        p.slices[1].inputsFrom = new uint16[](1);
        p.slices[1].inputsRoot = "root";
        refuse(p, "inputsRoot");
        p.slices[1].inputsFrom[0] = 1;
        refuse(p, "inputsFrom");
        p = abi.decode(good, (Post));
        p.slices[0].steps = 0;
        refuse(p, "steps");
        p = abi.decode(good, (Post));
        p.slices[0].steps = 513;
        refuse(p, "segments");
        p = abi.decode(good, (Post));
        p.slices[0].segmentLength = 0;
        refuse(p, "segmentLength");
        p = abi.decode(good, (Post));
        p.slices[0].work = 0;
        refuse(p, "work");
        p = abi.decode(good, (Post));
        p.slices[0].time = 9;
        refuse(p, "time");
        p = abi.decode(good, (Post));
        p.slices[0].work = 2 ** 48;
        p.ceiling = 2 ** 80;
        p.auditPrice = 2 ** 79;
        refuse(p, "stake");
        p = abi.decode(good, (Post));
        p.slices[0].work = 1e10;
        p.auditRate = 10_000;
        p.auditors = 1;
        p.slices[1].work = 1e10;
        p.auditPrice = 3 ether;
        refuse(p, "escrow");
    }

    function test_times_outside_the_bounds_are_refused_by_name() external {
        Post memory p = standardPost(1);
        bytes memory good = abi.encode(p);
        p.times.bidding = 9;
        refuse(p, "bidding");
        p = abi.decode(good, (Post));
        p.times.inclusion = 9;
        refuse(p, "inclusion");
        p = abi.decode(good, (Post));
        p.times.receipt = 7 days + 1;
        refuse(p, "receipt");
        p = abi.decode(good, (Post));
        p.times.audit = 9;
        refuse(p, "audit");
        p = abi.decode(good, (Post));
        p.times.answer = 9;
        refuse(p, "answer");
        p = abi.decode(good, (Post));
        p.times.window = uint32(audits.longestTime(120, 60) + 120 - 1);
        refuse(p, "window");
        p = abi.decode(good, (Post));
        p.times.clock = 9;
        refuse(p, "clock");
        p = abi.decode(good, (Post));
        p.times.moveTime = 9;
        refuse(p, "moveTime");
        p = abi.decode(good, (Post));
        p.times.stepTime = 29;
        refuse(p, "stepTime");
        p = abi.decode(good, (Post));
        p.times.segmentTime = 59;
        refuse(p, "segmentTime");
        p = abi.decode(good, (Post));
        p.times.deadline = uint64(block.timestamp);
        refuse(p, "deadline");
        p.times.deadline = uint64(block.timestamp + 365 days + 1);
        refuse(p, "deadline");
    }

    function test_a_post_needs_credit_or_a_permit_of_the_account() external {
        Post memory terms = standardPost(1);
        vm.prank(STRANGER);
        mustNot(IVault.NotEnough.selector);
        market.post(terms);
        uint256 key = 0x999;
        address owner = vm.addr(key);
        assert(token.transfer(owner, 315 ether));
        bytes32 digest = keccak256(
            abi.encodePacked(
                hex"1901",
                token.DOMAIN_SEPARATOR(),
                keccak256(
                    abi.encode(
                        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                        owner,
                        address(vault),
                        315 ether,
                        0,
                        block.timestamp
                    )
                )
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        vm.prank(owner);
        uint256 job = market.postWithPermit(terms, 315 ether, block.timestamp, v, r, s);
        assert(market.getJob(job).requester == owner && token.balanceOf(owner) == 0 && credit(owner) == 0);
    }

    function test_charges_are_the_governors_within_bounds_and_frozen_in_a_job() external {
        uint256 job = post(standardPost(1));
        Charges memory dear = standardCharges();
        dear.feeShare = 2_000;
        mustNot(IMarket.NotYours.selector);
        market.setCharges(dear);
        vm.prank(GOVERNOR);
        market.setCharges(dear);
        assert(market.charges().feeShare == 2_000 && market.getSpec(job).charges.feeShare == 500);
        for (uint256 i = 0; i < 7; ++i) {
            Charges memory wrong = standardCharges();
            if (i == 0) wrong.feeShare = 2_001;
            if (i == 1) wrong.minimumImprovement = 0;
            if (i == 2) wrong.noShowShare = 5_001;
            if (i == 3) wrong.lateShare = 5_001;
            if (i == 4) wrong.bountyShare = 5_001;
            if (i == 5) wrong.minimumStake = 0;
            if (i == 6) wrong.auditorSlash = 0;
            vm.prank(GOVERNOR);
            mustNot(Bounds.WrongParameter.selector);
            market.setCharges(wrong);
        }
    }

    // Bids ------------------------------------------------------------------------------------------------------------

    function refuseBid(Bid memory bid, bytes4 selector) private {
        bytes memory signature = signed(bid, PROVIDER);
        mustNot(selector);
        market.assign(1, 0, bid, signature);
    }

    function test_bids_that_do_not_fit_are_refused() external {
        Post memory terms = standardPost(1);
        terms.banned = new address[](1);
        terms.banned[0] = provider(1);
        uint256 job = post(terms);
        refuseBid(bidOf(job, PROVIDER, 1 ether), IMarket.NotDue.selector);
        pass(10);
        Bid memory bid = bidOf(job, PROVIDER, 1 ether);
        bid.job = 2;
        refuseBid(bid, IMarket.WrongJob.selector);
        bid = bidOf(job, PROVIDER, 1 ether);
        bid.expiry = uint64(block.timestamp);
        refuseBid(bid, IMarket.BidExpired.selector);
        bid = bidOf(job, PROVIDER, 1 ether);
        bid.time = 1_001;
        refuseBid(bid, IMarket.BidTooSlow.selector);
        bid.time = 0;
        refuseBid(bid, IMarket.BidTooSlow.selector);
        refuseBid(bidOf(job, PROVIDER, 1 ether + 1), IMarket.BidTooDear.selector);
        refuseBid(bidOf(job, PROVIDER, 0), IMarket.BidTooDear.selector);
        bid = bidOf(job, PROVIDER, 1 ether);
        bid.account = provider(1);
        refuseBid(bid, IMarket.NotAllowed.selector);
        bid.account = provider(2);
        refuseBid(bid, IMarket.NotYours.selector);
        refuseBid(bidOf(job, PROVIDER + 2, 1 ether), IMarket.WrongSignature.selector);
        fund(vm.addr(0x777), 0, STAKE - 1);
        bytes memory poor = signed(bidOf(job, 0x777, 1 ether), 0x777);
        bid = bidOf(job, 0x777, 1 ether);
        mustNot(IVault.NotEnough.selector);
        market.assign(job, 0, bid, poor);
        assign(job, 0, PROVIDER, 1 ether);
        assert(lockedOf(provider(0)) == STAKE && market.stakeFor(job, 0) == STAKE);
        assert(vault.lockedFor(address(market), provider(0), market.obligationOf(job, 0, 1)) == STAKE);
    }

    function test_a_signature_is_of_this_bid_by_this_key_and_in_one_form() external {
        uint256 job = posted();
        Bid memory bid = bidOf(job, PROVIDER, 0.9 ether);
        bytes memory good = signed(bid, PROVIDER);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(PROVIDER, market.hashBid(bid));
        bytes32 mirrored = bytes32(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141 - uint256(s));
        bytes[4] memory forged = [
            bytes(""),
            new bytes(65),
            abi.encodePacked(r, mirrored, v == 27 ? 28 : 27),
            abi.encodePacked(good, bytes1(0))
        ];
        for (uint256 i = 0; i < forged.length; ++i) {
            mustNot(IMarket.WrongSignature.selector);
            market.assign(job, 0, bid, forged[i]);
        }
        // The signature of another bid of the same key.
        bid.pricePerUnit = 0.8 ether;
        mustNot(IMarket.WrongSignature.selector);
        market.assign(job, 0, bid, good);
    }

    function lend(uint256 key, uint8 scopes, uint256 lasts) private {
        Delegation memory delegation =
            Delegation(provider(0), vm.addr(key), scopes, uint64(block.timestamp + lasts), key);
        bytes32 digest = delegations.hashOf(delegation);
        delegations.register(delegation, sign(PROVIDER, digest), sign(key, digest));
    }

    function test_a_key_whose_delegation_is_over_revoked_or_for_something_else_does_not_bid() external {
        uint256 job = posted();
        lend(0x881, 1, 100);
        lend(0x882, 2, 100 days);
        lend(0x883, 1, 100 days);
        vm.prank(provider(0));
        delegations.revoke(vm.addr(0x883));
        pass(100);
        for (uint256 key = 0x881; key <= 0x883; ++key) {
            Bid memory bid = bidOf(job, key, 1 ether);
            bid.account = provider(0);
            bytes memory signature = signed(bid, key);
            mustNot(IMarket.NotYours.selector);
            market.assign(job, 0, bid, signature);
            // It acts for nobody, and so not for itself either.
            bid.account = bid.key;
            signature = signed(bid, key);
            mustNot(IMarket.NotYours.selector);
            market.assign(job, 0, bid, signature);
        }
    }

    function test_only_allowed_accounts_bid_where_some_are_named() external {
        Post memory terms = standardPost(1);
        terms.allowed = new address[](1);
        terms.allowed[0] = provider(1);
        uint256 job = post(terms);
        pass(10);
        refuseBid(bidOf(job, PROVIDER, 1 ether), IMarket.NotAllowed.selector);
        assign(job, 0, PROVIDER + 1, 1 ether);
    }

    function test_a_bid_is_not_good_after_the_deadline() external {
        uint256 job = post(standardPost(1));
        pass(10 days + 1);
        refuseBid(bidOf(job, PROVIDER, 1 ether), IMarket.TooLate.selector);
        market.advance(job, 0);
        assert(status(job, 0) == IMarket.SliceStatus.Cancelled);
        market.close(job);
        assert(credit(requester()) == FUNDS);
    }

    function test_a_better_bid_replaces_the_leader_within_the_inclusion_window() external {
        uint256 job = posted();
        uint256 begun = block.timestamp;
        assign(job, 0, PROVIDER, 1 ether);
        refuseBid(bidOf(job, PROVIDER, 0.98 ether + 1), IMarket.BidNotBetter.selector);
        pass(19);
        assign(job, 0, PROVIDER + 1, 0.98 ether);
        assert(lockedOf(provider(0)) == 0 && lockedOf(provider(1)) == STAKE);
        IMarket.Progress memory progress = market.getProgress(job, 0);
        assert(progress.firm == begun + 24 && progress.until == begun + 84 && progress.attempt == 1);
        // Extensions come to an end.
        uint256 price = 0.98 ether;
        for (uint256 i = 0; i < 40; ++i) {
            price = price * 98 / 100;
            progress = market.getProgress(job, 0);
            if (block.timestamp >= progress.firm) break;
            vm.warp(progress.firm - 1);
            assign(job, 0, PROVIDER + i % 2, price);
        }
        assert(market.getProgress(job, 0).firm == begun + 80);
        vm.warp(begun + 80);
        refuseBid(bidOf(job, PROVIDER, 1), IMarket.TooLate.selector);
    }

    function test_reputation_makes_a_dearer_bid_the_better_one() external {
        uint256 job = post(standardPost(1));
        start(job, 0, PROVIDER + 1, 1 ether);
        bytes32 id = claim(job, 0, PROVIDER + 1, Counting.truth());
        audit(id, 4, Counting.truth());
        pass(1 days);
        market.advance(job, 0);
        uint256 discount = reputation.discountOf(provider(1));
        assert(discount > 200);
        job = posted();
        assign(job, 0, PROVIDER, 0.9 ether);
        assign(job, 0, PROVIDER + 1, 0.9 ether);
        assert(market.getProgress(job, 0).score == 0.9 ether * (10_000 - discount) / 10_000);
    }

    function test_a_bid_takes_no_more_slices_at_a_time_than_it_says() external {
        uint256 job = post(standardPost(3));
        pass(10);
        Bid memory bid = bidOf(job, PROVIDER, 1 ether);
        bid.slices = 1;
        bytes memory signature = signed(bid, PROVIDER);
        market.assign(job, 0, bid, signature);
        mustNot(IMarket.BidUsedUp.selector);
        market.assign(job, 1, bid, signature);
        // It is free again when a better bid takes its place.
        assign(job, 0, PROVIDER + 1, 0.5 ether);
        market.assign(job, 1, bid, signature);
    }

    function test_who_has_claimed_a_slice_may_take_another_while_it_is_audited() external {
        uint256 job = post(standardPost(3));
        Bid memory bid = bidOf(job, PROVIDER, 1 ether);
        bid.slices = 1;
        bytes memory signature = signed(bid, PROVIDER);
        start(job, 0, PROVIDER, 1 ether);
        mustNot(IMarket.BidUsedUp.selector);
        market.assign(job, 1, bid, signature);
        bytes32 id = claim(job, 0, PROVIDER, Counting.truth());
        market.assign(job, 1, bid, signature);
        mustNot(IMarket.BidUsedUp.selector);
        market.assign(job, 2, bid, signature);
        // That the first one settles frees nothing more.
        audit(id, 4, Counting.truth());
        pass(1 days);
        market.advance(job, 0);
        mustNot(IMarket.BidUsedUp.selector);
        market.assign(job, 2, bid, signature);
    }

    function test_replicas_go_to_different_accounts() external {
        Post memory terms = standardPost(2);
        terms.slices[0].group = 1;
        terms.slices[1].group = 1;
        uint256 job = post(terms);
        pass(10);
        assign(job, 0, PROVIDER, 1 ether);
        Bid memory bid = bidOf(job, PROVIDER, 1 ether);
        bytes memory signature = signed(bid, PROVIDER);
        mustNot(IMarket.InGroup.selector);
        market.assign(job, 1, bid, signature);
        assign(job, 1, PROVIDER + 1, 1 ether);
        address[] memory parties = market.partiesOf(job, 1);
        assert(parties.length == 3 && parties[0] == provider(1) && parties[1] == provider(0));
    }

    function test_a_node_key_bids_receives_and_claims_for_its_account() external {
        uint256 node = 0x888;
        Delegation memory delegation = Delegation(provider(0), vm.addr(node), 1, uint64(block.timestamp + 300 days), 1);
        bytes32 digest = delegations.hashOf(delegation);
        delegations.register(delegation, sign(PROVIDER, digest), sign(node, digest));
        uint256 job = posted();
        Bid memory bid = bidOf(job, node, 1 ether);
        bid.account = provider(0);
        market.assign(job, 0, bid, signed(bid, node));
        pass(20);
        // Anyone carries the receipt.
        bytes32 task = taskOf(job, 0, 1);
        bytes memory signature = sign(node, market.hashReceipt(Receipt(job, 0, 1, task)));
        vm.prank(STRANGER);
        assert(market.receipt(job, 0, signature) == task);
        vm.deal(vm.addr(node), 1 ether);
        bytes32 id = claim(job, 0, node, Counting.truth());
        assert(disputes.getClaim(id).claimant == vm.addr(node) && market.getProgress(job, 0).account == provider(0));
        // A key that was revoked does nothing any more.
        vm.prank(provider(0));
        delegations.revoke(vm.addr(node));
        draw(id, 4);
        commit(id, 0, Counting.truth());
        commit(id, 1, Counting.truth());
        bytes32[] memory tallies = talliesOf(Counting.truth());
        vm.prank(vm.addr(node));
        mustNot(IAudits.NotYours.selector);
        audits.open(id, "salt", tallies);
        open(id, Counting.truth());
    }

    // Receipts --------------------------------------------------------------------------------------------------------

    function taskOf(uint256 job, uint16 slice, uint16 attempt) private view returns (bytes32) {
        Task memory task = Counting.task(Counting.node(), uint128(disputes.minimumBond()));
        task.context = keccak256(abi.encode(block.chainid, address(market), job, slice, attempt));
        return keccak256(abi.encode(task));
    }

    function test_a_receipt_comes_between_the_inclusion_window_and_its_deadline() external {
        uint256 job = posted();
        mustNot(IMarket.WrongSliceStatus.selector);
        market.receipt(job, 0, "");
        assign(job, 0, PROVIDER, 1 ether);
        vm.prank(provider(0));
        mustNot(IMarket.NotDue.selector);
        market.receipt(job, 0, "");
        pass(20);
        mustNot(IMarket.NotYours.selector);
        market.receipt(job, 0, "");
        // A receipt of another attempt, or of another job.
        for (uint256 i = 0; i < 2; ++i) {
            Receipt memory other = Receipt(job + i, 0, uint16(2 - i), taskOf(job, 0, 1));
            bytes memory wrong = sign(PROVIDER, market.hashReceipt(other));
            mustNot(IMarket.WrongSignature.selector);
            market.receipt(job, 0, wrong);
        }
        uint256 before = block.timestamp;
        pass(61);
        vm.prank(provider(0));
        mustNot(IMarket.TooLate.selector);
        market.receipt(job, 0, "");
        vm.warp(before);
        bytes32 expected = taskOf(job, 0, 1);
        vm.prank(provider(0));
        assert(market.receipt(job, 0, "") == expected);
        assert(market.getProgress(job, 0).task == taskOf(job, 0, 1));
    }

    function test_a_receipt_or_a_bid_that_is_played_again_is_worth_nothing() external {
        uint256 job = posted();
        Bid memory bid = bidOf(job, PROVIDER, 1 ether);
        bytes memory ofBid = signed(bid, PROVIDER);
        market.assign(job, 0, bid, ofBid);
        pass(20);
        bytes memory ofReceipt = sign(PROVIDER, market.hashReceipt(Receipt(job, 0, 1, taskOf(job, 0, 1))));
        vm.prank(STRANGER);
        market.receipt(job, 0, ofReceipt);
        vm.prank(STRANGER);
        mustNot(IMarket.WrongSliceStatus.selector);
        market.receipt(job, 0, ofReceipt);
        pass(1_001);
        market.advance(job, 0);
        pass(10);
        mustNot(IMarket.AlreadyTried.selector);
        market.assign(job, 0, bid, ofBid);
        // The second attempt is another's, and so is its receipt.
        assign(job, 0, PROVIDER + 1, 1 ether);
        pass(20);
        vm.prank(STRANGER);
        mustNot(IMarket.WrongSignature.selector);
        market.receipt(job, 0, ofReceipt);
    }

    function test_a_key_that_was_revoked_after_its_bid_signs_no_receipt() external {
        lend(0x884, 1, 100 days);
        uint256 job = posted();
        Bid memory bid = bidOf(job, 0x884, 1 ether);
        bid.account = provider(0);
        market.assign(job, 0, bid, signed(bid, 0x884));
        pass(20);
        bytes memory ofReceipt = sign(0x884, market.hashReceipt(Receipt(job, 0, 1, taskOf(job, 0, 1))));
        vm.prank(provider(0));
        delegations.revoke(vm.addr(0x884));
        vm.prank(vm.addr(0x884));
        mustNot(IMarket.NotYours.selector);
        market.receipt(job, 0, "");
        vm.prank(STRANGER);
        mustNot(IMarket.NotYours.selector);
        market.receipt(job, 0, ofReceipt);
        // The account itself still does what it has promised.
        vm.prank(provider(0));
        market.receipt(job, 0, "");
    }

    function test_a_task_that_somebody_made_before_is_the_same() external {
        uint256 job = posted();
        Task memory task = Counting.task(Counting.node(), uint128(disputes.minimumBond()));
        task.context = keccak256(abi.encode(block.chainid, address(market), job, 0, 1));
        disputes.createTask(task);
        assert(start(job, 0, PROVIDER, 1 ether) == keccak256(abi.encode(task)));
        claim(job, 0, PROVIDER, Counting.truth());
    }

    // Faults ----------------------------------------------------------------------------------------------------------

    function test_who_does_not_show_up_pays_for_a_dearer_replacement() external {
        uint256 job = posted();
        assign(job, 0, PROVIDER, 0.5 ether);
        pass(80);
        mustNot(IMarket.NotDue.selector);
        market.advance(job, 0);
        pass(1);
        market.advance(job, 0);
        // A tenth of 800. Up to the ceiling a replacement can cost 50 more.
        assert(stakeOf(provider(0)) == FUNDS - 80 ether && lockedOf(provider(0)) == 0);
        assert(market.getProgress(job, 0).subsidy == 50 ether && credit(TREASURY) == 30 ether);
        assert(status(job, 0) == IMarket.SliceStatus.Bidding);
        pass(10);
        refuseBid(bidOf(job, PROVIDER, 1 ether), IMarket.AlreadyTried.selector);
        start(job, 0, PROVIDER + 1, 0.9 ether);
        bytes32 id = claim(job, 0, PROVIDER + 1, Counting.truth());
        audit(id, 4, Counting.truth());
        pass(1 days);
        market.advance(job, 0);
        market.close(job);
        uint256 paid = credit(audits.getSeat(id, 0).account) + credit(audits.getSeat(id, 1).account);
        uint256 fee = (50 ether + paid) / 20;
        assert(credit(provider(1)) == 90 ether);
        assert(credit(requester()) == FUNDS - 50 ether - paid - fee);
        assert(credit(TREASURY) == 30 ether + 10 ether + fee);
    }

    function test_who_does_not_claim_in_time_is_slashed() external {
        uint256 job = post(standardPost(1));
        start(job, 0, PROVIDER, 1 ether);
        pass(1_000);
        mustNot(IMarket.NotDue.selector);
        market.advance(job, 0);
        pass(1);
        market.advance(job, 0);
        assert(stakeOf(provider(0)) == FUNDS - 160 ether && credit(TREASURY) == 160 ether);
        assert(reputation.recordOf(provider(0)).late == 1);
    }

    function test_whoever_declines_loses_nothing_but_the_slice() external {
        uint256 job = posted();
        assign(job, 0, PROVIDER, 1 ether);
        mustNot(IMarket.NotYours.selector);
        market.decline(job, 0);
        vm.prank(provider(0));
        market.decline(job, 0);
        assert(stakeOf(provider(0)) == FUNDS && lockedOf(provider(0)) == 0);
        assert(reputation.recordOf(provider(0)).declined == 1);
        pass(10);
        refuseBid(bidOf(job, PROVIDER, 1 ether), IMarket.AlreadyTried.selector);
        start(job, 0, PROVIDER + 1, 1 ether);
        vm.prank(provider(1));
        mustNot(IMarket.WrongSliceStatus.selector);
        market.decline(job, 0);
    }

    function test_after_eight_attempts_a_slice_ends() external {
        uint256 job = post(standardPost(1));
        for (uint256 i = 0; i < 8; ++i) {
            fund(vm.addr(0x5000 + i), 0, STAKE);
            pass(10);
            assign(job, 0, 0x5000 + i, 1 ether);
            vm.prank(vm.addr(0x5000 + i));
            market.decline(job, 0);
        }
        assert(status(job, 0) == IMarket.SliceStatus.Cancelled);
        market.close(job);
        assert(credit(requester()) == FUNDS);
    }

    function test_claims_have_to_be_right() external {
        uint256 job = post(standardPost(1));
        bytes32 task = start(job, 0, PROVIDER, 1 ether);
        uint32[5] memory words = Counting.truth();
        bytes32 root = Counting.root(words);
        bytes32[] memory path = Counting.checkpointPath(words, 2);
        bytes32 state = Counting.tensor(words[4]);
        vm.prank(provider(0));
        mustNot(IMarket.WrongClaim.selector);
        market.claim(job, 0, root, state, 0, path, "");
        uint256 bond = disputes.minimumBond();
        vm.prank(provider(0));
        bytes32 id = disputes.claim{value: bond}(task, root);
        vm.prank(STRANGER);
        mustNot(IMarket.NotYours.selector);
        market.claim(job, 0, root, state, 0, path, "");
        vm.prank(provider(0));
        mustNot(IMarket.Unproven.selector);
        market.claim(job, 0, root, state, bytes32(uint256(1)), path, "");
        vm.prank(provider(0));
        mustNot(Bounds.WrongParameter.selector);
        market.claim(job, 0, root, state, 0, Digests.path(), "");
        uint256 before = block.timestamp;
        pass(1_001);
        vm.prank(provider(0));
        mustNot(IMarket.TooLate.selector);
        market.claim(job, 0, root, state, 0, path, "");
        vm.warp(before);
        vm.prank(provider(0));
        market.claim(job, 0, root, state, 0, path, "");
        assert(market.getProgress(job, 0).claim == id && market.getProgress(job, 0).stateRoot == state);
        vm.prank(provider(0));
        mustNot(IMarket.WrongSliceStatus.selector);
        market.claim(job, 0, root, state, 0, path, "");
    }

    function test_a_claim_that_was_made_before_the_receipt_or_has_waited_is_refused() external {
        Post memory terms = standardPost(1);
        terms.slices[0].time = 2 days;
        uint256 job = post(terms);
        Task memory task = Counting.task(Counting.node(), uint128(disputes.minimumBond()));
        task.context = keccak256(abi.encode(block.chainid, address(market), job, 0, 1));
        disputes.createTask(task);
        bytes32 root = Counting.root(Counting.truth());
        bytes32[] memory path = Counting.checkpointPath(Counting.truth(), 2);
        bytes32 state = Counting.tensor(5);
        vm.prank(provider(0));
        bytes32 id = disputes.claim{value: task.bond}(keccak256(abi.encode(task)), root);
        start(job, 0, PROVIDER, 1 ether);
        vm.prank(provider(0));
        mustNot(IMarket.WrongClaim.selector);
        market.claim(job, 0, root, state, 0, path, "");
        assert(disputes.getClaim(id).status == IDisputes.ClaimStatus.Standing);
    }

    function test_a_false_claim_falls_and_another_provider_gets_the_slice() external {
        uint256 job = post(standardPost(1));
        start(job, 0, PROVIDER, 0.5 ether);
        bytes32 id = claim(job, 0, PROVIDER, Counting.lie(1));
        vm.deal(STRANGER, 10 ether);
        uint256 dispute = fell(id, STRANGER, true, Counting.lie(1), 1);
        assert(disputes.getClaim(id).status == IDisputes.ClaimStatus.Fallen);
        market.advance(job, 0);
        // 800: 320 to the challenger, 50 for the replacement, the rest to the treasury.
        assert(stakeOf(provider(0)) == FUNDS - STAKE && market.getProgress(job, 0).subsidy == 50 ether);
        assert(credit(TREASURY) == STAKE - 320 ether - 50 ether);
        mustNot(IMarket.NoBounty.selector);
        market.sweepBounty(id);
        mustNot(IMarket.WrongDispute.selector);
        market.bounty(id, dispute + 1);
        market.bounty(id, dispute);
        assert(credit(STRANGER) == 320 ether);
        mustNot(IMarket.NoBounty.selector);
        market.bounty(id, dispute);
        assert(reputation.recordOf(provider(0)).failed == 1);
        // The same history again would be another claim of another task.
        start(job, 0, PROVIDER + 1, 1 ether);
        assert(claim(job, 0, PROVIDER + 1, Counting.truth()) != id);
    }

    function test_a_provider_that_opens_nothing_has_lost() external {
        uint256 job = post(standardPost(1));
        start(job, 0, PROVIDER, 1 ether);
        bytes32 id = claim(job, 0, PROVIDER, Counting.truth());
        draw(id, 4);
        commit(id, 0, Counting.truth());
        commit(id, 1, Counting.truth());
        mustNot(IMarket.NotDue.selector);
        market.advance(job, 0);
        pass(61);
        market.advance(job, 0);
        assert(stakeOf(provider(0)) == FUNDS - STAKE);
        uint256 paid = credit(audits.getSeat(id, 0).account) + credit(audits.getSeat(id, 1).account);
        assert(paid != 0 && credit(TREASURY) == STAKE - 320 ether - paid);
        assert(market.getJob(job).escrow == 315 ether);
        mustNot(IMarket.NoBounty.selector);
        market.sweepBounty(id);
        pass(1 days);
        disputes.finalize(id);
        market.sweepBounty(id);
        assert(credit(TREASURY) == STAKE - paid);
    }

    function test_an_invalid_program_costs_nobody_but_the_requester() external {
        Post memory terms = standardPost(3);
        terms.programs[0] = Counting.task(Counting.brokenNode(), 0).header;
        uint256 job = post(terms);
        start(job, 0, PROVIDER, 1 ether);
        start(job, 1, PROVIDER + 1, 0.5 ether);
        vm.warp(block.timestamp);
        assign(job, 2, PROVIDER + 2, 1 ether);
        bytes32 id = claim(job, 0, PROVIDER, Counting.lie(0));
        // Somebody plays until the referee sees the broken node.
        uint256 bond = disputes.minimumBond();
        vm.prank(provider(2));
        uint256 number = disputes.challenge{value: bond}(id);
        for (uint256 i = 0; i < 20; ++i) {
            IDisputes.Dispute memory game = disputes.getDispute(number);
            if (game.place.outcome != IDisputes.Outcome.Open) break;
            bool own = game.place.turn == 0;
            bytes memory move = own
                ? Counting.post(disputes, number, Counting.lie(0))
                : Counting.answer(disputes, number, Counting.lie(0), 0, Counting.brokenNode());
            vm.prank(own ? provider(0) : provider(2));
            (bool sent,) = address(disputes).call(move);
            assert(sent);
        }
        assert(disputes.getClaim(id).status == IDisputes.ClaimStatus.Void);
        mustNot(IMarket.NotDue.selector);
        market.advance(job, 1);
        market.advance(job, 0);
        market.advance(job, 1);
        market.advance(job, 2);
        assert(status(job, 0) == IMarket.SliceStatus.Void && status(job, 1) == IMarket.SliceStatus.Void);
        assert(status(job, 2) == IMarket.SliceStatus.Cancelled);
        assert(market.getJob(job).status == IMarket.JobStatus.Cancelled && market.getJob(job).invalid == 1);
        for (uint256 i = 0; i < 3; ++i) {
            assert(stakeOf(provider(i)) == FUNDS && lockedOf(provider(i)) == 0);
        }
        assert(credit(provider(0)) == 100 ether && credit(provider(1)) == 50 ether && credit(provider(2)) == 0);
        market.close(job);
        assert(credit(requester()) == FUNDS - 157.5 ether && credit(TREASURY) == 7.5 ether);
    }

    function test_a_running_slice_of_an_invalid_task_is_paid_at_any_time() external {
        Post memory terms = standardPost(1);
        terms.programs[0] = Counting.task(Counting.brokenNode(), 0).header;
        uint256 job = post(terms);
        bytes32 task = start(job, 0, PROVIDER, 1 ether);
        // A stranger proves it with a claim of its own before the provider has claimed.
        uint256 bond = disputes.minimumBond();
        bytes32 root = Counting.root(Counting.lie(0));
        vm.prank(provider(1));
        bytes32 id = disputes.claim{value: bond}(task, root);
        vm.prank(provider(2));
        uint256 number = disputes.challenge{value: bond}(id);
        for (uint256 i = 0; i < 20; ++i) {
            IDisputes.Dispute memory game = disputes.getDispute(number);
            if (game.place.outcome != IDisputes.Outcome.Open) break;
            bool own = game.place.turn == 0;
            bytes memory move = own
                ? Counting.post(disputes, number, Counting.lie(0))
                : Counting.answer(disputes, number, Counting.lie(0), 0, Counting.brokenNode());
            vm.prank(own ? provider(1) : provider(2));
            (bool sent,) = address(disputes).call(move);
            assert(sent);
        }
        market.advance(job, 0);
        assert(status(job, 0) == IMarket.SliceStatus.Void && credit(provider(0)) == 100 ether);
        assert(lockedOf(provider(0)) == 0);
    }

    // Jobs of several slices ------------------------------------------------------------------------------------------

    function merging() private returns (uint256 job) {
        Post memory terms = standardPost(3);
        terms.slices[2].initialFrom = 0;
        terms.slices[2].initialItem = 0;
        terms.slices[2].inputsFrom = new uint16[](2);
        terms.slices[2].inputsFrom[1] = 1;
        return post(terms);
    }

    function settleSlice(uint256 job, uint16 slice, uint256 key) private {
        start(job, slice, key, 1 ether);
        bytes32 id = claim(job, slice, key, Counting.truth());
        audit(id, 4, Counting.truth());
        pass(1 days);
        market.advance(job, slice);
    }

    function test_a_slice_waits_for_what_it_reads() external {
        uint256 job = merging();
        settleSlice(job, 0, PROVIDER);
        mustNot(IMarket.NotDue.selector);
        market.advance(job, 2);
        Bid memory bid = bidOf(job, PROVIDER, 1 ether);
        bytes memory signature = signed(bid, PROVIDER);
        mustNot(IMarket.WrongSliceStatus.selector);
        market.assign(job, 2, bid, signature);
        settleSlice(job, 1, PROVIDER + 1);
        market.advance(job, 2);
        bytes32 task = start(job, 2, PROVIDER, 1 ether);
        bytes32 state = Counting.tensor(5);
        assert(disputes.getTask(task).initialItem == Digests.parent(state, 0));
        assert(disputes.getTask(task).inputsRoot == Digests.parent(state, state));
    }

    function test_a_slice_that_reads_a_cancelled_one_is_cancelled() external {
        Post memory terms = standardPost(2);
        terms.slices[1].inputsFrom = new uint16[](1);
        uint256 job = post(terms);
        pass(10 days + 1);
        market.advance(job, 0);
        market.advance(job, 1);
        assert(status(job, 1) == IMarket.SliceStatus.Cancelled);
        market.close(job);
    }

    function test_a_cancelled_job_pays_what_was_assigned_and_begins_nothing() external {
        uint256 job = merging();
        pass(10);
        assign(job, 0, PROVIDER, 1 ether);
        mustNot(IMarket.NotYours.selector);
        market.cancel(job);
        vm.prank(requester());
        market.cancel(job);
        vm.prank(requester());
        mustNot(IMarket.WrongJobStatus.selector);
        market.cancel(job);
        Bid memory bid = bidOf(job, PROVIDER + 1, 1 ether);
        bytes memory signature = signed(bid, PROVIDER + 1);
        mustNot(IMarket.WrongJobStatus.selector);
        market.assign(job, 1, bid, signature);
        mustNot(IMarket.WrongSliceStatus.selector);
        market.close(job);
        pass(20);
        vm.prank(provider(0));
        market.receipt(job, 0, "");
        bytes32 id = claim(job, 0, PROVIDER, Counting.truth());
        audit(id, 4, Counting.truth());
        pass(1 days);
        market.advance(job, 0);
        market.close(job);
        assert(credit(provider(0)) == 100 ether);
        assert(status(job, 1) == IMarket.SliceStatus.Cancelled && status(job, 2) == IMarket.SliceStatus.Cancelled);
        mustNot(IMarket.WrongJobStatus.selector);
        market.close(job);
        mustNot(IMarket.WrongJobStatus.selector);
        market.advance(job, 1);
    }

    function test_an_open_job_is_not_closed_while_an_attempt_can_begin() external {
        uint256 job = post(standardPost(1));
        mustNot(IMarket.WrongSliceStatus.selector);
        market.close(job);
        mustNot(IMarket.NotDue.selector);
        market.advance(job, 0);
        mustNot(IMarket.UnknownJob.selector);
        market.close(job + 1);
    }

    function test_the_settlement_contract_knows_no_job_of_its_own() external {
        uint256 job = post(standardPost(1));
        address part = address(market.settlement());
        mustNot(IMarket.UnknownJob.selector);
        IMarket(part).close(job);
    }

    /// What a requester gets back and what others get is what it put down, whatever the numbers are.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_an_escrow_is_paid_out_to_the_last_unit(
        uint64 work,
        uint80 ceiling,
        uint80 price,
        uint80 auditPrice,
        uint16 rate
    ) external {
        Post memory terms = standardPost(1);
        terms.slices[0].work = 1 + work % 1e9;
        terms.ceiling = 1 + ceiling % 1e9;
        terms.auditPrice = (terms.ceiling + 1) / 2 + auditPrice % 1e9;
        terms.auditRate = 1 + rate % 10_000;
        uint256 job = post(terms);
        start(job, 0, PROVIDER, 1 + price % terms.ceiling);
        bytes32 id = claim(job, 0, PROVIDER, Counting.truth());
        audit(id, 4, Counting.truth());
        pass(1 days);
        market.advance(job, 0);
        market.close(job);
        uint256 sum = credit(requester()) + credit(provider(0)) + credit(TREASURY);
        sum += credit(audits.getSeat(id, 0).account) + credit(audits.getSeat(id, 1).account);
        assert(sum == FUNDS && vault.escrowOf(address(market), job) == 0);
    }
}
