// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Bounds} from "./Bounds.sol";
import {AuditTerms, IAudits} from "./IAudits.sol";
import {IDelegations, Scopes} from "./IDelegations.sol";
import {IDisputes} from "./IDisputes.sol";
import {IDraw} from "./IDraw.sol";
import {IMarket} from "./IMarket.sol";
import {IReputation} from "./IReputation.sol";
import {IVerifiers} from "./IVerifiers.sol";
import {Trees} from "./Trees.sol";

/// @title Audits
/// @notice See IAudits. Auditors are slashed for silence, or for a segment that the referee has judged and nobody could
/// defend; nobody has a power over it.
contract Audits is IAudits, ReentrancyGuardTransient {
    /// @notice How often an audit asks for randomness.
    uint256 public constant MAX_ROUNDS = 3;
    /// How many waiting changes of weights a draw applies itself.
    uint256 private constant CHANGES = 32;
    uint256 private constant WHOLE = 10_000;
    /// In Disputes: the referee has answered a challenger's move; a lapsed clock ends a claimant's turn.
    uint8 private constant CHALLENGER = 1;

    struct Kept {
        AuditStatus status;
        uint8 rounds;
        uint8 seats;
        uint8 committed;
        uint8 missing;
        uint8 answered;
        bool ended;
        uint8 auditors;
        uint16 auditRate;
        uint16 slice;
        uint32 auditTime;
        uint32 answerTime;
        uint40 deadline;
        uint48 job;
        address account;
        uint96 fullPay;
        uint88 slash;
        uint64 steps;
        uint32 segmentLength;
        uint64 round;
        bytes32 sealedTallies;
    }

    struct KeptSeat {
        address account;
        SeatStatus status;
        uint40 deadline;
        uint32 segment;
        uint16 share; // how many segments it has to audit, known from the opening on
        bytes32 commitment;
        bytes32 expected;
    }

    /// What a claim of one segment and the claim that fell have in common, if the defence is right.
    struct Defence {
        bytes32 root; // of the claim that fell
        bytes32 item; // the checkpoint that is claimed alone
        bytes32 initialItem;
        bytes32 begins; // what the segment begins with
    }

    struct Accusation {
        uint256 dispute;
        bytes32 defence;
    }

    IMarket public immutable market;
    IVerifiers public immutable verifiers;
    IDraw public immutable drawing;
    IDisputes public immutable disputes;
    IDelegations public immutable delegations;
    IReputation public immutable reputation;
    address public immutable treasury;

    mapping(bytes32 claim => Kept) private _audits;
    mapping(bytes32 claim => mapping(uint256 seat => KeptSeat)) private _seats;
    mapping(bytes32 claim => mapping(uint256 seat => Accusation)) private _accusations;

    constructor(
        IMarket market_,
        IVerifiers verifiers_,
        IDraw drawing_,
        IDisputes disputes_,
        IDelegations delegations_,
        IReputation reputation_,
        address treasury_
    ) {
        Bounds.isSet("market", address(market_));
        Bounds.isSet("verifiers", address(verifiers_));
        Bounds.isSet("drawing", address(drawing_));
        Bounds.isContract("disputes", address(disputes_));
        Bounds.isContract("delegations", address(delegations_));
        Bounds.isSet("reputation", address(reputation_));
        Bounds.isSet("treasury", treasury_);
        market = market_;
        verifiers = verifiers_;
        drawing = drawing_;
        disputes = disputes_;
        delegations = delegations_;
        reputation = reputation_;
        treasury = treasury_;
    }

    // The market ------------------------------------------------------------------------------------------------------

    /// @inheritdoc IAudits
    function begin(bytes32 claim, AuditTerms calldata terms) external nonReentrant {
        if (msg.sender != address(market)) revert NotMarket(msg.sender);
        Kept storage audit = _audits[claim];
        if (audit.status != AuditStatus.None) revert WrongAuditStatus(claim, audit.status);
        audit.status = AuditStatus.Drawing;
        audit.auditors = terms.auditors;
        audit.auditRate = terms.auditRate;
        audit.slice = terms.slice;
        audit.auditTime = terms.auditTime;
        audit.answerTime = terms.answerTime;
        audit.account = terms.account;
        audit.fullPay = terms.fullPay;
        audit.slash = terms.slash;
        audit.steps = terms.steps;
        audit.segmentLength = terms.segmentLength;
        audit.job = uint48(terms.job);
        audit.sealedTallies = terms.sealedTallies;
        uint256 deadline = block.timestamp + MAX_ROUNDS * drawing.longestTime() + terms.answerTime;
        audit.deadline = uint40(deadline);
        emit AuditBegun(claim, terms.job, terms.slice, terms, deadline);
        // Whose weight is due counts, even if nobody has applied it yet.
        if (verifiers.totalWeight() == 0) verifiers.applyChanges(CHANGES);
        if (verifiers.totalWeight() == 0) _over(claim, audit, AuditStatus.Unaudited);
        else _ask(claim, audit);
    }

    /// @inheritdoc IAudits
    function end(bytes32 claim, Fate fate)
        external
        nonReentrant
        returns (address[] memory accounts, uint256[] memory amounts)
    {
        if (msg.sender != address(market)) revert NotMarket(msg.sender);
        Kept storage audit = _audits[claim];
        if (audit.ended) revert WrongAuditStatus(claim, audit.status);
        audit.ended = true;
        uint256 seats = audit.seats;
        accounts = new address[](seats);
        amounts = new uint256[](seats);
        for (uint256 k = 0; k < seats; ++k) {
            accounts[k] = _seats[claim][k].account;
            amounts[k] = _endSeat(claim, audit, k, fate);
        }
        if (audit.status < AuditStatus.Done) _over(claim, audit, AuditStatus.Done);
    }

    // Anyone ----------------------------------------------------------------------------------------------------------

    /// @inheritdoc IAudits
    function draw(bytes32 claim) external nonReentrant {
        Kept storage audit = _audits[claim];
        _must(claim, audit, AuditStatus.Drawing);
        _mustBeInTime(claim, audit.deadline);
        (IDraw.DrawStatus status, bytes32 random) = drawing.randomness(audit.round);
        if (status == IDraw.DrawStatus.Pending) revert NotDue(claim, audit.status, audit.deadline);
        if (status != IDraw.DrawStatus.Ready) {
            if (audit.rounds < MAX_ROUNDS) _ask(claim, audit);
            else _over(claim, audit, AuditStatus.Unaudited);
            return;
        }
        verifiers.applyChanges(CHANGES);
        address[] memory picked = verifiers.pickDistinct(
            keccak256(abi.encode(random, claim)), audit.auditors, market.partiesOf(audit.job, audit.slice)
        );
        if (picked.length == 0) return _over(claim, audit, AuditStatus.Unaudited);
        uint256 deadline = block.timestamp + audit.auditTime;
        audit.seats = uint8(picked.length);
        audit.deadline = uint40(deadline);
        audit.status = AuditStatus.Committing;
        for (uint256 k = 0; k < picked.length; ++k) {
            KeptSeat storage seat = _seats[claim][k];
            seat.account = picked[k];
            seat.status = SeatStatus.Drawn;
            emit SeatDrawn(claim, picked[k], k);
            verifiers.beginDuty(picked[k]);
        }
        emit AuditDrawn(claim, random, picked.length, deadline);
    }

    /// @inheritdoc IAudits
    function finish(bytes32 claim) external nonReentrant returns (AuditStatus status) {
        Kept storage audit = _audits[claim];
        if (audit.status == AuditStatus.None) revert WrongAuditStatus(claim, audit.status);
        return _finish(claim, audit);
    }

    /// @inheritdoc IAudits
    function accuse(bytes32 claim, uint256 seat, uint256 dispute) external nonReentrant {
        KeptSeat storage accused = _mustSit(claim, seat, SeatStatus.Suspect);
        _mustBeInTime(claim, accused.deadline);
        IDisputes.Dispute memory lost = disputes.getDispute(dispute);
        if (lost.claim != claim || lost.place.outcome != IDisputes.Outcome.Challenger || lost.place.turn != CHALLENGER) revert WrongDispute(dispute);
        uint256 segment = lost.place.segment;
        Kept storage audit = _audits[claim];
        if (!_isAudited(audit, _random(audit), claim, seat, segment)) revert NotAudited(seat, segment);
        uint256 deadline = block.timestamp + audit.auditTime;
        accused.status = SeatStatus.Accused;
        accused.deadline = uint40(deadline);
        accused.segment = uint32(segment);
        _accusations[claim][seat].dispute = dispute;
        emit SeatAccused(claim, seat, accused.account, dispute, segment, deadline);
    }

    /// @inheritdoc IAudits
    function defend(
        bytes32 claim,
        uint256 seat,
        bytes32 defence,
        bytes32[] calldata path,
        bytes32 predecessor,
        bytes32[] calldata predecessorPath
    ) external nonReentrant {
        KeptSeat storage accused = _mustSit(claim, seat, SeatStatus.Accused);
        _mustBeInTime(claim, accused.deadline);
        {
            Kept storage audit = _audits[claim];
            uint256 segment = accused.segment;
            Defence memory part = _part(claim, defence, accused.deadline - audit.auditTime, _stepsOf(audit, segment));
            _mustOpen(part.root, audit, segment, part.item, path);
            if (segment == 0) {
                if (part.begins != part.initialItem) revert Unproven(part.begins, part.initialItem);
            } else {
                if (part.begins != predecessor) revert Unproven(part.begins, predecessor);
                _mustOpen(part.root, audit, segment - 1, predecessor, predecessorPath);
            }
        }
        accused.status = SeatStatus.Defending;
        _accusations[claim][seat].defence = defence;
        emit SeatDefended(claim, seat, accused.account, defence);
    }

    /// @inheritdoc IAudits
    function finishSeat(bytes32 claim, uint256 seat) external nonReentrant {
        KeptSeat storage sitting = _seats[claim][seat];
        Kept storage audit = _audits[claim];
        SeatStatus status = sitting.status;
        if (status == SeatStatus.Defending) {
            bytes32 defence = _accusations[claim][seat].defence;
            IDisputes.Claim memory made = disputes.getClaim(defence);
            if (made.status == IDisputes.ClaimStatus.Fallen) return _slashSeat(claim, audit, seat);
            if (made.status == IDisputes.ClaimStatus.Standing) {
                if (disputes.getTask(made.task).invalid) {
                    disputes.release(defence);
                } else {
                    if (block.timestamp < made.until || made.open != 0) revert NotDue(claim, audit.status, made.until);
                    disputes.finalize(defence);
                }
            }
            return _close(claim, seat, SeatStatus.Paid, 0);
        }
        if (status != SeatStatus.Suspect && status != SeatStatus.Accused) revert WrongSeatStatus(claim, seat, status);
        if (block.timestamp <= sitting.deadline) revert NotDue(claim, audit.status, sitting.deadline);
        if (status == SeatStatus.Suspect) _close(claim, seat, SeatStatus.Paid, 0);
        else _slashSeat(claim, audit, seat);
    }

    // Auditors --------------------------------------------------------------------------------------------------------

    /// @inheritdoc IAudits
    function commit(bytes32 claim, uint256 seat, bytes32 commitment) external nonReentrant {
        (Kept storage audit, KeptSeat storage sitting) = _auditor(claim, seat, AuditStatus.Committing, SeatStatus.Drawn);
        if (commitment == 0) revert NotCommitted(0, 0);
        sitting.status = SeatStatus.Committed;
        sitting.commitment = commitment;
        ++audit.committed;
        emit SeatCommitted(claim, seat, sitting.account, commitment);
        _endCommitting(claim, audit);
    }

    /// @inheritdoc IAudits
    function miss(bytes32 claim, uint256 seat) external nonReentrant {
        (Kept storage audit, KeptSeat storage sitting) = _auditor(claim, seat, AuditStatus.Committing, SeatStatus.Drawn);
        sitting.status = SeatStatus.Missing;
        ++audit.missing;
        emit SeatMissing(claim, seat, sitting.account);
        _endCommitting(claim, audit);
    }

    /// @inheritdoc IAudits
    function reveal(bytes32 claim, uint256 seat, bytes32 answer, bytes32 salt) external nonReentrant {
        (Kept storage audit, KeptSeat storage sitting) =
            _auditor(claim, seat, AuditStatus.Revealing, SeatStatus.Committed);
        bytes32 found = keccak256(abi.encode(block.chainid, address(this), claim, seat, sitting.account, answer, salt));
        if (found != sitting.commitment) revert NotCommitted(found, sitting.commitment);
        bool matched = answer == sitting.expected;
        sitting.status = matched ? SeatStatus.Matched : SeatStatus.Differed;
        delete sitting.commitment;
        delete sitting.expected;
        emit SeatRevealed(claim, seat, sitting.account, answer, matched);
        if (++audit.answered == audit.committed) _over(claim, audit, AuditStatus.Done);
    }

    // The provider ----------------------------------------------------------------------------------------------------

    /// @inheritdoc IAudits
    function open(bytes32 claim, bytes32 salt, bytes32[] calldata tallies) external nonReentrant {
        Kept storage audit = _audits[claim];
        _finish(claim, audit);
        _must(claim, audit, AuditStatus.Opening);
        _mustActFor(audit.account, Scopes.PROVIDE);
        uint256 count = _segments(audit);
        if (tallies.length != count) revert WrongLength(tallies.length, count);
        bytes32 found = keccak256(abi.encode(block.chainid, address(this), claim, salt, tallies));
        if (found != audit.sealedTallies) revert NotCommitted(found, audit.sealedTallies);
        bytes32 random = _random(audit);
        for (uint256 k = 0; k < audit.seats; ++k) {
            KeptSeat storage seat = _seats[claim][k];
            if (seat.status != SeatStatus.Committed) continue;
            (uint256 share, bytes32 expected) = _share(audit, random, claim, k, tallies);
            seat.share = uint16(share);
            seat.expected = expected;
        }
        uint256 deadline = block.timestamp + audit.answerTime;
        audit.status = AuditStatus.Revealing;
        audit.deadline = uint40(deadline);
        emit TalliesOpened(claim, salt, tallies, deadline);
    }

    // Reads -----------------------------------------------------------------------------------------------------------

    /// @inheritdoc IAudits
    function getAudit(bytes32 claim) external view returns (Audit memory audit) {
        Kept storage kept = _audits[claim];
        audit.status = kept.status;
        audit.job = kept.job;
        audit.slice = kept.slice;
        audit.account = kept.account;
        audit.auditRate = kept.auditRate;
        audit.auditors = kept.auditors;
        audit.rounds = kept.rounds;
        audit.seats = kept.seats;
        audit.committed = kept.committed;
        audit.missing = kept.missing;
        audit.answered = kept.answered;
        audit.ended = kept.ended;
        audit.deadline = kept.deadline;
        audit.round = kept.round;
        if (kept.status != AuditStatus.None) audit.segments = uint32(_segments(kept));
        audit.sealedTallies = kept.sealedTallies;
        if (kept.seats != 0) audit.random = _random(kept);
    }

    /// @inheritdoc IAudits
    function getSeat(bytes32 claim, uint256 seat) external view returns (Seat memory) {
        KeptSeat storage kept = _seats[claim][seat];
        Accusation storage accusation = _accusations[claim][seat];
        return Seat(
            kept.account,
            kept.status,
            uint96(_payFor(_audits[claim], kept.share)),
            kept.deadline,
            kept.segment,
            kept.commitment,
            kept.expected,
            accusation.dispute,
            accusation.defence
        );
    }

    /// @inheritdoc IAudits
    function isAudited(bytes32 claim, uint256 seat, uint256 segment) external view returns (bool) {
        Kept storage audit = _audits[claim];
        return seat < audit.seats && _isAudited(audit, _random(audit), claim, seat, segment);
    }

    /// @inheritdoc IAudits
    function longestTime(uint256 auditTime, uint256 answerTime) external view returns (uint256) {
        // Someone has to call `draw`, the provider opens, the auditors reveal.
        return MAX_ROUNDS * drawing.longestTime() + auditTime + 3 * answerTime;
    }

    // Phases ----------------------------------------------------------------------------------------------------------

    /// A draw that cannot be asked stops no claim.
    function _ask(bytes32 claim, Kept storage audit) private {
        try drawing.request() returns (uint256 round) {
            ++audit.rounds;
            audit.round = uint64(round);
            emit RoundAsked(claim, round, audit.deadline);
        } catch {
            _over(claim, audit, AuditStatus.Unaudited);
        }
    }

    function _over(bytes32 claim, Kept storage audit, AuditStatus status) private {
        audit.status = status;
        emit AuditOver(claim, status);
    }

    function _endCommitting(bytes32 claim, Kept storage audit) private {
        uint256 said = audit.committed + audit.missing;
        if (said != audit.seats) return;
        if (audit.committed == 0) return _over(claim, audit, AuditStatus.Unavailable);
        _beginOpening(claim, audit, block.timestamp);
    }

    function _beginOpening(bytes32 claim, Kept storage audit, uint256 from) private {
        uint256 deadline = from + audit.answerTime;
        audit.status = AuditStatus.Opening;
        audit.deadline = uint40(deadline);
        emit OpeningDue(claim, deadline);
    }

    /// Ends what time has ended. A phase that nobody has ended begins the next one at its own deadline, so that it takes
    /// no longer if nobody comes.
    function _finish(bytes32 claim, Kept storage audit) private returns (AuditStatus) {
        if (audit.status == AuditStatus.Committing && block.timestamp > audit.deadline) {
            if (audit.committed == 0) _over(claim, audit, AuditStatus.Done);
            else _beginOpening(claim, audit, audit.deadline);
        }
        if (audit.status < AuditStatus.Done && block.timestamp > audit.deadline) {
            if (audit.status == AuditStatus.Drawing) _over(claim, audit, AuditStatus.Unaudited);
            else if (audit.status == AuditStatus.Opening) _over(claim, audit, AuditStatus.Silent);
            else if (audit.status == AuditStatus.Revealing) _over(claim, audit, AuditStatus.Done);
        }
        return audit.status;
    }

    // Seats -----------------------------------------------------------------------------------------------------------

    /// Ends a seat with its audit, or leaves it suspect. Returns what the market pays it.
    function _endSeat(bytes32 claim, Kept storage audit, uint256 seat, Fate fate) private returns (uint256 pay) {
        KeptSeat storage sitting = _seats[claim][seat];
        SeatStatus status = sitting.status;
        bool late = audit.status >= AuditStatus.Done || block.timestamp > audit.deadline;
        if (status == SeatStatus.Drawn) {
            // It said nothing. It might yet, where a claim falls before its time is over.
            bool silent = audit.status != AuditStatus.Committing || late;
            if (silent && fate != Fate.Void) _slashSeat(claim, audit, seat);
            else _close(claim, seat, SeatStatus.Unpaid, 0);
            return 0;
        }
        if (status == SeatStatus.Committed) {
            bool opened = audit.status == AuditStatus.Revealing || audit.status == AuditStatus.Done;
            if (opened && late && fate != Fate.Void) {
                _slashSeat(claim, audit, seat);
                return 0;
            }
            // The provider has not opened, or the claim has ended sooner.
            uint256 share = sitting.share;
            if (share == 0) (share,) = _share(audit, _random(audit), claim, seat, _noTallies());
            pay = _payFor(audit, share);
        } else if (status == SeatStatus.Matched) {
            pay = _payFor(audit, sitting.share);
            if (fate == Fate.Fallen) {
                // It fell, maybe where this seat has not looked. It is paid, but no more than it can lose.
                if (pay > audit.slash) pay = audit.slash;
                uint256 deadline = block.timestamp + audit.answerTime;
                sitting.status = SeatStatus.Suspect;
                sitting.deadline = uint40(deadline);
                emit SeatSuspected(claim, seat, sitting.account, deadline);
                return pay;
            }
        } else if (status == SeatStatus.Differed && fate != Fate.Settled) {
            pay = _payFor(audit, sitting.share);
        }
        _close(claim, seat, pay == 0 ? SeatStatus.Unpaid : SeatStatus.Paid, pay);
    }

    function _close(bytes32 claim, uint256 seat, SeatStatus status, uint256 amount) private {
        KeptSeat storage sitting = _seats[claim][seat];
        address account = sitting.account;
        sitting.status = status;
        emit SeatEnded(claim, seat, account, status, amount);
        verifiers.endDuty(account);
    }

    function _slashSeat(bytes32 claim, Kept storage audit, uint256 seat) private {
        address account = _seats[claim][seat].account;
        uint256 dispute = _accusations[claim][seat].dispute;
        uint256 slashed = 0;
        if (dispute != 0) slashed = verifiers.slash(account, audit.slash / 2, disputes.getDispute(dispute).challenger);
        slashed += verifiers.slash(account, audit.slash - slashed, treasury);
        reputation.record(account, IReputation.Outcome.Slashed, 0);
        _close(claim, seat, SeatStatus.Slashed, slashed);
    }

    /// How many segments a seat has to audit, and the answer that these tallies give.
    function _share(Kept storage audit, bytes32 random, bytes32 claim, uint256 seat, bytes32[] calldata tallies)
        private
        view
        returns (uint256 share, bytes32 answer)
    {
        uint256 count = _segments(audit);
        bytes memory chosen = new bytes(32 * count);
        for (uint256 s = 0; s < count; ++s) {
            if (!_isAudited(audit, random, claim, seat, s)) continue;
            if (tallies.length != 0) {
                bytes32 tally = tallies[s];
                assembly ("memory-safe") {
                    mstore(add(add(chosen, 32), shl(5, share)), tally)
                }
            }
            ++share;
        }
        assembly ("memory-safe") {
            answer := keccak256(add(chosen, 32), shl(5, share))
        }
    }

    /// Pay follows the steps. The last segment, which may be shorter, is among every seat's.
    function _payFor(Kept storage audit, uint256 share) private view returns (uint256) {
        if (share == 0) return 0;
        uint256 missing = _segments(audit) * audit.segmentLength - audit.steps;
        return audit.fullPay * (share * audit.segmentLength - missing) / audit.steps;
    }

    function _isAudited(Kept storage audit, bytes32 random, bytes32 claim, uint256 seat, uint256 segment)
        private
        view
        returns (bool)
    {
        uint256 count = _segments(audit);
        if (segment + 1 >= count) return segment + 1 == count;
        return uint256(keccak256(abi.encode(random, claim, seat, segment))) % WHOLE < audit.auditRate;
    }

    // Looking ---------------------------------------------------------------------------------------------------------

    function _auditor(bytes32 claim, uint256 seat, AuditStatus status, SeatStatus seatStatus)
        private
        view
        returns (Kept storage audit, KeptSeat storage sitting)
    {
        audit = _audits[claim];
        _must(claim, audit, status);
        _mustBeInTime(claim, audit.deadline);
        sitting = _mustSit(claim, seat, seatStatus);
        _mustActFor(sitting.account, Scopes.VERIFY);
    }

    /// A claim must be one of a single segment, on terms that are no worse for a challenger, made since the accusation:
    /// nobody can have one lie in wait that nobody knew of.
    function _part(bytes32 claim, bytes32 defence, uint256 accusedAt, uint256 steps)
        private
        view
        returns (Defence memory found)
    {
        IDisputes.Claim memory fallen = disputes.getClaim(claim);
        IDisputes.Claim memory made = disputes.getClaim(defence);
        IDisputes.TaskTerms memory whole = disputes.getTask(fallen.task);
        IDisputes.TaskTerms memory part = disputes.getTask(made.task);
        if (
            made.status == IDisputes.ClaimStatus.None || made.until < accusedAt + part.window
                || part.program != whole.program || part.inputsRoot != whole.inputsRoot || part.steps != steps
                || part.segmentLength != whole.segmentLength || part.window < whole.window || part.clock != whole.clock
                || part.segmentTime != whole.segmentTime || part.stepTime != whole.stepTime
                || part.moveTime != whole.moveTime || part.bond != whole.bond
        ) revert WrongDefence(defence);
        return Defence(fallen.root, made.root, whole.initialItem, part.initialItem);
    }

    function _mustOpen(bytes32 root, Kept storage audit, uint256 position, bytes32 item, bytes32[] calldata path)
        private
        view
    {
        uint256 depth = Trees.depth(_segments(audit));
        if (path.length != depth) revert WrongLength(path.length, depth);
        bytes32 found = Trees.climb(item, position, path);
        if (found != root) revert Unproven(found, root);
    }

    function _must(bytes32 claim, Kept storage audit, AuditStatus status) private view {
        if (audit.status != status || audit.ended) revert WrongAuditStatus(claim, audit.status);
    }

    function _mustSit(bytes32 claim, uint256 seat, SeatStatus status) private view returns (KeptSeat storage sitting) {
        sitting = _seats[claim][seat];
        if (sitting.status != status) revert WrongSeatStatus(claim, seat, sitting.status);
    }

    function _mustBeInTime(bytes32 claim, uint256 deadline) private view {
        if (block.timestamp > deadline) revert TooLate(claim, block.timestamp, deadline);
    }

    function _mustActFor(address account, uint256 scope) private view {
        if (msg.sender != account && delegations.accountOf(msg.sender, scope) != account) {
            revert NotYours(msg.sender, account);
        }
    }

    function _random(Kept storage audit) private view returns (bytes32 random) {
        (, random) = drawing.randomness(audit.round);
    }

    function _segments(Kept storage audit) private view returns (uint256) {
        return (uint256(audit.steps) + audit.segmentLength - 1) / audit.segmentLength;
    }

    function _stepsOf(Kept storage audit, uint256 segment) private view returns (uint256) {
        uint256 left = audit.steps - segment * audit.segmentLength;
        return left < audit.segmentLength ? left : audit.segmentLength;
    }

    function _noTallies() private pure returns (bytes32[] calldata none) {
        assembly ("memory-safe") {
            none.offset := 0
            none.length := 0
        }
    }
}
