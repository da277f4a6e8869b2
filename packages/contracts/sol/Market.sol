// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Bounds} from "./Bounds.sol";
import {Scopes} from "./IDelegations.sol";
import {IDisputes, ProgramHeader, Task} from "./IDisputes.sol";
import {Bid, Charges, IMarket, Post, Receipt, Slice, Times} from "./IMarket.sol";
import {MarketState, Offices} from "./MarketState.sol";
import {PostRules} from "./PostRules.sol";
import {Postings} from "./Postings.sol";
import {Settlement} from "./Settlement.sol";
import {Terms} from "./Terms.sol";
import {Trees} from "./Trees.sol";

/// @title The market
/// @notice See IMarket. What decides about stake is a verdict of Disputes or silence past a deadline, nothing else. The
/// governor sets the charges of jobs to come, within hard bounds; over a job that stands nobody has a power.
contract Market is IMarket, MarketState, EIP712 {
    using Terms for address;
    using Terms for bytes;

    /// An inclusion window is extended by a quarter of its length at a time, and lasts four times as long at most.
    uint256 private constant EXTENSIONS = 4;

    bytes32 private constant BID_TYPEHASH = keccak256(
        "Bid(uint256 job,address account,address key,uint128 pricePerUnit,uint32 time,uint16 slices,uint64 expiry,uint256 salt)"
    );
    bytes32 private constant RECEIPT_TYPEHASH =
        keccak256("Receipt(uint256 job,uint16 slice,uint16 attempt,bytes32 task)");

    /// @notice The second part of this contract.
    Settlement public immutable settlement;
    /// @notice Checks what is posted and keeps it.
    Postings public immutable postings;
    /// @notice Who may set the charges; zero: nobody.
    address public immutable governor;
    uint256 public immutable minimumTime;

    /// The second part works with other contracts.
    error OtherOffices(address settlement);

    /// @param settlement_ The second part, made with the same offices
    /// @param governor_ Who may set the charges; zero: nobody
    /// @param minimumTime_ The least that a job can set for each of its times, in seconds
    constructor(
        Offices memory offices,
        Settlement settlement_,
        Postings postings_,
        address governor_,
        uint256 minimumTime_,
        Charges memory charges_
    ) MarketState(offices) EIP712("Lockstep Market", "1") {
        Bounds.isContract("settlement", address(settlement_));
        Bounds.isContract("postings", address(postings_));
        Bounds.within("minimumTime", minimumTime_, disputes.minimumTime(), 1 days);
        if (settlement_.officesHash() != keccak256(abi.encode(offices))) revert OtherOffices(address(settlement_));
        settlement = settlement_;
        postings = postings_;
        governor = governor_;
        minimumTime = minimumTime_;
        _setCharges(charges_);
    }

    // Requesters ------------------------------------------------------------------------------------------------------

    /// @inheritdoc IMarket
    function post(Post calldata terms) external nonReentrant returns (uint256 job) {
        return _post(_requester(), terms);
    }

    /// @inheritdoc IMarket
    function postWithPermit(Post calldata terms, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
        returns (uint256 job)
    {
        address account = _requester();
        vault.depositWithPermit(account, amount, deadline, v, r, s);
        return _post(account, terms);
    }

    /// @inheritdoc IMarket
    function cancel(uint256 job) external nonReentrant {
        Kept storage kept = _mustBeOpen(job);
        _mustActFor(kept.requester, Scopes.POST);
        kept.status = JobStatus.Cancelled;
        emit JobCancelled(job, msg.sender);
    }

    // Providers -------------------------------------------------------------------------------------------------------

    /// @inheritdoc IMarket
    function assign(uint256 job, uint16 slice, Bid calldata bid, bytes calldata signature) external nonReentrant {
        Kept storage kept = _mustBeOpen(job);
        (Work storage work, Place memory place) = _place(kept, job, slice);
        _checkBid(kept, place, bid, signature);
        work.score = uint96(_takeLead(kept, work, place, bid));
        work.status = SliceStatus.Assigned;
        work.account = bid.account;
        work.key = bid.key;
        work.pricePerUnit = uint96(bid.pricePerUnit);
        work.time = bid.time;
        uint256 stake = _stake(place);
        work.locked = uint96(stake);
        if (kept.slices > 1) {
            uint256 busy = ++_busy[job][bid.key];
            if (busy > bid.slices) revert BidUsedUp(bid.key, bid.slices);
        }
        emit SliceAssigned(
            job,
            slice,
            bid.account,
            work.attempt,
            bid.key,
            bid.pricePerUnit,
            work.score,
            bid.time,
            stake,
            work.until - place.head.times().receipt,
            work.until
        );
        vault.lock(bid.account, _obligation(job, slice, work.attempt), stake);
    }

    /// @inheritdoc IMarket
    function receipt(uint256 job, uint16 slice, bytes calldata signature) external nonReentrant returns (bytes32 task) {
        Kept storage kept = _kept(job);
        (Work storage work, Place memory place) = _place(kept, job, slice);
        _mustBe(place, work, SliceStatus.Assigned);
        Times memory times = place.head.times();
        uint256 firm = work.until - times.receipt;
        if (block.timestamp < firm) revert NotDue(job, slice, SliceStatus.Assigned, firm);
        _mustBeInTime(place, work);
        Task memory terms = _task(kept, place, times, work.attempt);
        task = keccak256(abi.encode(terms));
        if (signature.length == 0) {
            _mustActFor(work.account, Scopes.PROVIDE);
        } else {
            _mustBelong(work.key, work.account);
            _mustBeSigned(work.key, _hashTypedDataV4(_receiptHash(job, slice, work.attempt, task)), signature);
        }
        work.status = SliceStatus.Running;
        work.since = uint40(block.timestamp);
        work.until = uint40(block.timestamp + work.time);
        work.subject = task;
        emit SliceReceived(job, slice, work.attempt, task, work.until);
        try disputes.createTask(terms) {}
        catch {
            // Whoever else has made the same task has made this one.
            if (disputes.getTask(task).bond == 0) revert IDisputes.UnknownTask(task);
        }
    }

    // The second part -------------------------------------------------------------------------------------------------

    /// @inheritdoc IMarket
    function claim(uint256, uint16, bytes32, bytes32, bytes32, bytes32[] calldata, bytes32) external {
        _settle();
    }

    /// @inheritdoc IMarket
    function decline(uint256, uint16) external {
        _settle();
    }

    /// @inheritdoc IMarket
    function advance(uint256, uint16) external {
        _settle();
    }

    /// @inheritdoc IMarket
    function close(uint256) external {
        _settle();
    }

    /// @inheritdoc IMarket
    function bounty(bytes32, uint256) external {
        _settle();
    }

    /// @inheritdoc IMarket
    function sweepBounty(bytes32) external {
        _settle();
    }

    // The governor ----------------------------------------------------------------------------------------------------

    /// @notice Sets the charges of jobs to come. For the governor.
    function setCharges(Charges calldata charges_) external {
        if (msg.sender != governor) revert NotYours(msg.sender, governor);
        _setCharges(charges_);
    }

    // Reads -----------------------------------------------------------------------------------------------------------

    /// @inheritdoc IMarket
    function getJob(uint256 job) external view returns (Job memory) {
        Kept storage kept = _jobs[job];
        return Job(
            kept.requester,
            kept.status,
            kept.posted,
            kept.slices,
            kept.invalid,
            kept.terms,
            vault.escrowOf(address(this), job)
        );
    }

    /// @inheritdoc IMarket
    function getSpec(uint256 job) external view returns (Spec memory) {
        _read(abi.encodeCall(Postings.specOf, (_kept(job).terms)));
    }

    /// @inheritdoc IMarket
    function getProgram(uint256 job, uint8 program) external view returns (ProgramHeader memory) {
        _read(abi.encodeCall(Postings.programOf, (_kept(job).terms, program)));
    }

    /// @inheritdoc IMarket
    function getSlice(uint256 job, uint16 slice) external view returns (Slice memory) {
        Kept storage kept = _kept(job);
        if (slice >= kept.slices) revert UnknownSlice(job, slice);
        _read(abi.encodeCall(Postings.sliceOf, (kept.terms, slice)));
    }

    /// @inheritdoc IMarket
    function getProgress(uint256 job, uint16 slice) external view returns (Progress memory progress) {
        Kept storage kept = _kept(job);
        (Work storage work, Place memory place) = _place(kept, job, slice);
        Times memory times = place.head.times();
        progress.status = _statusOf(work, place);
        progress.attempt = work.attempt;
        progress.since = work.since;
        progress.until = work.until;
        if (work.status == SliceStatus.None) {
            progress.since = kept.posted;
            if (progress.status == SliceStatus.Bidding) progress.until = uint40(kept.posted + times.bidding);
        }
        if (kept.status == JobStatus.Closed && progress.status < SliceStatus.Assigned) {
            progress.status = SliceStatus.Cancelled;
        }
        if (progress.status == SliceStatus.Assigned) progress.firm = work.until - times.receipt;
        progress.account = work.account;
        progress.key = work.key;
        progress.pricePerUnit = work.pricePerUnit;
        progress.score = work.score;
        progress.time = work.time;
        progress.locked = work.locked;
        progress.firstPrice = work.firstPrice;
        progress.subsidy = work.subsidy;
        bytes32 subject = work.subject;
        bytes32 task = disputes.getClaim(subject).task;
        if (task != 0) (progress.task, progress.claim) = (task, subject);
        else progress.task = subject;
        progress.stateRoot = work.stateRoot;
    }

    /// @inheritdoc IMarket
    function partiesOf(uint256 job, uint16 slice) external view returns (address[] memory parties) {
        Kept storage kept = _kept(job);
        bytes memory head = kept.terms.read();
        uint256[] memory others = kept.terms.groupOf(head, slice);
        parties = new address[](others.length + 2);
        parties[0] = _work[job][slice].account;
        uint256 found = 1;
        for (uint256 i = 0; i < others.length; ++i) {
            if (_holds(_work[job][others[i]])) parties[found++] = _work[job][others[i]].account;
        }
        // As many as Verifiers takes: a job of nothing but replicas may be audited by its requester.
        if (found < 256) parties[found++] = kept.requester;
        assembly ("memory-safe") {
            mstore(parties, found)
        }
    }

    /// @inheritdoc IMarket
    function stakeFor(uint256 job, uint16 slice) external view returns (uint256) {
        (, Place memory place) = _place(_kept(job), job, slice);
        return _stake(place);
    }

    /// @inheritdoc IMarket
    function obligationOf(uint256 job, uint16 slice, uint16 attempt) external pure returns (bytes32) {
        return _obligation(job, slice, attempt);
    }

    /// @inheritdoc IMarket
    function jobCount() external view returns (uint256) {
        return _jobCount;
    }

    /// @inheritdoc IMarket
    function charges() external view returns (Charges memory) {
        return _charges;
    }

    /// @inheritdoc IMarket
    function hashBid(Bid calldata bid) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    BID_TYPEHASH,
                    bid.job,
                    bid.account,
                    bid.key,
                    bid.pricePerUnit,
                    bid.time,
                    bid.slices,
                    bid.expiry,
                    bid.salt
                )
            )
        );
    }

    /// @inheritdoc IMarket
    function hashReceipt(Receipt calldata signed) external view returns (bytes32) {
        return _hashTypedDataV4(_receiptHash(signed.job, signed.slice, signed.attempt, signed.task));
    }

    // Posting ---------------------------------------------------------------------------------------------------------

    function _post(address account, Post calldata terms) private returns (uint256 job) {
        Charges memory charged = _charges;
        Times calldata times = terms.times;
        // An audit, time to challenge what it finds, and as much for the claim to come here from Disputes.
        uint256 window = audits.longestTime(times.audit, times.answer) + 2 * uint256(times.answer);
        // The post goes on as it came: to encode it again would cost more than all else that is done with it.
        uint256 start;
        assembly ("memory-safe") {
            start := terms
        }
        bytes memory answer = _call(
            address(postings),
            abi.encodePacked(
                Postings.write.selector,
                abi.encode(uint256(11 * 32), charged, minimumTime, disputes.minimumBond(), window),
                msg.data[start:]
            )
        );
        (address kept, uint256 escrow) = abi.decode(answer, (address, uint256));
        job = ++_jobCount;
        _jobs[job] = Kept(account, JobStatus.Open, uint40(block.timestamp), uint16(terms.slices.length), 0, kept);
        bytes memory data = abi.encodePacked(abi.encode(escrow, kept, charged, uint256(10 * 32)), msg.data[start:]);
        bytes32 topic = JobPosted.selector;
        bytes32 manifest = terms.manifest;
        assembly ("memory-safe") {
            log4(add(data, 32), mload(data), topic, job, account, manifest)
        }
        vault.fund(account, job, escrow);
    }

    function _setCharges(Charges memory charges_) private {
        PostRules.checkCharges(charges_);
        _charges = charges_;
        emit ChargesSet(charges_);
    }

    /// The stake that is locked for a slice: what a liar could gain over the probability that one auditor finds it, and
    /// twice what its auditors get, so that a slash pays them whatever its bounty is.
    function _stake(Place memory place) private pure returns (uint256) {
        bytes memory head = place.head;
        uint256 work = place.spec.work;
        return PostRules.stake(
            head.ceiling(), head.auditors() * head.auditPrice(), head.auditRate(), work, head.minimumStake()
        );
    }

    /// Runs the call in the second part, on this storage, and ends.
    function _settle() private {
        address part = address(settlement);
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), part, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if done { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    /// Answers with what the postings say, and ends.
    function _read(bytes memory question) private view {
        address to = address(postings);
        assembly {
            let done := staticcall(gas(), to, add(question, 32), mload(question), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if done { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    function _call(address to, bytes memory question) private returns (bytes memory answer) {
        bool done;
        (done, answer) = to.call(question);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    // Bids ------------------------------------------------------------------------------------------------------------

    function _checkBid(Kept storage kept, Place memory place, Bid calldata bid, bytes calldata signature) private view {
        if (bid.job != place.job) revert WrongJob(bid.job, place.job);
        if (bid.expiry <= block.timestamp) revert BidExpired(bid.expiry, block.timestamp);
        if (bid.time == 0 || bid.time > place.spec.time) revert BidTooSlow(bid.time, place.spec.time);
        uint256 ceiling = place.head.ceiling();
        if (bid.pricePerUnit == 0 || bid.pricePerUnit > ceiling) revert BidTooDear(bid.pricePerUnit, ceiling);
        address account = bid.account;
        address[] memory allowed = kept.terms.allowed(place.head);
        if (allowed.length != 0 && !_isAmong(account, allowed)) revert NotAllowed(account);
        if (_isAmong(account, kept.terms.banned(place.head))) revert NotAllowed(account);
        if (_tried[_sliceKey(place)][account]) revert AlreadyTried(account);
        if (place.spec.group != 0) {
            uint256[] memory others = kept.terms.groupOf(place.head, place.slice);
            for (uint256 i = 0; i < others.length; ++i) {
                Work storage other = _work[place.job][others[i]];
                if (other.account == account && _holds(other)) revert InGroup(account, place.spec.group);
            }
        }
        _mustBelong(bid.key, account);
        _mustBeSigned(bid.key, hashBid(bid), signature);
    }

    /// Takes the lead of a slice, from another bid within the inclusion window. Sets until when it has to be received.
    function _takeLead(Kept storage kept, Work storage work, Place memory place, Bid calldata bid)
        private
        returns (uint256 score)
    {
        score = bid.pricePerUnit * (WHOLE - reputation.discountOf(bid.account)) / WHOLE;
        SliceStatus status = _statusOf(work, place);
        Times memory times = place.head.times();
        if (status == SliceStatus.Bidding) {
            uint256 until = work.status == SliceStatus.None ? kept.posted + times.bidding : work.until;
            if (block.timestamp < until) revert NotDue(place.job, place.slice, status, until);
            if (block.timestamp > times.deadline) {
                revert TooLate(place.job, place.slice, block.timestamp, times.deadline);
            }
            ++work.attempt;
            work.since = uint40(block.timestamp);
            work.until = uint40(block.timestamp + times.inclusion + times.receipt);
            return score;
        }
        if (status != SliceStatus.Assigned) revert WrongSliceStatus(place.job, place.slice, status);
        _replaceLeader(kept, work, place, score);
    }

    function _replaceLeader(Kept storage kept, Work storage work, Place memory place, uint256 score) private {
        Times memory times = place.head.times();
        uint256 firm = work.until - times.receipt;
        if (block.timestamp >= firm) revert TooLate(place.job, place.slice, block.timestamp, firm);
        uint256 most = work.score * (WHOLE - place.head.minimumImprovement()) / WHOLE;
        if (score > most || score >= work.score) revert BidNotBetter(score, most);
        _notBusy(kept, place.job, work.key);
        uint256 extended = block.timestamp + times.inclusion / EXTENSIONS;
        uint256 cap = work.since + EXTENSIONS * times.inclusion;
        if (extended > cap) extended = cap;
        if (extended > firm) work.until = uint40(extended + times.receipt);
        vault.unlock(work.account, _obligation(place.job, place.slice, work.attempt), work.locked);
    }

    // Tasks ---------------------------------------------------------------------------------------------------------

    /// The task of an attempt. Its context makes it unlike every other one.
    function _task(Kept storage kept, Place memory place, Times memory times, uint256 attempt)
        private
        view
        returns (Task memory task)
    {
        Slice memory spec = place.spec;
        task.header = kept.terms.program(spec.program);
        task.initialItem = spec.initialFrom == Terms.GIVEN
            ? spec.initialItem
            : Trees.parent(_work[place.job][spec.initialFrom].stateRoot, 0);
        task.inputsRoot = spec.inputsFrom.length == 0 ? spec.inputsRoot : _inputsRoot(place);
        task.steps = spec.steps;
        task.segmentLength = spec.segmentLength;
        task.window = times.window;
        task.clock = times.clock;
        task.segmentTime = times.segmentTime;
        task.stepTime = times.stepTime;
        task.moveTime = times.moveTime;
        task.bond = uint128(place.head.bond());
        task.context = keccak256(abi.encode(block.chainid, address(this), place.job, place.slice, attempt));
    }

    /// The root over the final states of the slices that are read.
    function _inputsRoot(Place memory place) private view returns (bytes32) {
        uint256 count = place.spec.inputsFrom.length;
        bytes32[] memory row = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            row[i] = _work[place.job][place.spec.inputsFrom[i]].stateRoot;
        }
        for (; count > 1; count = (count + 1) / 2) {
            for (uint256 i = 0; i < count; i += 2) {
                row[i / 2] = Trees.parent(row[i], i + 1 < count ? row[i + 1] : bytes32(0));
            }
        }
        return row[0];
    }

    // Looking ---------------------------------------------------------------------------------------------------------

    function _mustBeOpen(uint256 job) private view returns (Kept storage kept) {
        kept = _kept(job);
        if (kept.status != JobStatus.Open) revert WrongJobStatus(job, kept.status);
    }

    function _requester() private view returns (address account) {
        account = delegations.accountOf(msg.sender, Scopes.POST);
        if (account == address(0)) revert NotYours(msg.sender, account);
    }

    function _mustBelong(address key, address account) private view {
        if (account == address(0) || delegations.accountOf(key, Scopes.PROVIDE) != account) {
            revert NotYours(key, account);
        }
    }

    function _mustBeSigned(address key, bytes32 digest, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(key, digest, signature)) revert WrongSignature(key);
    }

    function _receiptHash(uint256 job, uint256 slice, uint256 attempt, bytes32 task) private pure returns (bytes32) {
        return keccak256(abi.encode(RECEIPT_TYPEHASH, job, slice, attempt, task));
    }

    function _isAmong(address account, address[] memory list) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] == account) return true;
        }
        return false;
    }
}
