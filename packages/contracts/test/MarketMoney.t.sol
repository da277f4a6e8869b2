// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAudits} from "../sol/IAudits.sol";
import {IDisputes} from "../sol/IDisputes.sol";
import {IDraw} from "../sol/IDraw.sol";
import {Bid, IMarket, Post} from "../sol/IMarket.sol";
import {IVault} from "../sol/IVault.sol";
import {IVerifiers} from "../sol/IVerifiers.sol";
import {Counting} from "./Counting.sol";
import {MarketStage} from "./MarketStage.sol";
import {OneTarget} from "./OneTarget.sol";
import {vm} from "./Vm.sol";

/// Requesters, providers and verifiers who do anything in any order. Provider 0 and verifiers 0 and 1 are honest: whenever
/// time passes they do what they owe, in time. The others do what they like, mostly nothing.
contract MarketPeople is MarketStage {
    uint256 private constant JOBS = 4;
    uint256 private constant PROVIDERS = 3;
    uint256 private constant VERIFIERS = 4;
    uint256 private constant HONEST_VERIFIERS = 2;
    uint256 private constant TICK = 5;
    address private constant CHALLENGER = address(0xc4a1);

    bytes32[] public claims;
    mapping(bytes32 claim => uint256) private lieOf; // the first wrong step; 5 for the truth
    mapping(uint256 job => uint256) private fundedOf;
    uint256[] private disputesSeen;

    constructor() {
        settle(VERIFIERS);
        vm.deal(CHALLENGER, 1_000_000 ether);
    }

    // What happens ----------------------------------------------------------------------------------------------------

    function postJob(uint256 slices, uint256 shape) external {
        if (market.jobCount() == JOBS) return;
        Post memory terms = standardPost(1 + slices % 3);
        terms.times.window = uint32(audits.longestTime(terms.times.audit, terms.times.answer) + 120);
        terms.times.deadline = uint64(block.timestamp + 2 days);
        terms.auditors = uint8(1 + shape % 3);
        (terms.times.clock, terms.times.segmentTime) = (120, 60);
        if (terms.slices.length == 3 && shape % 2 == 0) {
            terms.slices[2].initialItem = 0;
            terms.slices[2].initialFrom = 0;
            terms.slices[2].inputsFrom = new uint16[](1);
            terms.slices[2].inputsFrom[0] = 1;
        } else if (shape % 4 == 1) {
            for (uint256 i = 0; i < terms.slices.length; ++i) {
                terms.slices[i].group = 1;
            }
        }
        uint256 job = post(terms);
        fundedOf[job] = market.getJob(job).escrow;
    }

    function bid(uint256 job, uint256 who, uint256 price) external {
        if (market.jobCount() == 0) return;
        job = 1 + job % market.jobCount();
        uint256 slices = market.getJob(job).slices;
        for (uint16 slice = 0; slice < slices; ++slice) {
            uint256 key = PROVIDER + (who % PROVIDERS + slice) % PROVIDERS;
            Bid memory made = bidOf(job, key, 1 + price % 1 ether);
            made.time = 100 + uint32(price % 200);
            bytes memory signature = signed(made, key);
            try market.assign(job, slice, made, signature) {} catch {}
        }
    }

    function receiveAll() external {
        for (uint256 job = 1; job <= market.jobCount(); ++job) {
            uint256 slices = market.getJob(job).slices;
            for (uint16 slice = 0; slice < slices; ++slice) {
                if (market.getProgress(job, slice).status == IMarket.SliceStatus.Assigned) tryReceive(job, slice);
            }
        }
    }

    function decline(uint256 which) external {
        (uint256 job, uint16 slice) = pick(which);
        if (job == 0) return;
        vm.prank(market.getProgress(job, slice).account);
        try market.decline(job, slice) {} catch {}
    }

    /// What dishonest providers claim.
    function claimAnything(uint256 job, uint256 lie) external {
        if (market.jobCount() == 0) return;
        job = 1 + job % market.jobCount();
        uint256 slices = market.getJob(job).slices;
        for (uint16 slice = 0; slice < slices; ++slice) {
            // The truth more often than not.
            if (market.getProgress(job, slice).account != provider(0)) {
                tryClaim(job, slice, lie % 10 < 5 ? lie % 10 : 5);
            }
        }
    }

    /// Nobody answers for a lie; an honest provider does, see `tick`.
    function challenge(uint256 which) external {
        if (claims.length == 0) return;
        bytes32 id = claims[which % claims.length];
        uint256 bond = disputes.minimumBond();
        vm.prank(CHALLENGER);
        try disputes.challenge{value: bond}(id) returns (uint256 number) {
            disputesSeen.push(number);
        } catch {}
    }

    function auditAnyhow(uint256 which, uint256 seat, uint256 what, uint256 lie) external {
        if (claims.length == 0) return;
        bytes32 id = claims[which % claims.length];
        if (audits.getAudit(id).seats == 0) return;
        seat %= audits.getAudit(id).seats;
        address account = audits.getSeat(id, seat).account;
        if (isHonest(account)) return;
        uint32[5] memory words = history(lie % 6);
        if (what % 3 == 0) tryCommit(id, seat, words);
        if (what % 3 == 1) tryReveal(id, seat, words);
        if (what % 3 == 2) {
            vm.prank(account);
            try audits.miss(id, seat) {} catch {}
        }
    }

    function openAll() external {
        for (uint256 i = 0; i < claims.length; ++i) {
            tryOpen(claims[i]);
        }
    }

    function accuseAll() external {
        for (uint256 i = 0; i < claims.length; ++i) {
            for (uint256 k = 0; k < audits.getAudit(claims[i]).seats; ++k) {
                if (audits.getSeat(claims[i], k).status < IAudits.SeatStatus.Suspect) continue;
                for (uint256 n = 0; n < disputesSeen.length; ++n) {
                    try audits.accuse(claims[i], k, disputesSeen[n]) {} catch {}
                }
                try audits.finishSeat(claims[i], k) {} catch {}
            }
        }
    }

    function cancel(uint256 job) external {
        vm.prank(requester());
        try market.cancel(1 + job % JOBS) {} catch {}
    }

    function push() external {
        for (uint256 job = 1; job <= market.jobCount(); ++job) {
            uint256 slices = market.getJob(job).slices;
            for (uint16 slice = 0; slice < slices; ++slice) {
                try market.advance(job, slice) {} catch {}
            }
            try market.close(job) {} catch {}
        }
    }

    function judge() external {
        for (uint256 n = 0; n < disputesSeen.length; ++n) {
            uint256 number = disputesSeen[n];
            bytes32 id = disputes.getDispute(number).claim;
            try disputes.timeout(number) {} catch {}
            try disputes.close(number) {} catch {}
            try disputes.finalize(id) {} catch {}
            try market.bounty(id, number) {} catch {}
            try market.sweepBounty(id) {} catch {}
        }
    }

    function garbage(uint256 who, bytes calldata call) external {
        vm.prank(provider(1 + who % 2));
        (bool sent,) = address(market).call(call);
        vm.prank(verifier(2 + who % 2));
        (sent,) = address(audits).call(call);
    }

    function wait(uint256 ticks) external {
        for (uint256 i = 0; i <= ticks % 60; ++i) {
            tick();
            pass(TICK);
        }
        tick();
    }

    // What the honest do ----------------------------------------------------------------------------------------------

    function tick() private {
        for (uint256 job = 1; job <= market.jobCount(); ++job) {
            uint256 slices = market.getJob(job).slices;
            for (uint16 slice = 0; slice < slices; ++slice) {
                IMarket.Progress memory progress = market.getProgress(job, slice);
                if (progress.account != provider(0)) continue;
                // In time, but not early.
                if (block.timestamp + 40 < progress.until) continue;
                if (progress.status == IMarket.SliceStatus.Assigned) tryReceive(job, slice);
                if (progress.status == IMarket.SliceStatus.Running) tryClaim(job, slice, 5);
            }
        }
        for (uint256 i = 0; i < claims.length; ++i) {
            bytes32 id = claims[i];
            IAudits.Audit memory audit = audits.getAudit(id);
            // A secret has to be revealed even if the audit has ended since.
            if (audit.round != 0) playRound(audit.round);
            if (audit.ended || audit.status >= IAudits.AuditStatus.Done) continue;
            if (audit.status == IAudits.AuditStatus.Drawing) {
                try audits.draw(id) {} catch {}
            }
            for (uint256 k = 0; k < audits.getAudit(id).seats; ++k) {
                if (!isHonest(audits.getSeat(id, k).account)) continue;
                tryCommit(id, k, Counting.truth());
                tryReveal(id, k, Counting.truth());
            }
            // Liars open what they have sealed, too, in every other job.
            bool opens = audit.account == provider(0) || audit.job % 2 == 1;
            if (opens && block.timestamp + 40 >= audit.deadline) tryOpen(id);
        }
        for (uint256 i = 0; i < disputesSeen.length; ++i) {
            IDisputes.Dispute memory game = disputes.getDispute(disputesSeen[i]);
            if (game.place.outcome != IDisputes.Outcome.Open || game.place.turn != 0) continue;
            address claimant = disputes.getClaim(game.claim).claimant;
            if (claimant != provider(0)) continue;
            bytes memory move = Counting.post(disputes, disputesSeen[i], Counting.truth());
            vm.prank(claimant);
            (bool sent,) = address(disputes).call(move);
            sent;
        }
    }

    /// Only the honest play, and one of the others, who never reveals.
    function playRound(uint256 round) private {
        (uint256 begin,, uint256 end) = drawing.timesOf(round);
        if (block.timestamp < begin || block.timestamp >= end) return;
        for (uint256 i = 0; i < HONEST_VERIFIERS + 1; ++i) {
            bytes32 seal = drawing.seal(round, verifier(i), bytes32(i + 1));
            vm.prank(verifier(i));
            try drawing.commit(round, seal) {} catch {}
            if (i == HONEST_VERIFIERS) continue;
            try drawing.reveal(round, verifier(i), bytes32(i + 1)) {} catch {}
        }
    }

    function tryReceive(uint256 job, uint16 slice) private {
        vm.prank(market.getProgress(job, slice).account);
        try market.receipt(job, slice, "") {} catch {}
    }

    function tryClaim(uint256 job, uint16 slice, uint256 lie) private {
        IMarket.Progress memory progress = market.getProgress(job, slice);
        if (progress.status != IMarket.SliceStatus.Running || block.timestamp > progress.until) return;
        // A slice that begins elsewhere than at zero is not what anybody here can count: a lie whatever is claimed.
        uint32[5] memory words = history(lie);
        bytes32 root = Counting.root(words);
        uint256 bond = disputes.minimumBond();
        vm.deal(progress.account, 1_000 ether);
        vm.prank(progress.account);
        try disputes.claim{value: bond}(progress.task, root) returns (bytes32 id) {
            bytes32[] memory path = Counting.checkpointPath(words, 2);
            bytes32 seal = sealOf(id, talliesOf(words));
            bytes32 state = Counting.tensor(words[4]);
            vm.prank(progress.account);
            try market.claim(job, slice, root, state, 0, path, seal) {
                claims.push(id);
                lieOf[id] = lie;
            } catch {}
        } catch {}
    }

    function tryCommit(bytes32 id, uint256 seat, uint32[5] memory words) private {
        if (audits.getAudit(id).status != IAudits.AuditStatus.Committing) return;
        address account = audits.getSeat(id, seat).account;
        bytes32 answer = answerOf(id, seat, words);
        bytes32 seal =
            keccak256(abi.encode(block.chainid, address(audits), id, seat, account, answer, bytes32(seat + 100)));
        vm.prank(account);
        try audits.commit(id, seat, seal) {} catch {}
    }

    function tryReveal(bytes32 id, uint256 seat, uint32[5] memory words) private {
        if (audits.getAudit(id).status != IAudits.AuditStatus.Revealing) return;
        bytes32 answer = answerOf(id, seat, words);
        vm.prank(audits.getSeat(id, seat).account);
        try audits.reveal(id, seat, answer, bytes32(seat + 100)) {} catch {}
    }

    function tryOpen(bytes32 id) private {
        bytes32[] memory tallies = talliesOf(history(lieOf[id]));
        vm.prank(audits.getAudit(id).account);
        try audits.open(id, "salt", tallies) {} catch {}
    }

    // What is looked at -----------------------------------------------------------------------------------------------

    function isHonest(address account) private pure returns (bool) {
        for (uint256 i = 0; i < HONEST_VERIFIERS; ++i) {
            if (account == verifier(i)) return true;
        }
        return account == provider(0);
    }

    function history(uint256 lie) private pure returns (uint32[5] memory) {
        return lie == 5 ? Counting.truth() : Counting.lie(lie);
    }

    function pick(uint256 which) private view returns (uint256 job, uint16 slice) {
        if (market.jobCount() == 0) return (0, 0);
        job = 1 + which % market.jobCount();
        slice = uint16((which >> 128) % market.getJob(job).slices);
    }

    /// All tokens of the vault belong to somebody or wait for a purpose.
    function isSolvent() external view returns (bool) {
        uint256 sum = owned(TREASURY) + owned(requester()) + owned(CHALLENGER);
        for (uint256 i = 0; i < PROVIDERS; ++i) {
            sum += owned(provider(i));
        }
        for (uint256 i = 0; i < VERIFIERS; ++i) {
            sum += owned(verifier(i));
        }
        for (uint256 job = 1; job <= market.jobCount(); ++job) {
            sum += vault.escrowOf(address(market), job);
        }
        for (uint256 i = 0; i < claims.length; ++i) {
            sum += vault.escrowOf(address(market), uint256(claims[i]));
        }
        return sum == token.balanceOf(address(vault));
    }

    function owned(address account) private view returns (uint256) {
        IVault.Account memory kept = vault.getAccount(account);
        return uint256(kept.stake) + kept.credit + kept.unbonding;
    }

    /// A job that stands has what its slices can still cost, and what slashes have put aside; a closed one has nothing.
    function escrowsCover() external view returns (bool) {
        for (uint256 job = 1; job <= market.jobCount(); ++job) {
            IMarket.Job memory kept = market.getJob(job);
            if (kept.status == IMarket.JobStatus.Closed) {
                if (kept.escrow != 0) return false;
                continue;
            }
            IMarket.Spec memory spec = market.getSpec(job);
            uint256 least = 0;
            uint256 aside = 0;
            bool whole = true;
            for (uint16 slice = 0; slice < kept.slices; ++slice) {
                IMarket.Progress memory progress = market.getProgress(job, slice);
                aside += progress.subsidy;
                if (progress.status == IMarket.SliceStatus.Settled || progress.status == IMarket.SliceStatus.Cancelled)
                {
                    if (progress.status == IMarket.SliceStatus.Settled) whole = false;
                    if (progress.subsidy != 0) return false;
                    continue;
                }
                uint256 net = (uint256(spec.ceiling) + uint256(spec.auditors) * spec.auditPrice) * 100;
                least += net + net * spec.charges.feeShare / 10_000;
            }
            if (kept.escrow < least + aside) return false;
            // Slashes pay for what goes wrong: until a slice is settled, nothing leaves.
            if (whole && kept.escrow != fundedOf[job] + aside) return false;
        }
        return true;
    }

    /// What an assignment has locked, and nothing else, is locked.
    function locksAreObligations() external view returns (bool) {
        for (uint256 i = 0; i < PROVIDERS; ++i) {
            uint256 sum = 0;
            for (uint256 job = 1; job <= market.jobCount(); ++job) {
                uint256 slices = market.getJob(job).slices;
                for (uint16 slice = 0; slice < slices; ++slice) {
                    IMarket.Progress memory progress = market.getProgress(job, slice);
                    bool live = progress.status >= IMarket.SliceStatus.Assigned
                        && progress.status <= IMarket.SliceStatus.Claimed;
                    if (live && progress.account == provider(i)) sum += progress.locked;
                }
            }
            if (lockedOf(provider(i)) != sum) return false;
        }
        return true;
    }

    function honestLoseNoStake() external view returns (bool) {
        if (stakeOf(provider(0)) != FUNDS) return false;
        for (uint256 i = 0; i < HONEST_VERIFIERS; ++i) {
            if (stakeOf(verifier(i)) != 10_000 ether) return false;
        }
        return true;
    }

    /// Nobody does anything any more but time and whoever wants to see it end.
    function endAll() external {
        vm.warp(block.timestamp + 100 days);
        for (uint256 i = 0; i < disputesSeen.length; ++i) {
            uint256 number = disputesSeen[i];
            IDisputes.Dispute memory game = disputes.getDispute(number);
            if (game.place.outcome != IDisputes.Outcome.Open) continue;
            if (disputes.getClaim(game.claim).status == IDisputes.ClaimStatus.Standing) disputes.timeout(number);
            else disputes.close(number);
        }
        for (uint256 job = 1; job <= market.jobCount(); ++job) {
            if (market.getJob(job).status == IMarket.JobStatus.Closed) continue;
            uint256 slices = market.getJob(job).slices;
            for (uint16 slice = 0; slice < slices; ++slice) {
                for (uint256 i = 0; i < 3; ++i) {
                    if (market.getProgress(job, slice).status >= IMarket.SliceStatus.Settled) break;
                    market.advance(job, slice);
                }
            }
            market.close(job);
        }
        // Seats of claims that fell, and secrets that were not revealed.
        vm.warp(block.timestamp + 1 days);
        for (uint256 i = 0; i < claims.length; ++i) {
            bytes32 id = claims[i];
            IAudits.Audit memory audit = audits.getAudit(id);
            for (uint256 k = 0; k < audit.seats; ++k) {
                if (audits.getSeat(id, k).status >= IAudits.SeatStatus.Suspect) audits.finishSeat(id, k);
            }
            for (uint256 round = 1; round <= audit.round; ++round) {
                for (uint256 v = 0; v < VERIFIERS; ++v) {
                    if (drawing.commitmentOf(round, verifier(v)) != 0) drawing.forfeit(round, verifier(v));
                }
            }
            if (vault.escrowOf(address(market), uint256(id)) == 0) continue;
            if (disputes.getClaim(id).status == IDisputes.ClaimStatus.Standing) disputes.finalize(id);
            if (disputes.getClaim(id).status != IDisputes.ClaimStatus.Fallen) market.sweepBounty(id);
            for (uint256 n = 0; n < disputesSeen.length; ++n) {
                IDisputes.Dispute memory game = disputes.getDispute(disputesSeen[n]);
                if (game.claim == id && game.place.outcome == IDisputes.Outcome.Challenger) {
                    market.bounty(id, disputesSeen[n]);
                }
            }
        }
    }

    /// Every job is closed, and nothing is locked or waits.
    function isOver() external view returns (bool) {
        for (uint256 job = 1; job <= market.jobCount(); ++job) {
            if (market.getJob(job).status != IMarket.JobStatus.Closed) return false;
            if (vault.escrowOf(address(market), job) != 0) return false;
        }
        for (uint256 i = 0; i < claims.length; ++i) {
            if (vault.escrowOf(address(market), uint256(claims[i])) != 0) return false;
        }
        for (uint256 i = 0; i < PROVIDERS; ++i) {
            if (lockedOf(provider(i)) != 0) return false;
        }
        for (uint256 i = 0; i < VERIFIERS; ++i) {
            if (verifiers.enrolmentOf(verifier(i)).duties != 0) return false;
        }
        return true;
    }
}

