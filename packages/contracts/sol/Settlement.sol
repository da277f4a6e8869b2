// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AuditTerms, IAudits} from "./IAudits.sol";
import {Scopes} from "./IDelegations.sol";
import {IDisputes} from "./IDisputes.sol";
import {Charges, IMarket, Times} from "./IMarket.sol";
import {IReputation} from "./IReputation.sol";
import {MarketState, Offices} from "./MarketState.sol";
import {Terms} from "./Terms.sol";
import {Trees} from "./Trees.sol";

/// @title How slices are claimed, and how they and jobs end
/// @notice The second part of Market, which runs this on its own storage. On its own this knows no job.
contract Settlement is MarketState {
    using Terms for address;
    using Terms for bytes;

    uint256 private constant MAX_ATTEMPTS = 8;

    /// @notice What it works with.
    bytes32 public immutable officesHash;

    constructor(Offices memory offices) MarketState(offices) {
        officesHash = keccak256(abi.encode(offices));
    }

    /// @notice See IMarket.claim.
    function claim(
        uint256 job,
        uint16 slice,
        bytes32 root,
        bytes32 stateRoot,
        bytes32 outputsRoot,
        bytes32[] calldata path,
        bytes32 sealedTallies
    ) external nonReentrant {
        Kept storage kept = _kept(job);
        (Work storage work, Place memory place) = _place(kept, job, slice);
        _mustBe(place, work, IMarket.SliceStatus.Running);
        _mustActFor(work.account, Scopes.PROVIDE);
        _mustBeInTime(place, work);
        bytes32 id = keccak256(abi.encode(work.subject, root, msg.sender));
        {
            uint256 last = (place.spec.steps - 1) / place.spec.segmentLength;
            uint256 depth = Trees.depth(last + 1);
            if (path.length != depth) revert IMarket.WrongParameter("path", path.length, depth, depth);
            bytes32 found = Trees.climb(Trees.parent(stateRoot, outputsRoot), last, path);
            if (found != root) revert IMarket.Unproven(found, root);
        }
        _checkClaim(id, work, place.head.times());
        work.status = IMarket.SliceStatus.Claimed;
        // The work is done: the key may take another slice while this one is audited.
        _notBusy(kept, place.job, work.key);
        work.since = uint40(block.timestamp);
        work.subject = id;
        work.stateRoot = stateRoot;
        emit IMarket.SliceClaimed(job, slice, id, work.attempt, root, stateRoot, outputsRoot);
        _beginAudit(id, work, place, sealedTallies);
    }

    /// @notice See IMarket.decline.
    function decline(uint256 job, uint16 slice) external nonReentrant {
        Kept storage kept = _kept(job);
        (Work storage work, Place memory place) = _place(kept, job, slice);
        _mustBe(place, work, IMarket.SliceStatus.Assigned);
        _mustActFor(work.account, Scopes.PROVIDE);
        _mustBeInTime(place, work);
        _fail(kept, work, place, IMarket.Fault.Declined);
    }

    /// @notice See IMarket.advance.
    function advance(uint256 job, uint16 slice) external nonReentrant {
        Kept storage kept = _kept(job);
        if (kept.status == IMarket.JobStatus.Closed) revert IMarket.WrongJobStatus(job, kept.status);
        (Work storage work, Place memory place) = _place(kept, job, slice);
        IMarket.SliceStatus status = _statusOf(work, place);
        if (status == IMarket.SliceStatus.Waiting) return _advanceWaiting(kept, work, place);
        if (status == IMarket.SliceStatus.Bidding) {
            uint256 deadline = place.head.deadline();
            if (kept.status == IMarket.JobStatus.Open && block.timestamp <= deadline) {
                revert IMarket.NotDue(job, slice, status, deadline);
            }
            return _cancel(work, place);
        }
        bool invalid = kept.invalid >> place.spec.program & 1 != 0;
        if (status == IMarket.SliceStatus.Assigned) {
            if (invalid) return _fail(kept, work, place, IMarket.Fault.Declined);
            if (block.timestamp <= work.until) revert IMarket.NotDue(job, slice, status, work.until);
            return _fail(kept, work, place, IMarket.Fault.NoShow);
        }
        if (status == IMarket.SliceStatus.Running) {
            if (invalid || disputes.getTask(work.subject).invalid) return _pay(kept, work, place, true);
            if (block.timestamp <= work.until) revert IMarket.NotDue(job, slice, status, work.until);
            return _fail(kept, work, place, IMarket.Fault.Late);
        }
        if (status != IMarket.SliceStatus.Claimed) revert IMarket.WrongSliceStatus(job, slice, status);
        _advanceClaimed(kept, work, place, invalid);
    }

    /// @notice See IMarket.close.
    function close(uint256 job) external nonReentrant {
        Kept storage kept = _kept(job);
        if (kept.status != IMarket.JobStatus.Open && kept.status != IMarket.JobStatus.Cancelled) {
            revert IMarket.WrongJobStatus(job, kept.status);
        }
        bool over = kept.status == IMarket.JobStatus.Cancelled;
        if (!over) over = block.timestamp > kept.terms.read().deadline();
        uint256 subsidies = 0;
        for (uint256 i = 0; i < kept.slices; ++i) {
            Work storage work = _work[job][i];
            IMarket.SliceStatus status = work.status;
            if (status >= IMarket.SliceStatus.Settled) continue;
            if (status >= IMarket.SliceStatus.Assigned || !over) revert IMarket.WrongSliceStatus(job, i, status);
            // Nothing is left of it but what slashes have put aside.
            if (work.attempt != 0) subsidies += work.subsidy;
        }
        kept.status = IMarket.JobStatus.Closed;
        _payOut(job, treasury, subsidies);
        uint256 refund = vault.escrowOf(address(this), job);
        emit IMarket.JobClosed(job, refund);
        _payOut(job, kept.requester, refund);
    }

    /// @notice See IMarket.bounty.
    function bounty(bytes32 claim_, uint256 dispute) external nonReentrant {
        IDisputes.Dispute memory won = disputes.getDispute(dispute);
        if (won.claim != claim_ || won.place.outcome != IDisputes.Outcome.Challenger) {
            revert IMarket.WrongDispute(dispute);
        }
        _payBounty(claim_, dispute, won.challenger);
    }

    /// @notice See IMarket.sweepBounty.
    function sweepBounty(bytes32 claim_) external nonReentrant {
        IDisputes.Claim memory ended = disputes.getClaim(claim_);
        if (ended.status == IDisputes.ClaimStatus.Standing || ended.status == IDisputes.ClaimStatus.Fallen) {
            revert IMarket.NoBounty(claim_);
        }
        _payBounty(claim_, 0, treasury);
    }

    // Inside -----------------------------------------------------------------------------------------------------------

    /// The claim must be one of this attempt that can still be challenged when its audit is over.
    function _checkClaim(bytes32 id, Work storage work, Times memory times) private view {
        IDisputes.Claim memory made = disputes.getClaim(id);
        // It is the sender's and of this task, or else there is none with this id.
        uint256 least = block.timestamp + audits.longestTime(times.audit, times.answer) + times.answer;
        uint256 received = uint256(work.since) + times.window;
        if (received > least) least = received;
        if (made.status != IDisputes.ClaimStatus.Standing || made.until < least) {
            revert IMarket.WrongClaim(id, made.until, least);
        }
    }

    function _beginAudit(bytes32 id, Work storage work, Place memory place, bytes32 sealedTallies) private {
        AuditTerms memory terms;
        Times memory times = place.head.times();
        terms.job = place.job;
        terms.slice = place.slice;
        terms.account = work.account;
        terms.auditRate = uint16(place.head.auditRate());
        terms.auditors = uint8(place.head.auditors());
        terms.auditTime = times.audit;
        terms.answerTime = times.answer;
        terms.steps = place.spec.steps;
        terms.segmentLength = place.spec.segmentLength;
        terms.fullPay = uint96(place.head.auditPrice() * place.spec.work);
        terms.slash = uint88(place.head.auditorSlash());
        terms.sealedTallies = sealedTallies;
        audits.begin(id, terms);
    }

    function _advanceWaiting(Kept storage kept, Work storage work, Place memory place) private {
        bool lost = kept.status != IMarket.JobStatus.Open;
        bool ready = true;
        uint256 count = place.spec.inputsFrom.length;
        for (uint256 i = 0; i <= count && !lost; ++i) {
            uint256 read = i < count ? place.spec.inputsFrom[i] : place.spec.initialFrom;
            if (read == Terms.GIVEN) continue;
            IMarket.SliceStatus status = _work[place.job][read].status;
            if (status != IMarket.SliceStatus.Settled) ready = false;
            if (status == IMarket.SliceStatus.Cancelled || status == IMarket.SliceStatus.Void) lost = true;
        }
        if (lost) return _cancel(work, place);
        if (!ready) revert IMarket.NotDue(place.job, place.slice, IMarket.SliceStatus.Waiting, 0);
        _open(work, place);
    }

    function _advanceClaimed(Kept storage kept, Work storage work, Place memory place, bool invalid) private {
        bytes32 id = work.subject;
        IAudits.AuditStatus audit = audits.finish(id);
        IDisputes.Claim memory made = disputes.getClaim(id);
        IDisputes.ClaimStatus status = made.status;
        if (status == IDisputes.ClaimStatus.Fallen) return _fail(kept, work, place, IMarket.Fault.Fallen);
        if (status == IDisputes.ClaimStatus.Standing && disputes.getTask(made.task).invalid) {
            disputes.release(id);
            invalid = true;
        }
        if (invalid || status == IDisputes.ClaimStatus.Void) return _pay(kept, work, place, true);
        if (audit == IAudits.AuditStatus.Silent) return _fail(kept, work, place, IMarket.Fault.Silent);
        if (audit < IAudits.AuditStatus.Done) {
            revert IMarket.NotDue(place.job, place.slice, IMarket.SliceStatus.Claimed, audits.getAudit(id).deadline);
        }
        if (status == IDisputes.ClaimStatus.Standing) {
            if (block.timestamp < made.until || made.open != 0) {
                revert IMarket.NotDue(place.job, place.slice, IMarket.SliceStatus.Claimed, made.until);
            }
            disputes.finalize(id);
        }
        if (audit == IAudits.AuditStatus.Unavailable) return _fail(kept, work, place, IMarket.Fault.Unavailable);
        _pay(kept, work, place, false);
    }

    /// Opens a slice for bids.
    function _open(Work storage work, Place memory place) private {
        work.status = IMarket.SliceStatus.Bidding;
        work.since = uint40(block.timestamp);
        work.until = uint40(block.timestamp + place.head.bidding());
        emit IMarket.SliceOpened(place.job, place.slice, work.attempt + 1, work.until);
    }

    function _cancel(Work storage work, Place memory place) private {
        work.status = IMarket.SliceStatus.Cancelled;
        work.since = uint40(block.timestamp);
        emit IMarket.SliceCancelled(place.job, place.slice);
        _dropSubsidy(work, place.job);
    }

    /// Ends a slice whose provider is paid: it is settled, or its program is invalid.
    function _pay(Kept storage kept, Work storage work, Place memory place, bool invalid) private {
        uint256 paid = uint256(work.pricePerUnit) * place.spec.work;
        uint256 subsidised = 0;
        uint256 first = work.firstPrice;
        if (first != 0 && work.pricePerUnit > first) {
            subsidised = (work.pricePerUnit - first) * place.spec.work;
            if (subsidised > work.subsidy) subsidised = work.subsidy;
            work.subsidy -= uint96(subsidised);
        }
        bool claimed = work.status == IMarket.SliceStatus.Claimed;
        work.status = invalid ? IMarket.SliceStatus.Void : IMarket.SliceStatus.Settled;
        work.since = uint40(block.timestamp);
        if (!claimed) _notBusy(kept, place.job, work.key);
        if (invalid) {
            kept.invalid |= uint8(1 << place.spec.program);
            if (kept.status == IMarket.JobStatus.Open) {
                kept.status = IMarket.JobStatus.Cancelled;
                emit IMarket.JobCancelled(place.job, address(this));
            }
        }
        uint256 checked = 0;
        if (claimed) checked = _endAudit(work, place, invalid ? IAudits.Fate.Void : IAudits.Fate.Settled);
        uint256 fee = (paid - subsidised + checked) * place.head.feeShare() / WHOLE;
        address account = work.account;
        if (invalid) {
            emit IMarket.SliceVoided(place.job, place.slice, account, work.attempt, paid, subsidised, checked, fee);
        } else {
            emit IMarket.SliceSettled(place.job, place.slice, account, work.attempt, paid, subsidised, checked, fee);
            reputation.record(account, IReputation.Outcome.Completed, fee);
        }
        vault.unlock(account, _obligation(place.job, place.slice, work.attempt), work.locked);
        _payOut(place.job, account, paid);
        _payOut(place.job, treasury, fee);
        _dropSubsidy(work, place.job);
    }

    /// Ends an attempt without a result, and opens the slice for another one.
    function _fail(Kept storage kept, Work storage work, Place memory place, IMarket.Fault fault) private {
        address account = work.account;
        bytes32 obligation = _obligation(place.job, place.slice, work.attempt);
        Charges memory charged = place.head.charges();
        // The first attempt that nobody could replace any more fixes what the requester pays.
        if (work.firstPrice == 0 && fault != IMarket.Fault.Declined) work.firstPrice = work.pricePerUnit;
        uint256 slashed = 0;
        uint256 prize = 0;
        uint256 checked = 0;
        if (fault == IMarket.Fault.NoShow) slashed = uint256(work.locked) * charged.noShowShare / WHOLE;
        else if (fault == IMarket.Fault.Late) slashed = uint256(work.locked) * charged.lateShare / WHOLE;
        else if (fault == IMarket.Fault.Silent || fault == IMarket.Fault.Fallen) slashed = work.locked;
        if (slashed != work.locked) vault.unlock(account, obligation, work.locked - slashed);
        if (slashed != 0) {
            if (slashed == work.locked) {
                prize = slashed * charged.bountyShare / WHOLE;
                if (prize != 0) vault.slashInto(account, obligation, prize, uint256(work.subject));
            }
            vault.slashInto(account, obligation, slashed - prize, place.job);
        }
        if (work.status == IMarket.SliceStatus.Claimed) {
            IAudits.Fate fate = IAudits.Fate.Unavailable;
            if (fault == IMarket.Fault.Fallen) fate = IAudits.Fate.Fallen;
            if (fault == IMarket.Fault.Silent) fate = IAudits.Fate.Silent;
            // The stake is at least twice what the auditors get.
            checked = _endAudit(work, place, fate);
        } else {
            _notBusy(kept, place.job, work.key);
        }
        uint256 rest = slashed - prize - checked;
        uint256 aside = 0;
        if (rest != 0) {
            aside = (place.head.ceiling() - work.firstPrice) * place.spec.work - work.subsidy;
            if (aside > rest) aside = rest;
            work.subsidy += uint96(aside);
            _payOut(place.job, treasury, rest - aside);
        }
        emit IMarket.AttemptFailed(place.job, place.slice, account, work.attempt, fault, slashed, prize, checked, aside);
        _tried[_sliceKey(place)][account] = true;
        work.subject = 0;
        work.stateRoot = 0;
        if (fault == IMarket.Fault.Declined) reputation.record(account, IReputation.Outcome.Declined, 0);
        else if (fault < IMarket.Fault.Silent) reputation.record(account, IReputation.Outcome.Late, 0);
        else if (fault < IMarket.Fault.Unavailable) reputation.record(account, IReputation.Outcome.Failed, 0);
        if (
            kept.status != IMarket.JobStatus.Open || work.attempt >= MAX_ATTEMPTS
                || block.timestamp > place.head.deadline()
        ) {
            return _cancel(work, place);
        }
        _open(work, place);
    }

    /// Pays the auditors of an attempt.
    function _endAudit(Work storage work, Place memory place, IAudits.Fate fate) private returns (uint256 sum) {
        (address[] memory accounts, uint256[] memory amounts) = audits.end(work.subject, fate);
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (amounts[i] == 0) continue;
            sum += amounts[i];
            emit IMarket.AuditorPaid(place.job, place.slice, accounts[i], work.attempt, amounts[i]);
            vault.pay(place.job, accounts[i], amounts[i]);
        }
    }

    /// What slashes have put aside for a slice is not the requester's.
    function _dropSubsidy(Work storage work, uint256 job) private {
        uint256 left = work.subsidy;
        if (left == 0) return;
        work.subsidy = 0;
        _payOut(job, treasury, left);
    }

    function _payOut(uint256 job, address to, uint256 amount) private {
        if (amount != 0) vault.pay(job, to, amount);
    }

    function _payBounty(bytes32 claim_, uint256 dispute, address to) private {
        uint256 amount = vault.escrowOf(address(this), uint256(claim_));
        if (amount == 0) revert IMarket.NoBounty(claim_);
        emit IMarket.BountyPaid(claim_, dispute, to, amount);
        vault.pay(uint256(claim_), to, amount);
    }
}