contract MarketMoneyTest is OneTarget {
    MarketPeople private people;

    function setUp() external {
        people = new MarketPeople();
    }

    function target() internal view override returns (address) {
        return address(people);
    }

    function calls() internal pure override returns (bytes4[] memory selectors) {
        selectors = new bytes4[](20);
        selectors[0] = MarketPeople.postJob.selector;
        selectors[1] = MarketPeople.bid.selector;
        selectors[2] = MarketPeople.receiveAll.selector;
        selectors[3] = MarketPeople.decline.selector;
        selectors[4] = MarketPeople.claimAnything.selector;
        selectors[5] = MarketPeople.challenge.selector;
        selectors[6] = MarketPeople.auditAnyhow.selector;
        selectors[7] = MarketPeople.openAll.selector;
        selectors[8] = MarketPeople.accuseAll.selector;
        selectors[9] = MarketPeople.cancel.selector;
        selectors[10] = MarketPeople.push.selector;
        selectors[11] = MarketPeople.judge.selector;
        selectors[12] = MarketPeople.garbage.selector;
        selectors[13] = MarketPeople.wait.selector;
        // More often than the rest.
        selectors[14] = MarketPeople.bid.selector;
        selectors[15] = MarketPeople.bid.selector;
        selectors[16] = MarketPeople.wait.selector;
        selectors[17] = MarketPeople.push.selector;
        selectors[18] = MarketPeople.receiveAll.selector;
        selectors[19] = MarketPeople.claimAnything.selector;
    }

    /// forge-config: default.invariant.runs = 8
    /// forge-config: default.invariant.depth = 100
    /// forge-config: nightly.invariant.runs = 100
    /// forge-config: nightly.invariant.depth = 150
    function invariant_every_token_is_accounted_for_and_no_honest_party_loses_stake() external view {
        require(people.isSolvent(), "the vault holds what it owes");
        require(people.escrowsCover(), "a job has what it can still cost");
        require(people.locksAreObligations(), "what is locked is owed");
        require(people.honestLoseNoStake(), "the honest have their stake");
    }

    function afterInvariant() external {
        people.endAll();
        require(people.isOver(), "everything ends");
        require(people.isSolvent(), "the vault holds what it owes in the end");
    }
}
